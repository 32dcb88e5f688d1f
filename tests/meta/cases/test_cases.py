"""case, tables: the promised sizes are there; an id is unique, readable, and parsed back."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable

import pytest

from fixtures.cases.case import Case
from fixtures.cases.table import Table
from fixtures.cases.tables import CORE, DROPOUT, PACKED, SPREAD

PROMISED: dict[str, Callable[[Case], bool]] = {
    "I=1": lambda c: c.input_size == 1,
    "H=1": lambda c: c.hidden_size == 1,
    "T=1": lambda c: c.seq_len == 1,
    "B=1": lambda c: c.batch == 1,
    "even H": lambda c: c.hidden_size % 2 == 0,
    "odd H above 1": lambda c: c.hidden_size % 2 == 1 and c.hidden_size > 1,
    "H not a multiple of 4": lambda c: c.hidden_size % 4 != 0,
    "I > H": lambda c: c.input_size > c.hidden_size,
    "I < H": lambda c: c.input_size < c.hidden_size,
    "I == 2*H with two layers": lambda c: c.input_size == 2 * c.hidden_size and c.num_layers == 2,
    "I == H, both above 1": lambda c: c.input_size == c.hidden_size > 1,
    "T == B, both above 1": lambda c: c.seq_len == c.batch > 1,
    "B > 128": lambda c: c.batch > 128,
    "T*B > 65,536": lambda c: c.seq_len * c.batch > 65_536,
    "H=512": lambda c: c.hidden_size == 512,
    "T=200": lambda c: c.seq_len == 200,
    "T > 32": lambda c: c.seq_len > 32,
    "I > 256": lambda c: c.input_size > 256,
    "four layers": lambda c: c.num_layers == 4,
    "more layers than four": lambda c: c.num_layers > 4,
}


@pytest.mark.parametrize(
    "rows", [CORE.quick, CORE.full, SPREAD.full], ids=["core quick", "core full", "spread full"]
)
@pytest.mark.parametrize("promise", PROMISED)
def test_promised_sizes_are_there(promise: str, rows: tuple[Case, ...]) -> None:
    """Both profiles have every size at which some implementation has been wrong."""
    assert any(map(PROMISED[promise], rows))


@pytest.mark.parametrize("table", [CORE, SPREAD], ids=["core", "spread"])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_ids_are_unique_and_readable(profile: str, table: Table) -> None:
    """No two cases share an id, which is made of words: sizes first, dtype last."""
    ids = [case.id for case in table.rows(profile)]
    assert len(set(ids)) == len(ids)
    assert all(
        re.fullmatch(r"I\d+-H\d+-L\d+-B\d+-T\d+(-[a-z][a-z_0-9.]*)*-(f16|bf16|f32|f64)", name)
        for name in ids
    )


def test_every_field_of_a_case_shows_in_its_id() -> None:
    """Changing any one field changes the id, so that a failure's id is the whole case."""
    default = Case(3, 7)
    other = Case(
        4,
        8,
        2,
        3,
        6,
        batch_first=True,
        bias=False,
        dtype="float64",
        h_0="none",
        lengths="sorted",
        layout="strided",
        dropout=0.5,
        training=False,
    )
    for field in dataclasses.fields(Case):
        changed = default.replace(**{field.name: getattr(other, field.name)})
        assert changed.id != default.id
        assert Case.parse(changed.id) == changed


@pytest.mark.parametrize("table", [CORE, PACKED, DROPOUT], ids=["core", "packed", "dropout"])
def test_id_is_parsed_back(table: Table) -> None:
    """``--case`` with a case's id is that case."""
    assert [Case.parse(case.id) for case in table.full] == list(table.full)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bias", "a case begins with its sizes"),
        ("I3-H7-L1-B2-T5-lengths_odd-f32", "lengths_odd is not a word of a case"),
        ("I3-H7-L1-B2-T5-dropout1.2.3-f32", "dropout1.2.3 is not a word of a case"),
        ("I3-H7-L1-B2-T5-f64-eval", "the case is written I3-H7-L1-B2-T5-eval-f64"),
        ("I3-H7-L1-B2-T5-eval", "the case is written I3-H7-L1-B2-T5-eval-f32"),
    ],
)
def test_wrong_id_is_an_error_that_names_the_word(text: str, message: str) -> None:
    """An id that is no case's is refused with the reason."""
    with pytest.raises(ValueError, match=f"^{re.escape(f'{text}: {message}')}"):
        Case.parse(text)


@pytest.mark.parametrize(
    ("rows", "num_layers"),
    [(CORE.quick, (1, 2, 3)), (CORE.full, (1, 2, 3, 4))],
    ids=["quick", "full"],
)
def test_core_crosses_its_axes_in_full(rows: tuple[Case, ...], num_layers: tuple[int, ...]) -> None:
    """Every (layers, batch_first, bias, dtype) meets."""
    crossed = {(c.num_layers, c.batch_first, c.bias, c.dtype) for c in rows}
    axes = (num_layers, (False, True), (True, False), ("float32", "float64"))
    assert set(itertools.product(*axes)) <= crossed


def test_core_has_every_dtype_in_the_full_profile() -> None:
    """Half precision too."""
    assert {c.dtype for c in CORE.full} == {"float16", "bfloat16", "float32", "float64"}
