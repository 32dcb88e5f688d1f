"""ForeignGRU: a NumPy GRU on it holds as its subject file claims; what it promises of itself."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from fixtures import ROOT
from fixtures.cases import subject_file
from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.foreign import ForeignGRU
from fixtures.cases.implementation import Implementation
from fixtures.cases.parameters import parameter
from fixtures.proof.collection import covering_selection, group_of, groups
from fixtures.proof.numpy_gru import DifferentiableNumpyGRU, NumpyGRU
from fixtures.proof.runner import Outcome, run_cases

CPU = Backend("cpu")
CLAIMS = subject_file.read(ROOT / "fixtures" / "proof" / "numpy_gru.toml").claims
NUMPY_GRU = Implementation("NumpyGRU", NumpyGRU, CLAIMS)
DIFFERENTIABLE = Implementation(
    "DifferentiableNumpyGRU",
    DifferentiableNumpyGRU,
    CLAIMS | {Claim.GRADIENTS, Claim.EVAL_GRADIENTS, Claim.BITWISE_BACKWARD},
)
OF_GRADIENTS = ("08", "09", "10", "12", "13", "oracle gradients")
NOT_CLAIMED = {group_of(name) for name in ("08", "15", "oracle gradients")}


@pytest.mark.parametrize("group", [group for group in groups() if group not in NOT_CLAIMED])
def test_numpy_gru_holds_as_claimed(group: str) -> None:
    """It passes the covering selection of every law and truth that its claims reach."""
    result = run_cases(NUMPY_GRU, CPU, covering_selection(group)[0])
    assert result.outcome == Outcome.PASSED, f"{result.law_case}: {result.reason}"


@pytest.mark.parametrize("law", OF_GRADIENTS)
def test_bridge_holds_the_laws_of_gradients(law: str) -> None:
    """With a foreign vector-Jacobian product, gradients are those of the laws and the oracle."""
    result = run_cases(DIFFERENTIABLE, CPU, covering_selection(group_of(law))[0])
    assert result.outcome == Outcome.PASSED, f"{result.law_case}: {result.reason}"


@pytest.mark.parametrize("options", [{}, {"num_layers": 3}, {"bias": False, "bidirectional": True}])
def test_constructor_is_that_of_torch(options: dict[str, Any]) -> None:
    """The same arguments and seed give bitwise nn.GRU's parameters, by the same names in order."""
    state = []
    for gru in (NumpyGRU, nn.GRU):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            state.append(gru(5, 4, **options, dtype=torch.float64).state_dict())
    assert list(state[0]) == list(state[1])
    assert all(torch.equal(state[0][name], state[1][name]) for name in state[1])


def test_arguments_are_in_the_order_of_torch() -> None:
    """input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional."""
    names = list(inspect.signature(ForeignGRU).parameters)
    arguments: tuple[Any, ...] = (5, 4, 2, False, True, 0.5, True)
    values = dict(zip(names, arguments, strict=False))
    for gru in (NumpyGRU(*arguments), nn.GRU(*arguments)):
        assert {name: getattr(gru, name) for name in values} == values
    assert names[7:] == ["device", "dtype"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"input_size": 0}, ValueError, "input_size must be greater than zero, not 0"),
        ({"num_layers": 1.0}, TypeError, "num_layers must be an int, not float"),
        ({"bias": None}, TypeError, "bias must be a bool, not NoneType"),
        ({"batch_first": 1}, TypeError, "batch_first must be a bool, not int"),
        ({"dropout": "0.5"}, ValueError, r"dropout must be a number in the range \[0, 1\]"),
        ({"mode": "GRU"}, TypeError, "mode"),
    ],
)
def test_constructor_refuses_by_plain_errors(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    """The error names the argument; law 16 asks for others."""
    with pytest.raises(error, match=words):
        NumpyGRU(**({"input_size": 5, "hidden_size": 4} | options))


def test_results_have_a_graph_by_the_bridge_only() -> None:
    """Without layer_vjp nothing requires a gradient; with it, the gradient is there, once."""
    x = torch.ones(3, 2, 5)
    assert not any(result.requires_grad for result in NumpyGRU(5, 4)(x))
    gru = DifferentiableNumpyGRU(5, 4)
    output, _ = gru(x)
    weight = parameter(gru, "weight_ih_l0")
    (gradient,) = torch.autograd.grad(output.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


def test_default_device_is_not_asked() -> None:
    """A packed call makes nothing on torch's default device, as law 12 has it."""
    gru, packed = NumpyGRU(5, 4), pack_sequence([torch.ones(3, 5), torch.ones(2, 5)])
    expected, _ = gru(packed)
    with torch.device("meta"):
        output, _ = gru(packed)
    assert torch.equal(output.data, expected.data)


class Wrong(DifferentiableNumpyGRU):
    """``layer`` or ``layer_vjp`` does not return what it must, by ``fault``."""

    fault = ""

    def layer(self, *arguments: Any) -> tuple[Any, Any]:
        """Its results, ``output`` or ``h_n`` cut short."""
        output, h_n = super().layer(*arguments)
        return output[:-1] if self.fault == "output" else output, (
            h_n[0] if self.fault == "h_n" else h_n
        )

    def layer_vjp(self, *arguments: Any) -> Mapping[str, Any]:
        """Its gradients, one cut short or left out."""
        gradients = dict(super().layer_vjp(*arguments))
        if self.fault == "gradient":
            gradients["h_0"] = gradients["h_0"][0]
        if self.fault == "missing":
            del gradients["bias_hh"]
        return gradients


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("output", ValueError, r"output must be \(3, 2, 4\), not \(2, 2, 4\)"),
        ("h_n", ValueError, r"h_n must be \(1, 2, 4\), not \(2, 4\)"),
        ("gradient", ValueError, r"gradient h_0 must be \(1, 2, 4\), not \(2, 4\)"),
        ("missing", KeyError, "bias_hh"),
    ],
)
def test_wrong_result_of_the_adopter_is_named(
    fault: str, error: type[Exception], words: str
) -> None:
    """A result of another shape, or a gradient that is missing, is told by its name."""
    gru, x = Wrong(5, 4), torch.ones(3, 2, 5, requires_grad=True)
    gru.fault = fault
    with pytest.raises(error, match=words):
        torch.autograd.grad(gru(x)[0].sum(), x)


def test_gru_without_a_layer_is_named() -> None:
    """The base class alone computes nothing, and says what to write."""
    with pytest.raises(NotImplementedError, match=r"ForeignGRU has no layer\(\)"):
        ForeignGRU(5, 4)(torch.ones(3, 2, 5))
