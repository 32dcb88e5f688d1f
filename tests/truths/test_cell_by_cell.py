"""Reference: torch.nn.GRU is torch.nn.GRUCell in a loop over time, from each end, layer by layer.

On the CPU both run the same C++ step (GRUCell in aten/src/ATen/native/RNN.cpp). So this says
nothing about the equations: it checks the loop, its order in each direction, and the stacking of
layers.

Source: torch documentation, torch.nn.GRUCell.
"""

from __future__ import annotations

from fixtures.actions.formulations.cells import unrolled
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@over(SPREAD)
def test_output_and_h_n_are_those_of_cells_unrolled_by_hand(witness: Witness, agree: Agree) -> None:
    """Forward half: nn.GRUCell from t=0 to T-1; reverse half: nn.GRUCell from t=T-1 to 0."""
    agree(witness.bi(witness.x, witness.h_0), unrolled(witness))
