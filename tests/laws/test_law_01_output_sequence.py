"""Law 01, output sequence: the reverse half of `output` is the flipped run of a standalone GRU on
the flipped input; the forward half is a standalone run.

    half(output, REVERSE) == flip(gru_reverse(flip(x)))
    half(output, FORWARD) == gru_forward(x)

Source: torch documentation, torch.nn.GRU, section *Outputs*; pytorch#3587, where people asked which
half is which.
"""

from __future__ import annotations

from fixtures.actions.reversal import flip, half, stacked_runs, standalone, state
from fixtures.cases.joint_sizes import JOINT
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import CORE
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@over(CORE + JOINT)
def test_output_is_two_standalone_runs_side_by_side(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == cat(gru_forward(x), flip(gru_reverse(flip(x)))), layer upon layer."""
    agree(witness.bi(witness.x, witness.h_0), stacked_runs(witness, witness.x, witness.h_0))


@over(CORE.filter(lambda case: case.num_layers == 1))
def test_reverse_half_is_the_flipped_run_on_the_flipped_input(
    witness: Witness, agree: Agree
) -> None:
    """half(output, REVERSE) == flip(gru_reverse(flip(x)))."""
    time = witness.time_dim
    output, h_n = witness.bi(witness.x, witness.h_0)
    gru = standalone(witness, 0, REVERSE)
    gru_output, gru_h_n = gru(flip(witness.x, time), state(witness.h_0, 0, REVERSE))
    agree((half(output, REVERSE), state(h_n, 0, REVERSE)), (flip(gru_output, time), gru_h_n))


@over(CORE.filter(lambda case: case.num_layers == 1))
def test_forward_half_is_the_run_on_the_input(witness: Witness, agree: Agree) -> None:
    """half(output, FORWARD) == gru_forward(x)."""
    output, h_n = witness.bi(witness.x, witness.h_0)
    gru = standalone(witness, 0, FORWARD)
    agree(
        (half(output, FORWARD), state(h_n, 0, FORWARD)),
        gru(witness.x, state(witness.h_0, 0, FORWARD)),
    )
