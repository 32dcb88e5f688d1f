"""The second runner is pytest's equal: the same trials, and an outcome that says why. And the commands that stand on it say what they found."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
import torch
from torch import nn

from fixtures import ROOT
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU, Implementation
from fixtures.cases.table import Table
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree, Comparison
from fixtures.comparison.tolerance import TABLE
from fixtures.proof import runner, sensitivity
from fixtures.proof import seed_sweep as soak
from fixtures.proof.mutants import MUTANTS, matrix
from fixtures.proof.mutants.forward.rows import RowsMix
from fixtures.proof.runner import Finding, LawTest, Outcome
from fixtures.proof.seed_sweep import Run

CPU = Backend("cpu")


def compares(witness: Witness, agree: Agree, factor: float) -> None:
    """A sentence: twice the output is the output, times a factor."""
    output, _ = witness.bi(witness.x, witness.h_0)
    agree(2 * output, factor * output, of="output")


def needs_what_is_not_there() -> None:
    """A sentence that skips."""
    pytest.skip("not here")


def falls_over() -> None:
    """A sentence that crashes."""
    nn.GRU(0, 0)
    raise RuntimeError("fell over")


def sentence(function: object, *axes: tuple[dict[str, object], ...]) -> LawTest:
    """A sentence of one case."""
    return LawTest(
        "01 output sequence", "test_here.py::test_this", function, Table((Case(1, 1),), ()), axes
    )  # type: ignore[arg-type]  # any function will do


def test_trials_are_the_tests_that_pytest_collects() -> None:
    """Sentence by sentence, the jury has as many trials as pytest has tests on the CPU in the default profile, but for what that leaves out."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "--device",
        "cpu",
        "tests/laws",
        "tests/truths",
    ]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own command
    by_pytest = Counter(line.partition("[")[0] for line in collected.splitlines() if "::" in line)
    by_runner = {each.nodeid: len(list(each.law_cases)) for each in runner.law_tests()}
    only_in_full = {each.nodeid for each in runner.law_tests() if not each.table.quick}
    assert {nodeid: count for nodeid, count in by_pytest.items() if nodeid not in only_in_full} == {
        nodeid: count for nodeid, count in by_runner.items() if count
    }


@pytest.mark.parametrize(
    ("judged", "outcome"),
    [
        (sentence(compares, ({"factor": 2.0},)), Outcome.PASSED),
        (sentence(compares, ({"factor": 3.0},)), Outcome.REJECTED),
        (sentence(needs_what_is_not_there), Outcome.SKIPPED),
        (sentence(falls_over), Outcome.CRASHED),
    ],
    ids=lambda value: value.value if isinstance(value, Outcome) else "",
)
def test_outcome_says_why(judged: LawTest, outcome: Outcome) -> None:
    """A disagreement is a rejection; a skip is none; whatever else is raised is a crash, which is no rejection either."""
    assert runner.judge(TORCH_GRU, CPU, judged.law_cases).outcome == outcome


def test_rejection_ends_the_search_and_outweighs_a_crash() -> None:
    """After a crash the jury goes on; after a rejection it stops."""
    law_cases = [
        next(each.law_cases)
        for each in (
            sentence(falls_over),
            sentence(compares, ({"factor": 3.0},)),
            sentence(falls_over),
        )
    ]
    found = runner.judge(TORCH_GRU, CPU, law_cases)
    assert (found.outcome, found.law_cases) == (Outcome.REJECTED, 2)
    assert found.where == "compares[I1-H1-L1-B2-T5-f32-3.0]"


def test_what_a_faulty_gru_leaves_behind_ends_with_the_trial() -> None:
    """Global flags and the generator are afterwards as they were."""
    state = torch.get_rng_state()
    law_case = next(
        each
        for each in next(one for one in runner.law_tests() if one.group.startswith("01")).law_cases
    )
    law_case.run(
        Implementation(
            "mutant", next(mutant for mutant in MUTANTS if mutant.__name__ == "FlagLeftBehind")
        ),
        CPU,
    )
    law_case.run(
        Implementation(
            "mutant", next(mutant for mutant in MUTANTS if mutant.__name__ == "GeneratorReseeded")
        ),
        CPU,
    )
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("chapter", runner.groups())
def test_well_chosen_trials_meet_every_level_and_come_first(group: str) -> None:
    """The first trials of a chapter meet every level of every factor, and with the others they are all."""
    first, others = runner.covering_selection(group)
    law_cases = [
        law_case
        for each in runner.law_tests()
        if each.group == group
        for law_case in each.law_cases
    ]
    assert Counter(map(str, first + others)) == Counter(map(str, law_cases))
    assert set().union(*(law_case.levels for law_case in first)) == set().union(
        *(law_case.levels for law_case in law_cases)
    )


