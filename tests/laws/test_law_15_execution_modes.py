"""Law 15, execution modes: compiled, exported, scripted, traced, quantised, replicated or transformed, a bidirectional GRU is still the law.

    mode(bi)(x, h_0) == mode(standalone runs side by side)(x, h_0) == equations(x, h_0)

at the sizes it was converted at, and at others where the mode promises to serve them. A mode that refuses a GRU gives no wrong
answer, and is skipped with its words: so is one that this torch, this machine or this subject has not got.

torch.compile leaves nn.GRU as it is, and compiles around it, unless ``torch._dynamo.config.allow_rnn`` is set. Quantised weights
round more coarsely, by a row of their own. In ONNX ``linear_before_reset`` must be 1, or it is another GRU.

Source: torch documentation, torch.compile, torch.export, torch.onnx, torch.jit, torch.func, torch.nn.DataParallel; pytorch#189225 and
onnxscript#2852 (linear_before_reset), pytorch#120626 and #126339 (export), #184872 (free length), #91439 and #167275 (compile),
#33552 (no gradient through replicas), #37159 (quantised GRUs), onnxruntime#1607 (h_0).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fixtures.actions.gradients.first_order import (
    Cotangents,
    Gradients,
    inputs_with_grad,
    oracle_gradient,
    parameters,
    vjp,
)
from fixtures.actions.modes import modes
from fixtures.actions.modes.data_parallel import replicas, shared_run
from fixtures.actions.modes.meta_tensors import NUMBERLESS, shape_dtype_device
from fixtures.actions.modes.modes import Mode, StackedUnidirectionalGRU, Wrapper, call, other_sizes
from fixtures.actions.modes.torch_func import gradient_function, jacobian_function, mapped_call
from fixtures.actions.reference import oracle_of
from fixtures.cases.table import Table, over
from fixtures.cases.tables import CONVERTED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth import oracle

FLOAT32 = CONVERTED.with_fields(dtype="float32")
ONE = Table(FLOAT32.quick[:1], FLOAT32.full)
SLOW = Table((), FLOAT32.full[:2])
SMALL = SPREAD.filter(
    lambda case: case.num_layers <= 2 and case.seq_len < 8 and case.hidden_size < 100
)


def _judge(witness: Witness, agree: Agree, mode: Mode) -> None:
    with torch.no_grad():
        results = call(mode.of(witness, Wrapper(witness.bi)), witness.x, witness.h_0)
        agree(
            results,
            call(mode.of(witness, StackedUnidirectionalGRU(witness)), witness.x, witness.h_0),
            precision=mode.rounds_like,
        )
    agree.with_reference(results, oracle.gru(**witness.numbers), precision=mode.rounds_like)


@pytest.mark.parametrize("mode", [modes.TRACE, modes.SCRIPT], ids=str)
@over(CONVERTED)
def test_converted_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """mode(bi)(x, h_0) == mode(standalone runs side by side)(x, h_0) == oracle.gru(parameters, x, h_0)."""
    _judge(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.INT8, modes.FLOAT16], ids=str)
@over(FLOAT32.with_fields(bias=True))
def test_quantised_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same with dynamic quantisation, which takes GRUs of float32 with biases, and rounds as coarsely as its own row says."""
    _judge(witness, agree, mode)


@over(FLOAT32)
def test_onnx_graph_is_the_law_and_the_equations(witness: Witness, agree: Agree) -> None:
    """The same of the graph that the exporter by way of TorchScript writes, run by onnxruntime, which takes GRUs of float32."""
    _judge(witness, agree, modes.ONNX)


@pytest.mark.parametrize("mode", [modes.EXPORT, modes.AROUND, modes.AOT_EAGER], ids=str)
@over(ONE)
def test_exported_or_compiled_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same through torch.export and torch.compile."""
    _judge(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.INDUCTOR, modes.ONNX_BY_EXPORT], ids=str)
@over(SLOW)
def test_slowly_made_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same through what takes many seconds to make: inductor's native code, ONNX by way of torch.export."""
    _judge(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.ONNX, modes.ONNX_BY_EXPORT], ids=str)
@over(ONE)
def test_onnx_graph_resets_after_the_product(witness: Witness, agree: Agree, mode: Mode) -> None:
    """Every GRU operator in the graph is bidirectional and says linear_before_reset = 1; and the graph gives the equations' result."""
    run = mode.of(witness, Wrapper(witness.bi))
    layers = len(run.of_every_gru("hidden_size"))
    agree.same(
        run.of_every_gru("linear_before_reset"),
        [1] * layers,
        "linear_before_reset of every GRU operator",
    )
    agree.same(
        run.of_every_gru("direction"),
        [b"bidirectional"] * layers,
        "direction of every GRU operator",
    )
    agree.with_reference(call(run, witness.x, witness.h_0), oracle.gru(**witness.numbers))


