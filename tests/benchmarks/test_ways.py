"""Benchmarks: what the other ways to compute a bidirectional GRU cost beside one call of it, at sizes and lengths from 1 to 512.

In the suite's own run each is done once, so that it stays right; ``make bench`` times them.

Source: torch documentation, torch.nn.GRU and torch.nn.GRUCell; pytest-benchmark documentation, section *Usage*.
"""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.actions import formulations
from fixtures.actions.formulations import SIZES, WORKLOADS
from fixtures.cases.backend import Backend
from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

ONE_LAYER = SIZES.filter(lambda case: case.num_layers == 1)
LARGE = SIZES.filter(lambda case: case.hidden_size >= 64)
UNSORTED = ONE_LAYER.with_fields(lengths="unsorted", h_0="random")


@pytest.mark.parametrize("way", ["bidirectional", "two passes"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(SIZES)
def test_two_standalone_passes_do_what_the_bidirectional_call_does(
    witness: Witness, contest: Any, work: str, way: str
) -> None:
    """The law's own cost: two standalone passes, two flips and a cat, beside one call."""
    contest(
        {
            "bidirectional": formulations.bidirectional(witness),
            "two passes": formulations.two_passes(witness),
        },
        way,
        work,
    )


@pytest.mark.parametrize("way", ["bidirectional", "cell by cell"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(SIZES)
def test_cells_unrolled_by_hand_do_what_the_bidirectional_call_does(
    witness: Witness, contest: Any, work: str, way: str
) -> None:
    """nn.GRUCell with the loop over time in Python, beside one call."""
    contest(
        {
            "bidirectional": formulations.bidirectional(witness),
            "cell by cell": formulations.cell_by_cell(witness),
        },
        way,
        work,
    )


@pytest.mark.parametrize("way", ["time first", "batch first"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(SIZES)
def test_batch_first_does_what_time_first_does(
    witness: Witness, contest: Any, work: str, way: str
) -> None:
    """The same numbers with the batch in front, beside those with time in front."""
    contest(
        {
            "time first": formulations.bidirectional(witness),
            "batch first": formulations.batch_first(witness),
        },
        way,
        work,
    )


@pytest.mark.parametrize("way", ["tensor", "packed"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(SIZES)
def test_packed_rows_of_full_length_do_what_a_tensor_does(
    witness: Witness, contest: Any, work: str, way: str
) -> None:
    """What a PackedSequence costs by itself: every row is T long, and it is packed beforehand."""
    contest(
        {
            "tensor": formulations.bidirectional(witness),
            "packed": formulations.packed_whole(witness),
        },
        way,
        work,
    )


@pytest.mark.parametrize("way", ["packed", "padded"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(UNSORTED)
def test_padded_rows_turned_by_hand_do_what_packed_ones_do(
    witness: Witness, contest: Any, work: str, way: str
) -> None:
    """What a PackedSequence saves: rows of many lengths, beside padding that is computed and then masked."""
    contest(
        {"packed": formulations.bidirectional(witness), "padded": formulations.padded(witness)},
        way,
        work,
    )


@pytest.mark.parametrize("threads", ["1thread", "2threads"])
@pytest.mark.parametrize("work", WORKLOADS)
@over(LARGE)
def test_two_threads_do_what_one_does(
    witness: Witness, agree: Agree, benchmark: Any, work: str, threads: str
) -> None:
    """The CPU with two threads per operation, beside one."""
    if witness.backend.kind != "cpu":
        pytest.skip(f"threads per operation are the CPU's, not those of {witness.backend}")
    way, results = formulations.bidirectional(witness), {}
    with Backend("cpu", "1thread").active():
        results["1thread"] = way.results(work)
    with Backend("cpu", "2threads").active():
        results["2threads"] = way.results(work)
    agree(
        results["2threads"],
        results["1thread"],
        **formulations.tolerance_args(witness.case, work, results["1thread"]),
    )
    benchmark.group, benchmark.name = (
        f"1thread or 2threads, {work} of {witness.backend}-{witness.case}",
        threads,
    )
    with Backend("cpu", threads).active():
        benchmark(way.do, work)
