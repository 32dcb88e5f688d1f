"""Law 07, packed lengths: in a PackedSequence each row flips within its own length, as if it ran
alone, and its padding does not exist.

    row b of bi(pack(x, lengths), h_0) == bi(x[:lengths[b], b], h_0[:, b])
    reverse half of bi(pack(x)) == flip(gru(pack(flip(x, lengths))), lengths)

So the reverse direction of a row starts at its last step, t=lengths[b]-1, and `h_n` holds each
row's own final states. Rows may come in any order: packing sorts them, and `h_0` and `h_n` keep the
caller's order.

Source: torch documentation, torch.nn.GRU, sections *Inputs* and *Outputs*, and
torch.nn.utils.rnn.pack_padded_sequence (enforce_sorted); pytorch#1811 and #517 (does the reverse
direction read the padding?), #3584 and #15225 (unsorted lengths), pvse#13 (where the reverse state
is); mxnet#19323, keras#4192, mead-baseline#677, which got it wrong.
"""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from fixtures.actions.reversal import flip, half, row_by_row, standalone, state
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.joint_sizes import BULK
from fixtures.cases.memory_layout import VIEWS
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import over
from fixtures.cases.tables import PACKED, PACKED_HALF
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import oracle


def _unsorted(case: Case) -> bool:
    return case.lengths == "unsorted"


each_view = pytest.mark.parametrize("layout", VIEWS)
ONE_LAYER = PACKED.filter(lambda case: case.num_layers == 1)


@over(PACKED.filter(lambda case: case.batch < 60 or case.num_layers == 1))
def test_each_row_is_as_if_it_ran_alone(witness: Witness, agree: Agree) -> None:
    """bi(pack(x), h_0) == standalone runs, row by row, each on the row cut to its length."""
    agree(witness.run(witness.x, witness.h_0), row_by_row(witness, witness.x, witness.h_0))


@pytest.mark.sizes
@over(PACKED + PACKED_HALF + BULK)
def test_packed_run_is_the_oracles(witness: Witness, agree: Agree) -> None:
    """bi(pack(x), h_0) == oracle.gru(parameters, x, h_0, lengths)."""
    agree.with_reference(witness.run(witness.x, witness.h_0), oracle.gru(**witness.numbers))


@over(ONE_LAYER)
def test_reverse_half_is_flipped_within_each_length(witness: Witness, agree: Agree) -> None:
    """half(output, REVERSE) == flip(gru_reverse(pack(flip(x, lengths))), lengths)."""
    time, lengths = witness.time_dim, witness.lengths
    output, h_n = witness.run(witness.x, witness.h_0)
    flipped = witness.pack(flip(witness.x, time, lengths))
    gru_output, gru_h_n = standalone(witness, 0, REVERSE)(flipped, state(witness.h_0, 0, REVERSE))
    agree(
        (half(output, REVERSE), state(h_n, 0, REVERSE)),
        (flip(witness.padded(gru_output), time, lengths), gru_h_n),
    )


@over(PACKED)
def test_h_n_is_in_output_where_each_row_ends(witness: Witness, agree: Agree) -> None:
    """h_n[-2], h_n[-1] == forward half at t=lengths[b]-1, reverse half at t=0 of each row b."""
    output, h_n = witness.run(witness.x, witness.h_0)
    rows = output.unbind(1 - witness.time_dim)
    last = torch.stack(
        [
            half(row, FORWARD)[length - 1]
            for row, length in zip(rows, witness.lengths or (), strict=True)
        ]
    )
    first = torch.stack([half(row, REVERSE)[0] for row in rows])
    agree.bitwise(h_n[-2:], torch.stack((last, first)), of="h_n")


@over(PACKED.filter(lambda case: case.num_layers <= 2))
def test_packed_in_is_packed_out(witness: Witness, agree: Agree) -> None:
    """A PackedSequence gives one with the same batch_sizes, sorted_ and unsorted_indices."""
    output, _ = witness.bi(witness.packed, witness.h_0)
    agree.same(type(output), type(witness.packed), "the type of output")
    for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
        agree.same(
            _listed(getattr(output, field)),
            _listed(getattr(witness.packed, field)),
            f"output.{field}",
        )


