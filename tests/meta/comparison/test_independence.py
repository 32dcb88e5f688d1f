"""independence: each kind of dependence is found, and independent numbers have none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fixtures.cases.draws import generator
from fixtures.comparison.independence import (
    correlated_lags,
    rows_alike,
    shared_lags,
    uneven_slices,
)


def bits(*words: object, mean: float = 0.5) -> Tensor:
    """64 rows of 64 random bits."""
    return (torch.rand(64, 64, generator=generator(*words)) < mean).double()


@pytest.mark.parametrize("mean", [0.5, 0.2, 0.9])
@pytest.mark.parametrize("seed", range(20))
def test_independent_numbers_pass(seed: int, mean: float) -> None:
    """No lag, no slice and no common sum is found."""
    values, others = bits("first", seed, mean=mean), bits("second", seed, mean=mean)
    assert correlated_lags(values, mean) == []
    assert shared_lags(values, others, mean) == []
    assert uneven_slices(values, mean) == []
    assert rows_alike(values, mean) == 0


def test_repeated_numbers_are_found_at_their_lags() -> None:
    """Rows in pairs: 64 numbers further on, and nowhere else."""
    assert correlated_lags(bits("rows")[torch.arange(64) // 2 * 2], 0.5) == [64]
    assert shared_lags(bits("a"), bits("a").roll(3, 1), 0.5) == [3]
    assert shared_lags(bits("a").roll(3, 1), bits("a"), 0.5) == [-3]
    assert correlated_lags(torch.cat((bits("a"), 1 - bits("a"))), 0.5) == [64 * 64]


def test_slice_with_another_mean_is_named() -> None:
    """One column of ones."""
    values = torch.cat([bits("column", part) for part in range(4)])
    values[:, 7] = 1
    assert uneven_slices(values, 0.5) == ["dimension 1, index 7"]


def test_rows_that_are_dealt_are_counted() -> None:
    """Each row has exactly 32 ones."""
    dealt = (torch.rand(64, 64, generator=generator("dealt")).argsort(1).argsort(1) < 32).double()
    assert rows_alike(dealt, 0.5) == 64
