"""Law 09, independence: one direction's parameters never move the other half, rows never mix, the forward half is causal and the reverse half anti-causal.

    half(output, FORWARD)[t] depends on x[0], ..., x[t], on forward parameters and on h_0[0]
    half(output, REVERSE)[t] depends on x[t], ..., x[T-1], on reverse parameters and on h_0[1]
    row b of output and of h_n depends on row b of x and of h_0

and on nothing else: put other numbers, NaN or infinity anywhere else, and not a bit of them changes. That is said of one
layer; a second layer reads both halves of the first, so there the two directions meet, and rows still do not.
A batch's rows computed one by one differ from the batch by rounding only, since other sizes add up in another order.

Source: torch documentation, torch.nn.GRU, section *Outputs*, and *Numerical accuracy*, section *Batched computations*;
pytorch#79501, #32023, #90421.
"""

from __future__ import annotations

import math

import pytest
import torch

from fixtures.actions.reversal import half
from fixtures.actions.unusual_inputs import HOW, perturb, perturbed, perturbed_direction
from fixtures.cases.parameters import FORWARD, REVERSE, SUFFIX, parameter
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

CONTIGUOUS = SPREAD.with_fields(layout="contiguous", h_0="random")
SHORT = CONTIGUOUS.filter(lambda case: case.batch * case.seq_len < 100)
ONE_LAYER = SHORT.filter(lambda case: case.num_layers == 1)
ROWS = CONTIGUOUS.filter(lambda case: case.batch > 1)
FEW_ROWS = SHORT.filter(lambda case: 1 < case.batch < 8)

directions = pytest.mark.parametrize("direction", [FORWARD, REVERSE], ids=["forward", "reverse"])
anyhow = pytest.mark.parametrize("how", HOW)


@directions
@over(FEW_ROWS)
def test_parameters_of_one_direction_never_move_the_other_half(
    witness: Witness, agree: Agree, direction: int
) -> None:
    """With other parameters in one direction of the last layer, the other half of output and all other states are the same bits."""
    top, other = witness.case.num_layers - 1, 1 - direction
    output, h_n = witness.bi(witness.x, witness.h_0)
    moved_output, moved_h_n = perturbed_direction(witness, top, direction)(witness.x, witness.h_0)
    others = [index for index in range(2 * witness.case.num_layers) if index != 2 * top + direction]
    agree.bitwise(
        (half(moved_output, other), moved_h_n[others]), (half(output, other), h_n[others])
    )


@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "h_0"])
@directions
@over(FEW_ROWS.filter(lambda case: case.batch < 4 and case.seq_len < 20).with_fields(bias=True))
def test_poison_in_one_direction_reaches_its_half_and_the_layers_above(
    witness: Witness, agree: Agree, direction: int, kind: str
) -> None:
    """NaN in one parameter, or in the h_0, of layer k's one direction makes NaN of its states, of all layers above, and of nothing else."""
    layer, layers = witness.case.num_layers // 2, witness.case.num_layers
    output, h_n = witness.bi(witness.x, witness.h_0)
    module, h_0 = witness.rebuilt(), witness.random_h_0.clone()
    perturb(
        witness,
        h_0[2 * layer + direction]
        if kind == "h_0"
        else parameter(module, f"{kind}_l{layer}{SUFFIX[direction]}"),
        "nan",
    )
    expected_output, expected_h_n = output.detach().clone(), h_n.detach().clone()
    (half(expected_output, direction) if layer == layers - 1 else expected_output).fill_(math.nan)
    expected_h_n[2 * layer + direction] = expected_h_n[2 * layer + 2 :] = math.nan
    agree.bitwise(module(witness.x, h_0), (expected_output, expected_h_n))


