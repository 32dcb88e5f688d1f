"""modes: none refuses torch's own GRU; one that is missing or refuses a GRU gives the reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from fixtures.actions.modes import modes, onnx_models
from fixtures.actions.modes.converters import ConversionError
from fixtures.actions.modes.modes import (
    MODES,
    Mode,
    StackedUnidirectionalGRU,
    Wrapper,
    call,
    other_sizes,
)
from fixtures.actions.modes.onnx_models import OnnxRun
from fixtures.cases.backend import Backend, NotHereError
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU, Implementation
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.proof.collection import law_tests
from fixtures.proof.runner import Outcome, run

CASE = Case(5, 4, 2, 2, 3)
ON_THE_CPU = [mode for mode in MODES if mode != modes.CUDA_GRAPH]


class InPython(nn.GRU):
    """A GRU whose forward is Python that depends on the values of its input, as no graph can."""

    def forward(self, input: torch.Tensor, hx: torch.Tensor | None = None) -> Any:  # type: ignore[override]  # noqa: A002  # nn.GRU's names
        """The forward of nn.GRU, for a batch of sequences."""
        if float(input.sum()) > 1e9:
            raise OverflowError
        return super().forward(input, hx)


def witness_of(implementation: Implementation = TORCH_GRU, case: Case = CASE) -> Witness:
    """The witness of the case on the CPU."""
    return Witness(case, Backend("cpu"), implementation)


@pytest.mark.parametrize("mode", [mode for mode in ON_THE_CPU if mode != modes.INDUCTOR], ids=str)
def test_no_mode_refuses_torchs_own_gru(mode: Mode) -> None:
    """Every mode that there is here converts nn.GRU, and the result can be called."""
    witness = witness_of()
    with torch.no_grad():
        output, _ = call(mode.of(witness, Wrapper(witness.bi)), witness.x, witness.h_0)
    assert output.shape == (3, 2, 8)


@pytest.mark.parametrize("h_0", ["random", "none"])
def test_stacked_unidirectional_grus_compute_the_same_function(h_0: str) -> None:
    """Called as a module, the standalone GRUs give the results of the bidirectional one."""
    witness = witness_of(case=CASE.replace(h_0=h_0, dtype="float64"))
    agree = Agree(witness.case, "float64", lambda _: None)
    agree(
        call(StackedUnidirectionalGRU(witness), witness.x, witness.h_0),
        witness.bi(witness.x, witness.h_0),
    )


def test_refusal_is_an_error_in_the_words_of_the_mode() -> None:
    """A mode that is claimed and refuses the module breaks its claim."""
    witness = witness_of(Implementation("mypkg:MyGRU", InPython))
    with pytest.raises(ConversionError, match=r"it replaces torch\.nn\.GRU only"):
        modes.INT8.of(witness, Wrapper(witness.bi))


@pytest.mark.parametrize("mode", ON_THE_CPU, ids=str)
def test_mode_that_refuses_torchs_own_gru_breaks_law_15(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a conversion raises is a refusal of what is claimed: no skip, and no mere crash."""
    of = Mode.of

    def refusing(self: Mode, *arguments: Any, **options: Any) -> Any:
        if self is mode:
            raise NotImplementedError("not here")
        return of(self, *arguments, **options)

    monkeypatch.setattr(Mode, "of", refusing)
    law_case = next(
        law_case
        for law_test in law_tests()
        if "test_converted.py" in law_test.nodeid
        for law_case in law_test.cases("full")
        if law_case.arguments.get("mode", modes.ONNX) is mode
    )
    outcome, reason = run(law_case, TORCH_GRU, Backend("cpu"))
    assert (outcome, reason) == (Outcome.REFUSED, "raised     NotImplementedError: not here")


def test_compiler_that_compiles_nothing_refuses() -> None:
    """A call that ran eagerly does not pass for a compiled one."""
    if reason := modes.AOT_EAGER.why_not():
        pytest.skip(reason)
    witness = witness_of(Implementation("InPython", InPython))
    with pytest.raises((RuntimeError, ConversionError)):
        modes.AOT_EAGER.of(witness, Wrapper(witness.bi))


def test_missing_mode_is_not_here_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the missing attribute of torch."""
    monkeypatch.delattr(torch.jit, "trace")
    with pytest.raises(NotHereError, match=r"^torch \S+ has no torch\.jit\.trace$"):
        modes.TRACE.of(witness_of(), nn.Identity())


def test_missing_onnx_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional packages ONNX is skipped, and the reason names them."""
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "onnxruntime" else object()
    )
    reason = "onnxruntime cannot be imported: pip install onnx onnxscript onnxruntime"
    assert onnx_models.why_not_onnx() == reason


def test_loop_over_time_is_no_graph_for_other_lengths() -> None:
    """The trace of a loop has a fixed number of steps, and is refused for other lengths."""

    class Steps(nn.Module):
        def forward(self, x: torch.Tensor, h_0: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.stack([torch.tanh(step) for step in x]), h_0

    with pytest.raises(ConversionError, match="it records a loop over time as so many steps"):
        modes.TRACE.of(witness_of(), Steps(), free=("length",))


def test_other_sizes_are_other_sizes() -> None:
    """Two more steps, one more row, and states within [-1, 1]."""
    x, h_0 = other_sizes(witness_of(), ("length", "batch"))
    assert h_0 is not None
    assert (x.shape, h_0.shape) == ((5, 3, 5), (4, 3, 4))
    assert float(h_0.abs().max()) <= 1
    x, h_0 = other_sizes(witness_of(case=CASE.replace(batch_first=True, h_0="none")), ("batch",))
    assert h_0 is None
    assert x.shape == (3, 3, 5)


def test_left_out_linear_before_reset_is_zero() -> None:
    """The attribute's default in ONNX is 0, where nn.GRU needs 1."""
    if reason := onnx_models.why_not_onnx():
        pytest.skip(reason)
    import onnx  # noqa: PLC0415  # an optional extra

    node = onnx.helper.make_node("GRU", ["X", "W", "R"], ["Y"], hidden_size=2)
    shapes = {"X": [3, 1, 2], "W": [1, 6, 2], "R": [1, 6, 2], "Y": [3, 1, 1, 2]}
    values = {
        name: onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes.items()
    }
    graph = onnx.helper.make_graph([node], "g", [values[name] for name in "XWR"], [values["Y"]])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    run = OnnxRun(model.SerializeToString())
    assert run.of_every_gru("linear_before_reset") == [0]
    assert run.of_every_gru("hidden_size") == [2]
    assert not run.is_free("X", 0)
