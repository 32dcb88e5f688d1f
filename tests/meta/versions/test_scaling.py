"""The law of cost can fail: a cost that is quadratic, or none, is not taken for a linear one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.implementation import TORCH_GRU
from fixtures.versions import scaling as growth
from fixtures.versions.scaling import AXES, Growth

SIZES = AXES["T"][1]


def grown(exponent: float, overhead: float = 0.0) -> Growth:
    """A forward pass whose cost grows so with T."""
    return Growth("T", "forward", SIZES, [overhead + 1e-4 * size**exponent for size in SIZES])


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_cost_that_is_not_linear_is_named(exponent: float) -> None:
    """A cost of T^0 or T^2 raises, and says so."""
    with pytest.raises(AssertionError, match=rf"forward grows as T\^{exponent:.2f}"):
        grown(exponent).demand_linear()


@pytest.mark.parametrize("overhead", [0.0, 3e-3])
def test_linear_cost_passes(overhead: float) -> None:
    """A cost of T^1 passes, with what a call costs at any size."""
    grown(1.0, overhead).demand_linear()


def test_every_size_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along an axis each size has its seconds, and the plot is a file."""
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")
    monkeypatch.setitem(AXES, "T", ("seq_len", (1, 3)))
    measured = growth.measure("T", "training", Backend("cpu"), TORCH_GRU, rounds=1, budget=0.0)
    assert len(measured.seconds) == 2
    growth.draw([measured], tmp_path / "reports" / "growth.svg", "title", figure)
    assert "<svg" in (tmp_path / "reports" / "growth.svg").read_text(encoding="utf-8")
