"""Reference: the oracle's own backward pass, computed in float64 by NumPy without autograd."""

from __future__ import annotations

import pytest

from fixtures.actions.gradients.first_order import cotangents, gradients, oracle_gradient
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.joint_sizes import JOINT_HALF
from fixtures.cases.table import Table, over
from fixtures.cases.tables import HALF, LONG, PACKED, PACKED_HALF, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FEW = SPREAD.filter(
    lambda case: case.num_layers <= 3 and case.hidden_size * case.batch * case.seq_len <= 500
)
#: Losses on one result only, and half precision, in few cases: the others are law 08's.
FEW_PACKED = PACKED.filter(lambda case: case.num_layers == 2 and case.batch == 4)
FEW_HALF = HALF.filter(
    lambda case: case.num_layers == 2 and case.hidden_size * case.batch * case.seq_len <= 500
)
MANY = Table.of(
    Case(3, 4, seq_len=300, h_0="none"),  # more steps than a byte counts
    Case(4, 3, batch=3, seq_len=150, batch_first=True),  # more than 128, from a given h_0
    Case(4, 3, batch=300, seq_len=2, bias=False),  # more rows
    Case(2, 3, batch=70, seq_len=64, batch_first=True, dtype="float64"),  # 4,480 steps of all rows
    Case(2, 3, batch=70, seq_len=64),  # the same in float32
    Case(2, 3, 2, batch=60, seq_len=140),  # 8,400 steps, of more than 128
)


@needs(Claim.GRADIENTS)
@over(SPREAD + LONG + MANY + PACKED + PACKED_HALF + FEW_HALF + JOINT_HALF)
def test_gradients_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """The gradients wrt x, h_0 and every parameter, of a loss on output and h_n, packed or not."""
    grad_outputs = cotangents(witness)
    reference = oracle_gradient(witness, grad_outputs)
    agree.with_reference(
        gradients(witness, grad_outputs), reference.gradients, **reference.tolerance_args
    )


@pytest.mark.parametrize("loss_on", ["output", "h_n"])
@needs(Claim.GRADIENTS)
@over(FEW + FEW_PACKED)
def test_gradients_through_one_result_are_the_oracles(
    witness: Witness, agree: Agree, loss_on: str
) -> None:
    """The same of a loss on output alone, or on h_n alone."""
    grad_outputs = cotangents(witness, loss_on)
    reference = oracle_gradient(witness, grad_outputs)
    agree.with_reference(
        gradients(witness, grad_outputs), reference.gradients, **reference.tolerance_args
    )
