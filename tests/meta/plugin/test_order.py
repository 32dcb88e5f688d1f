"""order: a fault shows in the first seconds, and whoever shuffles decides."""

from __future__ import annotations

from typing import Any

from fixtures.cases.case import Case
from fixtures.cases.covering import COSTLY, Call, split
from fixtures.plugin.order import COLLECTED, Turn, set_order

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
        self.stash: dict[object, int] = {}
        self.callspec = self
        self.params = arguments

    def get_closest_marker(self, name: str) -> str | None:
        """A law is marked whose name says so."""
        return name if name in self.nodeid else None


def collected(*tests: str) -> list[Any]:
    """Every case of some tests, in the order in which pytest collects them."""
    items = [Item(test, case=case) for test in tests for case in CASES]
    for place, item in enumerate(items):
        item.stash[COLLECTED] = place
    return items


def test_selection_comes_first_and_its_tests_take_turns() -> None:
    """The truth's selection, one case of each law, their selections; the truth; the laws' rest."""
    items = collected(*LAWS, TRUTH)
    before = list(items)
    set_order(items)
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
    rest = items[3 * selected + others :]
    assert [item for item in before if item in rest] == [*rest[::2], *rest[1::2]]


def test_costly_cases_come_after_the_others() -> None:
    """Whether they are marked, or have many steps."""
    items = collected("tests/laws/test_law_15_costly.py::test_d", LAWS[0])
    long = Item(LAWS[0], case=Case(3, 4, seq_len=200))
    long.stash[COLLECTED] = len(items)
    items.append(long)
    set_order(items)
    assert Call("", long.arguments).cost >= COSTLY
    tests = [item.nodeid for item in items]
    last_cheap = tests.index("tests/laws/test_law_15_costly.py::test_d") - 1
    assert set(tests[: last_cheap + 1]) == {LAWS[0]}
    assert items.index(long) == last_cheap
    assert Turn.SELECTED < Turn.LONG < Turn.SIZES < Turn.COSTLY < Turn.REST


def test_law_that_meets_every_size_runs_with_the_truths() -> None:
    """Its other cases stand beside theirs, before the rest of the laws."""
    sizes = "tests/laws/test_law_07_sizes.py::test_e"
    items = collected(LAWS[0], sizes, TRUTH)
    set_order(items)
    tests = [item.nodeid for item in items]
    others = len(CASES) - len(split(CASES, lambda case: Call("", {"case": case}))[0])
    assert tests[-3 * others :] == [sizes, TRUTH] * others + [LAWS[0]] * others


def test_another_plugins_order_stays() -> None:
    """pytest-random-order's, for example."""
    items = collected(*LAWS)
    items.reverse()
    before = list(items)
    set_order(items)
    assert items == before
