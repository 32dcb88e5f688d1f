"""agreement: the comparison fails for every kind of difference, and says which."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fixtures.cases.case import Case
from fixtures.comparison.agreement import Agree, Comparison, Disagreement, whereabouts
from fixtures.comparison.tolerance import TABLE, UNIT_ROUNDOFF, longest_dot_product, tolerance

CASE = Case(3, 7, batch=2, seq_len=5)
OUTPUT = torch.linspace(-0.9, 0.9, 5 * 2 * 14).view(5, 2, 14)
H_N = torch.linspace(-0.5, 0.5, 2 * 2 * 7).view(2, 2, 7)


@pytest.fixture
def noted() -> list[Comparison]:
    """What the comparison notes down."""
    return []


@pytest.fixture
def agree(noted: list[Comparison]) -> Agree:
    """A comparison for one case, away from any law."""
    return Agree(CASE, "float32", noted.append)


def changed(values: Tensor, index: tuple[int, ...], value: float) -> Tensor:
    """A copy with one element replaced."""
    copy = values.clone()
    copy[index] = value
    return copy


def test_equal_results_agree_to_the_bit(agree: Agree, noted: list[Comparison]) -> None:
    """Nothing is raised, and the closeness noted is 0, equal to the bit."""
    agree((OUTPUT, H_N), (OUTPUT.clone(), H_N.clone()))
    assert [(c.name, c.share, c.bits) for c in noted] == [("output", 0.0, True), ("h_n", 0.0, True)]


@pytest.mark.parametrize(
    ("actual", "says"),
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
            (changed(OUTPUT, (4, 1, 13), math.nan), H_N), r"worst at   output\[4, 1, 13\]", id="nan"
        ),
        pytest.param((changed(OUTPUT, (4, 1, 13), math.inf), H_N), "got        inf", id="infinity"),
        pytest.param((-OUTPUT, H_N), "140 of 140 elements, both halves", id="value"),
        pytest.param(
            (changed(OUTPUT, (3, 1, 9), 0.5), H_N),
            "1 of 140 elements, reverse half only, t 3 of 5, row 1 of 2, unit 9 of 14",
            id="one_element",
        ),
        pytest.param(
            (OUTPUT, changed(H_N, (1, 0, 2), 0.0)), "differs    h_n of shape", id="second_result"
        ),
    ],
)
def test_every_kind_of_difference_is_told(
    agree: Agree, actual: tuple[object, ...], says: str
) -> None:
    """A difference in count, shape, dtype, type, NaN, infinity, value, one element or the second result raises and names it."""
    with pytest.raises(Disagreement, match=says):
        agree(actual, (OUTPUT, H_N))


def test_missing_nan_is_a_difference(agree: Agree) -> None:
    """A number where NaN is expected is as wrong as NaN where a number is."""
    with pytest.raises(Disagreement, match="expected   nan"):
        agree(H_N, changed(H_N, (0, 0, 0), math.nan), of="h_n")


def test_nan_agrees_with_nan(agree: Agree) -> None:
    """NaN and infinities agree with their like in the same place."""
    strange = changed(changed(H_N, (0, 0, 0), math.nan), (0, 0, 1), math.inf)
    agree(strange, strange.clone(), of="h_n")


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_line_is_drawn_at_the_allowance(
    agree: Agree, noted: list[Comparison], share: float
) -> None:
    """0.9 of the allowance agrees, 1.1 of it does not, and the share that is noted is the share that was made."""
    bound = tolerance("h_n", "float32", "run", longest_dot_product(CASE)).value
    zeros = torch.zeros(2, 2, 7)
    moved = changed(zeros, (1, 1, 6), share * bound)
    if share < 1:
        agree(moved, zeros, of="h_n")
    else:
        with pytest.raises(Disagreement, match=r"1\.1 times the allowance"):
            agree(moved, zeros, of="h_n")
    assert noted[0].share == pytest.approx(share, rel=1e-6)


def test_to_the_bit_sees_the_last_bit(agree: Agree) -> None:
    """One unit in the last place of one element raises."""
    last_bit = changed(H_N, (0, 1, 3), float(torch.nextafter(H_N[0, 1, 3], torch.tensor(1.0))))
    with pytest.raises(Disagreement, match="not the same bits"):
        agree.bitwise(last_bit, H_N, of="h_n")


def test_truth_is_a_numpy_array_in_float64(agree: Agree) -> None:
    """Against a truth the result must have the case's dtype, whatever the truth's is."""
    truth = H_N.double().numpy()
    agree.with_reference(H_N, truth, of="h_n")
    with pytest.raises(Disagreement, match=r"expected dtype torch\.float32, got torch\.float64"):
        agree.with_reference(H_N.double(), truth, of="h_n")
    with pytest.raises(Disagreement, match="times the allowance"):
        agree.with_reference(H_N, np.flip(truth, 0), of="h_n")


def test_plain_values_are_compared_whole(agree: Agree) -> None:
    """Names, shapes and flags raise when unequal, and say what they are."""
    agree.same([1, 2], [1, 2], "sizes")
    with pytest.raises(
        Disagreement, match=r"differs    sizes\nexpected   \[1, 2\]\ngot        \[2, 1\]"
    ):
        agree.same([2, 1], [1, 2], "sizes")


def raise_(error: Exception) -> None:
    """Raise it, where a type checker does not look."""
    raise error


def test_refusal_must_come(agree: Agree) -> None:
    """A block that raises nothing, another type, or another message is a disagreement; the documented error is not."""
    with agree.refuses(ValueError, mentioning="at least 2"):
        raise_(ValueError("At least 2"))
    with (
        pytest.raises(Disagreement, match="accepted what must be refused"),
        agree.refuses(ValueError),
    ):
        pass
    with pytest.raises(Disagreement, match="refused with another error"), agree.refuses(ValueError):
        raise_(IndexError("3"))
    with (
        pytest.raises(Disagreement, match="refused with another message"),
        agree.refuses(ValueError, mentioning="size 3"),
    ):
        raise_(ValueError("no"))


def test_pattern_of_a_fault_is_named() -> None:
    """Under batch_first the axes of output are row, t, unit; h_n's are state, row, unit."""
    wrong = torch.zeros(2, 5, 14, dtype=torch.bool)
    wrong[1, 2:4, :7] = True
    assert (
        whereabouts("output", wrong, CASE.replace(batch_first=True))
        == "14 of 140 elements, forward half only, t 2-3 of 5, row 1 of 2, unit 0-6 of 14"
    )
    assert (
        whereabouts("h_n", wrong[:, :2, :7], CASE)
        == "0 of 28 elements, state  of 2, row  of 2, unit  of 7"
    )


@pytest.mark.parametrize("row", TABLE, ids="-".join)
def test_every_row_of_the_rounding_table_has_its_reason_and_headroom(
    row: tuple[str, str, str],
) -> None:
    """A factor stands beside the headroom that was measured with it, above 1, or the word that it was not, and a reason."""
    entry = TABLE[row]
    assert entry.factor > 0
    assert entry.headroom is None or entry.headroom > 1
    assert (entry.headroom is None) == ("no GPU was at hand" in entry.reason)
    assert len(entry.reason.split()) >= 3
    assert row[1] in UNIT_ROUNDOFF
