"""Recorded: the gradients are what another torch computed, or this one on another day."""

from __future__ import annotations

from functools import partial

from fixtures.actions.gradients.first_order import cotangents, gradients, tolerance_args
from fixtures.cases.claims import needs
from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.results.recorder import Recorder
from fixtures.results.recording import WHAT


@over(WHAT["gradients"].table)
@needs(*WHAT["gradients"].needs)
def test_gradients_are_the_recorded_ones(
    witness: Witness, agree: Agree, recorder: Recorder
) -> None:
    """Here, d loss / d(x, h_0, parameters) == what it is there.

    The loss looks at output and h_n.
    """
    loss = cotangents(witness)
    recorder(
        "gradients",
        witness,
        agree,
        gradients(witness, loss),
        partial(tolerance_args, witness, loss),
    )
