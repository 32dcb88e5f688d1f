"""Law 09, independence: one direction's parameters never change the other half, rows never mix, the
forward half is causal and the reverse half anti-causal.

    half(output, FORWARD)[t] depends on x[0], ..., x[t], on forward parameters and on h_0[0]
    half(output, REVERSE)[t] depends on x[t], ..., x[T-1], on reverse parameters and on h_0[1]
    row b of output and of h_n depends on row b of x and of h_0

and on nothing else: with other numbers, NaN or infinity anywhere else, they are bitwise equal. The
first two lines hold for one layer; a second layer reads both halves of the first, so there the
directions meet, and rows still do not. A batch's rows computed one by one differ from the batch by
rounding only, since other sizes add up in another order.

Source: torch documentation, torch.nn.GRU, section *Outputs*, and *Numerical accuracy*, section
*Batched computations*; pytorch#79501, #32023, #90421.
"""

from __future__ import annotations

import math

import pytest
import torch

from fixtures.actions.reversal import half
from fixtures.actions.unusual_inputs import HOW, perturb, perturbed, perturbed_direction
from fixtures.cases.claims import Claim, needs
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

each_direction = pytest.mark.parametrize(
    "direction", [FORWARD, REVERSE], ids=["forward", "reverse"]
)
each_perturbation = pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=[] if how == "other" else needs(Claim.NON_FINITE)) for how in HOW],
)


@each_direction
@over(FEW_ROWS)
def test_parameters_of_one_direction_never_move_the_other_half(
    witness: Witness, agree: Agree, direction: int
) -> None:
    """Other parameters in a direction of the last layer change its half and its state only."""
    top, other = witness.case.num_layers - 1, 1 - direction
    output, h_n = witness.bi(witness.x, witness.h_0)
    changed_output, changed_h_n = perturbed_direction(witness, top, direction)(
        witness.x, witness.h_0
    )
    others = [index for index in range(2 * witness.case.num_layers) if index != 2 * top + direction]
    agree.bitwise(
        (half(changed_output, other), changed_h_n[others]), (half(output, other), h_n[others])
    )


@pytest.mark.parametrize("kind", ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "h_0"])
@each_direction
@needs(Claim.NON_FINITE)
@over(FEW_ROWS.filter(lambda case: case.batch < 4 and case.seq_len < 20).with_fields(bias=True))
def test_poison_in_one_direction_reaches_its_half_and_the_layers_above(
    witness: Witness, agree: Agree, direction: int, kind: str
) -> None:
    """NaN in a parameter or h_0 of one direction reaches its states and the layers above only."""
    layer, layers = witness.case.num_layers // 2, witness.case.num_layers
    module, h_0 = witness.rebuilt(), witness.random_h_0.clone()
    perturb(
        witness,
        h_0[2 * layer + direction]
        if kind == "h_0"
        else parameter(module, f"{kind}_l{layer}{SUFFIX[direction]}"),
        "nan",
    )
    output, h_n = (result.detach().clone() for result in witness.bi(witness.x, witness.h_0))
    # half() is a view: NaN written into it is written into output
    (half(output, direction) if layer == layers - 1 else output).fill_(math.nan)
    h_n[2 * layer + direction] = h_n[2 * layer + 2 :] = math.nan
    agree.bitwise(module(witness.x, h_0), (output, h_n))


