"""tolerance: every row has its reason, and every number of terms its definition."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import pytest

from fixtures.cases.backend import all_backends
from fixtures.cases.case import Case
from fixtures.cases.claims import OF_DTYPE
from fixtures.comparison.arithmetic.measurements import PRECISIONS
from fixtures.comparison.tolerance import (
    REFERENCE,
    RUN,
    TABLE,
    UNIT_ROUNDOFF,
    Row,
    coarser,
    longest_dot_product,
    longest_gradient_sum,
    longest_sum_of_kept_states,
    longest_sum_of_tiny_numbers,
    tolerance,
)

#: Rows that a stand-in measured, and those that a GPU did.
STAND_IN = {"tf32", "bfloat16 products"}
ON_A_GPU = {"tf32", "rough tanh"}

#: From fine to coarse.
PRECISION_OF_FLOAT32 = ("float32", "rough tanh", "tf32", "bfloat16 products")

#: Every precision that a backend can name for a dtype, or a finding for a case.
NAMED = {
    *(backend.precision(dtype) for backend in all_backends() for dtype in OF_DTYPE),
    *PRECISIONS,
    "rough tanh",
}


@pytest.mark.parametrize("row", TABLE, ids="-".join)
def test_every_row_of_the_tolerance_table_has_its_reason_and_headroom(
    row: tuple[str, str, str],
) -> None:
    """A factor has a reason and a measured headroom above 1; one of no CPU says of what."""
    entry = TABLE[row]
    assert entry.factor > 0
    assert entry.headroom > 1
    assert (row[1] in ON_A_GPU) == ("NVIDIA H100" in entry.reason)
    assert (row[1] in STAND_IN) == ("stand-in on the CPU" in entry.reason)
    assert len(entry.reason.split()) >= 3
    assert row[1] in UNIT_ROUNDOFF


def test_terms_are_counted_as_documented() -> None:
    """Of 2 layers with I=3, H=7, B=2, T=5: layer input 14, hidden state 7, 2 biases."""
    case = Case(3, 7, num_layers=2, batch=2, seq_len=5)
    assert longest_dot_product(case) == 14 + 7 + 2
    assert longest_dot_product(case.replace(num_layers=1)) == 3 + 7 + 2
    assert longest_dot_product(case.replace(input_size=30)) == 30 + 7 + 2
    assert longest_gradient_sum(case) == 5 * 2 + 23 + 2 * 8
    assert longest_sum_of_kept_states(case) == 23 + 5
    assert longest_sum_of_tiny_numbers(case) == 23 + 8


def test_tolerance_is_the_documented_product() -> None:
    """It is factor * u * sqrt(k) * scale, and the text shows each."""
    bound = tolerance("output", "float32", RUN, 25, scale=3.0)
    assert bound.value == 4 * 2.0**-24 * 5 * 3
    assert str(bound) == "3.6e-06 = 4 u sqrt(25) * 3, u = 2^-24 (float32, state against a run)"
    assert tolerance("weight_ih_l0", "float32", REFERENCE, 25).row == (
        "gradient",
        "float32",
        REFERENCE,
    )


def test_tolerance_shrinks_no_further_below_the_normal_numbers() -> None:
    """At a scale of 0 the tolerance is that of the smallest normal number."""
    smallest = {"float64": 2.0**-1022, "float32": 2.0**-126, "float16": 2.0**-14}
    for precision, scale in smallest.items():
        bound = tolerance("h_n", precision, RUN, 9, scale=0.0)
        assert bound.value == tolerance("h_n", precision, RUN, 9, scale).value > 0


def test_results_of_two_precisions_are_compared_under_the_coarser() -> None:
    """The precision of the larger unit roundoff counts, in either order."""
    for finer, coarse in itertools.combinations(PRECISION_OF_FLOAT32, 2):
        assert coarser(finer, coarse) == coarser(coarse, finer) == coarse


def missing(
    precisions: Iterable[str],
    table: Mapping[tuple[str, str, str], Row] = TABLE,
    roundoffs: Mapping[str, float] = UNIT_ROUNDOFF,
) -> list[str]:
    """What the tolerance table lacks of these precisions."""
    rows = itertools.product(("state", "gradient"), sorted(precisions), (RUN, REFERENCE))
    return [f"no unit roundoff of {name}" for name in sorted(set(precisions) - set(roundoffs))] + [
        f"no row {row}" for row in rows if row not in table
    ]


def test_every_precision_that_can_be_named_has_its_rows() -> None:
    """Of a backend or of a finding: states and gradients, against a run and a reference."""
    assert {"float64", "float16", "bfloat16", *PRECISION_OF_FLOAT32} == NAMED
    assert missing(NAMED) == []


def test_precision_without_a_row_is_named() -> None:
    """A row or a unit roundoff that is taken out is missed, and so is an unknown precision."""
    gone = ("gradient", "bfloat16 products", RUN)
    table = {row: entry for row, entry in TABLE.items() if row != gone}
    assert missing(NAMED, table=table) == [f"no row {gone}"]
    roundoffs = {name: u for name, u in UNIT_ROUNDOFF.items() if name != "tf32"}
    assert missing(NAMED, roundoffs=roundoffs) == ["no unit roundoff of tf32"]
    assert len(missing(["float8"])) == 1 + 4
