"""agreement: the comparison accepts what agrees, reports every kind of difference, records each."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fixtures.cases.case import Case
from fixtures.comparison.agreement import Agree, Comparison, Disagreement
from fixtures.comparison.tolerance import RUN, longest_dot_product, tolerance

CASE = Case(3, 7, batch=2, seq_len=5)
OUTPUT = torch.linspace(-0.9, 0.9, 5 * 2 * 14).view(5, 2, 14)
H_N = torch.linspace(-0.5, 0.5, 2 * 2 * 7).view(2, 2, 7)


@pytest.fixture
def comparisons() -> list[Comparison]:
    """All comparisons that ``agree`` records."""
    return []


@pytest.fixture
def agree(comparisons: list[Comparison]) -> Agree:
    """The comparison for one case, without a law."""
    return Agree(CASE, "float32", comparisons.append)


def replaced(values: Tensor, index: tuple[int, ...], value: float) -> Tensor:
    """A copy with one element replaced."""
    copy = values.clone()
    copy[index] = value
    return copy


def test_equal_results_are_recorded_as_bitwise_equal(
    agree: Agree, comparisons: list[Comparison]
) -> None:
    """Nothing is raised; error / tolerance is 0."""
    agree((OUTPUT, H_N), (OUTPUT.clone(), H_N.clone()))
    assert [(c.name, c.ratio, c.bitwise_equal) for c in comparisons] == [
        ("output", 0.0, True),
        ("h_n", 0.0, True),
    ]


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        pytest.param((OUTPUT,), "returned   1 results: output", id="count"),
        pytest.param(
            (OUTPUT, H_N, H_N), "returned   3 results: output, h_n, result 2", id="too_many"
        ),
        pytest.param(
            (OUTPUT.transpose(0, 1), H_N),
            r"output: expected shape \(5, 2, 14\), got \(2, 5, 14\)",
            id="shape",
        ),
        pytest.param(
            (OUTPUT.double(), H_N),
            "output: expected dtype torch.float32, got torch.float64",
            id="dtype",
        ),
        pytest.param((OUTPUT.numpy(), H_N), "output: expected a tensor, got ndarray", id="type"),
        pytest.param(
            (replaced(OUTPUT, (4, 1, 13), math.nan), H_N),
            r"worst at   output\[4, 1, 13\]",
            id="nan",
        ),
        pytest.param(
            (replaced(OUTPUT, (4, 1, 13), math.inf), H_N), "got        inf", id="infinity"
        ),
        pytest.param((-OUTPUT, H_N), "140 of 140 elements, both halves", id="value"),
        pytest.param(
            (replaced(OUTPUT, (3, 1, 9), 0.5), H_N),
            "1 of 140 elements, reverse half only, t 3 of 5, row 1 of 2, unit 9 of 14",
            id="one_element",
        ),
        pytest.param(
            (OUTPUT, replaced(H_N, (1, 0, 2), 0.0)), "differs    h_n of shape", id="second_result"
        ),
    ],
)
def test_every_kind_of_difference_raises(
    agree: Agree, actual: tuple[object, ...], message: str
) -> None:
    """The number of results, shape, dtype, type, NaN, infinity, values: each is named."""
    with pytest.raises(Disagreement, match=message):
        agree(actual, (OUTPUT, H_N))


def test_all_results_that_differ_are_named(agree: Agree) -> None:
    """If output and h_n differ, the message has both."""
    with pytest.raises(Disagreement, match=r"differs    output(.|\n)+differs    h_n"):
        agree((-OUTPUT, -H_N), (OUTPUT, H_N))


def test_missing_nan_is_a_difference(agree: Agree) -> None:
    """A number where NaN is expected is as wrong as NaN where a number is expected."""
    with pytest.raises(Disagreement, match="expected   nan"):
        agree(H_N, replaced(H_N, (0, 0, 0), math.nan), of="h_n")


def test_nan_agrees_with_nan(agree: Agree) -> None:
    """NaN agrees with NaN, and an infinity with the same one."""
    values = replaced(replaced(H_N, (0, 0, 0), math.nan), (0, 0, 1), math.inf)
    agree(values, values.clone(), of="h_n")
    with pytest.raises(Disagreement, match="got        -inf"):
        agree(replaced(values, (0, 0, 1), -math.inf), values, of="h_n")


def test_empty_results_agree(agree: Agree) -> None:
    """Results of no elements agree."""
    agree(OUTPUT[:, :0], OUTPUT[:, :0], of="output")


@pytest.mark.parametrize("ratio", [0.9, 1.1])
def test_line_is_drawn_at_the_tolerance(
    agree: Agree, comparisons: list[Comparison], ratio: float
) -> None:
    """An error of 0.9 tolerances agrees and one of 1.1 raises; that ratio is recorded."""
    bound = tolerance("h_n", "float32", RUN, longest_dot_product(CASE)).value
    zeros = torch.zeros(2, 2, 7)
    values = replaced(zeros, (1, 1, 6), ratio * bound)
    if ratio < 1:
        agree(values, zeros, of="h_n")
    else:
        with pytest.raises(Disagreement, match=r"1\.1 times the tolerance"):
            agree(values, zeros, of="h_n")
    assert comparisons[0].ratio == pytest.approx(ratio, rel=1e-6)


def test_bitwise_sees_the_last_bit(agree: Agree, comparisons: list[Comparison]) -> None:
    """One unit in the last place of one element raises, and its ratio is infinite."""
    last_bit = replaced(H_N, (0, 1, 3), float(torch.nextafter(H_N[0, 1, 3], torch.tensor(1.0))))
    agree.bitwise(H_N.clone(), H_N, of="h_n")
    with pytest.raises(Disagreement, match=r"not bitwise equal(.|\n)+tolerance 0: bitwise equal"):
        agree.bitwise(last_bit, H_N, of="h_n")
    assert [(c.ratio, c.bitwise_equal) for c in comparisons] == [(0.0, True), (math.inf, False)]


def test_reference_is_a_numpy_array_in_float64(agree: Agree) -> None:
    """Against a reference in float64 the result must have the case's dtype."""
    reference = H_N.double().numpy()
    agree.with_reference(H_N, reference, of="h_n")
    with pytest.raises(Disagreement, match=r"expected dtype torch\.float32, got torch\.float64"):
        agree.with_reference(H_N.double(), reference, of="h_n")
    with pytest.raises(Disagreement, match="times the tolerance"):
        agree.with_reference(H_N, np.flip(reference, 0), of="h_n")


