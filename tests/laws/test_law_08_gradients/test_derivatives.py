"""Law 08, gradients: every derivative of the bidirectional GRU, with respect to input, initial
state and parameters, is that of its standalone runs.

    d loss(bi(x, h_0)) / d(x, h_0, parameters) == d loss(standalone runs) / d(x, h_0, parameters)

whether the loss is on `output`, on `h_n` or on both; in second order and in forward mode too. Where
a loss does not depend on something, the gradient is exactly zero, or None: for the padding, and for
the last layer's parameters of the other direction. tests/truths/test_oracle_gradients.py verifies
that these are the gradients of the documented equations.

Source: torch documentation, torch.autograd.grad, torch.autograd.gradcheck, torch.func.jvp;
pytorch#1301, #92615 and mxnet#17898 (values right, gradients wrong), pytorch#54307 (a slice of the
output, H not a multiple of 4), #5261 and #25315 (double backward).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from fixtures.actions.gradients import second_order
from fixtures.actions.gradients.first_order import (
    LOSS_ON,
    cotangents,
    gradients,
    gradients_of_runs,
    oracle_gradient,
    run_with_grad,
    tolerance_args,
    vjp,
)
from fixtures.actions.reversal import half
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.memory_layout import LAYOUTS
from fixtures.cases.parameters import FORWARD, REVERSE, SUFFIX
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import PACKED, SPREAD
from fixtures.cases.wide_sizes import WIDE
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.tolerance import FINITE_DIFFERENCE

FEW = SPREAD.filter(
    lambda case: (
        case.num_layers <= 2
        and case.hidden_size > 1
        and case.hidden_size * case.batch * case.seq_len <= 3_100
    )
)
ONE_OR_TWO = FEW.filter(one_or_two_layers)
DEEP = Table.of(Case(3, 5, 3, batch=2, seq_len=4))  # a layer between the first and the last
IN_FLOAT64 = FEW.with_fields(dtype="float64", layout="contiguous")
TINY = IN_FLOAT64.filter(lambda case: case.hidden_size == 7).with_fields(
    input_size=2, hidden_size=3, batch=2, seq_len=3
)


@pytest.mark.parametrize("loss_on", LOSS_ON)
@needs(Claim.GRADIENTS)
@over(FEW + DEEP + WIDE)
def test_gradients_are_those_of_the_standalone_runs(
    witness: Witness, agree: Agree, loss_on: str
) -> None:
    """The gradient wrt x, h_0 and every parameter is that of two standalone runs per layer."""
    loss = cotangents(witness, loss_on)
    agree(
        gradients(witness, loss), gradients_of_runs(witness, loss), **tolerance_args(witness, loss)
    )


@needs(Claim.GRADIENTS)
@over(PACKED.filter(lambda case: case.batch <= 5 and case.num_layers <= 2))
def test_packed_gradients_are_those_of_each_row_alone(witness: Witness, agree: Agree) -> None:
    """The gradient of a packed run is that of its rows run one by one, summed for parameters."""
    loss = cotangents(witness)
    agree(
        gradients(witness, loss), gradients_of_runs(witness, loss), **tolerance_args(witness, loss)
    )


@needs(Claim.GRADIENTS)
@over(PACKED.filter(lambda case: case.num_layers <= 2))
def test_padding_has_no_gradient(witness: Witness, agree: Agree) -> None:
    """The gradient wrt the padding is exactly zero."""
    gradient = gradients(witness, cotangents(witness))["x"]
    agree.bitwise(
        gradient.masked_fill(witness.step_mask, 0.0),
        torch.zeros_like(gradient),
        of="gradient wrt the padding",
    )


@pytest.mark.parametrize("direction", [FORWARD, REVERSE])
@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_other_direction_has_no_gradient(witness: Witness, agree: Agree, direction: int) -> None:
    """With a loss on one half of output, the other direction's last layer has zero gradients."""
    (output, _), wrt = run_with_grad(witness)
    loss = [half(witness.cotangents[0], direction)]
    gradient = vjp([half(output, direction)], loss, wrt)
    other = f"_l{witness.case.num_layers - 1}{SUFFIX[1 - direction]}"
    zeros = {name: torch.zeros_like(value) for name, value in wrt.items() if name.endswith(other)}
    agree.bitwise(
        {name: zero if gradient[name] is None else gradient[name] for name, zero in zeros.items()},
        zeros,
    )


