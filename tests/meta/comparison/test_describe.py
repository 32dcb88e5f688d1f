"""describe: the elements that differ, in words."""

from __future__ import annotations

import pytest
import torch

from fixtures.cases.case import Case
from fixtures.comparison.describe import whereabouts

CASE = Case(3, 7, batch=2, seq_len=5)
WRONG = torch.zeros(2, 5, 14, dtype=torch.bool)
WRONG[1, 2:4, :7] = True


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        (
            "output",
            WRONG,
            "14 of 140 elements, forward half only, t 2-3 of 5, row 1 of 2, unit 0-6 of 14",
        ),
        ("h_n", WRONG[:, 2:4, :7], "14 of 28 elements, state 1 of 2"),
        ("h_n", WRONG[:, 1:3, :7], "7 of 28 elements, state 1 of 2, row 1 of 2"),
        ("weight_ih_l0", WRONG, "14 of 140 elements"),
    ],
    ids=["output", "h_n", "h_n_of_one_row", "gradient"],
)
def test_pattern_of_a_fault_is_named(name: str, wrong: torch.Tensor, words: str) -> None:
    """With batch_first the axes of output are row, t, unit; those of h_n are state, row, unit."""
    assert whereabouts(name, wrong, CASE.replace(batch_first=True)) == words


def test_ranges_are_written_with_their_ends() -> None:
    """Neighbours are a range; a long list is cut."""
    wrong = torch.zeros(200, 1, 14, dtype=torch.bool)
    wrong[[0, 1, 2, 5]] = True
    assert "t 0-2,5 of 200" in whereabouts("output", wrong, CASE)
    wrong[::2] = True
    assert "... of 200" in whereabouts("output", wrong, CASE)
