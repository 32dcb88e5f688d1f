"""Reference: the equations of the torch documentation, computed in float64 by NumPy."""

from __future__ import annotations

from fixtures.cases.joint_sizes import JOINT
from fixtures.cases.table import over
from fixtures.cases.tables import CORE
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import oracle


@over(CORE + JOINT)
def test_output_and_h_n_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == oracle.gru(parameters, x, h_0)."""
    agree.with_reference(witness.bi(witness.x, witness.h_0), oracle.gru(**witness.numbers))
