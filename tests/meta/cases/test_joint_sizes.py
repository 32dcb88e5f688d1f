"""joint_sizes: classes of sizes meet under every seed, and a seed draws the same sizes again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fixtures.cases import joint_sizes as module
from fixtures.cases.case import Case
from fixtures.cases.joint_sizes import (
    BULK,
    EVERY_OCTAVE,
    FEW_PRODUCTS,
    JOINT,
    joint_sizes,
    pairs_missing,
)


@pytest.mark.parametrize("seed", range(10))
def test_few_tens_and_hundreds_of_two_sizes_meet(seed: int) -> None:
    """Of any two of input_size, hidden_size, batch and seq_len; and with one layer, and several."""
    assert pairs_missing(JOINT.rows("quick", seed=seed)) == []


def test_missing_pair_is_named() -> None:
    """Without wide cases of many rows, that pair is reported."""
    cases = [c for c in JOINT.rows("quick") if c.hidden_size < 64 or c.batch < 64]
    assert pairs_missing(cases) == ["hundreds of hidden_size, hundreds of batch"]


@pytest.mark.parametrize(("count", "octaves"), [(8, EVERY_OCTAVE), (5, (range(6),) * 4)])
def test_too_few_cases_for_all_pairs_are_refused(
    monkeypatch: pytest.MonkeyPatch, count: int, octaves: Sequence[range]
) -> None:
    """Of nine pairs of two sizes, and of five factors of two classes each, six cases at least."""
    monkeypatch.setattr(module, "MOST_DRAWS", 500)
    with pytest.raises(ValueError, match=rf"{count} cases are too few: none of them has "):
        joint_sizes(count, "0", octaves, FEW_PRODUCTS)


def test_seed_decides_the_sizes() -> None:
    """The same seed draws the same cases for a test; another seed or test draws others."""
    assert joint_sizes(96, "3") == joint_sizes(96, "3")
    cases = set(JOINT.rows("quick", seed=3, test="a"))
    assert not cases & set(JOINT.rows("quick", seed=4, test="a"))
    assert not cases & set(JOINT.rows("quick", seed=3, test="b"))


def test_long_sequences_of_many_rows_have_two_layers_too() -> None:
    """Not one layer only."""
    cases = [case for seed in range(20) for case in JOINT.rows("quick", seed=seed)]
    assert any(c.seq_len > 64 and c.batch > 64 and c.num_layers == 2 for c in cases)


@pytest.mark.parametrize("size", ["input_size", "hidden_size", "batch", "seq_len"])
@pytest.mark.parametrize("remainder", [7, 0, 1])
def test_both_neighbours_of_a_multiple_of_eight_are_there(size: str, remainder: int) -> None:
    """Just below, at and above."""
    cases = JOINT.rows("quick")
    assert any(getattr(c, size) > 8 and getattr(c, size) % 8 == remainder for c in cases)


def test_id_of_a_drawn_case_is_the_case() -> None:
    """It holds the sizes, so that ``--case`` runs it under any seed."""
    for case in (*JOINT.rows("quick", seed=5), *BULK.rows("quick", seed=5)):
        table = JOINT if case.lengths == "whole" else BULK
        assert table.adapt(Case.parse(case.id)) == case


def test_bulk_has_many_rows_in_any_order() -> None:
    """And more than 65,536 steps in all, once."""
    cases = BULK.rows("quick")
    assert sum(c.batch > 16 and c.lengths == "unsorted" for c in cases) > 8
    assert any(c.batch * c.seq_len > 2 * 65_536 for c in cases)