@pytest.mark.parametrize("filler", [0.0, math.inf])
@over(ONE_LAYER)
def test_padding_cannot_be_seen(witness: Witness, agree: Agree, filler: float) -> None:
    """With NaN, zeros or infinities in the padding, the results are bitwise equal."""
    filled = witness.x.masked_fill(~witness.step_mask, filler)
    agree.bitwise(witness.run(filled, witness.h_0), witness.run(witness.x, witness.h_0))


@over(ONE_LAYER.filter(lambda case: case.lengths != "unsorted"))
def test_enforce_sorted_is_a_promise_and_changes_nothing(witness: Witness, agree: Agree) -> None:
    """Sorted rows give the same with enforce_sorted and when packing sorts them again."""
    promised, h_n = witness.bi(witness.pack(witness.x, enforce_sorted=True), witness.h_0)
    sorted_again, h_n_again = witness.bi(witness.pack(witness.x), witness.h_0)
    agree((witness.padded(sorted_again), h_n_again), (witness.padded(promised), h_n))


@over((PACKED + BULK).filter(_unsorted))
def test_rows_come_back_in_the_order_of_the_caller(witness: Witness, agree: Agree) -> None:
    """Rows, lengths and h_0 in another order give output and h_n in that order."""
    order = torch.randperm(witness.case.batch, generator=witness.generator("order of rows")).to(
        witness.backend.device
    )
    row = 1 - witness.time_dim
    output, h_n = witness.run(witness.x, witness.random_h_0)
    lengths = [(witness.lengths or [])[i] for i in order]
    reordered, reordered_h_n = witness.bi(
        witness.pack(witness.x.index_select(row, order), lengths=lengths),
        witness.random_h_0[:, order],
    )
    agree(
        (witness.padded(reordered), reordered_h_n),
        (output.index_select(row, order), h_n[:, order]),
    )


@each_view
@pytest.mark.parametrize("viewed", ["data", "h_0"])
@needs(lambda arguments: arguments["viewed"] == "h_0" and Claim.STRIDED_H_0)
@over(PACKED.filter(lambda case: case.num_layers == 2 and 3 < case.batch < 10).filter(_unsorted))
def test_memory_layout_is_invisible(
    witness: Witness, agree: Agree, viewed: str, layout: str
) -> None:
    """A view of the packed data, or of h_0, gives what contiguous memory gives."""
    view = partial(witness.laid_out, VIEWS[layout])
    packed, h_0 = witness.packed, witness.random_h_0
    output, h_n = (
        witness.bi(packed._replace(data=view(packed.data)), h_0)
        if viewed == "data"
        else witness.bi(packed, view(h_0))
    )
    expected, expected_h_n = witness.bi(packed, h_0)
    agree((output.data, h_n), (expected.data, expected_h_n))


@over(PACKED.filter(lambda case: case.h_0 == "none"))
def test_no_h_0_is_an_h_0_of_zeros(witness: Witness, agree: Agree) -> None:
    """bi(pack(x)) == bi(pack(x), zeros)."""
    agree.bitwise(
        witness.run(witness.x, None), witness.run(witness.x, torch.zeros_like(witness.random_h_0))
    )


@over(ONE_LAYER)
def test_batch_first_is_a_matter_of_padding_only(witness: Witness, agree: Agree) -> None:
    """A PackedSequence has no batch dimension: batch_first changes nothing."""
    output, h_n = witness.bi(witness.packed, witness.h_0)
    other_gru = witness.rebuilt(batch_first=not witness.case.batch_first)
    other_output, other_h_n = other_gru(witness.packed, witness.h_0)
    agree.bitwise((other_output.data, other_h_n), (output.data, h_n))


@over(PACKED.filter(lambda case: case.lengths == "equal"))
def test_rows_of_one_length_are_the_plain_tensor(witness: Witness, agree: Agree) -> None:
    """Where all rows have one length, bi(pack(x)) == bi(x[:length])."""
    length = (witness.lengths or [0])[0]
    without_padding = witness.x.narrow(witness.time_dim, 0, length).clone()
    output, h_n = witness.bi(without_padding, witness.h_0)
    padded, packed_h_n = witness.run(witness.x, witness.h_0)
    agree((padded.narrow(witness.time_dim, 0, length), packed_h_n), (output, h_n))


def _listed(values: torch.Tensor | None) -> list[int] | None:
    return None if values is None else values.tolist()
