"""forecast: a slow run says after a tenth of its tests how long it will take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.plugin import reports


@pytest.mark.parametrize(("slow", "lines"), [(0.0, 1), (1e6, 0)], ids=["slow", "fast"])
def test_slow_run_says_once_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, slow: float, lines: int
) -> None:
    """In minutes; a fast one says nothing."""
    monkeypatch.setattr(reports, "SLOW", slow)
    written: list[str] = []
    manager = SimpleNamespace(get_plugin=lambda _: SimpleNamespace(write_line=written.append))
    session: Any = SimpleNamespace(
        testscollected=700, config=SimpleNamespace(pluginmanager=manager)
    )
    forecast = reports._Forecast()  # noqa: SLF001  # a plugin, which only pytest calls
    loop = forecast.pytest_runtestloop(session)
    next(loop)
    for _ in range(700):
        for when in ("setup", "call", "teardown"):
            forecast.pytest_runtest_logreport(SimpleNamespace(when=when))  # type: ignore[arg-type]  # all that is read
    assert len(written) == lines
    assert all("minutes for 700 tests." in line for line in written)
