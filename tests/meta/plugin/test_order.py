"""order: a fault shows in the first seconds, and whoever shuffles decides."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.cases.case import Case
from fixtures.cases.covering import COSTLY, Call, split
from fixtures.plugin.order import FEW, Turn, set_order

TRUTH = "tests/truths/test_oracle.py::test_a"
LAWS = ("tests/laws/test_law_01_output_sequence.py::test_b", "tests/laws/test_law_09_x.py::test_c")
CASES = [
    Case(3, 4, num_layers=layers, dtype=dtype, bias=bias)
    for layers in (1, 2)
    for dtype in ("float32", "float64")
    for bias in (True, False)
]


class Item:
    """What the order reads of pytest's item."""

    def __init__(self, nodeid: str, **arguments: Any) -> None:
        self.nodeid, self.arguments = nodeid, arguments
        self.callspec = self
        self.params = arguments

    def get_closest_marker(self, name: str) -> str | None:
        """A law is marked whose name says so."""
        return name if name in self.nodeid else None


def every_case(*tests: str) -> list[Any]:
    """Every case of some tests, in the order in which pytest collects them."""
    return [Item(test, case=case) for test in tests for case in CASES]


def test_selection_comes_first_and_its_tests_take_turns() -> None:
    """The truth's selection, one case of each law, their selections; the truth; the laws' rest."""
    items = every_case(*LAWS, TRUTH)
    before = list(items)
    set_order(items, before)
    assert sorted(map(id, items)) == sorted(map(id, before))
    tests = [item.nodeid for item in items]
    selected = len(split(CASES, lambda case: Call("", {"case": case}))[0])
    assert 1 < selected < len(CASES)
    assert tests[:selected] == [TRUTH] * selected
    assert tests[selected : selected + 2] == list(LAWS)
    following = tests[selected + 2 : 3 * selected]
    assert following == [law for law in LAWS for _ in range(selected - 1)]
    others = len(CASES) - selected
    assert tests[3 * selected :] == [TRUTH] * others + [*LAWS] * others


def test_rest_runs_from_both_ends() -> None:
    """The largest case, the smallest, the next largest."""
    items: list[Any] = [Item(LAWS[0], case=Case(3, 4, seq_len=steps)) for steps in range(2, 9)]
    set_order(items, list(items))
    assert [item.arguments["case"].seq_len for item in items] == [2, 8, 7, 3, 6, 4, 5]


@pytest.mark.parametrize("number", [FEW, FEW + 1])
def test_test_of_few_cases_runs_whole(number: int) -> None:
    """Before the rest of the laws, unless its cases are costly."""
    names = ("test_law_02_few", "test_law_15_costly_few")
    few, costly = (f"tests/laws/{name}.py::test_f" for name in names)
    counts = {LAWS[0]: FEW + 2, few: number, costly: FEW}
    items: list[Any] = [
        Item(test, case=Case(3, 4, seq_len=steps))
        for test, count in counts.items()
        for steps in range(1, 1 + count)
    ]
    set_order(items, list(items))
    tests = [item.nodeid for item in items]
    last = max(place for place, test in enumerate(tests) if test == few)
    rest = {LAWS[0], costly} if number == FEW else {LAWS[0], few, costly}
    assert set(tests[tests.index(costly) + 1 :]) == rest
    assert (last < tests.index(costly)) == (number == FEW)


def test_costly_cases_come_after_the_others() -> None:
    """Whether they are marked, or have many steps."""
    items = every_case("tests/laws/test_law_15_costly.py::test_d", LAWS[0])
    long = Item(LAWS[0], case=Case(3, 4, seq_len=200))
    items.append(long)
    set_order(items, list(items))
    assert Call("", long.arguments).cost >= COSTLY
    tests = [item.nodeid for item in items]
    last_cheap = tests.index("tests/laws/test_law_15_costly.py::test_d") - 1
    assert set(tests[: last_cheap + 1]) == {LAWS[0]}
    assert items.index(long) == last_cheap
    assert Turn.SELECTED < Turn.LONG < Turn.WHOLE < Turn.COSTLY < Turn.REST


def test_law_that_meets_every_size_runs_with_the_truths() -> None:
    """Its other cases stand beside theirs, before the rest of the laws."""
    sizes = "tests/laws/test_law_07_sizes.py::test_e"
    items = every_case(LAWS[0], sizes, TRUTH)
    set_order(items, list(items))
    tests = [item.nodeid for item in items]
    others = len(CASES) - len(split(CASES, lambda case: Call("", {"case": case}))[0])
    assert tests[-3 * others :] == [sizes, TRUTH] * others + [LAWS[0]] * others


def test_another_plugins_order_stays() -> None:
    """pytest-random-order's, for example."""
    items = every_case(*LAWS)
    shuffled = items[::-1]
    set_order(shuffled, items)
    assert shuffled == items[::-1]


def test_selected_cases_are_ordered() -> None:
    """What is left of the collected cases, as by -k."""
    items = every_case(LAWS[0], TRUTH)
    left = items[::2]
    set_order(left, items)
    assert left[0].nodeid == TRUTH
