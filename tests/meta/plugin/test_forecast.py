"""forecast: a slow run says after a tenth of its tests how long it will take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.plugin import forecast


@pytest.mark.parametrize(("slow", "lines"), [(0.0, 1), (1e6, 0)], ids=["slow", "fast"])
def test_slow_run_says_once_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, slow: float, lines: int
) -> None:
    """In minutes; a fast one says nothing."""
    monkeypatch.setattr(forecast, "SLOW", slow)
    written: list[str] = []
    manager = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(write_line=written.append))
    session: Any = SimpleNamespace(
        testscollected=700, items=[], config=SimpleNamespace(pluginmanager=manager)
    )
    plugin = forecast.Forecast()
    loop = plugin.pytest_runtestloop(session)
    next(loop)
    for _ in range(700):
        for when in ("setup", "call", "teardown"):
            plugin.pytest_runtest_logreport(SimpleNamespace(when=when, nodeid=""))  # type: ignore[arg-type]  # all that is read
    assert len(written) == lines
    assert all("minutes for 700 tests." in line for line in written)


def test_costly_tests_that_come_last_are_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty cheap tests take a second; 540 that cost tenfold take ninety."""
    clock = iter((0.0, 1.0))
    monkeypatch.setattr(forecast, "SLOW", 0.0)
    monkeypatch.setattr(forecast, "ENOUGH", 60)
    monkeypatch.setattr(forecast, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(forecast, "_weight", lambda item: item.cost)
    written: list[str] = []
    manager = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(write_line=written.append))
    items = [SimpleNamespace(nodeid=str(i), cost=1.0 if i < 60 else 10.0) for i in range(600)]
    session: Any = SimpleNamespace(
        testscollected=600, items=items, config=SimpleNamespace(pluginmanager=manager)
    )
    plugin = forecast.Forecast()
    next(plugin.pytest_runtestloop(session))
    for item in items:
        plugin.pytest_runtest_logreport(SimpleNamespace(when="teardown", nodeid=item.nodeid))  # type: ignore[arg-type]  # likewise
    assert written == ["\nAbout 2 minutes for 600 tests."]
