"""witness: the lengths of a packed case are those of its name, and its padding is NaN."""

from __future__ import annotations

import pytest
import torch

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.table import over
from fixtures.cases.tables import PACKED
from fixtures.cases.witness import Witness

UNSORTED = PACKED.filter(
    lambda case: case.lengths == "unsorted" and case.batch > 2 and case.seq_len > 2
)


def witness_of(case: Case) -> Witness:
    """The witness of a case on the CPU."""
    return Witness(case, Backend("cpu"), TORCH_GRU)


@over(PACKED)
def test_lengths_are_those_of_the_name(case: Case) -> None:
    """Equal, ones, or decreasing; sorted and unsorted have a row of one step, and one of all."""
    lengths = witness_of(case).lengths or []
    assert len(lengths) == case.batch
    assert all(1 <= length <= case.seq_len for length in lengths)
    if case.lengths in ("equal", "ones"):
        assert len(set(lengths)) == 1
    if case.lengths == "ones":
        assert set(lengths) == {1}
    if case.lengths == "sorted":
        assert lengths == sorted(lengths, reverse=True)
    if case.lengths in ("sorted", "unsorted") and case.batch > 1:
        assert {1, case.seq_len} <= set(lengths)


@over(UNSORTED)
def test_sorting_unsorted_rows_is_not_its_own_inverse(case: Case) -> None:
    """Confusing sorted_indices with unsorted_indices would change the result."""
    packed = witness_of(case).packed
    assert packed.sorted_indices is not None
    assert packed.unsorted_indices is not None
    assert not torch.equal(packed.sorted_indices, packed.unsorted_indices)


@over(PACKED)
def test_padding_is_nan_and_nothing_else_is(case: Case) -> None:
    """The input is NaN exactly beyond each row's length."""
    witness = witness_of(case)
    assert torch.equal(witness.x.isnan(), ~witness.step_mask.expand_as(witness.x))


@pytest.mark.parametrize("batch_first", [False, True])
def test_padded_undoes_pack(batch_first: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """padded(pack(x)) is x with zeros in the padding, all seq_len of it."""
    witness = witness_of(
        Case(3, 7, batch=4, seq_len=6, lengths="unsorted", batch_first=batch_first)
    )
    assert torch.equal(witness.padded(witness.packed), witness.x.nan_to_num(0.0))
