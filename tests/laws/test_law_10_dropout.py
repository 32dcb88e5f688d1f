"""Law 10, dropout: in training, between the layers and nowhere else, elements become zero with
probability p and the others 1/(1-p) times themselves.

    input of layer k = output of layer k-1 * mask_k / (1-p)        for k >= 1
    mask_k           = 0 with probability p, else 1                for every element

Nothing is dropped of x, h_0, the recurrence or the last layer's output. In eval mode, or with p=0,
there is no mask at all, whatever ran before. Both directions share a mask. Every call draws a new
one, independently for each step, row and unit, from torch's global generator: the same state of the
generator gives the same mask. The gradient carries the mask of its own forward pass.

Source: torch documentation, torch.nn.GRU, first section and section *Parameters* (dropout),
torch.nn.Dropout; pytorch#74177, #174115, #180744, #185351, #189285 (a mask of a former call),
tensorflow#29391 (the same mask every time).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fixtures.actions.dropout_masks import (
    constant_axes,
    first_layer,
    likely,
    masked_run,
    masks_of_three_calls,
    passed_through,
    passing_through,
    runs_on_zeros,
    slope_and_finite_difference,
)
from fixtures.actions.reversal import half, one_layer, states_of_layer
from fixtures.actions.side_effects import warnings_as
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import FORWARD, REVERSE
from fixtures.cases.table import Table, over
from fixtures.cases.tables import DROPOUT, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.independence import (
    correlated_lags,
    rows_alike,
    shared_lags,
    uneven_slices,
)
from fixtures.comparison.tolerance import FINITE_DIFFERENCE, longest_gradient_sum

WHOLE = DROPOUT.with_fields(lengths="whole")
READABLE = DROPOUT.with_fields(bias=True)
MANY = WHOLE.with_fields(bias=True).filter(
    lambda case: case.batch * case.seq_len * case.hidden_size >= 150
)
#: More than a pool of masks is likely to hold.
CALLS = 34
TWO_LAYERS = WHOLE.with_fields(bias=True).filter(lambda case: case.num_layers == 2)
_LARGE = (
    Case(3, 32, 2, batch=4, seq_len=32, dropout=0.5),
    Case(2, 8, 3, batch=40, seq_len=13, dropout=0.3, batch_first=True),
    Case(3, 16, 2, batch=6, seq_len=40, dropout=0.4, lengths="unsorted"),
    Case(3, 5, 2, batch=4, seq_len=150, dropout=0.5),
    Case(3, 4, 2, batch=150, seq_len=4, dropout=0.5, batch_first=True),
    Case(3, 150, 2, batch=2, seq_len=4, dropout=0.5),
)
#: Masks of thousands of elements.
LARGE = Table(
    _LARGE,
    (
        *_LARGE,
        *(case.replace(dropout=0.7) for case in _LARGE),
        Case(4, 64, 2, batch=16, seq_len=64, dropout=0.1, dtype="float64"),
    ),
)
SINGLE_LAYER = SPREAD.filter(lambda case: case.num_layers == 1).with_fields(
    training=True, dropout=0.5
)
DIFFERENTIABLE = DROPOUT.with_fields(dtype="float64", layout="contiguous").filter(
    lambda case: case.batch * case.seq_len < 100 and case.hidden_size < 50
)


def of_float64(arguments: Mapping[str, Any]) -> Claim | Literal[False]:
    """What a case in float64 needs, where its numbers are compared."""
    return arguments["case"].dtype == "float64" and Claim.FLOAT64_DROPOUT


@needs(of_float64)
@over(READABLE)
def test_every_element_between_layers_is_dropped_or_scaled(witness: Witness, agree: Agree) -> None:
    """A layer's input is 0, or 1/(1-p) times the output below; the first layer has no dropout."""
    below, states = first_layer(witness)
    output, h_n = masked_run(witness, module=passing_through(witness))
    agree((output, h_n[:2]), (passed_through(witness, below, output != 0), states))


@over(MANY)
def test_share_of_elements_that_pass_is_as_p_says(witness: Witness, agree: Agree) -> None:
    """Of all elements, (1-p)**(L-1) pass L-1 masks, which vary with time, row, direction, unit."""
    output, _ = masked_run(witness, module=passing_through(witness))
    mask = output != 0
    count, size = int(mask.sum()), mask.numel()
    probability = (1 - witness.case.dropout) ** (witness.case.num_layers - 1)
    agree.same(
        "likely" if likely(count, size, probability) else "unlikely",
        "likely",
        f"{count} elements of {size} that pass with probability {probability:.3g}",
    )
    agree.same(
        constant_axes(mask, witness.case.hidden_size),
        [],
        "dimensions along which the mask is everywhere the same",
    )


@over(LARGE)
def test_no_element_of_a_mask_depends_on_another(witness: Witness, agree: Agree) -> None:
    """No element is correlated with another of the same or another call, at any lag.

    The masks are of two calls, one after the other, and of a third from another state. Nor has a
    step, row, direction or unit a probability of its own. Packed, the steps of all rows are one
    sequence.
    """
    masks, case = masks_of_three_calls(witness), witness.case
    if case.lengths != "whole":
        masks = masks[:, witness.step_mask.squeeze(-1)]
    probability = (1 - case.dropout) ** (case.num_layers - 1)
    agree.same(correlated_lags(masks, probability), [], "lags at which elements are correlated")
    halves = (half(masks, FORWARD), half(masks, REVERSE).flip(1 + witness.time_dim))
    agree.same(shared_lags(*halves, probability), [], "lags at which a half is the other flipped")
    by_direction = masks.view(*masks.shape[:-1], 2, case.hidden_size)
    uneven = uneven_slices(by_direction, probability)
    agree.same(uneven, [], "slices with a probability of their own")
    agree.same(rows_alike(masks, probability), 0, "steps and rows in which as many elements pass")


