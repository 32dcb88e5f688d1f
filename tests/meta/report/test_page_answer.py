"""The answer, for each event in an upgrade: its words, and whether the upgrade passes."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from fixtures.proof.page_samples import (
    NAMES,
    breaks,
    changes,
    compares_nothing,
    differs,
    provenance,
    run,
    upgrade,
)
from fixtures.report.page import answer
from fixtures.report.upgrade import Upgrade
from fixtures.results.verdict import Baseline

#: The upgrade, whether it passes, and words of the answer.
CASES: dict[str, tuple[Upgrade, bool, str]] = {
    "nothing happens": (
        upgrade(),
        True,
        "Every law holds on both; every recorded result is bitwise equal; it is as fast.",
    ),
    "a law breaks": (
        upgrade(after=[breaks(NAMES[6])]),
        False,
        (
            "No: torch 2.15.0 does not compute the GRU that 2.13.0 computed. "
            "Broken on 2.15.0: 07 packed lengths (3 of"
        ),
    ),
    "a law was broken": (
        upgrade(before=[breaks(NAMES[6])]),
        True,
        "Every law holds on 2.15.0; broken on 2.13.0: 07 packed lengths",
    ),
    "broken on both": (
        upgrade(before=[breaks(NAMES[6])], after=[breaks(NAMES[6])]),
        False,
        "No: torch 2.15.0 breaks what 2.13.0 broke.",
    ),
    "within rounding": (
        upgrade(after=[differs(0.8)]),
        True,
        (
            "within rounding. Every law holds on both; of 300 recorded results 3 differ, "
            "within rounding: by at most 0.8 rounding units, 0.2 of the tolerance"
        ),
    ),
    "beyond rounding": (
        upgrade(after=[differs(20.0)]),
        False,
        (
            "3 differ, 3 beyond rounding: output of cpu-I3-H7-L1-B2-T5-f64 "
            "by 20 rounding units, 5 times the tolerance"
        ),
    ),
    "not a number": (upgrade(after=[differs(float("nan"))]), False, "No: "),
    "a bit, strictly": (
        upgrade(after=[differs(0.1)], bitwise=True),
        False,
        "bitwise, the GRU that 2.13.0 computed. Every law holds on both; of 300",
    ),
    "no bit, strictly": (upgrade(bitwise=True), True, "Yes: "),
    "slow": (
        upgrade(ratio=1.52),
        True,
        (
            "it is slower in 1 of 2 workloads, "
            "at most 1.52 times the time in forward I128-H128-L1-B16-T32-f32."
        ),
    ),
    "fast": (upgrade(ratio=0.7), True, "it is as fast, and faster in 1 of 2 workloads."),
    "no race": (upgrade(ratio=None), True, "speed was not compared."),
    "known": (
        upgrade(after=[changes(NAMES[0], xfailed=2)]),
        True,
        "2 known failures on 2.15.0",
    ),
    "interrupted": (
        upgrade(interrupted="after"),
        False,
        "No answer: torch 2.15.0 was not verified. INTERRUPTED: ",
    ),
    "interrupted before": (
        upgrade(interrupted="before"),
        False,
        "No answer: torch 2.13.0 was not verified. INTERRUPTED: ",
    ),
    "a dtype did not run": (
        upgrade(after=[lambda ledger: ledger.left_out_dtypes.add("float16 on cpu")]),
        False,
        "No answer: torch 2.15.0 was not verified. INCOMPLETE: ",
    ),
    "a law did not run": (
        upgrade(after=[lambda ledger: ledger.groups.pop(NAMES[4])]),
        False,
        "No answer: what ran on 2.13.0 did not run on 2.15.0 at all: 05 direction axis.",
    ),
    "a case did not run": (
        upgrade(after=[changes(NAMES[4], passed=127)]),
        True,
        "Fewer cases ran on 2.15.0: 05 direction axis (127 of 128).",
    ),
    "a package is missing": (
        upgrade(after=[changes(NAMES[4], passed=127, not_here=Counter({"no onnx here": 1}))]),
        True,
        "Fewer cases ran on 2.15.0: 05 direction axis (127 of 128; 1 x no onnx here).",
    ),
    "nothing compared": (
        upgrade(after=[compares_nothing]),
        False,
        "No answer: nothing that torch 2.15.0 computed was compared",
    ),
    "another machine": (
        upgrade(why_not="cpu capability: AVX2 here, AVX512 there"),
        True,
        "Bitwise equality is not expected: cpu capability: AVX2 here, AVX512 there.",
    ),
    "same version": (
        upgrade(environment=provenance("2.13.0")),
        True,
        "torch 2.13.0+cpu (to) computes the GRU that 2.13.0+cpu (from) computed.",
    ),
    "other device": (
        upgrade(environment=dataclasses.replace(provenance("2.13.0"), devices=("cuda",))),
        True,
        "torch 2.13.0+cpu on cuda computes the GRU that 2.13.0+cpu on cpu",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_answer_states_the_event_and_whether_the_upgrade_passes(name: str) -> None:
    """For each event in an upgrade: the decision, and its words."""
    sample, passes, words = CASES[name]
    result = answer(sample)
    assert result.passes is passes
    assert words in result.words
    assert result.words.startswith("Yes: ") is passes


def test_answer_of_one_run_is_its_verdict_and_the_differences() -> None:
    """A run has its sentence; compared with a recording, it fails by a result beyond rounding."""
    alone = run(provenance("2.13.0"))
    baseline = Baseline(alone.environment, "")
    compared = run(provenance("2.15.0"), against=baseline)
    assert alone.sentence.startswith("HOLDS: torch.nn.GRU (torch 2.13.0+cpu) on cpu")
    assert answer(alone) == (True, alone.sentence)
    assert answer(compared) == (
        True,
        f"{compared.sentence} Every recorded result is bitwise equal.",
    )
    not_a_number = run(provenance("2.15.0"), differs(float("nan")), against=baseline)
    assert not_a_number.holds
    assert not answer(not_a_number).passes
    assert not answer(run(provenance("2.13.0"), interrupted=True)).passes
