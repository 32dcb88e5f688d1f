"""Reference: the equations of the torch documentation, computed in float64 by NumPy."""

from __future__ import annotations

from fixtures.actions.reference import recorded_in_training
from fixtures.cases.joint_sizes import JOINT
from fixtures.cases.table import over
from fixtures.cases.tables import CORE
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import oracle


@over(CORE + JOINT)
def test_output_and_h_n_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == oracle.gru(parameters, x, h_0); in eval mode without recording gradients."""
    bi, x, h_0 = witness.bi, witness.x, witness.h_0
    with recorded_in_training(witness.case):
        results = bi(x, h_0)
    agree.with_reference(results, oracle.gru(**witness.numbers))
