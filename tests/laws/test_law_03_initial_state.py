"""Law 03, initial state: `h_0[2*k + 1]` enters layer k's reverse direction at t=T-1, and no `h_0`
is an `h_0` of zeros.

    bi(x, None) == bi(x, zeros)
    bi(x[:s], h_0 with the reverse state that bi(x, h_0) has at t=s) == bi(x, h_0) on x[:s]

The second line carries the state over a cut at t=s: the part before the cut starts in reverse from
the state that the reverse direction has at the cut.

Source: torch documentation, torch.nn.GRU, section *Inputs*; onnxruntime#1607, pytorch#95137,
mlx#3249, burn#2701.
"""

from __future__ import annotations

import torch

from fixtures.actions.reversal import half, stacked_runs
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

ONE_LAYER_OF_STEPS = SPREAD.filter(lambda case: case.num_layers == 1 and case.seq_len > 1)


@over(CORE)
def test_random_h_0_enters_the_standalone_grus(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == standalone runs, each from its own h_0[2*k] or h_0[2*k + 1]."""
    h_0 = witness.random_h_0
    agree(witness.bi(witness.x, h_0), stacked_runs(witness, witness.x, h_0))


@over(SPREAD)
def test_no_h_0_is_an_h_0_of_zeros(witness: Witness, agree: Agree) -> None:
    """bi(x) == bi(x, None) == bi(x, zeros)."""
    zeros = witness.bi(witness.x, torch.zeros_like(witness.random_h_0))
    agree.bitwise(witness.bi(witness.x), zeros)
    agree.bitwise(witness.bi(witness.x, None), zeros)


@needs(Claim.KEYWORDS)
@over(SPREAD)
def test_h_0_by_its_name_is_h_0_in_its_place(witness: Witness, agree: Agree) -> None:
    """bi(input=x, hx=h_0) == bi(x, hx=h_0) == bi(x, h_0): input and hx are nn.GRU's names."""
    by_place = witness.bi(witness.x, witness.random_h_0)
    agree.bitwise(witness.bi(witness.x, hx=witness.random_h_0), by_place)
    agree.bitwise(witness.bi(input=witness.x, hx=witness.random_h_0), by_place)


@over(ONE_LAYER_OF_STEPS)
def test_reverse_state_is_carried_over_a_cut(witness: Witness, agree: Agree) -> None:
    """Output before a cut at s is that of x[:s] run alone, in reverse from the state at t=s."""
    time, cut = witness.time_dim, (witness.case.seq_len + 1) // 2
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    at_cut = half(output, REVERSE).select(time, cut)
    before, h_before = witness.bi(
        witness.x.narrow(time, 0, cut), torch.stack((witness.random_h_0[0], at_cut))
    )
    forward_end = half(output, FORWARD).select(time, cut - 1)
    agree((before, h_before), (output.narrow(time, 0, cut), torch.stack((forward_end, h_n[1]))))


@over(ONE_LAYER_OF_STEPS)
def test_forward_state_is_carried_over_a_cut(witness: Witness, agree: Agree) -> None:
    """Output from a cut at s on is that of x[s:] run alone, forward from the state at t=s-1."""
    time, cut = witness.time_dim, (witness.case.seq_len + 1) // 2
    rest = witness.case.seq_len - cut
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    at_cut = half(output, FORWARD).select(time, cut - 1)
    after, h_after = witness.bi(
        witness.x.narrow(time, cut, rest), torch.stack((at_cut, witness.random_h_0[1]))
    )
    reverse_end = half(output, REVERSE).select(time, cut)
    agree((after, h_after), (output.narrow(time, cut, rest), torch.stack((h_n[0], reverse_end))))