@each_perturbation
@over(ONE_LAYER)
def test_forward_half_is_causal(witness: Witness, agree: Agree, how: str) -> None:
    """Perturbing x after t, and the reverse h_0, leaves the forward half up to t as it was."""
    time, stop = witness.time_dim, (witness.case.seq_len + 1) // 2
    x = perturbed(witness, witness.x, (time, slice(stop, None)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (0, slice(REVERSE, None)), how=how)
    (changed, _), (output, _) = witness.bi(x, h_0), witness.bi(witness.x, witness.random_h_0)
    agree.bitwise(
        half(changed, FORWARD).narrow(time, 0, stop),
        half(output, FORWARD).narrow(time, 0, stop),
        of="output",
    )


@each_perturbation
@over(ONE_LAYER)
def test_reverse_half_is_anticausal(witness: Witness, agree: Agree, how: str) -> None:
    """Perturbing x before t, and the forward h_0, leaves the reverse half from t on as it was."""
    time, start = witness.time_dim, witness.case.seq_len // 2
    rest = witness.case.seq_len - start
    x = perturbed(witness, witness.x, (time, slice(start)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (0, slice(REVERSE)), how=how)
    (changed, _), (output, _) = witness.bi(x, h_0), witness.bi(witness.x, witness.random_h_0)
    agree.bitwise(
        half(changed, REVERSE).narrow(time, start, rest),
        half(output, REVERSE).narrow(time, start, rest),
        of="output",
    )


@needs(Claim.NON_FINITE)
@over(SHORT)
def test_poison_in_one_element_reaches_its_row_from_its_time_on(
    witness: Witness, agree: Agree
) -> None:
    """NaN in x[t, b, i] reaches row b: forward from t on, in reverse up to t; stacked, all of b."""
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
    row = output.select(1 - time, b)  # a view: NaN written into it is written into output
    if case.num_layers == 1:
        half(row, FORWARD)[t:].fill_(math.nan)
        half(row, REVERSE)[: t + 1].fill_(math.nan)
    else:
        row.fill_(math.nan)
    h_n[:, b].fill_(math.nan)
    agree.bitwise(witness.bi(x, witness.h_0), (output, h_n))


@each_perturbation
@over(
    ROWS.filter(lambda case: case.num_layers <= 2)
    + FEW_ROWS.filter(lambda case: case.num_layers > 2).with_fields(lengths="unsorted")
)
def test_rows_never_mix(witness: Witness, agree: Agree, how: str) -> None:
    """Perturbing a row of x and of h_0 leaves all other rows as they were; packed sequences too."""
    row, b = 1 - witness.time_dim, witness.case.batch // 2
    x = perturbed(witness, witness.x, (row, slice(b, b + 1)), how=how)
    h_0 = perturbed(witness, witness.random_h_0, (1, slice(b, b + 1)), how=how)
    changed_output, changed_h_n = witness.run(x, h_0)
    output, h_n = witness.run(witness.x, witness.random_h_0)
    others = [index for index in range(witness.case.batch) if index != b]
    rows = torch.tensor(others, device=output.device)
    agree.bitwise(
        (changed_output.index_select(row, rows), changed_h_n[:, others]),
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


@needs(Claim.GRADIENTS)
@over(FEW_ROWS.with_fields(training=True))
def test_gradient_of_one_row_stays_in_it(witness: Witness, agree: Agree) -> None:
    """A loss on row b has a gradient of exactly zero wrt the other rows of x and of h_0."""
    row, b = 1 - witness.time_dim, witness.case.batch // 2
    x, h_0 = witness.x.clone().requires_grad_(), witness.random_h_0.clone().requires_grad_()
    output, h_n = witness.bi(x, h_0)
    loss = output.select(row, b).sum() + h_n[:, b].sum()
    wrt_x, wrt_h_0 = torch.autograd.grad(loss, (x, h_0))
    others = (torch.arange(witness.case.batch, device=x.device) != b)[:, None]
    agree.bitwise(
        (wrt_x, wrt_h_0),
        (wrt_x.masked_fill(others.unsqueeze(1 - row), 0.0), wrt_h_0.masked_fill(others, 0.0)),
        of=("gradient wrt x", "gradient wrt h_0"),
    )


@needs(Claim.GRADIENTS)
@over(ONE_LAYER.with_fields(training=True))
def test_gradient_keeps_to_the_order_of_time(witness: Witness, agree: Agree) -> None:
    """Output at t has a gradient of exactly zero wrt x after t (forward), before t (reverse)."""
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
            [h_0.contiguous() for h_0 in torch.split(witness.random_h_0, sizes, 1)],
            strict=True,
        )
    ]
    agree(
        witness.bi(witness.x, witness.random_h_0),
        (torch.cat([output for output, _ in parts], row), torch.cat([h_n for _, h_n in parts], 1)),
    )
