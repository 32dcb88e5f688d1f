"""Truth: torch's gradients are those of the oracle's own backward pass, which knows no autograd."""

from __future__ import annotations

import pytest

from fixtures.actions.gradients.first_order import cotangents, gradients, oracle_gradient
from fixtures.cases.table import over
from fixtures.cases.tables import LONG, PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FEW = SPREAD.filter(
    lambda case: case.num_layers <= 3 and case.hidden_size * case.batch * case.seq_len <= 500
)


@over(SPREAD + LONG + PACKED)
def test_gradients_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """The gradient by x, h_0 and every parameter, through output and h_n, packed or not, == oracle_gradients.gradients(oracle.gru(...))."""
    loss = cotangents(witness)
    truth = oracle_gradient(witness, loss)
    agree.with_reference(gradients(witness, loss), truth.gradients, **truth.tolerance_args)


@pytest.mark.parametrize("through", ["output", "h_n"])
@over(FEW)
def test_gradients_through_one_result_are_the_oracles(
    witness: Witness, agree: Agree, through: str
) -> None:
    """The same where the loss looks at output alone, or at h_n alone."""
    loss = cotangents(witness, through)
    truth = oracle_gradient(witness, loss)
    agree.with_reference(gradients(witness, loss), truth.gradients, **truth.tolerance_args)
