"""Law of cost: time is linear in T and in B. Judged by ``make bench`` only, since a busy machine may take any time.

Source: torch documentation, torch.nn.GRU: the same equation at every step of every row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch

from fixtures import ROOT
from fixtures.actions.formulations import WORKLOADS
from fixtures.cases.backend import Backend
from fixtures.cases.implementation import Implementation
from fixtures.versions import scaling as growth
from fixtures.versions.scaling import AXES, LINEAR, Growth

PLOT = ROOT / "reports" / "growth.svg"

Measured = Callable[[str, str], Growth]
_measured = cache(growth.measure)


@pytest.fixture
def measured(
    backend: Backend, implementation: Implementation, benchmark: Any, pytestconfig: pytest.Config
) -> Measured:
    """The growth of one piece of work along one axis, measured once."""
    if benchmark.disabled:
        pytest.skip("cost is judged by make bench only")
    return lambda axis, work: _measured(
        axis, work, backend, implementation, seed=pytestconfig.option.seed
    )


@pytest.mark.parametrize("work", WORKLOADS)
@pytest.mark.parametrize("axis", LINEAR)
def test_cost_is_linear(measured: Measured, axis: str, work: str) -> None:
    """Log seconds over log size is a line with a slope of about one."""
    measured(axis, work).demand_linear()


def test_growth_is_drawn(
    measured: Measured,
    backend: Backend,
    implementation: Implementation,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Growth with T, B and H is fitted, told, and plotted to reports/."""
    growths = [measured(axis, work) for axis in AXES for work in WORKLOADS]
    terminal: Any = pytestconfig.pluginmanager.getplugin("terminalreporter")
    with capsys.disabled():
        terminal.write_line("\n".join(["", *map(str, growths)]))
    figure = pytest.importorskip(
        "matplotlib.figure",
        reason='growth is not plotted, for matplotlib is not installed: pip install ".[report]"',
    )
    path = PLOT.with_stem(f"growth-{backend}")
    growth.draw(
        growths,
        path,
        f"{implementation.name}(bidirectional=True), torch {torch.__version__}, {backend}",
        figure,
    )
    with capsys.disabled():
        terminal.write_line(f"plotted: {path.relative_to(PLOT.parent.parent)}")
