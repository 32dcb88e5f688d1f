"""Law 06, input layouts: batch_first, unbatched, strided, expanded, T=1 and B=0 change layout,
never values; `h_n` is never batch-first.

    bi_batch_first(x.transpose(0, 1), h_0) == (output.transpose(0, 1), h_n)
    bi(x[:, 0], h_0[:, 0])                 == (output[:, 0], h_n[:, 0])          for a batch of one
    bi(any view of x, any view of h_0)     == bi(contiguous copies of them)

A view may be strided, expanded, a slice of wider memory at any offset, or overlap itself, one
argument alone or both, and arguments and parameters may lie in one piece of memory.

Source: torch documentation, torch.nn.GRU, sections *Parameters* (batch_first) and *Inputs*;
pytorch#34036, #80306, #345.
"""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch

from fixtures.actions.reversal import half
from fixtures.actions.side_effects import warnings_as
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.memory_layout import (
    VIEWS,
    expanded,
    makes_h_0_strided,
    makes_parameters_strided,
)
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

TIME_FIRST = CORE.with_fields(layout="contiguous").filter(lambda case: not case.batch_first)
CONTIGUOUS = SPREAD.with_fields(layout="contiguous")
ONE_OR_TWO = CONTIGUOUS.filter(one_or_two_layers)
SHORT = CONTIGUOUS.filter(lambda case: case.batch * case.seq_len < 60 and case.hidden_size < 100)
#: Parameters have no third dimension to permute.
OF_PARAMETERS = [layout for layout in VIEWS if layout != "permuted"]
MANY_WINDOWS = Table.of(Case(3, 4, batch=7, seq_len=3))  # more windows than steps
WIDE = Table.of(Case(20, 24, 2, batch=3, seq_len=4, training=False))
PARAMETERS = SHORT.filter(one_or_two_layers) + WIDE
ONE_ROW = SPREAD.with_fields(batch=1).filter(lambda case: case.seq_len < 100)

each_view = pytest.mark.parametrize("layout", VIEWS)
each_dimension = pytest.mark.parametrize("dim", [0, 1, 2])


@over(TIME_FIRST)
def test_batch_first_transposes_output_and_nothing_else(witness: Witness, agree: Agree) -> None:
    """batch_first transposes x and output; h_0 and h_n stay as they are."""
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    batch_first_gru = witness.rebuilt(batch_first=True)
    batch_first_output, batch_first_h_n = batch_first_gru(
        witness.x.transpose(0, 1), witness.random_h_0
    )
    agree((batch_first_output.transpose(0, 1), batch_first_h_n), (output, h_n))


@needs(Claim.UNBATCHED)
@over(ONE_ROW)
def test_unbatched_input_is_a_batch_of_one(witness: Witness, agree: Agree) -> None:
    """An x (T, I) with an h_0 (2*L, H) gives the results of x (T, 1, I), without their row axis."""
    row = 1 - witness.time_dim
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    agree(
        witness.bi(witness.x.squeeze(row), witness.random_h_0.squeeze(1)),
        (output.squeeze(row), h_n.squeeze(1)),
    )


@each_view
@over(ONE_OR_TWO)
def test_memory_layout_of_x_is_invisible(witness: Witness, agree: Agree, layout: str) -> None:
    """A view of x, with other strides or an offset, gives what a contiguous copy gives."""
    x, h_0 = witness.laid_out(VIEWS[layout], witness.x), witness.random_h_0
    agree(witness.bi(x, h_0), witness.bi(witness.x, h_0))


@each_view
@needs(lambda arguments: makes_h_0_strided(**arguments) and Claim.STRIDED_H_0)
@over(ONE_OR_TWO)
def test_memory_layout_of_h_0_is_invisible(witness: Witness, agree: Agree, layout: str) -> None:
    """A view of h_0 gives what a contiguous copy gives, whether x is a view or not."""
    view, h_0 = partial(witness.laid_out, VIEWS[layout]), witness.random_h_0
    expected = witness.bi(witness.x, h_0)
    agree(witness.bi(witness.x, view(h_0)), expected)
    agree(witness.bi(view(witness.x), view(h_0)), expected)


@pytest.mark.parametrize("layout", OF_PARAMETERS)
@needs(
    Claim.ASSIGNMENT,
    lambda arguments: makes_parameters_strided(**arguments) and Claim.STRIDED_PARAMETERS,
)
@over(PARAMETERS)
def test_memory_layout_of_parameters_is_invisible(
    witness: Witness, agree: Agree, layout: str
) -> None:
    """Parameters that are views of other memory give what contiguous ones give."""
    module = witness.rebuilt()
    for value in module.parameters():
        value.data = witness.laid_out(VIEWS[layout], value.data[None])[0]
    with warnings_as("ignore"):  # cuDNN copies weights that do not lie in one piece, and says so
        results = module(witness.x, witness.random_h_0)
    agree(results, witness.bi(witness.x, witness.random_h_0))


