"""The verdict: status from what ran, sentence from the status, and 80 columns."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.implementation import TORCH_GRU
from fixtures.results import provenance, verdict
from fixtures.results.address import Kind
from fixtures.results.ledger import Ledger
from fixtures.results.summary import WIDTH, lines, word
from fixtures.results.verdict import Baseline, Status, Verdict

HERE = provenance.here(TORCH_GRU, [Backend("cpu")], "quick", 0)
LAW = "tests/laws/test_law_01_output_sequence.py::test_this"
RECORDED = "tests/recorded/test_results.py::test_that"
COMPARED = ("output", ("state", "float64", "run"), 0.25, False, 7)


def report(nodeid: str, outcome: str = "passed", **notes: Any) -> Any:
    """A test's report as pytest gives it, with what the plugin adds."""
    fields = {"when": "call", "duration": 0.1, "longrepr": "differs    output", **notes}
    failed, skipped = outcome == "failed", outcome == "skipped"
    return SimpleNamespace(nodeid=f"{nodeid}[cpu-I3]", failed=failed, skipped=skipped, **fields)


def of(*reports: Any, **options: Any) -> Verdict:
    """The verdict of these reports."""
    ledger = Ledger()
    for each in reports:
        ledger.pytest_runtest_logreport(each)
    return verdict.of_ledger(ledger, HERE, **options)


HELD = report(LAW, comparisons=[COMPARED], dtype="float64 on cpu")
PROVEN = report("tests/truths/test_oracle.py::test_it", comparisons=[COMPARED])
BROKEN = report(LAW, "failed", comparisons=[("output", COMPARED[1], 9.0, False, 7)])
MOVED = report(RECORDED, "failed", comparisons=[("output", COMPARED[1], 9.0, False, 7)])
RAISED = report(LAW, "failed", raised="ValueError: no", needs=["float64"])
NOT_HERE = report(LAW, "skipped", not_here="no cuda", dtype="bfloat16 on cpu")


@pytest.mark.parametrize(
    ("reports", "status", "holds", "words"),
    [
        ([HELD], Status.HOLDS, True, "agrees with itself; no truth ran"),
        ([HELD, PROVEN], Status.HOLDS, True, "is the GRU of the torch documentation on every"),
        ([PROVEN, BROKEN], Status.BROKEN, False, "is not the GRU of the torch documentation"),
        ([HELD, MOVED], Status.MOVED, False, "computes other results than the recorded ones"),
        ([report(RECORDED, comparisons=[COMPARED])], Status.SAME, True, "the recorded results"),
        ([report(LAW)], Status.NOTHING_JUDGED, False, "1 of 16 laws, 1 cases, 0 failed"),
        ([report(LAW, "skipped", not_here="no cuda")], Status.NOTHING_JUDGED, False, "1 not here"),
        ([HELD, NOT_HERE], Status.INCOMPLETE, False, "no case ran in bfloat16 on cpu"),
        ([], Status.NOTHING_JUDGED, False, "0 cases"),
        ([PROVEN, RAISED], Status.BROKEN, False, "raises where it has to compute: 1 of 16 laws"),
        (
            [PROVEN, RAISED],
            Status.BROKEN,
            False,
            "Refused, though claimed: float64 (ValueError: no)",
        ),
        (
            [PROVEN, RAISED, BROKEN],
            Status.BROKEN,
            False,
            "is not the GRU of the torch documentation",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Status) else "",
)
def test_status_follows_from_what_ran(
    reports: list[Any], status: Status, *, holds: bool, words: str
) -> None:
    """A run that judged nothing, or lost a dtype, does not hold."""
    found = of(*reports)
    assert (found.status, found.holds) == (status, holds)
    assert found.sentence.startswith(f"{status.value}: torch.nn.GRU (torch ")
    assert words in found.sentence


def test_known_failure_is_no_measure_of_closeness() -> None:
    """How far it is off stands in no column and in no row of the tolerance table."""
    known = report(
        LAW, "skipped", wasxfail="", comparisons=[("output", COMPARED[1], 9.0, False, 7)]
    )
    ledger = Ledger()
    for each in (HELD, known):
        ledger.pytest_runtest_logreport(each)
    (group,) = ledger.groups.values()
    assert (group.xfailed, group.compared, group.worst[0]) == (1, 2, 0.25)


def test_interrupted_run_states_what_is_broken_already() -> None:
    """Ctrl-C after a failure verifies nothing, and names the law."""
    found = of(BROKEN, interrupted=True)
    assert found.status is Status.INTERRUPTED
    assert found.sentence.endswith(
        "so far. Broken already: 01 output sequence. Nothing is verified."
    )


def test_law_that_cannot_be_collected_is_broken() -> None:
    """An import error in a law's file is a failure of the law, also where workers go on."""
    ledger = Ledger()
    path = LAW.partition("::")[0]
    ledger.pytest_collectreport(SimpleNamespace(nodeid=path, failed=True, longrepr="ImportError"))  # type: ignore[arg-type]  # as far as it is used
    assert verdict.of_ledger(ledger, HERE).status is Status.BROKEN


def test_cases_that_are_not_claimed_are_counted_by_reason() -> None:
    """They stand in the sentence, and under the table with their reason."""
    ledger = Ledger()
    ledger.pytest_runtest_logreport(HELD)
    ledger.note(Counter({("law", "01 output sequence", "not_claimed", "vmap (no rule)"): 4}))
    found = verdict.of_ledger(ledger, HERE)
    assert "1 of 16 laws, 1 cases, 0 failed, 4 not claimed" in found.sentence
    assert "not claimed in 01 output sequence: 4 x vmap (no rule)" in lines(found)


def test_verdict_fits_eighty_columns() -> None:
    """Long names, large counts and long reasons are wrapped, not cut."""
    ledger = Ledger()
    for each in (HELD, MOVED, report(LAW, "skipped", not_here="many words " * 20)):
        ledger.pytest_runtest_logreport(each)
    ledger.groups["01 output sequence"].passed = 1_234_567
    printed = lines(verdict.of_ledger(ledger, HERE))
    assert max(map(len, printed)) <= WIDTH
    assert " ".join("\n".join(printed).split()).count("many words") == 20


@pytest.mark.parametrize(
    ("reports", "says"), [([HELD], "holds"), ([BROKEN], "BROKEN"), ([MOVED], "MOVED")]
)
def test_each_line_says_whether_the_law_holds(reports: list[Any], says: str) -> None:
    """The second column is for those who read no figures."""
    found = of(*reports)
    assert word(found.groups[0]) == says
    assert lines(found)[1].split()[-7] == says


def test_verdict_comes_back_from_json() -> None:
    """What a report keeps is the verdict, whole."""
    against = Baseline(HERE, "machine: this here, that there")
    found = of(HELD, BROKEN, MOVED, NOT_HERE, against=against)
    assert Verdict.of_data(json.loads(json.dumps(found.as_data()))) == found
    assert found.groups[0].kind is Kind.LAW
    assert [each.units for each in found.differences] == [36.0]


def test_subject_file_is_judged_as_claimed() -> None:
    """The sentence says so, and what is not claimed."""
    claimed = dataclasses.replace(HERE, as_claimed=True, not_claimed=("float64", "dropout"))
    ledger = Ledger()
    ledger.pytest_runtest_logreport(HELD)
    ledger.pytest_runtest_logreport(PROVEN)
    sentence = verdict.of_ledger(ledger, claimed).sentence
    assert sentence.startswith("HOLDS AS CLAIMED: torch.nn.GRU (torch ")
    assert sentence.endswith("2 cases, 0 failed. Not claimed: float64, dropout.")
