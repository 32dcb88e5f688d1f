"""Truth: torch's gradients are those of the oracle's own backward pass, which knows no autograd."""

from __future__ import annotations

import pytest

from fixtures.actions.derivatives import cotangents, gradients, of_oracle
from fixtures.cases.tables import LONG, PACKED, SPREAD, over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FEW = SPREAD.where(lambda case: case.num_layers <= 3 and case.hidden_size * case.batch * case.seq_len <= 500)


@over(SPREAD + LONG + PACKED)
def test_gradients_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """The gradient by x, h_0 and every parameter, through output and h_n, packed or not, == oracle_gradients.gradients(oracle.gru(...))."""
    loss = cotangents(witness)
    truth = of_oracle(witness, loss)
    agree.with_truth(gradients(witness, loss), truth.gradients, **truth.room)


@pytest.mark.parametrize("through", ["output", "h_n"])
@over(FEW)
def test_gradients_through_one_result_are_the_oracles(witness: Witness, agree: Agree, through: str) -> None:
    """The same where the loss looks at output alone, or at h_n alone."""
    loss = cotangents(witness, through)
    truth = of_oracle(witness, loss)
    agree.with_truth(gradients(witness, loss), truth.gradients, **truth.room)
