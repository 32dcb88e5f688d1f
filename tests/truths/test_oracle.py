"""Reference: the equations of the torch documentation, computed in float64 by NumPy."""

from __future__ import annotations

from fixtures.cases.case import Case
from fixtures.cases.joint_sizes import JOINT
from fixtures.cases.table import Table, over
from fixtures.cases.tables import CORE
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import oracle

#: More than 2**24 numbers in the gates of all steps: the equations of every row, or a graph, would
#: take as much memory as all else.
GREAT = Table((), (Case(1, 43, batch=131, seq_len=1000, training=False),))

#: More rows than a byte counts, in eval mode and from a given h_0.
MANY_ROWS = Table.of(Case(3, 4, batch=300, seq_len=3, training=False))


@over(CORE + JOINT + MANY_ROWS)
def test_output_and_h_n_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == oracle.gru(parameters, x, h_0)."""
    agree.with_reference(witness.bi(witness.x, witness.h_0), oracle.gru(**witness.numbers))


@over(GREAT)
def test_rows_of_a_great_batch_are_the_oracles(witness: Witness, agree: Agree) -> None:
    """The same for the first, the middle and the last row of a batch."""
    rows = [0, witness.case.batch // 2, witness.case.batch - 1]
    output, h_n = witness.bi(witness.x, witness.h_0)
    numbers = witness.numbers
    numbers |= {name: numbers[name][:, rows] for name in ("x", "h_0")}
    agree.with_reference((output[:, rows], h_n[:, rows]), oracle.gru(**numbers))
