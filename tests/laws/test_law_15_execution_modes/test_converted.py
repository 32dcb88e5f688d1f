"""Law 15, execution modes: compiled, exported, scripted, traced, recorded as a CUDA graph or
quantised, a bidirectional GRU still computes the same function.

    mode(bi)(x, h_0) == mode(standalone runs side by side)(x, h_0) == equations(x, h_0)

at the sizes it was converted at, and at others where the mode promises to serve them, with its
gradient and, in training, with its dropout. A mode that is claimed and refuses the GRU breaks the
law. One that this torch or this machine does not have is skipped, with the reason.

torch.compile leaves nn.GRU as it is, and compiles around it, unless
``torch._dynamo.config.allow_rnn`` is set. Quantised weights round more coarsely, by a row of their
own. In ONNX ``linear_before_reset`` must be 1, or it is another GRU.

Source: torch documentation, torch.compile, torch.export, torch.onnx, torch.jit, CUDA semantics,
section *CUDA Graphs*; pytorch#189225 and onnxscript#2852 (linear_before_reset), pytorch#120626 and
#126339 (export), #184872 (free length), #91439 and #167275 (compile), #37159 (quantised GRUs),
onnxruntime#1607 (h_0).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from fixtures.actions.dropout_masks import runs_on_zeros
from fixtures.actions.gradients.first_order import (
    inputs_with_grad,
    oracle_gradient,
    parameters,
    vjp,
)
from fixtures.actions.modes import modes
from fixtures.actions.modes.modes import (
    Mode,
    StackedUnidirectionalGRU,
    Wrapper,
    call,
    other_sizes,
)
from fixtures.actions.reference import oracle_of
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import Table, over
from fixtures.cases.tables import CONVERTED
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FLOAT32 = CONVERTED.with_fields(dtype="float32")
ONE = Table(FLOAT32.quick[:1], FLOAT32.full)
RESIZED = Table(FLOAT32.quick[:2], FLOAT32.full)
DIFFERENTIATED = Table(CONVERTED.quick[1:3], CONVERTED.full)
SLOW = Table((), FLOAT32.full[:2])
_DROPPED = (
    Case(5, 4, 2, batch=2, seq_len=3, dropout=1.0),
    Case(4, 3, 3, batch=3, seq_len=2, dropout=1.0, bias=False, batch_first=True, h_0="none"),
)
DROPPED = Table(_DROPPED[:1], _DROPPED)
SLOWLY_DROPPED = Table((), _DROPPED)


def costly(mode: Mode) -> Any:
    """A conversion that takes a second, or that imports for one."""
    return pytest.param(mode, marks=pytest.mark.costly)


def _converted(
    witness: Witness, agree: Agree, mode: Mode, *, free: tuple[str, ...] = ()
) -> Callable[..., Any]:
    """The GRU under test, converted; neither a conversion nor a call of its result may raise."""
    with agree.accepts(f"{mode}"):
        run = mode.of(witness, Wrapper(witness.bi), free=free)

    def accepted(x: Tensor, h_0: Tensor | None) -> Any:
        with agree.accepts(f"a call by {mode}"):
            return call(run, x, h_0)

    return accepted


def _computes_the_same(witness: Witness, agree: Agree, mode: Mode) -> None:
    with torch.no_grad():
        results = _converted(witness, agree, mode)(witness.x, witness.h_0)
        runs = mode.of(witness, StackedUnidirectionalGRU(witness))
        agree(results, call(runs, witness.x, witness.h_0), precision=mode.rounds_like)
    agree.with_reference(results, oracle_of(witness), precision=mode.rounds_like)


@pytest.mark.parametrize("mode", [modes.TRACE, costly(modes.SCRIPT), modes.CUDA_GRAPH], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(CONVERTED)
def test_converted_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """TorchScript, a CUDA graph: mode(bi)(x, h_0) == mode(standalone runs)(x, h_0) == equations."""
    _computes_the_same(witness, agree, mode)


@pytest.mark.parametrize("mode", [modes.INT8, modes.FLOAT16], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(FLOAT32.with_fields(bias=True))
def test_quantised_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same for dynamic quantisation, of float32 with biases, within its coarser rounding."""
    _computes_the_same(witness, agree, mode)


@pytest.mark.costly
@needs(Claim.ONNX)
@over(FLOAT32)
def test_onnx_graph_is_the_law_and_the_equations(witness: Witness, agree: Agree) -> None:
    """The same for the graph of the exporter by way of TorchScript, run by onnxruntime."""
    _computes_the_same(witness, agree, modes.ONNX)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.EXPORT, modes.AROUND, modes.AOT_EAGER], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(ONE)
