"""Coarse products, narrow sums, rough activations, unequal gradients: found where planted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.witness import Witness
from fixtures.comparison import arithmetic
from fixtures.comparison.arithmetic import Finding, measurements
from fixtures.comparison.arithmetic.measurements import Activations, Operands
from fixtures.comparison.selection import coarser_row, precision
from fixtures.comparison.tolerance import UNIT_ROUNDOFF
from fixtures.proof.coarse_products import (
    Product,
    Unsteady,
    from_two_rows_on,
    in_bfloat16,
    in_four_bits,
    in_half,
    in_tf32,
    under_onednn,
)
from fixtures.proof.mutants import CorrectGRU

CPU = Backend("cpu")
CASE = Case(3, 4, num_layers=2, batch=2, seq_len=3)


@pytest.mark.parametrize(
    ("product", "bits", "row"),
    [
        (in_tf32, "11", "tf32"),
        (in_bfloat16, "8", "bfloat16 products"),
        (in_four_bits, "less than 8", None),
    ],
)
def test_coarser_products_name_their_row(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[Product], None],
    product: Product,
    bits: str,
    row: str | None,
) -> None:
    """Operands of fewer bits are found, with their row. Only a setting of oneDNN excuses oneDNN."""
    monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE", raising=False)
    assert arithmetic.coarser_products(CPU, CASE) is None
    plant(under_onednn(product))
    what = f"cpu multiplies float32 numbers of {bits} bits"
    assert arithmetic.coarser_products(CPU, CASE) == Finding(what, None, row)
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    cause = "ONEDNN_DEFAULT_FPMATH_MODE allows it"
    assert arithmetic.coarser_products(CPU, CASE) == Finding(what, cause, row)
    plant(product)
    assert arithmetic.coarser_products(CPU, CASE) == Finding(what, None, row)


@pytest.mark.parametrize(
    "settings", [SimpleNamespace(fp32_precision="bf16"), SimpleNamespace()], ids=["2.9", "2.0"]
)
def test_reduced_precision_of_torch_is_a_cause(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[Product], None], settings: SimpleNamespace
) -> None:
    """torch.set_float32_matmul_precision("medium") is one, and what torch 2.9 has in its place."""
    monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE", raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "matmul", settings, raising=False)
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "medium")
    plant(under_onednn(in_bfloat16))
    finding = arithmetic.coarser_products(CPU, CASE)
    assert finding is not None
    assert finding.cause == "torch.set_float32_matmul_precision or fp32_precision allows it"


def test_product_that_is_exact_for_one_row_is_measured_with_more(
    plant: Callable[[Product], None],
) -> None:
    """A device that truncates from two rows on is found at the case's own sizes."""
    plant(from_two_rows_on(in_tf32))
    assert arithmetic.coarser_products(CPU, CASE.replace(batch=1, seq_len=1)) is None
    assert arithmetic.coarser_products(CPU, CASE) is not None


@pytest.mark.parametrize("dtype", arithmetic.HALF)
def test_sums_in_half_precision_are_found(plant: Callable[[Product], None], dtype: str) -> None:
    """A sum carried in its operands' dtype loses small terms; on the CPU nothing excuses it."""
    case = CASE.replace(dtype=dtype, input_size=40)
    assert arithmetic.narrow_sums(CPU, case) is None
    plant(in_half)
    what = f"cpu sums products of {dtype} in {dtype}"
    assert arithmetic.narrow_sums(CPU, case) == Finding(what, None)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_rough_activations_are_found(
    monkeypatch: pytest.MonkeyPatch, name: str, dtype: str
) -> None:
    """An activation off by more than the tolerance of one number is found; torch's own are not."""
    case = CASE.replace(dtype=dtype)
    assert arithmetic.rough_activations(CPU, case) is None
    exact, off = getattr(torch.Tensor, name), 6 * UNIT_ROUNDOFF[dtype]
    monkeypatch.setattr(torch.Tensor, name, lambda x: exact(x) - off)
    arithmetic.forget()
    finding = arithmetic.rough_activations(CPU, case)
    assert finding is not None
    words = rf"cpu computes {dtype} with an error of [5-8]\.\d u in {name}"
    assert re.fullmatch(words, finding.what)
    assert not finding.excuses


