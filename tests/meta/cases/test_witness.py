"""witness: asymmetric, unsaturated, the same numbers every time, whatever the global seed."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.memory_layout import BESIDE_NAN, LAYOUTS, VIEWS, memory_of
from fixtures.cases.parameters import parameter, parameter_names
from fixtures.cases.table import over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness, as_numpy
from fixtures.truth import oracle

CPU = Backend("cpu")
BEYOND_ONE = SPREAD.filter(lambda case: case.hidden_size > 1 and case.seq_len > 1)


def witness_of(case: Case, seed: int = 0) -> Witness:
    """The witness of a case on the CPU."""
    return Witness(case, CPU, TORCH_GRU, seed)


@over(BEYOND_ONE)
def test_no_symmetry_hides_a_fault(case: Case) -> None:
    """No palindrome; directions, units and rows differ; parameters and h_0 are random."""
    witness = witness_of(case)
    numbers = witness.numbers
    x = numbers["x"].swapaxes(0, 1) if case.batch_first else numbers["x"]
    output = oracle.gru(**numbers).output
    time = output.swapaxes(0, 1) if case.batch_first else output
    columns = time.reshape(-1, time.shape[-1]).T
    rows = time.swapaxes(0, 1).reshape(case.batch, -1)
    assert not np.array_equal(x, x[::-1])
    assert len(np.unique(columns, axis=0)) == 2 * case.hidden_size
    assert len(np.unique(rows, axis=0)) == case.batch
    for name in parameter_names(case.num_layers, bias=case.bias):
        values = numbers["parameters"][name]
        assert len(np.unique(values)) > 0.98 * values.size
    assert len(np.unique(as_numpy(witness.random_h_0))) > 0.98 * witness.random_h_0.numel()


@over(BEYOND_ONE)
def test_skipping_the_flip_changes_the_output_by_far(case: Case) -> None:
    """A reverse direction that reads forwards is off by more than 0.01, far beyond rounding."""
    numbers = witness_of(case).numbers
    time = 1 if case.batch_first else 0
    output = oracle.gru(**numbers).output
    flipped = oracle.gru(**{**numbers, "x": np.flip(numbers["x"], time)}).output
    assert np.abs(output - np.flip(flipped, time)).max() > 0.01


@over(SPREAD)
def test_gates_are_not_saturated(case: Case) -> None:
    """At most 1 in 10 of r and z is outside 0.02 .. 0.98, and of |n| above 0.99."""
    layers = oracle.gru(**witness_of(case).numbers).layers
    gates = np.concatenate([np.concatenate((layer.r.ravel(), layer.z.ravel())) for layer in layers])
    candidates = np.concatenate([layer.n.ravel() for layer in layers])
    assert np.mean((gates < 0.02) | (gates > 0.98)) <= 0.1
    assert np.mean(np.abs(candidates) > 0.99) <= 0.1


def test_sizes_of_the_core_differ_pairwise_unless_the_row_is_there_for_equality() -> None:
    """But for the rows for 1 and T == B, a wrong axis has no legal shape."""
    equal = {
        tuple(sizes)
        for case in CORE.quick
        if len(set(sizes := (case.input_size, case.hidden_size, case.batch, case.seq_len))) < 4
        and 1 not in sizes
        and case.batch != case.seq_len
    }
    assert equal == set()


def test_same_case_and_seed_give_the_same_numbers() -> None:
    """Two witnesses of a case are bitwise equal; another seed, or another id, gives another."""
    case = Case(3, 7, num_layers=2)
    first, again, other_seed, other_case = (
        witness_of(case),
        witness_of(case),
        witness_of(case, 1),
        witness_of(case.replace(bias=False)),
    )
    assert torch.equal(first.x, again.x)
    for name in parameter_names(2):
        assert torch.equal(parameter(first.bi, name), parameter(again.bi, name))
    assert not torch.equal(first.x, other_seed.x)
    assert not torch.equal(first.x, other_case.x)


def test_dtypes_of_one_draw_are_roundings_of_it() -> None:
    """Numbers are drawn in float64 and rounded to the dtype."""
    witness = witness_of(Case(3, 7, dtype="float32"))
    assert torch.equal(
        witness.x,
        torch.randn(5, 2, 3, generator=witness.generator("x"), dtype=torch.float64).float(),
    )


def test_witness_needs_no_global_generator() -> None:
    """Input, state and parameters are the same whatever the global seed is.

    (Constructors draw from the global generator.)
    """
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = witness_of(Case(3, 7))
        numbers = [first.x, first.random_h_0, parameter(first.bi, "weight_hh_l0_reverse")]
        torch.manual_seed(2)
        second = witness_of(Case(3, 7))
        assert all(
            map(
                torch.equal,
                numbers,
                [second.x, second.random_h_0, parameter(second.bi, "weight_hh_l0_reverse")],
            )
        )


@pytest.mark.parametrize("name", LAYOUTS | VIEWS)
def test_layouts_hold_the_same_numbers_in_other_places(name: str) -> None:
    """A layout changes where the numbers lie, neither them nor the shape."""
    values = torch.arange(1.0, 31.0).view(5, 2, 3)
    view = (LAYOUTS | VIEWS)[name](values)
    assert torch.equal(view, values)
    assert view.is_contiguous() == (name in ("contiguous", "offset"))
    assert (view.storage_offset() % 4 == 0) == (name not in ("sliced", "spaced", "offset"))


@pytest.mark.parametrize("name", LAYOUTS | VIEWS)
def test_nan_lies_beside_the_numbers_or_does_not(name: str) -> None:
    """In memory beside a view lies NaN, or where a witness has none, 1,000; its numbers stay."""
    layout, values = (LAYOUTS | VIEWS)[name], torch.arange(1.0, 31.0).view(5, 2, 3)
    witness = witness_of(Case(3, 7))
    without = dataclasses.replace(witness, nan_beside=False)
    view, finite = witness.laid_out(layout, values), without.laid_out(layout, values)
    memory, finite_memory = memory_of(view), memory_of(finite)
    assert bool(memory.isnan().any()) == (name in BESIDE_NAN)
    assert torch.equal(finite_memory, memory.nan_to_num(nan=1000.0))
    assert torch.equal(finite, values)
    assert finite.stride() == view.stride()


def test_no_two_layouts_have_the_same_strides() -> None:
    """Each is a layout of its own."""
    views = [view(torch.zeros(5, 2, 3)) for view in VIEWS.values()]
    assert len({(view.stride(), view.storage_offset()) for view in views}) == len(views)


def test_generators_of_two_purposes_are_independent() -> None:
    """No two purposes share their numbers."""
    witness = witness_of(Case(3, 7))
    draws = [witness.draw(purpose, 8) for purpose in ("x", "h_0", "parameters")]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(draws, 2))
