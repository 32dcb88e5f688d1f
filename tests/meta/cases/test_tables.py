"""The quick tables: every pair of factors' levels meets, and every triple that faults combine.

Left out are float16 and bfloat16, which belong to the full profile; more than four layers, which
one row has; and one row far longer than the others, which is drawn. And every table has the sizes
at which a backend takes another kernel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.rows import WORKING
from fixtures.cases.table import Table
from fixtures.cases.tables import CORE, HALF, PACKED, SPREAD
from fixtures.proof.collection import law_tests


def size_of_input(case: Case) -> str:
    """The class of I beside H."""
    if case.input_size == 2 * case.hidden_size:
        return "I == 2*H"
    return "I > H" if case.input_size > case.hidden_size else "I <= H"


def one_few_many(number: int, few: int) -> str:
    """The class of a size."""
    if number == 1:
        return "one"
    return "few" if number <= few else "many"


#: Every factor of a case; sizes by the classes at which implementations have been wrong.
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
    "I and H": size_of_input,
    "T == B": lambda c: c.seq_len == c.batch,
    "B": lambda c: one_few_many(c.batch, few=60),
    "T": lambda c: one_few_many(c.seq_len, few=12),
}

TRIPLES = ("num_layers", "batch_first", "bias", "h_0", "lengths", "dtype", "training")


def impossible(levels: dict[str, object]) -> str | None:
    """Why these levels cannot meet, or None."""
    if levels.get("B") == "one" and levels.get("lengths") in {"sorted", "unsorted"}:
        return "one row has one length"
    if levels.get("T") == "one" and levels.get("lengths") in {"equal", "sorted", "unsorted"}:
        return "one step is the length one"
    if levels.get("T == B") and {levels.get("T"), levels.get("B")} & {"many"}:
        return "it is not worth its cost where both are large"
    if (
        levels.get("T == B")
        and levels.get("T", levels.get("B")) == "one"
        and levels.get("lengths", "whole") != "whole"
    ):
        return "one row of one step has no other length"
    if levels.get("T == B") and levels.get("lengths") == "ones":
        return "T does not matter where every row is one step"
    return None


def missing(cases: Iterable[Case], names: Sequence[str]) -> list[str]:
    """The possible combinations of the named factors' levels that no case has."""
    rows = [tuple(FACTORS[name](case) for name in names) for case in cases]
    levels = [dict.fromkeys(column) for column in zip(*rows, strict=True)]
    return [
        ", ".join(f"{name} = {level}" for name, level in zip(names, combination, strict=True))
        for combination in itertools.product(*levels)
        if combination not in rows and not impossible(dict(zip(names, combination, strict=True)))
    ]


@cache
def quick_cases() -> frozenset[Case]:
    """Every case of the quick profile that the factors classify."""
    cases = (case for law_test in law_tests() for case in law_test.table.quick)
    return frozenset(
        case
        for case in cases
        if case.dtype in WORKING and case.num_layers <= 4 and case.lengths != "one_long"
    )


@pytest.mark.parametrize("names", list(itertools.combinations(FACTORS, 2)), ids=" with ".join)
def test_every_pair_of_levels_occurs(names: tuple[str, ...]) -> None:
    """Any two factors meet in all their levels."""
    assert missing(quick_cases(), names) == []


@pytest.mark.parametrize("names", list(itertools.combinations(TRIPLES, 3)), ids=" with ".join)
def test_every_triple_of_levels_occurs(names: tuple[str, ...]) -> None:
    """Layers, batch_first, bias, h_0, lengths, dtype, training: any three meet in all levels."""
    assert missing(quick_cases(), names) == []


@pytest.mark.parametrize("names", list(itertools.combinations(TRIPLES, 3)), ids=" with ".join)
def test_packed_is_a_covering_array_of_strength_three(names: tuple[str, ...]) -> None:
    """In PACKED alone any three of them meet, too: its seed was chosen for that."""
    assert missing(PACKED.quick, names) == []


def test_missing_combination_is_named() -> None:
    """Without its cases, a pair is reported."""
    cases = [case for case in quick_cases() if case.bias or case.h_0 != "none"]
    assert missing(cases, ("bias", "h_0")) == ["bias = False, h_0 = none"]


CPU, CUDA = Backend("cpu"), Backend("cuda")
IN_HALF = {"float16", "bfloat16"}
TABLES = {"core": CORE, "spread": SPREAD, "half": HALF, "packed": PACKED}


def dtypes(table: Table, profile: str, backend: Backend, hidden_size: int) -> set[str]:
    """The dtypes in which a table has this size."""
    rows = table.rows(profile, backend)
    return {case.dtype for case in rows if case.hidden_size == hidden_size}


@pytest.mark.parametrize("hidden_size", [128, 129, 192, 193, 256, 257])
@pytest.mark.parametrize("name", TABLES)
def test_both_sides_of_every_limit_of_a_gpus_kernels_are_there(name: str, hidden_size: int) -> None:
    """Padded and packed: in float32, which is quick; in half precision, in the full profile."""
    quick = dtypes(TABLES[name], "quick", CUDA, hidden_size)
    assert quick >= (IN_HALF if name == "half" else {"float32"})
    assert dtypes(TABLES[name], "full", CPU, hidden_size) >= IN_HALF | (quick - {"float64"})


@pytest.mark.parametrize("name", TABLES)
def test_quick_profile_has_sizes_between_64_and_512_on_the_cpu(name: str) -> None:
    """One beyond 128 and one beyond 256."""
    sizes = {case.hidden_size for case in TABLES[name].rows("quick", CPU)}
    assert {129, 257} == {size for size in sizes if 64 < size < 512}


def test_rows_for_gpus_are_rows_of_the_full_profile() -> None:
    """In the table of every law: what is quick on a GPU is not left out of its full profile."""
    tables = [law_test.table for law_test in law_tests()]
    assert any(table.gpu for table in tables)
    assert all(set(table.gpu) <= set(table.full) for table in tables)