def test_tanh_inside_the_gru_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GRU whose own tanh is off shows it, beside a torch.tanh that is not."""
    assert measurements.tanh_of_gru(CPU, "float32", 4) < 2

    class Rough(CorrectGRU):
        def tanh(self, a: Tensor) -> Tensor:
            return torch.tanh(a) + 2.0**-17

    monkeypatch.setattr(nn, "GRU", Rough)
    arithmetic.forget()
    assert measurements.tanh_of_gru(CPU, "float32", 4) == pytest.approx(128, abs=2)


@pytest.mark.parametrize(
    ("place", "error", "row"),
    [
        (Backend("cuda"), 120.0, "rough tanh"),
        (Backend("cuda"), 300.0, "float32"),
        (Backend("cuda", "tf32"), 120.0, "tf32"),
        (Backend("cuda", "native"), 120.0, "float32"),
    ],
    ids=str,
)
def test_rough_tanh_of_cudnn_has_a_row_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, place: Backend, error: float, row: str
) -> None:
    """Only cuDNN's own kernel is excused, by a row that allows for what an H100 was seen to do."""

    def rough(there: Backend, _: str, hidden_size: int) -> float:
        return error if hidden_size <= 192 and there == place else 1.0

    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(measurements, "activations", lambda *_: Activations(1.0, 1.0))
    monkeypatch.setattr(measurements, "operands", lambda *_: Operands("float32"))
    monkeypatch.setattr(measurements, "tanh_of_gru", rough)
    finding = arithmetic.rough_activations(place, CASE)
    assert finding is not None
    words = f"computes float32 with an error of {error} u in the tanh of a GRU"
    assert finding.what == f"{place} {words}"
    assert finding.excuses == (place.variant != "native")
    assert precision(place, CASE) == row
    assert (coarser_row(place, CASE) is not None) == (row == "rough tanh")
    assert arithmetic.rough_activations(place, CASE.replace(hidden_size=193)) is None


def test_unequal_backward_is_found(plant: Callable[[Product], None]) -> None:
    """The same backward pass with another last bit is found; on the CPU nothing excuses it."""
    assert arithmetic.unequal_backward(CPU, CASE) is None
    plant(Unsteady.apply)
    what = "cpu computes another float32 gradient the second time"
    assert arithmetic.unequal_backward(CPU, CASE) == Finding(what, None)


def test_product_that_is_refused_is_no_finding(plant: Callable[[Product], None]) -> None:
    """A dtype or a device that is missing excuses nothing, and raises nothing: a law reports it."""

    def refused(x: Tensor, weight: Tensor) -> Tensor:
        raise RuntimeError(f"not implemented for {x.dtype} by {weight.dtype}")

    plant(refused)
    half = CASE.replace(dtype="float16")
    assert arithmetic.lost_subnormals(CPU, half) is None
    assert arithmetic.coarser_products(CPU, CASE) is None
    assert arithmetic.narrow_sums(CPU, half) is None
    assert arithmetic.unequal_backward(CPU, half) is None
    assert arithmetic.rough_activations(Backend("mps"), CASE.replace(dtype="float64")) is None


@pytest.mark.parametrize(
    "shape", [CASE, CASE.replace(num_layers=1), Case(5, 2, 3, 1, 4, bias=False)], ids=str
)
def test_sizes_are_those_of_torch(shape: Case) -> None:
    """The products that torch.nn.GRU makes on the CPU, as torch's profiler lists them."""
    witness = Witness(shape, CPU, TORCH_GRU)
    with torch.autograd.profiler.profile(record_shapes=True, use_kineto=False) as profile:
        witness.run(witness.x, witness.h_0)
    events = [event for event in profile.function_events if event.name == "aten::linear"]
    shapes = (event.input_shapes[:2] for event in events)
    assert {(math.prod(x[:-1]), *weight) for x, weight in shapes} == set(arithmetic.sizes(shape))


def test_sizes_of_packed_rows_are_the_most_and_one() -> None:
    """Where rows end at different steps, the largest step and a single row stand for all."""
    case = Case(3, 4, batch=5, seq_len=6, lengths="unsorted")
    assert arithmetic.sizes(case) == ((30, 12, 3), (5, 12, 4), (1, 12, 4))
    assert arithmetic.sizes(case.replace(lengths="ones")) == ((5, 12, 3), (5, 12, 4), (1, 12, 4))
