"""Law 04, stacked layers: layer k reads both halves of layer k-1, and `h_n` and `h_0` are
layer-major: l0, l0_reverse, l1, l1_reverse, ...

    bi == layer[L-1] o ... o layer[0]
    h_n.view(L, 2, B, H)[k] == h_n of layer[k]
    layer[k] = a bidirectional GRU of one layer, holding layer k's parameters

So a deep bidirectional GRU is one stack, not two: a forward stack beside a reverse stack computes
something else.

Source: torch documentation, torch.nn.GRU, sections *Outputs* and *Variables*; pytorch#4930, #22850,
#89357.
"""

from __future__ import annotations

import torch

from fixtures.actions.reversal import first_layers, one_layer, states_of_layer
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

STACKED = SPREAD.filter(lambda case: case.num_layers > 1)


@over(STACKED)
def test_each_layer_reads_the_whole_output_of_the_one_below(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == layer[L-1](... layer[0](x, h_0[0:2]) ..., h_0[2*L-2:])."""
    sequence, states = witness.x, []
    for layer in range(witness.case.num_layers):
        h_0 = states_of_layer(witness.random_h_0, layer)
        sequence, h_n = one_layer(witness, layer)(sequence, h_0)
        states.append(h_n)
    agree(witness.bi(witness.x, witness.random_h_0), (sequence, torch.cat(states)))


@over(STACKED)
def test_layers_above_never_reach_down(witness: Witness, agree: Agree) -> None:
    """The first L-1 layers have the same final states with the last layer on top and without it."""
    below = witness.case.num_layers - 1
    _, h_n = witness.bi(witness.x, witness.random_h_0)
    _, h_below = first_layers(witness, below)(witness.x, witness.random_h_0[: 2 * below])
    agree(h_n[: 2 * below], h_below, of="h_n")
