"""Law of cost: on a CPU time is linear in T and in B, and at most quadratic in H.

Measured by ``make bench`` only, since a busy machine may take any time.

A GRU does the same work at every step of every row. In H the matrix products are quadratic, and
the calls cost the same at any H.

Source: torch documentation, torch.nn.GRU: the same equation at every step of every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fixtures.actions.formulations.formulations import bidirectional
from fixtures.actions.formulations.workload import WORKLOADS
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import Implementation
from fixtures.cases.witness import Witness

#: The sizes that are measured, by axis and its field in Case; all else is as in BASE.
BASE = Case(64, 64, batch=8, seq_len=8)
AXES: dict[str, tuple[str, tuple[int, ...]]] = {
    "T": ("seq_len", (16, 32, 64, 128, 256, 512)),
    "B": ("batch", (32, 64, 128, 256, 512, 1024)),
    "H": ("hidden_size", (16, 32, 64, 128, 256, 512)),
}

#: Between which scaling exponents each axis has to lie. Wide: they separate linear from constant
#: and from quadratic, and quadratic from cubic.
BOUNDS = {"T": (0.5, 1.5), "B": (0.5, 1.5), "H": (0.0, 2.5)}
#: On another device a small size takes as long as a larger one, since most of the time launches the
#: kernels, so only what grows too fast is an error. Seen on an NVIDIA H200: from T^0.04 to T^1.01,
#: from B^-0.02 to B^0.18, from H^-0.12 to H^0.36.
NOT_ON_A_CPU = {axis: (-0.5, most) for axis, (_, most) in BOUNDS.items()}

#: Each size is measured once a round, so that no size has a quiet minute to itself.
ROUNDS, BUDGET = 5, 0.02


def exponent(seconds: Mapping[int, float]) -> float:
    """The scaling exponent: the slope of log seconds over log size, by least squares."""
    return float(np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0])


def require_scaling(axis: str, seconds: Mapping[int, float], device: str = "cpu") -> str:
    """The exponent and what it was measured from, in a line.

    Raises ``AssertionError`` with that line where the exponent is out of its bounds.
    """
    least, most = (BOUNDS if device == "cpu" else NOT_ON_A_CPU)[axis]
    times = ", ".join(f"{size}: {1000 * value:.3g} ms" for size, value in seconds.items())
    line = f"time scales as {axis}^{exponent(seconds):.2f} ({times})"
    assert least <= exponent(seconds) <= most, f"{line}, not between {least} and {most}"
    return line


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("axis", AXES)
def test_time_scales_as_the_work(
    axis: str,
    workload: str,
    backend: Backend,
    implementation: Implementation,
    benchmark: Any,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a CPU the exponent is about 1 in T and B, and at most 2 in H; elsewhere at most that."""
    if benchmark.disabled:
        pytest.skip("cost is measured by make bench only")
    field, sizes = AXES[axis]
    formulations = [
        bidirectional(
            Witness(
                BASE.replace(**{field: size}), backend, implementation, pytestconfig.option.seed
            )
        )
        for size in sizes
    ]
    with backend.active():
        rounds = [
            [each.seconds(workload, BUDGET, least=1) for each in formulations]
            for _ in range(ROUNDS)
        ]
    seconds = dict(zip(sizes, np.min(rounds, axis=0).tolist(), strict=True))
    line = require_scaling(axis, seconds, backend.kind)
    with capsys.disabled():
        pytestconfig.get_terminal_writer().line(f"\n{backend}, {workload}: {line}")


@pytest.mark.parametrize(("axis", "power"), [("T", 0), ("T", 2), ("B", 2), ("H", 3)])
def test_other_scaling_is_rejected(axis: str, power: int) -> None:
    """A cost of T^0, T^2, B^2 or H^3 raises, and the message has the exponent."""
    seconds = {size: 1e-4 * size**power for size in AXES[axis][1]}
    with pytest.raises(AssertionError, match=rf"time scales as {axis}\^{power}\.00 \("):
        require_scaling(axis, seconds)


@pytest.mark.parametrize("axis", AXES)
def test_gpu_may_take_as_long_for_less(axis: str) -> None:
    """There a constant cost passes, and one that grows faster than the work does not."""
    sizes = AXES[axis][1]
    require_scaling(axis, dict.fromkeys(sizes, 1e-3), "cuda")
    with pytest.raises(AssertionError, match=r"not between -0.5 and"):
        require_scaling(axis, {size: 1e-9 * size**3 for size in sizes}, "cuda")


@pytest.mark.parametrize("overhead", [0.0, 3e-3])
def test_linear_cost_with_an_overhead_passes(overhead: float) -> None:
    """A cost of T^1 passes, with what a call costs at any size."""
    require_scaling("T", {size: overhead + 1e-4 * size for size in AXES["T"][1]})
