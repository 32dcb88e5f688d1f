"""memory: what a test that is over leaves behind is what somebody reads again."""

from __future__ import annotations

import gc
import platform
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.cases.case import Case
from fixtures.plugin import memory
from fixtures.plugin.memory import LARGE, MANY, Forgetting


def report(when: str, *sections: tuple[str, str]) -> Any:
    """What pytest reports of one phase of a test."""
    return SimpleNamespace(when=when, sections=list(sections), comparisons=[(0.0,)])


def kept(reports: list[Any], durations: int | None = None) -> dict[str, list[Any]]:
    """The terminal's statistics after these reports. Pytest enters setup and teardown under ""."""
    stats: dict[str, list[Any]] = {}
    manager = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(stats=stats))
    config: Any = SimpleNamespace(
        pluginmanager=manager, option=SimpleNamespace(durations=durations)
    )
    for each in reports:
        stats.setdefault("passed" if each.when == "call" else "", []).append(each)
        Forgetting(config).pytest_runtest_logreport(each)
    return stats


def test_of_a_test_that_passed_one_report_is_kept() -> None:
    """That of its call, without the comparisons, which the ledger has entered."""
    reports = [report("setup"), report("call"), report("teardown")]
    assert kept(reports) == {"": [], "passed": [reports[1]]}
    assert not any(hasattr(each, "comparisons") for each in reports)


@pytest.mark.parametrize("durations", [None, 3])
def test_what_can_be_shown_is_kept(durations: int | None) -> None:
    """What was captured, for -rA; and for --durations every report."""
    reports = [report("setup", ("Captured stdout setup", "words")), report("teardown")]
    assert kept(reports, durations) == {"": reports if durations else reports[:1]}


def test_process_without_a_terminal_keeps_no_comparisons() -> None:
    """As a worker of pytest-xdist."""
    config: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(get_plugin=lambda _: None),
        option=SimpleNamespace(durations=None),
    )
    passed = report("call")
    Forgetting(config).pytest_runtest_logreport(passed)
    assert not hasattr(passed, "comparisons")


@pytest.mark.parametrize(
    ("seq_len", "before", "dropped", "returned"),
    [(2, 0, 0, 0), (2 * LARGE, 0, 0, 1), (2, MANY - 1, 1, 1)],
    ids=["small", "large", "many"],
)
def test_memory_is_given_back_before_a_large_case_and_after_many(
    seq_len: int, before: int, dropped: int, returned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it begins; before a small case nothing, since that takes milliseconds."""
    calls: list[str] = []
    monkeypatch.setattr(memory, "keep", lambda: calls.append("dropped"))
    monkeypatch.setattr(memory, "malloc_trim", lambda: lambda pad: calls.append(f"returned {pad}"))
    config: Any = None
    forgetting = Forgetting(config)
    forgetting.begun = before
    params = {"case": Case(3, 4, seq_len=seq_len)}
    item: Any = SimpleNamespace(nodeid="test_a[x]", callspec=SimpleNamespace(params=params))
    forgetting.pytest_runtest_protocol(item)
    assert calls == ["dropped"] * dropped + ["returned 0"] * returned


def test_c_library_is_asked_where_it_can_be() -> None:
    """Under glibc."""
    trim = memory.malloc_trim()
    assert (trim is not None) == (platform.libc_ver()[0] == "glibc")
    assert trim is None or trim(0) in {0, 1}


def test_what_was_kept_is_collected_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a library that counts its objects there takes them for leaked."""
    registered: list[Any] = []
    monkeypatch.setattr("atexit.register", registered.append)
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(register=lambda _: None))
    memory.pytest_configure(config)
    assert registered == [gc.unfreeze]