def test_exported_or_compiled_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same for torch.export and torch.compile."""
    _computes_the_same(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.INDUCTOR, modes.ONNX_BY_EXPORT], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(SLOW)
def test_slowly_made_gru_is_the_law_and_the_equations(
    witness: Witness, agree: Agree, mode: Mode
) -> None:
    """The same for slow conversions: inductor's native code, ONNX by way of torch.export."""
    _computes_the_same(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.ONNX, modes.ONNX_BY_EXPORT], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(ONE)
def test_onnx_graph_resets_after_the_product(witness: Witness, agree: Agree, mode: Mode) -> None:
    """Every GRU operator in an ONNX graph is bidirectional and has linear_before_reset = 1."""
    with agree.accepts(f"{mode}"):
        run = mode.of(witness, Wrapper(witness.bi))
    layers = len(run.of_every_gru("hidden_size"))
    for attribute, value in (("linear_before_reset", 1), ("direction", b"bidirectional")):
        agree.same(
            run.of_every_gru(attribute), [value] * layers, f"{attribute} of every GRU operator"
        )
    agree.with_reference(call(run, witness.x, witness.h_0), oracle_of(witness))


def _serves_other_sizes(witness: Witness, agree: Agree, mode: Mode) -> None:
    x, h_0 = other_sizes(witness, mode.resizes)
    with torch.no_grad():
        results = _converted(witness, agree, mode, free=mode.resizes)(x, h_0)
        agree(results, witness.bi(x, h_0))
    agree.with_reference(results, oracle_of(witness, x=x, h_0=h_0))


@pytest.mark.parametrize("mode", [modes.TRACE, *map(costly, (modes.SCRIPT, modes.ONNX))], ids=str)
@needs(Claim.FREE_SIZES, lambda arguments: arguments["mode"].claim)
@over(RESIZED)
def test_converted_gru_serves_other_sizes(witness: Witness, agree: Agree, mode: Mode) -> None:
    """Converted at one length and batch, it gives at others what bi and the equations give."""
    _serves_other_sizes(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.EXPORT], ids=str)
@needs(Claim.FREE_SIZES, lambda arguments: arguments["mode"].claim)
@over(ONE)
def test_exported_gru_serves_other_batches(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same for torch.export, which leaves the batch free and fixes the length."""
    _serves_other_sizes(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.ONNX_BY_EXPORT], ids=str)
@needs(Claim.FREE_SIZES, lambda arguments: arguments["mode"].claim)
@over(SLOW)
def test_slowly_made_gru_serves_other_batches(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same for ONNX by way of torch.export."""
    _serves_other_sizes(witness, agree, mode)


def _has_the_gradient(witness: Witness, agree: Agree, mode: Mode) -> None:
    inputs = inputs_with_grad(witness)
    results = _converted(witness, agree, mode)(inputs["x"], inputs.get("h_0"))
    gradient = vjp(results, witness.cotangents, inputs | parameters(witness))
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(gradient, expected.gradients, **expected.tolerance_args)


@pytest.mark.parametrize("mode", [modes.TRACE, costly(modes.SCRIPT)], ids=str)
@needs(lambda arguments: arguments["mode"].claim, Claim.GRADIENTS)
@over(DIFFERENTIATED)
def test_gradient_flows_through_a_converted_gru(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The gradient of mode(bi) wrt x, h_0 and every parameter of bi is the equations'."""
    _has_the_gradient(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.AROUND, modes.AOT_EAGER], ids=str)
@needs(lambda arguments: arguments["mode"].claim, Claim.GRADIENTS)
@over(SLOW)
def test_gradient_flows_through_a_compiled_gru(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same for torch.compile, which compiles the backward pass as well."""
    _has_the_gradient(witness, agree, mode)


def _drops(witness: Witness, agree: Agree, mode: Mode) -> None:
    agree(_converted(witness, agree, mode)(witness.x, witness.h_0), runs_on_zeros(witness))


@pytest.mark.parametrize(
    "mode",
    [modes.TRACE, modes.CUDA_GRAPH, *map(costly, (modes.SCRIPT, modes.AROUND, modes.DECOMPOSED))],
    ids=str,
)
@needs(lambda arguments: arguments["mode"].claim)
@over(DROPPED)
def test_training_mode_keeps_its_dropout(witness: Witness, agree: Agree, mode: Mode) -> None:
    """With p=1, which draws nothing, every layer of mode(bi) above the first runs on zeros."""
    _drops(witness, agree, mode)


@pytest.mark.costly
@pytest.mark.parametrize("mode", [modes.EXPORT, modes.AOT_EAGER, modes.INDUCTOR], ids=str)
@needs(lambda arguments: arguments["mode"].claim)
@over(SLOWLY_DROPPED)
def test_slow_training_mode_keeps_its_dropout(witness: Witness, agree: Agree, mode: Mode) -> None:
    """The same for torch.export alone, and compiled whole, also to native code."""
    _drops(witness, agree, mode)
