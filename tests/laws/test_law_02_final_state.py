"""Law 02, final state: `h_n` holds each direction's state after its own last step, which for the reverse direction is t=0.

    h_n[2*k + 1] == h_n of the standalone GRU with layer k's `_reverse` parameters == reverse half of layer k's output at t=0
    h_n[2*k]     == h_n of the standalone GRU with layer k's forward parameters    == forward half of layer k's output at t=T-1

So ``output[-1]`` is the final state of the forward direction only: its reverse half has read one step.

Source: torch documentation, torch.nn.GRU, section *Outputs*; pytorch#3587, #145073, #147539.
"""

from __future__ import annotations

import torch

from fixtures.actions.reversal import first_layers, flip, half, stacked_runs, standalone, state
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@over(CORE)
def test_h_n_is_what_the_standalone_grus_end_in(witness: Witness, agree: Agree) -> None:
    """h_n[2*k], h_n[2*k + 1] == h_n of the forward, of the reverse standalone GRU of layer k."""
    output, h_n = witness.bi(witness.x, witness.h_0)
    below, _ = (
        stacked_runs(witness, witness.x, witness.h_0, layers=witness.case.num_layers - 1)
        if witness.case.num_layers > 1
        else (witness.x, None)
    )
    top = witness.case.num_layers - 1
    forward = standalone(witness, top, FORWARD)(below, state(witness.h_0, top, FORWARD))
    reverse = standalone(witness, top, REVERSE)(
        flip(below, witness.time_dim), state(witness.h_0, top, REVERSE)
    )
    agree((half(output, FORWARD), state(h_n, top, FORWARD)), forward)
    agree(
        (half(output, REVERSE), state(h_n, top, REVERSE)),
        (flip(reverse[0], witness.time_dim), reverse[1]),
    )


@over(SPREAD)
def test_h_n_is_in_output_where_each_direction_ends(witness: Witness, agree: Agree) -> None:
    """h_n[-2], h_n[-1] == forward half at t=T-1, reverse half at t=0."""
    output, h_n = witness.bi(witness.x, witness.h_0)
    last = half(output, FORWARD).select(witness.time_dim, -1)
    first = half(output, REVERSE).select(witness.time_dim, 0)
    agree.bitwise(h_n[-2:], torch.stack((last, first)), of="h_n")


@over(SPREAD.filter(lambda case: case.num_layers > 1))
def test_h_n_of_every_layer_is_in_that_layers_output(witness: Witness, agree: Agree) -> None:
    """h_n[2*k], h_n[2*k + 1] are the ends of the two halves of what the first k+1 layers put out."""
    _, h_n = witness.bi(witness.x, witness.h_0)
    ends = []
    for layer in range(witness.case.num_layers):
        h_0 = None if witness.h_0 is None else witness.h_0[: 2 * (layer + 1)]
        output, _ = first_layers(witness, layer + 1)(witness.x, h_0)
        ends += [
            half(output, FORWARD).select(witness.time_dim, -1),
            half(output, REVERSE).select(witness.time_dim, 0),
        ]
    agree(h_n, torch.stack(ends), of="h_n")