@anyhow
@over(ONE_LAYER)
def test_forward_half_is_causal(witness: Witness, agree: Agree, how: str) -> None:
    """Whatever x becomes after t, and the reverse h_0 with it, the forward half up to t is the same bits."""
    time, upto = witness.time_dim, (witness.case.seq_len + 1) // 2
    x = perturbed(witness, witness.x, (time, slice(upto, None)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (0, slice(REVERSE, None)), how=how)
    (moved, _), (output, _) = witness.bi(x, h_0), witness.bi(witness.x, witness.random_h_0)
    agree.bitwise(
        half(moved, FORWARD).narrow(time, 0, upto),
        half(output, FORWARD).narrow(time, 0, upto),
        of="output",
    )


@anyhow
@over(ONE_LAYER)
def test_reverse_half_is_anticausal(witness: Witness, agree: Agree, how: str) -> None:
    """Whatever x becomes before t, and the forward h_0 with it, the reverse half from t on is the same bits."""
    time, start = witness.time_dim, witness.case.seq_len // 2
    rest = witness.case.seq_len - start
    x = perturbed(witness, witness.x, (time, slice(start)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (0, slice(REVERSE)), how=how)
    (moved, _), (output, _) = witness.bi(x, h_0), witness.bi(witness.x, witness.random_h_0)
    agree.bitwise(
        half(moved, REVERSE).narrow(time, start, rest),
        half(output, REVERSE).narrow(time, start, rest),
        of="output",
    )


@over(SHORT)
def test_poison_in_one_element_reaches_its_row_from_its_time_on(
    witness: Witness, agree: Agree
) -> None:
    """NaN in x[t, b, i] makes NaN of row b: forward from t on and in reverse from t back; above the first layer, everywhere."""
    case, time = witness.case, witness.time_dim
    t, b, i = case.seq_len // 2, case.batch // 2, case.input_size // 2
    x = perturbed(
        witness,
        witness.x,
        (time, slice(t, t + 1)),
        (1 - time, slice(b, b + 1)),
        (2, slice(i, i + 1)),
        how="nan",
    )
    output, h_n = (result.detach().clone() for result in witness.bi(witness.x, witness.h_0))
    row = output.select(1 - time, b)
    if case.num_layers == 1:
        half(row, FORWARD)[t:] = math.nan
        half(row, REVERSE)[: t + 1] = math.nan
    else:
        row.fill_(math.nan)
    h_n[:, b] = math.nan
    agree.bitwise(witness.bi(x, witness.h_0), (output, h_n))


@anyhow
@over(
    ROWS.filter(lambda case: case.num_layers <= 2)
    + FEW_ROWS.filter(lambda case: case.num_layers > 2).with_fields(lengths="unsorted")
)
def test_rows_never_mix(witness: Witness, agree: Agree, how: str) -> None:
    """With one row of x and of h_0 disturbed, all other rows of output and of h_n are the same bits; in packed sequences too."""
    row, b = 1 - witness.time_dim, witness.case.batch // 2
    others = [index for index in range(witness.case.batch) if index != b]
    x = perturbed(witness, witness.x, (row, slice(b, b + 1)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (1, slice(b, b + 1)), how=how)
    (moved_output, moved_h_n), (output, h_n) = (
        witness.run(x, h_0),
        witness.run(witness.x, witness.random_h_0),
    )
    rows = torch.tensor(others, device=output.device)
    agree.bitwise(
        (moved_output.index_select(row, rows), moved_h_n[:, others]),
        (output.index_select(row, rows), h_n[:, others]),
    )


@over(FEW_ROWS)
def test_batch_is_its_rows_one_by_one(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == cat(bi(x[:, b], h_0[:, b]) for every row b)."""
    _agree_with_parts(witness, agree, [1] * witness.case.batch)


@over(ROWS)
def test_batch_is_its_unequal_parts(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) == cat of bi on a third of the rows and on the rest."""
    third = witness.case.batch // 3 or 1
    _agree_with_parts(witness, agree, [third, witness.case.batch - third])


@over(FEW_ROWS.with_fields(training=True))
def test_gradient_of_one_row_stays_in_it(witness: Witness, agree: Agree) -> None:
    """What row b of output and of h_n sends back to the other rows of x and of h_0 is exactly zero."""
    row, b = 1 - witness.time_dim, witness.case.batch // 2
    x, h_0 = witness.x.clone().requires_grad_(), witness.random_h_0.clone().requires_grad_()
    output, h_n = witness.bi(x, h_0)
    found = torch.autograd.grad(output.select(row, b).sum() + h_n[:, b].sum(), (x, h_0))
    confined = [torch.zeros_like(gradient) for gradient in found]
    confined[0].select(row, b).copy_(found[0].select(row, b))
    confined[1][:, b] = found[1][:, b]
    agree.bitwise(found, confined, of=("gradient of x", "gradient of h_0"))


@over(ONE_LAYER.with_fields(training=True))
def test_gradient_keeps_to_the_order_of_time(witness: Witness, agree: Agree) -> None:
    """What the forward half at t sends back to x after t is exactly zero, and what the reverse half sends to x before t."""
    time, t = witness.time_dim, witness.case.seq_len // 2
    x = witness.x.clone().requires_grad_()
    output, _ = witness.bi(x, witness.random_h_0)
    forward, reverse = (
        torch.autograd.grad(part.select(time, t).sum(), x, retain_graph=True)[0]
        for part in output.chunk(2, -1)
    )
    after, before = (
        forward.narrow(time, t + 1, witness.case.seq_len - t - 1),
        reverse.narrow(time, 0, t),
    )
    agree.bitwise(
        (after, before),
        (torch.zeros_like(after), torch.zeros_like(before)),
        of=("forward: after t", "reverse: before t"),
    )


def _agree_with_parts(witness: Witness, agree: Agree, sizes: list[int]) -> None:
    row = 1 - witness.time_dim
    parts = [
        witness.bi(x, h_0)
        for x, h_0 in zip(
            torch.split(witness.x, sizes, row),
            torch.split(witness.random_h_0, sizes, 1),
            strict=True,
        )
    ]
    agree(
        witness.bi(witness.x, witness.random_h_0),
        (torch.cat([output for output, _ in parts], row), torch.cat([h_n for _, h_n in parts], 1)),
    )
