"""smoke: one case of each test and of each claim, over few sizes; truths first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import pytest

from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needed
from fixtures.cases.covering import Call
from fixtures.cases.smoke import SIZES, Candidate, choose, of_few_sizes, size_of
from fixtures.proof.collection import law_tests

LAW_CASES = [
    (law_test.group, law_case) for law_test in law_tests() for law_case in law_test.cases("smoke")
]
EVERY = [
    Candidate(
        law_case.call,
        frozenset(needed(law_case.marks, law_case.call.arguments)),
        costly=any(mark.name == "costly" for mark in law_case.marks),
        truth=group.startswith("truth"),
    )
    for group, law_case in LAW_CASES
]
CHOSEN = [EVERY[place] for place in choose(EVERY)]

#: Claims that no case of the profile needs: inductor is tried in the full profile only, and torch's
#: words decide how a refusal is judged.
NEVER = {Claim.INDUCTOR, Claim.TORCH_WORDS}


def cheap_tests(candidates: Iterable[Candidate]) -> list[Hashable]:
    """The test of each candidate that is not costly."""
    return [each.call.test for each in candidates if not each.costly]


def test_each_law_test_has_one_case() -> None:
    """A truth has one at each size; a few cases more serve claims."""
    chosen, every = (
        cheap_tests(each for each in candidates if not each.truth) for candidates in (CHOSEN, EVERY)
    )
    assert set(chosen) == set(every)
    assert len(chosen) < len(set(chosen)) + 5
    assert len(CHOSEN) < len(law_tests()) + 20


@pytest.mark.parametrize("claim", [claim for claim in Claim if claim not in NEVER], ids=str)
def test_claim_removed_alone_removes_a_case(claim: Claim) -> None:
    """And what it leaves has a case of each test that has one without it."""
    assert any(claim in each.needs for each in CHOSEN)
    left = [each for each in EVERY if claim not in each.needs]
    chosen = [left[place] for place in choose(left)]
    assert set(cheap_tests(chosen)) == set(cheap_tests(left))


def test_costly_claim_has_one_case() -> None:
    """It serves a claim that no other case has."""
    costly = [each.needs for each in CHOSEN if each.costly]
    cheap = [each.needs for each in CHOSEN if not each.costly]
    assert len(costly) == len(frozenset().union(*costly) - frozenset().union(*cheap))


def test_truths_come_first_and_costly_calls_last() -> None:
    """A wrong GRU is found in the first seconds."""
    turns = [2 * each.costly - each.truth for each in CHOSEN]
    assert turns == sorted(turns)


def test_nine_cases_of_ten_have_six_sizes() -> None:
    """A GRU that compiles itself for every size does so a few times."""
    few = [each for each in CHOSEN if size_of(each.call.arguments["case"]) in SIZES]
    assert len(SIZES) == 6
    assert len(few) > 0.9 * len(CHOSEN)


def test_every_level_of_a_case_is_met() -> None:
    """Layers, layouts, dtypes and the like, wherever a test has them."""
    names = set(vars(Case(1, 1))) - {"input_size", "hidden_size", "batch", "seq_len"}
    met = {level for each in CHOSEN for level in each.call.levels if level[0] in names}
    assert met == {level for each in EVERY for level in each.call.levels if level[0] in names}


ROWS = (Case(3, 7, batch=2, seq_len=9), Case(9, 9), Case(9, 9, bias=False), Case(99, 9))


@pytest.mark.parametrize(
    ("rows", "left"), [(ROWS, ROWS[:1]), (ROWS[1:], ROWS[1:3]), ((), ())], ids=len
)
def test_table_without_such_a_size_keeps_its_cheapest(
    rows: tuple[Case, ...], left: tuple[Case, ...]
) -> None:
    """With all its rows of that size."""
    assert of_few_sizes(rows) == left


@pytest.mark.parametrize(
    ("planted", "chosen"),
    [
        (lambda number: {"costly": number > 0}, [0, 2]),
        (lambda number: {"truth": number == 1}, [1, 0, 2]),
    ],
    ids=["costly", "truth"],
)
def test_choice_of_three_calls(
    planted: Callable[[int], dict[str, bool]], chosen: list[int]
) -> None:
    """The costly call that no claim needs is left; the truth is first, beside a call each test."""
    claims = (Claim.FLOAT32, Claim.FLOAT32, Claim.PACKED)
    candidates = [
        Candidate(Call(number, {"case": ROWS[0]}), frozenset({claim}), **planted(number))
        for number, claim in enumerate(claims)
    ]
    assert choose(candidates) == chosen
