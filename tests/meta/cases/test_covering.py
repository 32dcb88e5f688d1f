"""covering: a few calls among which every level of every factor is met."""

from __future__ import annotations

import pytest

from fixtures.cases.case import Case
from fixtures.cases.covering import Call, split

CASES = [
    Case(size, 4, num_layers=layers, dtype=dtype, bias=bias)
    for size in (1, 3)
    for layers in (1, 2)
    for dtype in ("float32", "float64")
    for bias in (True, False)
]


@pytest.mark.parametrize(
    "levels", [{"num_layers": 2}, {"dtype": "float64"}, {"bias": False}, {"input_size": 1}]
)
def test_selection_meets_every_level(levels: dict[str, object]) -> None:
    """With the fewest calls that it finds, the first of which meets as many levels as can be."""
    selection, rest = split(CASES, lambda case: Call("", {"case": case}))
    assert len(selection) + len(rest) == len(CASES)
    assert len(selection) < len(rest)
    assert any(levels.items() <= vars(case).items() for case in selection)


def test_first_call_has_no_size_of_one() -> None:
    """With such a size, much of a law cannot fail."""
    selection, _ = split(CASES, lambda case: Call("", {"case": case}))
    assert selection[0].input_size == 3


def test_costly_test_runs_once_though_its_levels_are_met() -> None:
    """Of calls that all take long, the selection has the one that takes least; it is the last."""
    long = [Case(3, 4, seq_len=seq_len) for seq_len in (60, 50)]
    calls = [Call("cheap", {"case": case}) for case in (*CASES, Case(3, 4, seq_len=9))]
    calls += [Call("long", {"case": case}) for case in long]
    selection, _ = split(calls, lambda call: call)
    assert [call.arguments["case"] for call in selection if call.test == "long"] == [long[1]]
    assert selection[-1].test == "long"
