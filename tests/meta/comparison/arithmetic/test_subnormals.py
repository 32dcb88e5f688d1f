"""Flushed subnormal numbers are found where they are planted; only a known cause excuses them."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pytest
import torch

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.comparison.arithmetic import Finding, causes, lost_subnormals
from fixtures.proof.coarse_products import (
    Product,
    flush_inputs,
    flush_results,
    linear,
    under_onednn,
)

CPU, NATIVE = Backend("cpu"), Backend("cpu", "native")
DTYPES = ("float64", "float32", "float16", "bfloat16")

SMALL = Case(3, 4, num_layers=2, batch=2, seq_len=3)
LARGE = Case(3, 7, num_layers=2, batch=5, seq_len=6)  # 30 x 21 x 14 > 4096: a product of oneDNN
SMALL_BFLOAT16, LARGE_BFLOAT16 = (case.replace(dtype="bfloat16") for case in (SMALL, LARGE))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("product", "words"),
    [(flush_inputs, "inputs of products"), (flush_results, "results of products")],
)
def test_without_a_cause_they_excuse_nothing(
    plant: Callable[[Product], None],
    pretend_flags: Callable[..., None],
    product: Product,
    words: str,
    dtype: str,
) -> None:
    """A product that flushes is found, and on a CPU without a flag for it has no cause."""
    assert lost_subnormals(CPU, SMALL.replace(dtype=dtype)) is None
    pretend_flags()
    plant(under_onednn(product))
    finding = lost_subnormals(CPU, SMALL.replace(dtype=dtype))
    assert finding == Finding(f"cpu flushes subnormal {dtype}: {words}", None)
    assert not finding.excuses
    assert str(finding) == f"{finding.what}: no known cause, so it excuses nothing"


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"])
def test_flag_of_the_cpu_excuses_bfloat16_only(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None], flag: str
) -> None:
    """Each flag is the cause in bfloat16, and in no other dtype."""
    pretend_flags(flag)
    plant(under_onednn(flush_inputs))
    findings = {dtype: lost_subnormals(CPU, SMALL.replace(dtype=dtype)) for dtype in DTYPES}
    assert all(findings.values())
    assert [dtype for dtype, found in findings.items() if found and found.excuses] == ["bfloat16"]
    assert f"the CPU has {flag}, whose " in str(findings["bfloat16"])


def test_flag_does_not_excuse_what_stays_without_onednn(
    plant: Callable[[Product], None], pretend_flags: Callable[..., None]
) -> None:
    """The control: torch's own kernels have no VDPBF16PS, so what flushes there too is a fault."""
    pretend_flags("avx512_bf16")
    plant(flush_inputs)
    finding = lost_subnormals(CPU, SMALL_BFLOAT16)
    assert finding is not None
    assert not finding.excuses


def test_flag_does_not_excuse_a_tanh_that_flushes(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[Product], None],
    pretend_flags: Callable[..., None],
) -> None:
    """A tanh that flushes beside the product is a fault, which the control has too."""
    pretend_flags("avx512_bf16")
    plant(under_onednn(flush_inputs))
    monkeypatch.setattr(torch.Tensor, "tanh", lambda x: 0 * x)
    finding = lost_subnormals(CPU, SMALL_BFLOAT16)
    assert finding is not None
    assert finding.what == "cpu flushes subnormal bfloat16: inputs of products, results of tanh"
    assert not finding.excuses


@pytest.mark.parametrize(
    ("level", "excuses"),
    [("AVX512_CORE_VNNI", False), ("avx2", False), ("AVX512_CORE_BF16", True), ("", True)],
)
def test_flag_that_onednn_may_not_use_excuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[Product], None],
    pretend_flags: Callable[..., None],
    level: str,
    *,
    excuses: bool,
) -> None:
    """ONEDNN_MAX_CPU_ISA below the flag's instruction set takes the excuse away."""
    pretend_flags("avx512_bf16")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", level)
    plant(under_onednn(flush_results))
    finding = lost_subnormals(CPU, SMALL_BFLOAT16)
    assert finding is not None
    assert finding.excuses is excuses


def test_other_wrong_values_are_not_called_flushed(plant: Callable[[Product], None]) -> None:
    """Zeros among values that are wrong in another way are a fault, which a law has to find."""
    plant(lambda x, weight: linear(x, weight) * torch.arange(len(weight)))
    assert lost_subnormals(CPU, SMALL) is None


def test_thread_that_flushes_is_a_cause() -> None:
    """torch.set_flush_denormal(True) reaches Python's own arithmetic, by which it is known."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU has no such mode")
    try:
        finding = lost_subnormals(CPU, SMALL)
    finally:
        torch.set_flush_denormal(False)
    assert finding is not None
    assert finding.what.endswith("inputs of products, results of products, results of tanh")
    assert finding.cause is not None
    assert "torch.set_flush_denormal" in finding.cause


def test_this_machine_loses_bfloat16_as_its_flags_say() -> None:
    """With avx512_bf16 in use, products beyond 4096 lose subnormals; what is lost has a cause."""
    finding = lost_subnormals(CPU, LARGE_BFLOAT16)
    if causes.onednn_uses("avx512_bf16"):
        assert finding is not None
    assert finding is None or finding.excuses
    assert lost_subnormals(CPU, SMALL_BFLOAT16) is None


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="Arm's kernels flush too")
def test_without_onednn_this_machine_keeps_bfloat16() -> None:
    """The control is one: what oneDNN may flush, torch's own kernels keep."""
    assert lost_subnormals(NATIVE, LARGE_BFLOAT16) is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_this_machine_keeps_the_others(dtype: str) -> None:
    """No known CPU flushes other dtypes in a product by itself."""
    assert lost_subnormals(CPU, LARGE.replace(dtype=dtype)) is None