@over(DROPOUT)
def test_last_layer_is_never_dropped(witness: Witness, agree: Agree) -> None:
    """In training, h_n of the last layer is in output where each direction ends."""
    output, h_n = masked_run(witness)
    forward, reverse = output.transpose(0, witness.time_dim).chunk(2, -1)
    last = torch.tensor(witness.row_lengths, device=output.device) - 1
    ends = torch.stack((forward[last, torch.arange(witness.case.batch)], reverse[0]))
    agree.bitwise(h_n[-2:], ends, of="h_n")


@needs(Claim.SEEDED_DROPOUT, Claim.ONE_MASK)
@over(READABLE.filter(lambda case: case.num_layers == 2))
def test_both_directions_have_the_same_elements_dropped(witness: Witness, agree: Agree) -> None:
    """What the forward direction is given of either half, the reverse direction is given too."""
    output, _ = masked_run(witness, module=passing_through(witness))
    crossed, _ = masked_run(witness, module=passing_through(witness, crossed=True))
    second, first = crossed.chunk(2, -1)
    agree.bitwise(torch.cat((first, second), -1) != 0, output != 0, of="elements that pass")


@needs(Claim.SEEDED_DROPOUT, Claim.ONE_MASK, of_float64)
@over(TWO_LAYERS)
def test_second_layer_runs_on_what_the_mask_left(witness: Witness, agree: Agree) -> None:
    """bi(x) == layer[1](layer[0](x) * mask / (1-p)), if the generator starts in the same state."""
    mask = masked_run(witness, module=passing_through(witness))[0] != 0
    below, states = first_layer(witness)
    output, h_n = one_layer(witness, 1)(
        below * mask / (1 - witness.case.dropout), states_of_layer(witness.h_0, 1)
    )
    agree(masked_run(witness), (output, torch.cat((states, h_n))))


@over(DROPOUT.with_fields(dropout=1.0))
def test_p_of_one_leaves_zeros_for_the_layers_above(witness: Witness, agree: Agree) -> None:
    """With p=1 every layer above the first runs on zeros."""
    agree(masked_run(witness), runs_on_zeros(witness))


@needs(Claim.SEEDED_DROPOUT)
@over(DROPOUT)
def test_outside_training_there_is_none_whatever_ran_before(witness: Witness, agree: Agree) -> None:
    """Eval mode is bitwise p=0, also after training; and training is the same after eval."""
    plain = witness.rebuilt(dropout=0.0)
    without = witness.run(witness.x, witness.h_0, module=plain)
    agree.bitwise(witness.run(witness.x, witness.h_0, module=plain.eval()), without)
    trained = masked_run(witness)
    agree.bitwise(masked_run(witness, module=witness.bi.eval()), without)
    agree.bitwise(masked_run(witness, module=witness.bi.train()), trained)
    agree.bitwise(masked_run(witness, module=witness.bi.eval()), without)


@needs(Claim.SEEDED_DROPOUT)
@over(MANY.filter(lambda case: case.batch < 60))
def test_state_of_the_generator_decides_the_mask(witness: Witness, agree: Agree) -> None:
    """The same state gives the same masks; another state, or a later call, gives others."""
    output, h_n = masked_run(witness)
    with torch.no_grad():
        agree.bitwise(masked_run(witness), (output, h_n))
        first, calls = masked_run(witness, module=lambda x, h_0: _outputs(witness.bi, x, h_0))
        other, _ = masked_run(witness, "other masks")
    agree.bitwise(first, output, of="output")
    outputs = torch.cat((calls, other[None])).flatten(1)
    different = outputs.unique(dim=0)  # type: ignore[no-untyped-call]  # untyped in torch
    agree.same(len(different), len(outputs), "calls with masks of their own")


@needs(Claim.SEEDED_DROPOUT, Claim.GRADIENTS, Claim.FUNCTIONAL_CALL)
@over(DIFFERENTIABLE)
def test_gradient_carries_the_mask_of_its_own_forward(witness: Witness, agree: Agree) -> None:
    """With one state of the generator, the slope along a random vector is the finite difference."""
    slope, finite_difference, size = slope_and_finite_difference(witness)
    agree(
        slope,
        finite_difference,
        of="slope",
        reference=FINITE_DIFFERENCE,
        scale=size,
        terms=longest_gradient_sum(witness.case),
    )


@needs(Claim.DROPOUT, Claim.TORCH_WORDS)
@over(SINGLE_LAYER)
def test_single_layer_warns(witness: Witness, agree: Agree) -> None:
    """With one layer, the constructor warns of p, naming num_layers."""
    with (
        warnings_as("error"),
        agree.refuses(UserWarning, mentioning=r"dropout=0\.5 and num_layers=1"),
    ):
        witness.build()


@needs(Claim.DROPOUT)
@over(SINGLE_LAYER)
def test_single_layer_drops_nothing(witness: Witness, agree: Agree) -> None:
    """With one layer, p changes no bit, in training as well."""
    with warnings_as("ignore"):
        bi = witness.bi
    without = witness.rebuilt(dropout=0.0)
    agree.bitwise(bi(witness.x, witness.h_0), without(witness.x, witness.h_0))


def _outputs(bi: nn.Module, x: Tensor, h_0: Tensor) -> tuple[Tensor, Tensor]:
    """The output of the first of many calls, and of all."""
    outputs = torch.stack([bi(x, h_0)[0] for _ in range(CALLS)])
    return outputs[0], outputs