def test_law_that_there_is_not_is_named() -> None:
    """A mutant that names no law or truth is an error."""
    with pytest.raises(LookupError, match="no law or truth is called 17"):
        runner.group_of("17")


def test_matrix_names_what_a_law_alone_rejects_and_what_survives() -> None:
    """The lines below the matrix count rejections, never crashes, and name the mutants that nothing rejects."""
    passed = {group: Finding(Outcome.PASSED) for group in runner.groups()}
    rows = {
        "RowsMix": {**passed, "09 independence": Finding(Outcome.REJECTED)},
        "HalvesSwapped": {**passed, "05 direction axis": Finding(Outcome.CRASHED)},
    }
    text = "\n".join(
        [
            *matrix.head(),
            *(matrix.line(name, row) for name, row in rows.items()),
            *matrix.summary(rows),
        ]
    )
    assert "09 independence        rejects    1, alone   1: RowsMix" in text
    assert "05 direction axis      rejects    0, alone   0: -" in text
    assert "survivors: HalvesSwapped" in text
    assert (
        "score: 1 of 2 mutants rejected; by law 01 alone, which is the notebook's check, 0." in text
    )


def test_soak_counts_alarms_and_closeness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that fails is an alarm with the line that repeats it; what agreed is entered under its row of the rounding table."""
    monkeypatch.setattr(
        runner, "sentences", lambda: (sentence(compares, ({"factor": 2.0}, {"factor": 3.0})),)
    )
    threads = torch.get_num_threads()
    found = soak.run(1)
    torch.set_num_threads(threads)
    assert found.outcomes == {Outcome.PASSED: 1, Outcome.REJECTED: 1}
    assert found.alarms[0].endswith(
        "01 output sequence: pytest test_here.py::test_this -k 'I1-H1-L1-B2-T5-f32' --seed 1 --threads 1"
    )


def test_soak_tells_headroom_by_row() -> None:
    """The largest share of a row, its headroom and its place stand in the row's line."""
    row = next(iter(TABLE))
    _, first, *_ = soak.table(
        [Run(7, Counter(), (), {row: [(0.25, "output of I1-H1, seed 7"), (0.0, "")]})]
    )
    assert first.endswith("2    50%   0.000   0.000    0.250     4.00 output of I1-H1, seed 7")
    assert len(list(soak.table([]))) == 1 + len(TABLE)


def test_suite_notices_smaller_changes_than_default_tolerances() -> None:
    """Of a change in one reverse parameter the suite sees a finer one than assert_close does by default; where nothing depends on it, neither is asked."""
    noticed = sensitivity.notice(Case(3, 7, dtype="float64"), "reverse parameter")
    assert noticed is not None
    assert noticed.by_suite is not None
    assert noticed.by_default is not None
    assert noticed.by_suite > noticed.by_default
    text = "\n".join(sensitivity.report({("float64", "reverse parameter"): [noticed, None]}))
    assert f"2^-{noticed.by_suite} = " in text
    assert noticed.where in text


def test_mutant_can_be_named_on_the_command_line() -> None:
    """``--gru fixtures.proof.mutants:RowsMix`` finds the mutant, whatever file it stands in; another name is not found."""
    import fixtures.proof.mutants  # noqa: PLC0415  # its __getattr__ is what is tested

    assert fixtures.proof.mutants.RowsMix is RowsMix
    with pytest.raises(AttributeError, match="NoSuchMutant"):
        _ = fixtures.proof.mutants.NoSuchMutant


def test_comparisons_of_a_trial_are_recorded() -> None:
    """What a trial compared reaches whoever asked."""
    comparisons: list[Comparison] = []
    next(sentence(compares, ({"factor": 2.0},)).law_cases).run(
        TORCH_GRU, CPU, record=comparisons.append
    )
    assert [(comparison.name, comparison.bitwise_equal) for comparison in comparisons] == [("output", True)]
