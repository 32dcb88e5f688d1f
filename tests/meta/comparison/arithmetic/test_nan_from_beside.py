"""NaN that reaches a product from beside its rows is found; only oneDNN's kernel is excused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from torch import Tensor

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim
from fixtures.cases.implementation import TORCH_GRU
from fixtures.comparison.arithmetic import Finding, measurements, nan_from_beside, sizes
from fixtures.comparison.selection import nan_beside, why_more_coarsely
from fixtures.proof.coarse_products import Product, linear, under_onednn

CPU = Backend("cpu")
CASE = Case(3, 7, num_layers=2, batch=64, seq_len=6, dtype="bfloat16")
SLICED = {"backend": CPU, "case": CASE.replace(layout="sliced")}
WHAT = "cpu takes NaN from beside a row of bfloat16"


def reads_beyond(x: Tensor, weight: Tensor) -> Tensor:
    """A product that multiplies by zero what lies behind each row but the last."""
    result, (rows, terms) = linear(x, weight), x.shape
    behind = x.as_strided((rows - 1, 1), (x.stride(0), 1), x.storage_offset() + terms)
    result[:-1] += 0 * behind
    return result


def test_without_a_cause_it_excuses_nothing(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None]
) -> None:
    """It is found, and on a CPU without AMX NaN stays beside x."""
    pretend_flags()
    plant(under_onednn(reads_beyond))
    assert nan_from_beside(CPU, CASE) == Finding(WHAT, None)
    assert nan_beside(SLICED, TORCH_GRU)
    assert why_more_coarsely(SLICED) is None


@pytest.mark.parametrize(
    ("layout", "of_the_test", "told"),
    [
        ("contiguous", "", False),
        ("contiguous", "permuted", False),
        ("contiguous", "spaced", True),
        ("sliced", "", True),
    ],
)
def test_amx_takes_the_nan_from_beside_bfloat16(
    plant: Callable[[Product], None],
    pretend_flags: Callable[..., None],
    layout: str,
    of_the_test: str,
    *,
    told: bool,
) -> None:
    """And the verdict says so of the cases beside whose x NaN would lie; float32 keeps it."""
    pretend_flags("amx_bf16")
    plant(under_onednn(reads_beyond))
    arguments = {"backend": CPU, "case": CASE.replace(layout=layout), "layout": of_the_test}
    assert not nan_beside(arguments, TORCH_GRU)
    finding = why_more_coarsely(arguments)
    assert (finding is not None and str(finding).startswith(f"{WHAT}: oneDNN")) is told
    float32 = arguments | {"case": CASE.replace(layout=layout, dtype="float32")}
    assert nan_beside(float32, TORCH_GRU)
    assert why_more_coarsely(float32) is None


def test_amx_does_not_excuse_what_stays_without_onednn(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None]
) -> None:
    """The control: torch's own kernels read no row beyond its end."""
    pretend_flags("amx_bf16")
    plant(reads_beyond)
    assert nan_from_beside(CPU, CASE) == Finding(WHAT, None)


def test_gru_that_claims_no_nan_has_none_beside_x() -> None:
    """A right GRU may multiply by zero what it reads there."""
    finite_only = dataclasses.replace(TORCH_GRU, claims=frozenset(Claim) - {Claim.NON_FINITE})
    assert not nan_beside(SLICED, finite_only)


def test_on_this_machine_it_has_a_cause() -> None:
    """Without AMX no product takes NaN from beside its rows."""
    finding = nan_from_beside(CPU, CASE)
    assert finding is None or finding.excuses


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_on_this_machine_no_other_dtype_has_it(dtype: str) -> None:
    """So only bfloat16 is asked."""
    assert not any(measurements.nan_from_beside(CPU, dtype, size) for size in sizes(CASE))
