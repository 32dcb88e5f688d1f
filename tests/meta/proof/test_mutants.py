"""The suite can see: each mutant is rejected by the law named for it, and CorrectGRU by none.

``make mutants`` prints the whole matrix.
"""

from __future__ import annotations

from collections import Counter

import pytest

from fixtures.actions.side_effects import seeded
from fixtures.cases.backend import Backend
from fixtures.proof import mutants
from fixtures.proof.collection import covering_selection, group_of, groups, law_tests
from fixtures.proof.mutants import MUTANTS, CorrectGRU, implementation_of, matrix
from fixtures.proof.mutants.forward.rows import RowsMix
from fixtures.proof.mutants.interface.refusals import FirstRefusalAfterASeedDraws
from fixtures.proof.mutants.matrix import meant_for
from fixtures.proof.runner import Outcome, Result, run_cases

CPU = Backend("cpu")

#: It rises with every new mutant, and never falls: fewer means that a file is lost.
NUMBER_OF_MUTANTS = 527


def test_no_mutant_is_lost_and_no_two_share_a_name() -> None:
    """There are exactly as many mutants as are written down here."""
    assert len(MUTANTS) == NUMBER_OF_MUTANTS
    assert len({mutant.__name__ for mutant in MUTANTS}) == NUMBER_OF_MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_is_rejected_by_the_law_named_for_it(mutant: type[CorrectGRU]) -> None:
    """The law, or the one test of it that is named, disagrees: it does not merely crash."""
    result = run_cases(implementation_of(mutant), CPU, meant_for(mutant))
    assert result.outcome.rejects, (
        f"{mutant.__name__}: {mutant.__doc__} {result.outcome.value} after {result.count} "
        f"law cases; {result.law_case} {result.reason}"
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_seed_of_the_process_hides_no_draw(seed: int) -> None:
    """A draw at the first call after a seed is seen, whatever seed was set before the law."""
    mutant = FirstRefusalAfterASeedDraws
    with seeded("cpu", seed):
        result = run_cases(implementation_of(mutant), CPU, meant_for(mutant))
    assert result.outcome == Outcome.REJECTED


@pytest.mark.parametrize("group", groups())
def test_correct_gru_passes(group: str) -> None:
    """CorrectGRU passes at least one law case of every group, and fails none.

    So each mutant is rejected for its fault. A group that skips everything does not count as
    passed.
    """
    selection, _ = covering_selection(group)
    result = run_cases(implementation_of(CorrectGRU), CPU, selection)
    assert result.outcome == Outcome.PASSED, f"{result.law_case}: {result.reason}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_names_its_fault_in_one_line(mutant: type[CorrectGRU]) -> None:
    """A mutant's docstring is one sentence on one line, and its issue reads like pytorch#94754."""
    text = mutant.__doc__ or ""
    assert text.endswith(".")
    assert "\n" not in text
    assert not mutant.issue or mutant.issue.partition("#")[2].isdigit()


def test_mutant_can_be_named_on_the_command_line() -> None:
    """``--gru fixtures.proof.mutants:RowsMix`` finds the mutant, in whichever file it is."""
    assert mutants.RowsMix is RowsMix
    with pytest.raises(AttributeError, match="NoSuchMutant"):
        _ = mutants.NoSuchMutant


def test_matrix_counts_rejections_and_names_survivors() -> None:
    """The summary counts rejections, never crashes, and names the mutants that nothing rejects."""
    passed = {group: Result(Outcome.PASSED) for group in groups()}
    rows = {
        "RowsMix": {**passed, "09 independence": Result(Outcome.REJECTED)},
        "HalvesSwapped": {**passed, "05 direction axis": Result(Outcome.CRASHED)},
    }
    lines = [matrix.line(name, row).split() for name, row in rows.items()]
    assert Counter(lines[0][1:]) == {"X": 1, ".": len(passed) - 1}
    assert Counter(lines[1][1:]) == {"!": 1, ".": len(passed) - 1}
    text = "\n".join([*matrix.head(), *matrix.summary(rows)])
    assert "09 independence          rejects    1, alone   1: RowsMix" in text
    assert "05 direction axis        rejects    0, alone   0: -" in text
    assert "not rejected by the law named for it: HalvesSwapped" in text
    assert "survivors: HalvesSwapped" in text
    assert "score: 1 of 2 mutants rejected; by law 01 alone" in text


def test_claims_are_listed_with_the_mutants_that_they_reject() -> None:
    """A rejection counts for the test that it came from, a crash for none; no test is left out."""
    rejection = Result(Outcome.REJECTED, "test_rows_never_mix[I1-H1]")
    rows = {
        "RowsMix": {"09 independence": rejection},
        "HalvesSwapped": {"05 direction axis": Result(Outcome.CRASHED, "test_that[I1-H1]")},
    }
    *lines, count = matrix.claims(rows)
    assert len(lines) == len(law_tests())
    reasons = tuple(matrix.BEYOND_MUTANTS.values())
    assert [line for line in lines if not line.endswith((": -", *reasons))] == [
        "09 independence test_rows_never_mix: RowsMix"
    ]
    assert count.startswith("1 of ")


def test_every_law_test_has_a_mutant_of_its_own() -> None:
    """A mutant names it, or it is known why none can; a test that loses its own is found."""
    assert matrix.without_mutant(MUTANTS) == [*matrix.BEYOND_MUTANTS]
    fewer = [mutant for mutant in MUTANTS if mutant.test != "test_rows_never_mix"]
    assert set(matrix.without_mutant(fewer)) == {*matrix.BEYOND_MUTANTS, "test_rows_never_mix"}


@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if each.test], ids=lambda mutant: mutant.__name__
)
def test_mutant_names_a_test_that_there_is(mutant: type[CorrectGRU]) -> None:
    """The test is one of the law that the mutant names."""
    tests = {each.function.__name__ for each in law_tests() if each.group == group_of(mutant.law)}
    assert mutant.test in tests
