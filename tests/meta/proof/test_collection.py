"""collection: the law cases are the tests that pytest collects, and their covering selection."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

import pytest

from fixtures import ROOT
from fixtures.cases.backend import Backend
from fixtures.cases.covering import COSTLY
from fixtures.cases.implementation import TORCH_GRU
from fixtures.comparison.selection import compares_with_itself, why_not_claimed, why_other_not_here
from fixtures.proof.collection import (
    LawCase,
    covering_selection,
    group_of,
    groups,
    law_tests,
)
from fixtures.proof.runner import Outcome, run


def selected(law_case: LawCase) -> bool:
    """Whether it is claimed on the CPU, and compares it with another backend here, if with any."""
    arguments = {**law_case.arguments, "case": law_case.case, "backend": Backend("cpu")}
    reason = why_not_claimed(law_case.marks, arguments, TORCH_GRU) or why_other_not_here(arguments)
    return reason is None and not compares_with_itself(arguments)


def test_law_cases_are_the_tests_that_pytest_collects() -> None:
    """Each law test has as many selected law cases as pytest collects on the CPU by default."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--device", "cpu"]
    command += ["tests/laws", "tests/truths"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own command
    by_pytest = Counter(line.partition("[")[0] for line in output.splitlines() if "::" in line)
    law_cases = [law_case for law_test in law_tests() for law_case in law_test.law_cases]
    assert by_pytest == Counter(each.law_test.nodeid for each in law_cases if selected(each))


def test_backend_is_compared_with_others_only() -> None:
    """Law 14's cases that would compare the CPU with itself are law cases, and do not run."""
    law_cases = [each for test in law_tests() if test.group[:2] == "14" for each in test.law_cases]
    itself = [each for each in law_cases if each.arguments["other"] == Backend("cpu")]
    assert itself
    assert not any(map(selected, itself))
    assert run(itself[0], TORCH_GRU, Backend("cpu"))[0] == Outcome.SKIPPED
    assert any(map(selected, law_cases))


@pytest.mark.parametrize("group", groups())
def test_covering_selection_meets_every_level(group: str) -> None:
    """Selection and rest are all law cases of a group; the selection has every level of each."""
    selection, rest = covering_selection(group)
    law_tests_of_group = [law_test for law_test in law_tests() if law_test.group == group]
    law_cases = [law_case for law_test in law_tests_of_group for law_case in law_test.law_cases]
    assert Counter(map(str, selection + rest)) == Counter(map(str, law_cases))
    assert levels(selection) == levels(law_cases)
    for law_test in law_tests_of_group:
        mine = [each for each in law_cases if each.law_test == law_test and each.call.cost < COSTLY]
        assert levels(mine) <= levels(each for each in selection if each.law_test == law_test)


def levels(law_cases: Iterable[LawCase]) -> set[object]:
    """The levels that some law cases have together."""
    return {level for law_case in law_cases for level in law_case.call.levels}


def test_unknown_law_is_named() -> None:
    """A mutant that names a law or truth that does not exist is an error."""
    with pytest.raises(LookupError, match="no law or truth is called 17"):
        group_of("17")
