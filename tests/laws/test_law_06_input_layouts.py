"""Law 06, input layouts: batch_first, unbatched, strided, expanded, T=1 and B=0 change layout,
never values; `h_n` is never batch-first.

    bi_batch_first(x.transpose(0, 1), h_0) == (output.transpose(0, 1), h_n)
    bi(x[:, 0], h_0[:, 0])                 == (output[:, 0], h_n[:, 0])          for a batch of one
    bi(any view of x)                      == bi(its contiguous copy)

Source: torch documentation, torch.nn.GRU, sections *Parameters* (batch_first) and *Inputs*;
pytorch#34036, #80306, #345.
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.reversal import half
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.memory_layout import offset, permuted, strided
from fixtures.cases.parameters import FORWARD
from fixtures.cases.table import over
from fixtures.cases.tables import CORE, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

TIME_FIRST = CORE.with_fields(layout="contiguous").filter(lambda case: not case.batch_first)
CONTIGUOUS = SPREAD.with_fields(layout="contiguous")
VIEWS = {"strided": strided, "permuted": permuted, "offset": offset}
ONE_ROW = SPREAD.with_fields(batch=1, layout="contiguous").filter(lambda case: case.seq_len < 100)


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


@pytest.mark.parametrize("layout", VIEWS)
@over(CONTIGUOUS.filter(lambda case: case.num_layers <= 2))
def test_memory_layout_of_x_is_invisible(witness: Witness, agree: Agree, layout: str) -> None:
    """A view of x, with other strides or an offset, gives what a contiguous copy gives."""
    x, h_0 = VIEWS[layout](witness.x), witness.random_h_0
    agree(witness.bi(x, h_0), witness.bi(witness.x, h_0))


@pytest.mark.parametrize("layout", VIEWS)
@needs(lambda arguments: _is_strided(**arguments) and Claim.STRIDED_H_0)
@over(CONTIGUOUS.filter(lambda case: case.num_layers <= 2))
def test_memory_layout_of_h_0_is_invisible(witness: Witness, agree: Agree, layout: str) -> None:
    """A view of h_0 gives what a contiguous copy gives, whether x is a view or not."""
    view, h_0 = VIEWS[layout], witness.random_h_0
    expected = witness.bi(witness.x, h_0)
    agree(witness.bi(witness.x, view(h_0)), expected)
    agree(witness.bi(view(witness.x), view(h_0)), expected)


@over(CONTIGUOUS.filter(lambda case: case.batch > 1))
def test_expanded_row_of_x_is_a_copied_row(witness: Witness, agree: Agree) -> None:
    """One row of x expanded to a batch (stride 0) gives what B copies of it give."""
    x, h_0 = _expanded(witness.x, 1 - witness.time_dim), witness.random_h_0
    agree(witness.bi(x, h_0), witness.bi(x.contiguous(), h_0))


@needs(Claim.STRIDED_H_0)
@over(CONTIGUOUS.filter(lambda case: case.batch > 1))
def test_expanded_row_of_h_0_is_a_copied_row(witness: Witness, agree: Agree) -> None:
    """The same of h_0, alone and with an expanded x."""
    h_0 = _expanded(witness.random_h_0, 1)
    for x in (witness.x, _expanded(witness.x, 1 - witness.time_dim)):
        agree(witness.bi(x, h_0), witness.bi(x.contiguous(), h_0.contiguous()))


@over(CONTIGUOUS.filter(lambda case: case.seq_len > 1 and case.num_layers == 1))
def test_one_step_is_the_same_step_in_both_directions(witness: Witness, agree: Agree) -> None:
    """With T=1 both directions read the one step, and output is h_n[0] and h_n[1] side by side."""
    x = witness.x.narrow(witness.time_dim, 0, 1)
    output, h_n = witness.bi(x, witness.random_h_0)
    agree.bitwise(output.squeeze(witness.time_dim), torch.cat((h_n[0], h_n[1]), -1), of="output")
    longer, _ = witness.bi(witness.x, witness.random_h_0)
    first = longer.narrow(witness.time_dim, 0, 1)
    agree(half(output, FORWARD), half(first, FORWARD), of="output")


@needs(Claim.EMPTY_BATCH)
@over(CONTIGUOUS.filter(lambda case: case.batch == 1))
def test_empty_batch_gives_empty_results(witness: Witness, agree: Agree) -> None:
    """With B=0, output is (T, 0, 2*H), or (0, T, 2*H) under batch_first, and h_n is (2*L, 0, H)."""
    row = 1 - witness.time_dim
    output, h_n = witness.bi(witness.x.narrow(row, 0, 0), witness.random_h_0[:, :0])
    full_output, full_h_n = witness.bi(witness.x, witness.random_h_0)
    agree((output, h_n), (full_output.narrow(row, 0, 0), full_h_n[:, :0]))


def _is_strided(layout: str, case: Case, **_: object) -> bool:
    """Whether the view of h_0 is not contiguous: where a dimension is 1 it can be."""
    h_0 = torch.empty(2 * case.num_layers, case.batch, case.hidden_size)
    return not VIEWS[layout](h_0).is_contiguous()


def _expanded(values: torch.Tensor, row: int) -> torch.Tensor:
    return values.narrow(row, 0, 1).expand_as(values)