@each_dimension
@over(ONE_OR_TWO)
def test_expanded_x_is_a_copied_x(witness: Witness, agree: Agree, dim: int) -> None:
    """One row, step or feature of x, expanded (stride 0), gives what copies of it give."""
    x, h_0 = expanded(witness.x, dim), witness.random_h_0
    agree(witness.bi(x, h_0), witness.bi(x.contiguous(), h_0))


@each_dimension
@needs(Claim.STRIDED_H_0)
@over(ONE_OR_TWO)
def test_expanded_h_0_is_a_copied_h_0(witness: Witness, agree: Agree, dim: int) -> None:
    """The same of one layer's direction, row or unit of h_0, alone and with an expanded x."""
    h_0 = expanded(witness.random_h_0, dim)
    for x in (witness.x, expanded(witness.x, dim)):
        agree(witness.bi(x, h_0), witness.bi(x.contiguous(), h_0.contiguous()))


@pytest.mark.parametrize("by", ["number", "step"])
@over(SHORT + MANY_WINDOWS)
def test_overlapping_windows_are_their_copies(witness: Witness, agree: Agree, by: str) -> None:
    """Windows of one series, each one number or step further on, give what copies of them give."""
    stride = 1 if by == "number" else witness.case.input_size
    x, h_0 = _windows(witness, witness.x.shape, stride), witness.random_h_0
    agree(witness.bi(x, h_0), witness.bi(x.contiguous(), h_0))


@pytest.mark.parametrize("overlap", [False, True], ids=["side_by_side", "overlapping"])
@needs(Claim.ASSIGNMENT)
@over(SHORT)
def test_arguments_and_parameters_may_share_memory(
    witness: Witness, agree: Agree, *, overlap: bool
) -> None:
    """In one piece of memory, side by side or overlapping, they give what copies of them give.

    Behind them lie as many numbers as a GRU of this size has in biases.
    """
    shared, case = witness.rebuilt(), witness.case
    behind = witness.draw("behind", 12 * case.num_layers * case.hidden_size)
    values = [*shared.parameters(), witness.x, witness.random_h_0, behind]
    memory = torch.cat([value.detach().flatten() for value in values])
    starts = [0, *itertools.accumulate(value.numel() for value in values)]
    if overlap:  # x and h_0 start at the second element, inside the parameters
        starts[-4] = starts[-3] = 1
    *views, x, h_0, _ = [
        memory[start : start + value.numel()].view(value.shape)
        for start, value in zip(starts, values, strict=False)
    ]
    for value, view in zip(shared.parameters(), views, strict=True):
        value.data = view
    with warnings_as("ignore"):
        results = shared(x, h_0)
    agree(results, witness.rebuilt()(x.clone(), h_0.clone()))


@over(CONTIGUOUS.filter(lambda case: case.seq_len > 1 and case.num_layers == 1))
def test_one_step_is_the_same_step_in_both_directions(witness: Witness, agree: Agree) -> None:
    """With T=1 output is h_n[0] and h_n[1] side by side, each what a longer run starts with."""
    longer, _ = witness.bi(witness.x, witness.random_h_0)
    for direction, first in ((FORWARD, 0), (REVERSE, witness.case.seq_len - 1)):
        x = witness.x.narrow(witness.time_dim, first, 1)
        output, h_n = witness.bi(x, witness.random_h_0)
        both = torch.cat((h_n[0], h_n[1]), -1)
        agree.bitwise(output.squeeze(witness.time_dim), both, of="output")
        begun = longer.narrow(witness.time_dim, first, 1)
        agree(half(output, direction), half(begun, direction), of="output")


@needs(Claim.EMPTY_BATCH)
@over(CONTIGUOUS.filter(lambda case: case.batch == 1))
def test_empty_batch_gives_empty_results(witness: Witness, agree: Agree) -> None:
    """With B=0, output is (T, 0, 2*H), or (0, T, 2*H) under batch_first, and h_n is (2*L, 0, H)."""
    row = 1 - witness.time_dim
    output, h_n = witness.bi(witness.x.narrow(row, 0, 0), witness.random_h_0[:, :0])
    full_output, full_h_n = witness.bi(witness.x, witness.random_h_0)
    agree((output, h_n), (full_output.narrow(row, 0, 0), full_h_n[:, :0]))


def _windows(witness: Witness, shape: torch.Size, stride: int) -> torch.Tensor:
    """A tensor whose elements, but the first and last, each lie in the memory of another too."""
    return witness.draw("series", stride * sum(shape)).as_strided(shape, (stride, stride, 1))
