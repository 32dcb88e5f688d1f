"""NaN that reaches a product from beside its rows is found; only oneDNN's kernel is excused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import NEEDS_OF_LAYOUT, Claim, needed
from fixtures.cases.implementation import TORCH_GRU
from fixtures.comparison.arithmetic import Finding, measurements, nan_from_beside, sizes
from fixtures.comparison.selection import why_not_claimed
from fixtures.proof.coarse_products import Product, linear, under_onednn

CPU = Backend("cpu")
CASE = Case(3, 7, num_layers=2, batch=64, seq_len=6, dtype="bfloat16")
SLICED = CASE.replace(layout="sliced")
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
    """It is found, and on a CPU without AMX no case is spared."""
    pretend_flags()
    plant(under_onednn(reads_beyond))
    assert nan_from_beside(CPU, CASE) == Finding(WHAT, None)
    arguments = {"backend": CPU, "case": CASE.replace(layout="sliced")}
    assert why_not_claimed([], arguments, TORCH_GRU) is None


def test_amx_excuses_bfloat16_with_nan_beside(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None]
) -> None:
    """Only a case beside whose x NaN lies is spared: by its own layout, or by one of the test."""
    pretend_flags("amx_bf16")
    plant(under_onednn(reads_beyond))
    reasons = [
        why_not_claimed(
            [NEEDS_OF_LAYOUT.mark], {"backend": CPU, "case": CASE, "layout": "", **more}, TORCH_GRU
        )
        for more in ({}, {"layout": "permuted"}, {"layout": "offset"}, {"case": SLICED})
    ]
    assert reasons[:2] == [None, None]
    assert all(reason and f"non-finite numbers ({WHAT}: oneDNN" in reason for reason in reasons[2:])
    float32 = {"backend": CPU, "case": SLICED.replace(dtype="float32")}
    assert why_not_claimed([], float32, TORCH_GRU) is None


def test_amx_does_not_excuse_what_stays_without_onednn(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None]
) -> None:
    """The control: torch's own kernels read no row beyond its end."""
    pretend_flags("amx_bf16")
    plant(reads_beyond)
    assert nan_from_beside(CPU, CASE) == Finding(WHAT, None)


def test_on_this_machine_it_has_a_cause() -> None:
    """Without AMX no product takes NaN from beside its rows."""
    finding = nan_from_beside(CPU, CASE)
    assert finding is None or finding.excuses


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_on_this_machine_no_other_dtype_has_it(dtype: str) -> None:
    """So only bfloat16 is asked."""
    assert not any(measurements.nan_from_beside(CPU, dtype, size) for size in sizes(CASE))


def test_case_beside_whose_x_nan_lies_says_so() -> None:
    """It needs non-finite numbers; a contiguous or a transposed x does not."""
    of_layout = {
        layout: Claim.NON_FINITE in needed([], {"case": CASE.replace(layout=layout)})
        for layout in ("contiguous", "permuted", "transposed", "strided", "sliced")
    }
    assert [layout for layout, says in of_layout.items() if says] == ["strided", "sliced"]
