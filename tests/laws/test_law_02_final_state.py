"""Law 02, final state: `h_n` holds each direction's state after its own last step, which for the
reverse direction is t=0.

    h_n[2*k]     == h_n of the standalone GRU with layer k's forward parameters
                 == forward half of layer k's output at t=T-1
    h_n[2*k + 1] == h_n of the standalone GRU with layer k's `_reverse` parameters
                 == reverse half of layer k's output at t=0

So only the forward half of ``output[-1]`` is a final state: its reverse half has read one step.

Source: torch documentation, torch.nn.GRU, section *Outputs*; pytorch#3587, #145073, #147539.
"""

from __future__ import annotations

import torch

from fixtures.actions.reversal import first_layers, half, stacked_runs
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@over(CORE)
def test_h_n_is_what_the_standalone_grus_end_in(witness: Witness, agree: Agree) -> None:
    """h_n[2*k], h_n[2*k + 1] == h_n of layer k's forward, reverse standalone GRU, for every k."""
    _, h_n = witness.bi(witness.x, witness.h_0)
    _, expected = stacked_runs(witness, witness.x, witness.h_0)
    agree(h_n, expected, of="h_n")


@over(SPREAD)
def test_h_n_is_in_output_where_each_direction_ends(witness: Witness, agree: Agree) -> None:
    """h_n[-2], h_n[-1] == forward half of output at t=T-1, reverse half at t=0."""
    output, h_n = witness.bi(witness.x, witness.h_0)
    agree.bitwise(h_n[-2:], _ends(output, witness.time_dim), of="h_n")


@over(SPREAD.filter(lambda case: case.num_layers > 1))
def test_h_n_of_every_layer_is_in_that_layers_output(witness: Witness, agree: Agree) -> None:
    """h_n[2*k], h_n[2*k + 1] == forward half at t=T-1, reverse half at t=0 of layer k's output."""
    _, h_n = witness.bi(witness.x, witness.h_0)
    ends = []
    for layer in range(witness.case.num_layers):
        h_0 = None if witness.h_0 is None else witness.h_0[: 2 * (layer + 1)]
        output, _ = first_layers(witness, layer + 1)(witness.x, h_0)
        ends.append(_ends(output, witness.time_dim))
    agree(h_n, torch.cat(ends), of="h_n")


def _ends(output: torch.Tensor, time_dim: int) -> torch.Tensor:
    """The last step of each direction, (2, B, H): forward at t=T-1, reverse at t=0."""
    last, first = output.select(time_dim, -1), output.select(time_dim, 0)
    return torch.stack((half(last, FORWARD), half(first, REVERSE)))
