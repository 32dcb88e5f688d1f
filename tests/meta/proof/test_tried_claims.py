"""tried claims: a claim is refused where a GRU keeps only half of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.implementation import Implementation
from fixtures.proof.tried_claims import refusal_of, tried_cases

CPU = Backend("cpu")


class BatchedIfBatchFirst(nn.GRU):
    """Takes no unbatched input under batch_first."""

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:  # noqa: A002  # as nn.GRU
        """The results of torch.nn.GRU."""
        if self.batch_first and isinstance(input, Tensor) and input.dim() == 2:
            raise NotImplementedError("no")
        return super().forward(input, hx)


class Broadcasting(nn.GRU):
    """Takes an h_0 of one row for all rows."""

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:  # noqa: A002  # as nn.GRU
        """The results of torch.nn.GRU."""
        batched = isinstance(input, Tensor) and input.dim() == 3
        if batched and hx is not None and hx.dim() == 3 and hx.shape[1] == 1:
            hx = hx.expand(-1, input.shape[0 if self.batch_first else 1], -1)
        return super().forward(input, hx)


class OwnWords(nn.GRU):
    """Refuses by an exception of its own."""

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:  # noqa: A002  # as nn.GRU
        """The results of torch.nn.GRU."""
        try:
            return super().forward(input, hx)
        except Exception as error:
            raise LookupError("unfit") from error


class WithoutAutocast(nn.GRU):
    """Computes in the dtype of x, as a GRU outside torch does."""

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:  # noqa: A002  # as nn.GRU
        """The results of torch.nn.GRU."""
        with torch.autocast("cpu", enabled=False):
            return super().forward(input, hx)


@pytest.mark.parametrize(
    ("gru", "claim", "says"),
    [
        (BatchedIfBatchFirst, Claim.UNBATCHED, "NotImplementedError: no"),
        (
            Broadcasting,
            Claim.REFUSALS,
            "accepted what must be refused: test_h_0_of_another_shape_is_refused",
        ),
        (OwnWords, Claim.REFUSALS, None),
        (
            WithoutAutocast,
            Claim.AUTOCAST_BFLOAT16,
            "differs output of shape (8, 3, 8): not bitwise equal: test_autocast_is_obeyed",
        ),
        (
            OwnWords,
            Claim.TORCH_WORDS,
            "refused with another error: test_h_0_of_another_dtype_is_refused",
        ),
    ],
)
def test_half_a_claim_is_refused(gru: type[nn.GRU], claim: Claim, says: str | None) -> None:
    """Its cases have every layout, and every argument that must be refused."""
    cases = tried_cases(claim, set(Claim))
    implementation = Implementation(gru.__name__, gru, frozenset())
    assert refusal_of(claim, cases, implementation, CPU) == says
