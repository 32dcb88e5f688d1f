"""The tolerances of coarse float32 products fit a stand-in on the CPU: held by them, not by far.

Its operands are truncated, which is worse than rounded, to the bits that the row is named for. No
device at hand multiplies so.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from fixtures.actions.gradients.first_order import cotangents, gradients, oracle_gradient
from fixtures.actions.reference import oracle_of
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import Implementation
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree, Comparison
from fixtures.proof.mutants import CorrectGRU

#: Those of the quick and the full table that came closest to the tolerance.
STATES = "I11-H1-L4-B5-T14-eval-f32"
GRADIENTS = {
    "tf32": "I5-H12-L3-B1-T19-h0_none-strided-f32",
    "bfloat16 products": "I11-H8-L3-B2-T3-h0_zeros-f32",
}


def truncated(values: Tensor, bits: int) -> Tensor:
    """Float32 numbers without the last of their 24 significant bits."""
    return (values.detach().contiguous().view(torch.int32) & -(1 << 24 - bits)).view(torch.float32)


class Product(torch.autograd.Function):
    """A product of truncated operands, and so are the products of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bits: int) -> Tensor:
        """The product of x (..., K) and weight (N, K), which is (..., N)."""
        x, weight = truncated(x, bits), truncated(weight, bits)
        ctx.operands, ctx.bits = (x, weight), bits
        return x @ weight.T

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients with respect to x and weight."""
        (x, weight), grad = ctx.operands, truncated(grads[0], ctx.bits)
        return grad @ weight, grad.flatten(0, -2).T @ x.flatten(0, -2), None


def stand_in(bits: int) -> type[CorrectGRU]:
    """A GRU whose operands keep so many bits."""

    class Coarse(CorrectGRU):
        """CorrectGRU with products of truncated operands."""

        def product(self, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            result: Tensor = Product.apply(values, weight, bits)  # type: ignore[no-untyped-call]  # untyped in torch
            return result if bias is None else result + bias

    return Coarse


def largest_ratio(case: Case, precision: str, bits: int, *, of_gradients: bool) -> float:
    """The largest error / tolerance of the stand-in's results, or of its gradients."""
    backend, implementation = Backend("cpu"), Implementation(precision, stand_in(bits))
    comparisons: list[Comparison] = []
    agree = Agree(case, precision, comparisons.append)
    with backend.active():
        witness = Witness(case, backend, implementation)
        if of_gradients:
            for loss_on in ("output", "both"):
                loss = cotangents(witness, loss_on)
                expected = oracle_gradient(witness, loss)
                agree.with_reference(
                    gradients(witness, loss), expected.gradients, **expected.tolerance_args
                )
        else:
            agree.with_reference(witness.run(witness.x, witness.h_0), oracle_of(witness))
    return max(comparison.ratio for comparison in comparisons)


@pytest.mark.parametrize("of_gradients", [False, True], ids=["states", "gradients"])
@pytest.mark.parametrize(("precision", "bits"), [("tf32", 11), ("bfloat16 products", 8)])
def test_row_holds_for_truncated_operands_with_a_headroom_below_four(
    precision: str, bits: int, *, of_gradients: bool
) -> None:
    """The worst case found lies between a quarter and two thirds of the tolerance."""
    case = Case.parse(GRADIENTS[precision] if of_gradients else STATES)
    assert 1 / 4 <= largest_ratio(case, precision, bits, of_gradients=of_gradients) <= 2 / 3


@pytest.mark.parametrize("precision", ["tf32", "bfloat16 products"])
def test_operands_of_two_bits_less_are_too_coarse(precision: str) -> None:
    """A row does not allow for what is coarser than it says."""
    bits = {"tf32": 9, "bfloat16 products": 6}[precision]
    with pytest.raises(AssertionError, match="output"):
        largest_ratio(Case.parse(STATES), precision, bits, of_gradients=False)