def _judge_other_sizes(witness: Witness, agree: Agree, mode: Mode) -> None:
    x, h_0 = other_sizes(witness, mode.resizes)
    with torch.no_grad():
        results = call(mode.of(witness, Wrapper(witness.bi), free=mode.resizes), x, h_0)
        agree(results, witness.bi(x, h_0))
    agree.with_reference(results, oracle_of(witness, x=x, h_0=h_0))


@pytest.mark.parametrize("mode", [modes.TRACE, modes.SCRIPT, modes.ONNX], ids=str)
@over(FLOAT32)
def test_converted_gru_serves_other_sizes(witness: Witness, agree: Agree, mode: Mode) -> None:
    """Converted at one length and batch, it gives at others what the GRU itself, and the equations, give there."""
    _judge_other_sizes(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.EXPORT], ids=str)
@over(ONE)
def test_exported_gru_serves_other_batches(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same of torch.export, which leaves the batch free and fixes the length."""
    _judge_other_sizes(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.ONNX_BY_EXPORT], ids=str)
@over(SLOW)
def test_slowly_made_gru_serves_other_sizes(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same of ONNX by way of torch.export, in the versions that leave the length free."""
    _judge_other_sizes(witness, agree, mode)


def _judge_gradient(witness: Witness, agree: Agree, mode: Mode) -> None:
    given = inputs_with_grad(witness)
    results = call(mode.of(witness, Wrapper(witness.bi)), given["x"], given.get("h_0"))
    found = vjp(witness, results, witness.cotangents, given | parameters(witness))
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(found, expected.gradients, **expected.tolerance_args)


@pytest.mark.parametrize("mode", [modes.TRACE, modes.SCRIPT], ids=str)
@over(CONVERTED)
def test_gradient_flows_through_a_converted_gru(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The gradient through mode(bi) by x, h_0 and every parameter of bi is the equations'."""
    _judge_gradient(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.AROUND, modes.AOT_EAGER], ids=str)
@over(SLOW)
def test_gradient_flows_through_a_compiled_gru(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same through torch.compile, which compiles the backward pass as well."""
    _judge_gradient(witness, agree, mode)


@pytest.mark.parametrize(
    "transform", [gradient_function, jacobian_function], ids=["grad", "jacrev"]
)
@over(CONVERTED)
def test_gradient_as_a_function_is_the_equations(
    witness: Witness, agree: Agree, transform: Callable[[Witness, Cotangents], Gradients]
) -> None:
    """torch.func.grad of a loss, and torch.func.jacrev times the cotangents, are the oracle's gradient."""
    found = transform(witness, witness.cotangents)
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(found, expected.gradients, **expected.tolerance_args)


@over(CONVERTED)
def test_mapped_call_is_each_call(witness: Witness, agree: Agree) -> None:
    """torch.func.vmap over several inputs gives what the calls one by one give; nn.GRU, which has no batching rule, refuses."""
    xs = torch.stack((witness.x, -witness.x, witness.x / 2))
    results = mapped_call(witness, xs)
    outputs, states = zip(*(witness.bi(x, witness.h_0) for x in xs), strict=True)
    agree(results, (torch.stack(outputs), torch.stack(states)))


@pytest.mark.parametrize("pretence", NUMBERLESS)
@over(SMALL)
def test_tensors_without_numbers_have_the_shapes_of_the_results(
    witness: Witness, agree: Agree, pretence: str
) -> None:
    """On the device meta, and on fake tensors, output and h_n have the shapes and dtypes that they have with numbers."""
    found = NUMBERLESS[pretence](witness)
    results = witness.bi(witness.x, witness.h_0)
    agree.same(
        found,
        shape_dtype_device(results, "meta" if pretence == "meta" else ""),
        "shape, dtype and device of output and h_n",
    )


@over(SMALL.filter(lambda case: case.batch > 1))
def test_replicas_share_the_rows_and_the_gradient(witness: Witness, agree: Agree) -> None:
    """Two replicas, as nn.DataParallel makes them, give each its half of the rows, and the module the gradient of both."""
    given = inputs_with_grad(witness)
    results = shared_run(witness, replicas(witness, 2), given["x"], given.get("h_0"))
    agree(results, witness.bi(witness.x, witness.h_0))
    found = vjp(witness, results, witness.cotangents, given | parameters(witness))
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(found, expected.gradients, **expected.tolerance_args)
