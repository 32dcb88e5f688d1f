"""Law 16, errors: an `h_0` that does not fit is refused, never broadcast, with an error that names
what does not fit, and changes nothing.

    bi(x, h_0 of one row)           RuntimeError: Expected hidden size (2*L, B, H), got [2*L, 1, H]

Source: torch documentation, torch.nn.GRU, section *Inputs*; pytorch#3259, #4002 (a wrong h_0 ran),
#114874.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fixtures.actions.refusals import CALLS, NEEDS_OF_FORM, another_float, in_form, naming
from fixtures.actions.side_effects import still_works_after
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

WRONG_SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "one row": lambda h_0: h_0[:, :1],
    "a row too many": lambda h_0: torch.cat((h_0, h_0[:, :1]), 1),
    "one state": lambda h_0: h_0[:1],
    "half the states": lambda h_0: h_0[: len(h_0) // 2],
    "a layer too many": lambda h_0: torch.cat((h_0, h_0[:2])),
    "one unit": lambda h_0: h_0[..., :1],
    "a unit too many": lambda h_0: torch.cat((h_0, h_0[..., :1]), -1),
    "no rows": lambda h_0: h_0[:, :0],
}


@needs(Claim.REFUSALS)
@over(CALLS)
def test_h_0_of_another_dtype_is_refused(witness: Witness, agree: Agree) -> None:
    """An h_0 of another dtype than the parameters' raises a RuntimeError or a ValueError."""
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, ValueError, mentioning="type"),
    ):
        witness.bi(witness.x, witness.random_h_0.to(another_float(witness)))


@pytest.mark.parametrize("wrong", WRONG_SHAPES)
@pytest.mark.parametrize("form", ["batched", "packed"])
@NEEDS_OF_FORM
@needs(Claim.REFUSALS)
@over(CALLS)
def test_h_0_of_another_shape_is_refused(
    witness: Witness, agree: Agree, form: str, wrong: str
) -> None:
    """An h_0 that is not (2*L, B, H) raises a RuntimeError that names both shapes."""
    h_0 = WRONG_SHAPES[wrong](witness.random_h_0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=naming(*witness.random_h_0.shape, *h_0.shape)),
    ):
        witness.bi(in_form(witness, witness.x, form), h_0)


@pytest.mark.parametrize("wrong", [name for name in WRONG_SHAPES if "row" not in name])
@needs(Claim.REFUSALS, Claim.UNBATCHED)
@over(CALLS)
def test_unbatched_h_0_of_another_shape_is_refused(
    witness: Witness, agree: Agree, wrong: str
) -> None:
    """With an unbatched x, the error names the shapes as those of a batch of one."""
    right = witness.random_h_0[:, :1]
    h_0 = WRONG_SHAPES[wrong](right)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=naming(*right.shape, *h_0.shape)),
    ):
        witness.bi(in_form(witness, witness.x, "unbatched"), h_0.squeeze(1))


@needs(Claim.REFUSALS)
@over(CALLS.filter(lambda case: case.batch != 2 * case.num_layers))
def test_h_0_that_is_batch_first_is_refused(witness: Witness, agree: Agree) -> None:
    """An h_0 of (B, 2*L, H) raises a RuntimeError that names both shapes, batch_first or not."""
    h_0 = witness.random_h_0.transpose(0, 1)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=naming(*witness.random_h_0.shape, *h_0.shape)),
    ):
        witness.bi(witness.x, h_0)


@pytest.mark.parametrize("dimensions", [2, 4])
@needs(Claim.REFUSALS)
@over(CALLS)
def test_h_0_of_other_dimensions_than_a_batched_x_is_refused(
    witness: Witness, agree: Agree, dimensions: int
) -> None:
    """With a batched x, an h_0 of 2 or 4 dimensions raises a RuntimeError that names 3 and it."""
    h_0 = witness.random_h_0[:, 0] if dimensions == 2 else witness.random_h_0.unsqueeze(0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=f"3-?D.*{dimensions}-?D"),
    ):
        witness.bi(witness.x, h_0)


@needs(Claim.REFUSALS, Claim.UNBATCHED)
@over(CALLS)
def test_batched_h_0_is_refused_by_an_unbatched_x(witness: Witness, agree: Agree) -> None:
    """With an unbatched x, an h_0 of 3 dimensions raises a RuntimeError that names 2 and 3."""
    with still_works_after(witness, agree), agree.refuses(RuntimeError, mentioning="2-?D.*3-?D"):
        witness.bi(in_form(witness, witness.x, "unbatched"), witness.random_h_0[:, :1])