def test_plain_values_are_compared_whole(agree: Agree) -> None:
    """Names, shapes and flags raise when unequal, and are named."""
    agree.same([1, 2], [1, 2], "sizes")
    with pytest.raises(
        Disagreement, match=r"differs    sizes\nexpected   \[1, 2\]\ngot        \[2, 1\]"
    ):
        agree.same([2, 1], [1, 2], "sizes")
    with pytest.raises(Disagreement, match=r"missing    \['b'\]\nunexpected \['c'\]$"):
        agree.same(["a", "c"], ["a", "b"], "names")


def call_that_raises(error: Exception | None) -> None:
    """Raise the error, if any."""
    if error:
        raise error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, "accepted what must be refused"),
        (IndexError("size 3"), "refused with another error"),
        (ValueError("no"), "refused with another message"),
    ],
    ids=["no_error", "another_type", "another_message"],
)
def test_other_refusal_raises(agree: Agree, error: Exception | None, message: str) -> None:
    """No error, an error of another type, or with another message is a disagreement."""
    with pytest.raises(Disagreement, match=message), agree.refuses(ValueError, mentioning="size 3"):
        call_that_raises(error)


def test_refusal_by_any_error_is_reported() -> None:
    """Where torch's words are not claimed, none of torch's errors is expected."""
    agree = Agree(CASE, "float32", lambda _: None, any_refusal=True)
    with pytest.raises(Disagreement, match="expected   any error"), agree.refuses(ValueError):
        call_that_raises(None)


def test_missing_warning_is_reported(agree: Agree) -> None:
    """A missing warning is reported as such, not as a missing refusal."""
    with pytest.raises(Disagreement, match="accepted without"), agree.refuses(UserWarning):
        call_that_raises(None)


def test_documented_refusal_agrees(agree: Agree) -> None:
    """The documented error agrees, in either case of letters."""
    with agree.refuses(TypeError, ValueError, mentioning="at least 2"):
        call_that_raises(ValueError("At least 2"))
