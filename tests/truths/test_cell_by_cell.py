"""Truth: torch.nn.GRU is torch.nn.GRUCell, step by step, forwards in one direction and backwards in the other."""

from __future__ import annotations

from fixtures.actions.formulations import unrolled
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@over(SPREAD)
def test_output_and_h_n_are_those_of_cells_unrolled_by_hand(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == nn.GRUCell carried along x for one half, along x from the end for the other."""
    agree(witness.bi(witness.x, witness.h_0), unrolled(witness))
