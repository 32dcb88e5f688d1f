"""Recorded: with packed input, output and h_n are what another torch computed."""

from __future__ import annotations

from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import OUTPUT_AND_STATE, Agree
from fixtures.results.recorder import Recorder
from fixtures.results.recording import WHAT


@over(WHAT["packed results"].table)
def test_packed_results_are_the_recorded_ones(
    witness: Witness, agree: Agree, recorder: Recorder
) -> None:
    """bi(pack(x), h_0) here == bi(pack(x), h_0) there."""
    results = witness.run(witness.x, witness.h_0)
    recorder("packed results", witness, agree, dict(zip(OUTPUT_AND_STATE, results, strict=True)))
