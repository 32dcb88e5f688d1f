"""Recorded: the gradients are what another torch computed, or this one on another day."""

from __future__ import annotations

from functools import partial

from fixtures.agreement import Agree
from fixtures.derivatives import cotangents, gradients, room
from fixtures.recorder import Recorder
from fixtures.recording import WHAT
from fixtures.tables import over
from fixtures.witness import Witness


@over(WHAT["gradients"])
def test_gradients_are_the_recorded_ones(witness: Witness, agree: Agree, recorder: Recorder) -> None:
    """Here, d loss / d(x, h_0, parameters) == what it is there; the loss looks at output and h_n."""
    loss = cotangents(witness)
    recorder("gradients", witness, agree, gradients(witness, loss), partial(room, witness, loss))
