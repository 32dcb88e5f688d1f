"""cases: every pair of factors' levels meets in the default profile, and every triple of those that faults like to combine.

Left out are float16 and bfloat16, which belong to the full profile, and more than four layers, which stand in one row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from fixtures.cases.case import Case
from fixtures.proof.runner import law_tests

#: Every factor of a case, sizes by the classes in which somebody once went wrong.
FACTORS: dict[str, Callable[[Case], object]] = {
    "num_layers": lambda c: c.num_layers,
    "batch_first": lambda c: c.batch_first,
    "bias": lambda c: c.bias,
    "dtype": lambda c: c.dtype,
    "h_0": lambda c: c.h_0,
    "lengths": lambda c: c.lengths,
    "layout": lambda c: c.layout,
    "dropout": lambda c: c.dropout > 0,
    "training": lambda c: c.training,
    "H % 4": lambda c: c.hidden_size % 4 == 0,
    "I and H": lambda c: (
        "I == 2*H"
        if c.input_size == 2 * c.hidden_size
        else "I > H"
        if c.input_size > c.hidden_size
        else "I <= H"
    ),
    "T == B": lambda c: c.seq_len == c.batch,
    "B": lambda c: "one" if c.batch == 1 else "many" if c.batch > 60 else "few",
    "T": lambda c: "one" if c.seq_len == 1 else "many" if c.seq_len > 12 else "few",
}

TRIPLES = ("num_layers", "batch_first", "bias", "h_0", "lengths", "dtype", "training")


def impossible(levels: dict[str, object]) -> str | None:
    """Why these levels cannot meet, or None."""
    if levels.get("B") == "one" and levels.get("lengths") in {"sorted", "unsorted"}:
        return "one row has one length"
    if levels.get("T") == "one" and levels.get("lengths") in {"equal", "sorted", "unsorted"}:
        return "one step is the length one"
    if levels.get("T == B") and {levels.get("T"), levels.get("B")} & {"many"}:
        return "neither is worth its cost where both are large"
    if (
        levels.get("T == B")
        and levels.get("T", levels.get("B")) == "one"
        and levels.get("lengths", "whole") != "whole"
    ):
        return "one row of one step has no other length"
    if levels.get("T == B") and levels.get("lengths") == "ones":
        return "T is not seen where every row is one step"
    return None


def missing(names: tuple[str, ...]) -> Iterator[str]:
    """The combinations of the named factors' levels that no case of the default profile has."""
    cases = {
        case
        for sentence in law_tests()
        for case in sentence.table.quick
        if case.dtype in {"float32", "float64"} and case.num_layers <= 4
    }
    met = {tuple(FACTORS[name](case) for name in names) for case in cases}
    every = [dict.fromkeys(FACTORS[name](case) for case in cases) for name in names]
    for levels in itertools.product(*every):
        if levels not in met and not impossible(dict(zip(names, levels, strict=True))):
            yield ", ".join(f"{name} = {level}" for name, level in zip(names, levels, strict=True))


@pytest.mark.parametrize("names", list(itertools.combinations(FACTORS, 2)), ids=" with ".join)
def test_every_pair_of_levels_occurs(names: tuple[str, ...]) -> None:
    """Any two factors meet in all their levels."""
    assert list(missing(names)) == []


@pytest.mark.parametrize("names", list(itertools.combinations(TRIPLES, 3)), ids=" with ".join)
def test_every_triple_of_levels_occurs(names: tuple[str, ...]) -> None:
    """Any three of layers, batch_first, bias, h_0, lengths, dtype and training meet in all their levels."""
    assert list(missing(names)) == []
