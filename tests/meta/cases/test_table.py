"""Table: its rows by profile and backend, through its algebra and pytest's collection."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.table import Table, over
from fixtures.plugin.collection import pytest_generate_tests
from fixtures.plugin.session import SESSION
from fixtures.results import recording
from fixtures.results.recording import Part

CPU, CUDA = Backend("cpu"), Backend("cuda", "native")
SMALL, LARGE, HUGE = Case(1, 2), Case(1, 128), Case(1, 1100)
TABLE = Table(quick=(SMALL,), full=(SMALL, LARGE, HUGE), gpu=(LARGE,))


@pytest.mark.parametrize(
    ("profile", "on", "rows"),
    [
        ("quick", None, (SMALL,)),
        ("quick", CPU, (SMALL,)),
        ("quick", Backend("cpu", "native"), (SMALL,)),
        ("quick", CUDA, (SMALL, LARGE)),
        ("quick", Backend("mps"), (SMALL, LARGE)),
        ("full", CPU, (SMALL, LARGE, HUGE)),
        ("full", CUDA, (SMALL, LARGE, HUGE)),
    ],
)
def test_gpu_rows_join_the_quick_ones_except_on_the_cpu(
    profile: str, on: Backend | None, rows: tuple[Case, ...]
) -> None:
    """On a CPU they run in the full profile only."""
    assert TABLE.rows(profile, on) == rows


@pytest.mark.parametrize(
    ("derive", "rows"),
    [
        (lambda table: table.filter(lambda case: case.hidden_size > 2), (LARGE,)),
        (lambda table: table.filter(lambda case: case.hidden_size < 100), (SMALL,)),
        (
            lambda table: table.with_fields(batch=9),
            (SMALL.replace(batch=9), LARGE.replace(batch=9)),
        ),
        (lambda table: table.with_fields(hidden_size=4), (Case(1, 4),)),
        (lambda table: Table.of(HUGE) + table, (HUGE, SMALL, LARGE)),
        (lambda table: table + Table((), (HUGE,), gpu=(LARGE, HUGE)), (SMALL, LARGE, HUGE)),
    ],
    ids=["filter", "filtered out", "with_fields", "made equal", "added", "added twice"],
)
def test_algebra_keeps_the_rows_of_gpus(
    derive: Callable[[Table], Table], rows: tuple[Case, ...]
) -> None:
    """A table derived from others takes their rows for GPUs along, each once."""
    assert derive(TABLE).rows("quick", CUDA) == rows


def test_pytest_collects_them_on_a_gpu_only() -> None:
    """A law over the table runs on every backend over that backend's rows."""
    session = SimpleNamespace(
        options=SimpleNamespace(profile="quick", seed=0),
        case=None,
        backends=(CPU, CUDA),
        implementation=TORCH_GRU,
    )
    collected: list[Any] = []
    metafunc: Any = SimpleNamespace(
        config=SimpleNamespace(stash={SESSION: session}),
        definition=SimpleNamespace(iter_markers=lambda: [over(TABLE).mark], nodeid="test"),
        fixturenames=["case", "backend"],
        parametrize=lambda _, values: collected.extend(values),
    )
    pytest_generate_tests(metafunc)
    assert [each.values for each in collected] == [(CPU, SMALL), (CUDA, SMALL), (CUDA, LARGE)]


def test_recording_has_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that ``--against`` finds an entry for every case of every backend."""
    monkeypatch.setattr(recording, "WHAT", {"results": Part(TABLE)})
    names = recording.keys(
        lambda table, backend: table.rows("quick", backend), TORCH_GRU, (CPU, CUDA)
    )
    assert names == [
        f"cpu/results/{SMALL}",
        f"cuda-native/results/{SMALL}",
        f"cuda-native/results/{LARGE}",
    ]
