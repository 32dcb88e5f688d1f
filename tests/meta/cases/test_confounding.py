"""Confounding: in every law test's rows is each level that fits, and each pair of them meets."""

from __future__ import annotations

import pytest

from fixtures.cases.case import Case
from fixtures.cases.confounding import (
    EXCHANGED,
    levels_missing,
    pairs_missing,
    without_confounding,
)
from fixtures.cases.tables import SPREAD
from fixtures.proof.collection import law_tests

#: Eight rows, of which those in float64 alone have a bias.
CONFOUNDED = tuple(
    Case(3, size, num_layers=1 + size % 2, bias=double, dtype="float64" if double else "float32")
    for double in (False, True)
    for size in (4, 5, 6, 7)
)

#: Fewer rows cannot hold every pair; and rows that a law lists one by one stay as they are.
ENOUGH = 9
#: Fewer rows may leave a level out.
SOME = 4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_pair_of_levels_meets_in_every_law_test(seed: int) -> None:
    """In all tests of nine rows or more from a table that says which other rows fit."""
    tests = [test for test in law_tests() if test.table.adapter]
    rows = {test.nodeid: test.table.rows("quick", seed=seed, test=test.nodeid) for test in tests}
    missing = {
        test.nodeid: pairs
        for test in tests
        if len(each := rows[test.nodeid]) >= ENOUGH
        and (pairs := pairs_missing(each, test.table.fits))
    }
    assert missing == {}
    assert sum(len(each) >= ENOUGH for each in rows.values()) > len(rows) / 2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_level_that_fits_is_in_every_law_test(seed: int) -> None:
    """In all tests of four rows or more: a GRU without biases is copied and loaded, too."""
    missing = {}
    for test in law_tests():
        rows = test.table.rows("quick", seed=seed, test=test.nodeid)
        if test.table.adapter and len(rows) >= SOME:
            missing[test.nodeid] = levels_missing(rows, test.table.fits)
    assert len(missing) > len(law_tests()) / 3
    assert {nodeid: levels for nodeid, levels in missing.items() if levels} == {}


def test_few_rows_of_a_table_are_confounded() -> None:
    """So there is something to do: this filter leaves bias in one dtype only."""
    few = SPREAD.listed.filter(lambda case: case.batch in (2, 4))
    assert pairs_missing(few.quick)
    assert not pairs_missing(SPREAD.quick)


def test_pairs_meet_once_levels_are_exchanged() -> None:
    """Only levels are exchanged: as many rows, none twice, of the same sizes."""
    assert (("bias", True), ("dtype", "float32")) in pairs_missing(CONFOUNDED)
    rows = without_confounding(CONFOUNDED, lambda _: True, "a source")
    assert pairs_missing(rows) == []
    assert len(set(rows)) == len(CONFOUNDED)
    same = {name: vars(CONFOUNDED[0])[name] for name in EXCHANGED}
    assert [case.replace(**same) for case in rows] == [case.replace(**same) for case in CONFOUNDED]


def test_source_decides_which_rows_change() -> None:
    """The same source changes the same rows."""
    changed = [without_confounding(CONFOUNDED, lambda _: True, source) for source in "aab"]
    assert changed[0] == changed[1] != changed[2]


def test_row_that_does_not_fit_is_not_made() -> None:
    """Where a law has no bias in float32, there is none."""
    rows = without_confounding(
        CONFOUNDED, lambda case: not case.bias or case.dtype == "float64", "a source"
    )
    assert not any(case.bias for case in rows if case.dtype == "float32")
