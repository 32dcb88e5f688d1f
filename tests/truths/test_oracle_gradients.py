"""Reference: the oracle's own backward pass, computed in float64 by NumPy without autograd."""

from __future__ import annotations

import pytest

from fixtures.actions.gradients.first_order import cotangents, gradients, oracle_gradient
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import over
from fixtures.cases.tables import LONG, PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FEW = SPREAD.filter(
    lambda case: case.num_layers <= 3 and case.hidden_size * case.batch * case.seq_len <= 500
)


@needs(Claim.GRADIENTS)
@over(SPREAD + LONG + PACKED)
def test_gradients_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """The gradients wrt x, h_0 and every parameter, of a loss on output and h_n, packed or not."""
    grad_outputs = cotangents(witness)
    reference = oracle_gradient(witness, grad_outputs)
    agree.with_reference(
        gradients(witness, grad_outputs), reference.gradients, **reference.tolerance_args
    )


@pytest.mark.parametrize("loss_on", ["output", "h_n"])
@needs(Claim.GRADIENTS)
@over(FEW)
def test_gradients_through_one_result_are_the_oracles(
    witness: Witness, agree: Agree, loss_on: str
) -> None:
    """The same of a loss on output alone, or on h_n alone."""
    grad_outputs = cotangents(witness, loss_on)
    reference = oracle_gradient(witness, grad_outputs)
    agree.with_reference(
        gradients(witness, grad_outputs), reference.gradients, **reference.tolerance_args
    )