@needs(Claim.GRADIENTS)
@over(FEW)
def test_loss_on_a_slice_is_zero_cotangents_elsewhere(witness: Witness, agree: Agree) -> None:
    """A loss on a slice of output has the equations' gradient with zero cotangents elsewhere."""
    window = (slice(witness.case.seq_len // 2, None), slice(None, None, 2), slice(1, None, 2))
    (output, _), wrt = run_with_grad(witness)
    cotangent, _ = witness.cotangents
    zero_outside = torch.zeros_like(cotangent)
    zero_outside[window] = cotangent[window]
    expected = oracle_gradient(witness, (zero_outside, None))
    agree.with_reference(
        vjp([output[window]], [cotangent[window]], wrt),
        expected.gradients,
        **expected.tolerance_args,
    )


@pytest.mark.parametrize("layout", ["strided", "permuted", "expanded"])
@needs(Claim.GRADIENTS)
@over(FEW.filter(lambda case: case.num_layers == 1))
def test_memory_layout_of_a_cotangent_is_invisible(
    witness: Witness, agree: Agree, layout: str
) -> None:
    """Cotangents may be any view: strided, transposed, or one number expanded (as by sum())."""
    viewed = tuple(_viewed(cotangent, layout) for cotangent in witness.cotangents)
    plain = tuple(cotangent.contiguous() for cotangent in viewed)
    agree(gradients(witness, viewed), gradients(witness, plain), **tolerance_args(witness, plain))


@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_graph_can_be_kept_and_walked_again(witness: Witness, agree: Agree) -> None:
    """With retain_graph, a second, third and fourth backward pass give the same gradients."""
    loss = cotangents(witness)
    results, wrt = run_with_grad(witness)
    first = vjp(results, loss, wrt, retain_graph=True)
    for keep in (True, True, False):
        again = vjp(results, loss, wrt, retain_graph=keep)
        agree.same_gradient(again, first, **tolerance_args(witness, loss))


@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_create_graph_changes_no_gradient(witness: Witness, agree: Agree) -> None:
    """With create_graph, the gradient is the same."""
    loss = cotangents(witness)
    agree(
        gradients(witness, loss, create_graph=True),
        gradients(witness, loss),
        **tolerance_args(witness, loss),
    )


@needs(Claim.GRADIENTS, Claim.DOUBLE_BACKWARD)
@over(IN_FLOAT64.listed.filter(lambda case: case.hidden_size < 300))
def test_second_order_is_the_change_of_the_gradient(witness: Witness, agree: Agree) -> None:
    """Double backward is the finite difference of the oracle's gradient along a random vector."""
    loss = cotangents(witness)
    expected = second_order.double_backward_of_oracle(witness, loss)
    with agree.accepts("double backward"):
        gradient = second_order.double_backward(witness, loss)
    agree(
        gradient,
        expected.gradients,
        reference=FINITE_DIFFERENCE,
        **expected.tolerance_args,
    )


@pytest.mark.costly  # the first case imports for a second
@needs(Claim.FORWARD_MODE, Claim.FUNCTIONAL_CALL)
@over(IN_FLOAT64)
def test_forward_mode_is_the_change_of_the_results(witness: Witness, agree: Agree) -> None:
    """torch.func.jvp is the finite difference of the oracle's results along a random vector."""
    expected = second_order.jvp_of_oracle(witness)
    with agree.accepts("torch.func.jvp"):
        tangents = second_order.jvp(witness)
    agree(
        tangents,
        expected.gradients,
        reference=FINITE_DIFFERENCE,
        **expected.tolerance_args,
    )


@pytest.mark.parametrize(
    "check", [gradcheck, pytest.param(gradgradcheck, marks=pytest.mark.costly)]
)
@needs(
    Claim.GRADIENTS,
    Claim.BITWISE_BACKWARD,
    Claim.FUNCTIONAL_CALL,
    lambda arguments: arguments["check"] is gradgradcheck and Claim.DOUBLE_BACKWARD,
)
@over(TINY)
def test_torchs_own_checks_pass(witness: Witness, agree: Agree, check: Callable[..., bool]) -> None:
    """torch.autograd.gradcheck, gradgradcheck pass wrt x, h_0 and every parameter, in float64."""
    agree.same(
        second_order.gradcheck_message(check, witness), "passed", f"{check.__name__}'s message"
    )


def _viewed(values: Tensor, layout: str) -> Tensor:
    if layout == "expanded":
        return values.flatten()[:1].expand(values.shape)
    return LAYOUTS[layout](values)
