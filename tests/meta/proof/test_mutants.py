"""The suite sees: every mutant is rejected by the law that exists for it, in an assertion of ``agreement``; without its fault, nothing is.

``make mutants`` prints the whole matrix.
"""

from __future__ import annotations

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.implementation import Implementation
from fixtures.proof import runner
from fixtures.proof.mutants import MUTANTS, CorrectGRU
from fixtures.proof.runner import Outcome

CPU = Backend("cpu")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_is_rejected_by_the_law_named_for_it(mutant: type[CorrectGRU]) -> None:
    """The law disagrees with the mutant: it neither passes it nor merely crashes on it."""
    first, others = runner.covering_selection(runner.group_of(mutant.law))
    found = runner.judge(Implementation(mutant.__name__, mutant), CPU, first + others)
    assert found.outcome == Outcome.REJECTED, (
        f"{mutant.__name__}: {mutant.__doc__} {found.outcome.value} after {found.law_cases} trials; {found.where} {found.why}"
    )


@pytest.mark.parametrize("chapter", runner.groups())
def test_clean_body_of_the_mutants_passes(group: str) -> None:
    """The mutants' common body without a fault is accepted, so that each mutant is rejected for its fault."""
    first, _ = runner.covering_selection(group)
    found = runner.judge(Implementation("Clean", CorrectGRU), CPU, first)
    assert found.outcome in (Outcome.PASSED, Outcome.SKIPPED), f"{found.where}: {found.why}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_says_what_is_wrong_in_one_line(mutant: type[CorrectGRU]) -> None:
    """A mutant's docstring is one sentence on one line, and its issue reads like pytorch#94754."""
    text = mutant.__doc__ or ""
    assert text.endswith(".")
    assert "\n" not in text
    assert not mutant.issue or mutant.issue.partition("#")[2].isdigit()


def test_there_are_enough_mutants_and_no_two_share_a_name() -> None:
    """The faults that shipped, 28, and at least 42 others."""
    assert len({mutant.__name__ for mutant in MUTANTS}) == len(MUTANTS)
    assert len(MUTANTS) >= 70
