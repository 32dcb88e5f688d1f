"""Law 05, direction axis: `output.view(T, B, 2, H)` and `h_n.view(L, 2, B, H)` separate the
directions, 0 forward and 1 reverse.

    output.view(T, B, 2, H)[:, :, d] == output of direction d of the last layer, in order of time
    h_n.view(L, 2, B, H)[k, d]       == final state of direction d of layer k

Source: torch documentation, torch.nn.GRU, section *Outputs*; the notebook's *Simple Example*;
pytorch#11368.
"""

from __future__ import annotations

import torch

from fixtures.actions.reversal import flip, one_layer, standalone
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

ONE_LAYER = SPREAD.filter(lambda case: case.num_layers == 1)
STACKED = SPREAD.filter(lambda case: case.num_layers > 1)


@over(ONE_LAYER)
def test_view_separates_the_two_runs(witness: Witness, agree: Agree) -> None:
    """output.view(*, 2, H) and h_n.view(1, 2, B, H), by direction, are the two standalone runs."""
    case = witness.case
    h_0 = witness.random_h_0.view(1, 2, case.batch, case.hidden_size)
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    by_direction = output.view(*output.shape[:2], 2, case.hidden_size)
    states = h_n.view(1, 2, case.batch, case.hidden_size)
    agree(
        (by_direction[:, :, FORWARD], states[:, FORWARD]),
        standalone(witness, 0, FORWARD)(witness.x, h_0[:, FORWARD]),
    )
    reverse_output, reverse_h_n = standalone(witness, 0, REVERSE)(
        flip(witness.x, witness.time_dim), h_0[:, REVERSE]
    )
    agree(
        (by_direction[:, :, REVERSE], states[:, REVERSE]),
        (flip(reverse_output, witness.time_dim), reverse_h_n),
    )


@over(STACKED)
def test_view_separates_the_layers(witness: Witness, agree: Agree) -> None:
    """h_n.view(L, 2, B, H)[0] is h_n of a bidirectional GRU that is the first layer alone."""
    case = witness.case
    shape = (case.num_layers, 2, case.batch, case.hidden_size)
    _, h_n = witness.bi(witness.x, witness.random_h_0)
    _, first_h_n = one_layer(witness, 0)(witness.x, witness.random_h_0.view(shape)[0])
    agree(h_n.view(shape)[0], first_h_n, of="h_n")


@over(STACKED)
def test_last_layer_of_the_view_ends_in_output(witness: Witness, agree: Agree) -> None:
    """h_n.view(L, 2, B, H)[-1] is output.view(*, 2, H) at t=T-1 forward and at t=0 in reverse."""
    case = witness.case
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    by_direction = output.view(*output.shape[:2], 2, case.hidden_size)
    ends = torch.stack(
        (
            by_direction.select(witness.time_dim, -1)[:, FORWARD],
            by_direction.select(witness.time_dim, 0)[:, REVERSE],
        )
    )
    agree.bitwise(h_n.view(case.num_layers, 2, case.batch, case.hidden_size)[-1], ends, of="h_n")
