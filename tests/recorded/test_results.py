"""Recorded: output and h_n are what another torch computed, or this one on another day.

They run under ``--record FILE``, which keeps them, and under ``--against FILE``, which compares
them.
"""

from __future__ import annotations

from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import OUTPUT_AND_STATE, Agree
from fixtures.results.recorder import Recorder
from fixtures.results.recording import WHAT


@over(WHAT["results"].table)
def test_output_and_h_n_are_the_recorded_ones(
    witness: Witness, agree: Agree, recorder: Recorder
) -> None:
    """bi(x, h_0) here == bi(x, h_0) there."""
    results = witness.run(witness.x, witness.h_0)
    recorder("results", witness, agree, dict(zip(OUTPUT_AND_STATE, results, strict=True)))
