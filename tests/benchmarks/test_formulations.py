"""Benchmarks: the cost of other formulations of a bidirectional GRU, beside one call of it.

Sizes and lengths go from 1 to 512. ``make bench`` times them. The suite's own run computes each
once, so that they stay right.

Source: torch documentation, torch.nn.GRU and torch.nn.GRUCell; pytest-benchmark documentation,
section *Usage*.
"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.actions.formulations.formulations import (
    batch_first,
    bidirectional,
    cell_by_cell,
    packed_whole,
    padded,
    two_passes,
)
from fixtures.actions.formulations.workload import SIZES, WORKLOADS, tolerance_args
from fixtures.cases.backend import Backend
from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

ONE_LAYER = SIZES.filter(lambda case: case.num_layers == 1)
LARGE = SIZES.filter(lambda case: case.hidden_size >= 64)
UNSORTED = ONE_LAYER.with_fields(lengths="unsorted", h_0="random")


@pytest.mark.parametrize("name", ["bidirectional", "two passes"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(SIZES)
def test_two_standalone_passes_do_what_the_bidirectional_call_does(
    witness: Witness, time_formulation: Any, workload: str, name: str
) -> None:
    """The law's own cost: two standalone passes, two flips and a cat, beside one call."""
    formulations = {"bidirectional": bidirectional(witness), "two passes": two_passes(witness)}
    time_formulation(formulations, name, workload)


@pytest.mark.parametrize("name", ["bidirectional", "cell by cell"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(SIZES)
def test_cells_unrolled_by_hand_do_what_the_bidirectional_call_does(
    witness: Witness, time_formulation: Any, workload: str, name: str
) -> None:
    """nn.GRUCell with the loop over time in Python, beside one call."""
    formulations = {"bidirectional": bidirectional(witness), "cell by cell": cell_by_cell(witness)}
    time_formulation(formulations, name, workload)


@pytest.mark.parametrize("name", ["time first", "batch first"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(SIZES)
def test_batch_first_does_what_time_first_does(
    witness: Witness, time_formulation: Any, workload: str, name: str
) -> None:
    """The same numbers batch-first, beside those time-first."""
    formulations = {"time first": bidirectional(witness), "batch first": batch_first(witness)}
    time_formulation(formulations, name, workload)


@pytest.mark.parametrize("name", ["tensor", "packed"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(SIZES)
def test_packed_rows_of_full_length_do_what_a_tensor_does(
    witness: Witness, time_formulation: Any, workload: str, name: str
) -> None:
    """The cost of a PackedSequence by itself: every row is T long, and it is packed beforehand."""
    formulations = {"tensor": bidirectional(witness), "packed": packed_whole(witness)}
    time_formulation(formulations, name, workload)


@pytest.mark.parametrize("name", ["packed", "padded"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(UNSORTED)
def test_padded_rows_reversed_by_hand_do_what_packed_ones_do(
    witness: Witness, time_formulation: Any, workload: str, name: str
) -> None:
    """A PackedSequence of many lengths, beside padding that is computed and then masked."""
    formulations = {"packed": bidirectional(witness), "padded": padded(witness)}
    time_formulation(formulations, name, workload)


@pytest.mark.parametrize("threads", ["1thread", "2threads"])
@pytest.mark.parametrize("workload", WORKLOADS)
@over(LARGE)
def test_two_threads_do_what_one_does(
    witness: Witness, agree: Agree, benchmark: Any, workload: str, threads: str
) -> None:
    """The CPU with two threads per operation, beside one."""
    if witness.backend.kind != "cpu":
        pytest.skip(f"threads per operation are the CPU's, not those of {witness.backend}")
    formulation, results = bidirectional(witness), {}
    for each in ("1thread", "2threads"):
        with Backend("cpu", each).active():
            results[each] = formulation.results(workload)
    agree(
        results["2threads"],
        results["1thread"],
        **tolerance_args(witness.case, workload, results["1thread"]),
    )
    benchmark.group = f"1thread or 2threads, {workload} of {witness.backend}-{witness.case}"
    benchmark.name = threads
    with Backend("cpu", threads).active():
        benchmark(formulation.do, workload)
