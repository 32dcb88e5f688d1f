"""The answer, for each thing that can happen to an upgrade: what it says, and whether it fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fixtures.proof.page_samples import (
    NAMES,
    Page,
    breaks,
    doctored,
    drifts,
    elsewhere,
    group,
    interrupted,
    race,
    upgrade,
)
from fixtures.report.page import answer
from fixtures.results import ledger, provenance, verdict

#: What happened, whether the upgrade passes all the same, and words of the answer.
CASES: dict[str, tuple[Callable[[Page], object], bool, str]] = {
    "nothing happened": (
        lambda _: None,
        True,
        "Every law holds on both; every recorded result is equal to the bit; it is as fast.",
    ),
    "a law broke": (
        lambda p: breaks(p["to"], NAMES[6]),
        False,
        "No: torch 2.15.0 does not compute the GRU that 2.13.0 computed. Broken on 2.15.0: 07 packed lengths (3 of",
    ),
    "a law was broken": (
        lambda p: breaks(p["from"], NAMES[6]),
        True,
        "Every law holds on 2.15.0; broken on 2.13.0: 07 packed lengths",
    ),
    "broken on both": (
        lambda p: (breaks(p["from"], NAMES[6]), breaks(p["to"], NAMES[6])),
        False,
        "No: torch 2.15.0 breaks what 2.13.0 broke.",
    ),
    "drift": (
        lambda p: drifts(p["to"], 0.8),
        True,
        "within rounding. Every law holds on both; of 300 recorded results 3 moved, within rounding: by at most 0.8 rounding units",
    ),
    "drift beyond": (
        lambda p: drifts(p["to"], 20.0),
        False,
        "3 moved, 3 beyond rounding: output of cpu-I3-H7-L1-B2-T5-f64 by 20 rounding units, 5 times the allowance",
    ),
    "drift to nowhere": (lambda p: drifts(p["to"], float("nan")), False, "No: "),
    "a bit, strictly": (
        lambda p: (drifts(p["to"], 0.1), p.update(strict="bits")),
        False,
        "to the bit. Every law holds on both; of 300",
    ),
    "no bit, strictly": (lambda p: p.update(strict="bits"), True, "Yes: "),
    "slow": (
        lambda p: p.update(race=race(1.52)),
        True,
        "it is slower in 1 of 2 races, at most 1.52 times the time in forward I128-H128-L1-B16-T32-f32.",
    ),
    "fast": (
        lambda p: p.update(race=race(0.7)),
        True,
        "it is as fast, and faster in 1 of 2 races.",
    ),
    "no race": (lambda p: p.update(race=None), True, "speed was not compared."),
    "known": (
        lambda p: group(p["to"], NAMES[0]).update(known=2),
        True,
        "2 known failures on 2.15.0",
    ),
    "interrupted": (
        lambda p: interrupted(p["to"]),
        False,
        "No answer: torch 2.15.0 was not judged. INTERRUPTED: ",
    ),
    "interrupted before": (
        lambda p: interrupted(p["from"]),
        False,
        "No answer: torch 2.13.0 was not judged. INTERRUPTED: ",
    ),
    "a law did not run": (
        lambda p: p["to"]["groups"].pop(4),
        False,
        "No answer: what ran on 2.13.0 did not run on 2.15.0 at all: 05 direction axis.",
    ),
    "a case did not run": (
        lambda p: group(p["to"], NAMES[4]).update(cases=127),
        True,
        "Fewer cases ran on 2.15.0: 05 direction axis (127 of 128).",
    ),
    "nothing compared": (
        lambda p: [each.update(recorded=0, unmoved=0) for each in p["to"]["groups"]],
        False,
        "No answer: nothing that torch 2.15.0 computed was compared",
    ),
    "elsewhere": (
        elsewhere,
        True,
        "Bits are not expected to match: cpu capability: AVX2 here, AVX512 there.",
    ),
    "same version": (
        lambda p: p["to"]["environment"].update(torch="2.13.0+cpu"),
        True,
        "torch 2.13.0+cpu (to) computes the GRU that 2.13.0+cpu (from) computed.",
    ),
    "other device": (
        lambda p: p["to"]["environment"].update(torch="2.13.0+cpu", devices=["cuda"]),
        True,
        "torch 2.13.0+cpu on cuda computes the GRU that 2.13.0+cpu on cpu",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_answer_says_what_happened_and_whether_it_fails(name: str) -> None:
    """For each thing that can happen to an upgrade: the decision, and the words that tell it."""
    change, fine, words = CASES[name]
    decided, said = answer(doctored(change))
    assert decided is fine
    assert words in said
    assert said.startswith("Yes: ") is fine


def test_answer_of_one_run_is_its_verdict_and_what_moved() -> None:
    """A single run says what the terminal said; compared with a recording, it says what moved, and fails by what moved too far."""
    assert answer(upgrade()["from"]) == (True, "HOLDS: torch.nn.GRU (torch 2.13.0+cpu) on cpu.")
    assert answer(upgrade()["to"]) == (
        True,
        "HOLDS: torch.nn.GRU (torch 2.15.0+cpu) on cpu. Every recorded result is equal to the bit.",
    )
    moved = drifts(upgrade()["to"], float("nan"))
    assert moved["holds"]
    assert not answer(moved)[0]
    assert not answer(interrupted(upgrade()["from"]))[0]


def test_samples_have_the_shape_of_what_a_run_gives() -> None:
    """What the page is tried on has the fields that a ledger's verdict has, so that it cannot be right about samples only."""
    book = ledger.Ledger()
    book.groups["01"] = ledger.Group("01")
    book.drifts.append(ledger.Drift("test", "where", "what", "float64", 0.1, 0.4))
    real, sample = verdict.data(book, "it"), drifts(upgrade()["to"], 0.8)
    assert set(sample) - {"environment", "against"} <= set(real)
    assert set(sample["groups"][0]) <= set(real["groups"][0])
    assert set(sample["drifts"][0]) == set(real["drifts"][0])
    assert set(sample["environment"]) == {
        field.name for field in dataclasses.fields(provenance.Provenance)
    }
