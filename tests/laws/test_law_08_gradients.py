"""Law 08, gradients: every derivative of the bidirectional GRU, by input, initial state and parameters, is that of its standalone runs.

    d loss(bi(x, h_0)) / d(x, h_0, parameters) == d loss(standalone runs) / d(x, h_0, parameters)

whether the loss looks at `output`, at `h_n` or at both; in second order and in forward mode too. What a loss does not look at
has a gradient of exactly zero, or none: the padding, and the last layer's parameters of the other direction. That all of these
are the gradients of the documented equations says tests/truths/test_oracle_gradients.py.

Source: torch documentation, torch.autograd.grad, torch.autograd.gradcheck, torch.func.jvp; pytorch#1301, #92615 and mxnet#17898
(values right, gradients wrong), pytorch#54307 (a slice of the output, H not a multiple of 4), #776 (frozen parameters), #5261
and #25315 (double backward).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from fixtures.actions import derivatives
from fixtures.actions.derivatives import THROUGH, back, cotangents, forward, gradients, gradients_by_only, gradients_of_runs, room
from fixtures.actions.reversal import half
from fixtures.cases.tables import LONG, PACKED, SPREAD, over
from fixtures.cases.witness import FORWARD, REVERSE, SUFFIX, Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.tolerance import QUOTIENT

FEW = SPREAD.where(lambda case: case.num_layers <= 3 and case.hidden_size * case.batch * case.seq_len <= 500)
IN_FLOAT64 = FEW.each(dtype="float64", layout="contiguous")
TINY = IN_FLOAT64.where(lambda case: case.hidden_size == 7 and case.num_layers <= 2).each(input_size=2, hidden_size=3, batch=2, seq_len=3)


@pytest.mark.parametrize("through", THROUGH)
@over(FEW + LONG)
def test_gradients_are_those_of_the_standalone_runs(witness: Witness, agree: Agree, through: str) -> None:
    """Through output, h_n or both: the gradient by x, h_0 and every parameter is that of two standalone runs per layer."""
    loss = cotangents(witness, through)
    agree(gradients(witness, loss), gradients_of_runs(witness, loss), **room(witness, loss))


@over(PACKED.where(lambda case: case.batch <= 5 and case.num_layers <= 2))
def test_packed_gradients_are_those_of_each_row_alone(witness: Witness, agree: Agree) -> None:
    """The gradient of a packed run is that of the rows run one by one, and a parameter's is their sum."""
    loss = cotangents(witness)
    agree(gradients(witness, loss), gradients_of_runs(witness, loss), **room(witness, loss))


@over(PACKED)
def test_padding_has_no_gradient(witness: Witness, agree: Agree) -> None:
    """The gradient by what lies beyond a row's length is exactly zero."""
    by_x = gradients(witness, cotangents(witness))["x"]
    agree.to_the_bit(by_x.masked_fill(witness.within, 0.0), torch.zeros_like(by_x), of="gradient by the padding")


@pytest.mark.parametrize("direction", [FORWARD, REVERSE])
@over(FEW)
def test_other_direction_has_no_gradient(witness: Witness, agree: Agree, direction: int) -> None:
    """Through one half of output, the last layer's parameters of the other direction have a gradient of exactly zero, or none."""
    (output, _), by = forward(witness)
    found = back(witness, [half(output, direction)], [half(witness.cotangents[0], direction)], by)
    other = f"_l{witness.case.num_layers - 1}{SUFFIX[1 - direction]}"
    zeros = {name: torch.zeros_like(value) for name, value in by.items() if name.endswith(other)}
    agree.to_the_bit({name: zeros[name] if found[name] is None else found[name] for name in zeros}, zeros)


@over(FEW)
def test_slice_of_output_is_a_loss_that_looks_away_elsewhere(witness: Witness, agree: Agree) -> None:
    """The gradient through a slice with steps in every dimension is the gradient through output with cotangents of zero everywhere else."""
    window = (slice(witness.case.seq_len // 2, None), slice(None, None, 2), slice(1, None, 2))
    (output, _), by = forward(witness)
    cotangent, _ = witness.cotangents
    elsewhere = torch.zeros_like(cotangent)
    elsewhere[window] = cotangent[window]
    loss = (elsewhere, None)
    agree(back(witness, [output[window]], [cotangent[window]], by), gradients(witness, loss), **room(witness, loss))


@pytest.mark.parametrize("layout", ["strided", "permuted", "expanded"])
@over(FEW.where(lambda case: case.num_layers == 1))
def test_memory_layout_of_a_cotangent_is_invisible(witness: Witness, agree: Agree, layout: str) -> None:
    """A loss may hand back any view: every second column, a transpose, one number expanded (as sum() does)."""
    viewed = tuple(_viewed(cotangent, layout) for cotangent in witness.cotangents)
    plain = tuple(cotangent.contiguous() for cotangent in viewed)
    agree(gradients(witness, viewed), gradients(witness, plain), **room(witness, plain))


@over(FEW)
def test_graph_can_be_kept_and_walked_twice(witness: Witness, agree: Agree) -> None:
    """With retain_graph, a second walk back gives the same bits."""
    loss = cotangents(witness)
    results, by = forward(witness)
    first = back(witness, results, loss, by, retain_graph=True)
    agree.to_the_bit(back(witness, results, loss, by), first)


@over(FEW)
def test_create_graph_changes_no_gradient(witness: Witness, agree: Agree) -> None:
    """With create_graph, the gradient is the same, and can itself be differentiated."""
    loss = cotangents(witness)
    agree(gradients(witness, loss, create_graph=True), gradients(witness, loss), **room(witness, loss))


@pytest.mark.parametrize("learning", ["parameters", "input"])
@over(FEW)
def test_what_is_frozen_changes_no_other_gradient(witness: Witness, agree: Agree, learning: str) -> None:
    """The parameters' gradient is the same where the input wants none; the input's, where the parameters are frozen."""
    loss = cotangents(witness)
    some = gradients_by_only(witness, loss, learning)
    whole = gradients(witness, loss)
    agree(some, {name: whole[name] for name in some}, **room(witness, loss))


@over(IN_FLOAT64)
def test_second_order_is_the_change_of_the_gradient(witness: Witness, agree: Agree) -> None:
    """Autograd through autograd is how the oracle's gradient changes along a random direction."""
    loss = cotangents(witness)
    truth = derivatives.of_oracle_along(witness, loss)
    agree(derivatives.gradients_along(witness, loss), truth.gradients, reference=QUOTIENT, **truth.room)


@over(IN_FLOAT64)
def test_forward_mode_is_the_change_of_the_results(witness: Witness, agree: Agree) -> None:
    """torch.func.jvp is how the oracle's output and h_n change along a random direction."""
    truth = derivatives.tangents_of_oracle(witness)
    agree(derivatives.tangents(witness), truth.gradients, reference=QUOTIENT, **truth.room)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@over(TINY)
def test_torchs_own_checks_pass(witness: Witness, agree: Agree, check: Callable[..., bool]) -> None:
    """torch.autograd.gradcheck and gradgradcheck pass by x, h_0 and every parameter, in float64."""
    agree.same(derivatives.word_of(check, witness), "passed", f"what {check.__name__} says")


def _viewed(values: Tensor, layout: str) -> Tensor:
    if layout == "expanded":
        return values.flatten()[:1].expand(values.shape)
    if layout == "permuted":
        return values.transpose(0, 1).contiguous().transpose(0, 1)
    return torch.stack((values, torch.full_like(values, torch.nan)), -1)[..., 0]
