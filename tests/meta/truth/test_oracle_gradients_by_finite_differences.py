"""oracle_gradients: every element is the finite difference of the oracle's forward pass.

Pure NumPy: no torch module takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fixtures.comparison.tolerance import (
    DIFFERENCE_STEP,
    FINITE_DIFFERENCE,
    RUN,
    tolerance,
)
from fixtures.comparison.uncancelled import uncancelled
from fixtures.truth import oracle
from fixtures.truth.oracle import Array
from fixtures.truth.oracle_gradients import gradients

HIDDEN, WIDTH, BATCH, STEPS = 2, 3, 3, 4
SHORT = (2, 4, 1)


def random_arguments(
    *,
    num_layers: int = 2,
    directions: int = 2,
    bias: bool = True,
    batch_first: bool = False,
    lengths: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """Random arguments of oracle.gru; NaN in the padding."""
    draw = np.random.default_rng(7).standard_normal
    parameters: dict[str, Array] = {}
    for k in range(num_layers):
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (3 * HIDDEN, WIDTH if k == 0 else directions * HIDDEN),
            "weight_hh": (3 * HIDDEN, HIDDEN),
        }
        shapes |= {"bias_ih": (3 * HIDDEN,), "bias_hh": (3 * HIDDEN,)} if bias else {}
        parameters |= {
            f"{kind}_l{k}{suffix}": draw(shape) / 2
            for suffix in oracle.SUFFIX[:directions]
            for kind, shape in shapes.items()
        }
    x = draw((STEPS, BATCH, WIDTH))
    for row, length in enumerate(lengths or ()):
        x[length:, row] = np.nan
    return {
        "parameters": parameters,
        "x": x.swapaxes(0, 1) if batch_first else x,
        "h_0": draw((directions * num_layers, BATCH, HIDDEN)),
        "lengths": lengths,
        "batch_first": batch_first,
    }


def random_grad_outputs(result: oracle.Result, seed: int) -> tuple[Array, Array]:
    """Random grad_outputs of ``output`` and ``h_n``."""
    draw = np.random.default_rng(seed).standard_normal
    return draw(result.output.shape), draw(result.h_n.shape)


def finite_difference(losses: Callable[[], Array], argument: Array) -> Array:
    """The derivatives of ``losses()`` wrt each element of an array that it reads, to fourth order.

    They are zero wrt an element that is NaN.
    """
    derivatives = np.zeros((len(losses()), *argument.shape))
    for index in np.ndindex(argument.shape):
        element = argument[index]
        if np.isnan(element):
            continue
        values = {}
        for steps in (-2, -1, 1, 2):
            argument[index] = element + steps * DIFFERENCE_STEP
            values[steps] = losses()
        argument[index] = element
        derivatives[(slice(None), *index)] = (
            8 * (values[1] - values[-1]) - (values[2] - values[-2])
        ) / (12 * DIFFERENCE_STEP)
    return derivatives


CASES = {
    "two layers, both directions": {},
    "three layers": {"num_layers": 3},
    "one direction": {"directions": 1},
    "one layer without bias": {"num_layers": 1, "bias": False},
    "batch_first": {"batch_first": True},
    "lengths": {"lengths": SHORT},
    "lengths, batch_first": {"lengths": SHORT, "batch_first": True},
    "lengths of one": {"lengths": (1, 1, 1)},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_every_element_is_its_finite_difference(options: dict[str, Any]) -> None:
    """For a loss on output, on h_n and on both, wrt every element of x, h_0 and parameters."""
    arguments = random_arguments(**options)
    result = oracle.gru(**arguments)
    output, h_n = random_grad_outputs(result, seed=8)

    def losses() -> Array:
        perturbed = oracle.gru(**arguments)
        parts = (output * perturbed.output).sum(), (h_n * perturbed.h_n).sum()
        return np.array([*parts, sum(parts)])

    arrays = {"x": arguments["x"], "h_0": arguments["h_0"], **arguments["parameters"]}
    expected = {name: finite_difference(losses, array) for name, array in arrays.items()}
    sizes = np.abs(losses())
    for i, grad_outputs in enumerate(((output, None), (None, h_n), (output, h_n))):
        actual = gradients(result, *grad_outputs, batch_first=arguments["batch_first"])
        for name, values in expected.items():
            scale = np.abs(values[i]).max() + sizes[i]
            bound = tolerance(name, "float64", FINITE_DIFFERENCE, STEPS * BATCH, scale).value
            assert np.abs(actual[name] - values[i]).max() <= bound, (name, i)


def test_grad_outputs_left_out_are_zeros() -> None:
    """None for grad_outputs is the same as zeros."""
    result = oracle.gru(**random_arguments())
    zeros, ones = np.zeros_like(result.output), np.ones_like(result.h_n)
    expected = gradients(result, zeros, ones)
    for name, values in gradients(result, None, ones).items():
        assert np.array_equal(values, expected[name])
    assert not any(values.any() for values in gradients(result, None, None).values())


def test_padding_has_no_gradient_and_is_not_read() -> None:
    """With NaN in the padding every gradient is finite, and that of the padding is zero."""
    result = oracle.gru(**random_arguments(lengths=SHORT))
    actual = gradients(result, np.ones_like(result.output), np.ones_like(result.h_n))
    assert all(np.isfinite(values).all() for values in actual.values())
    assert np.isfinite(result.scale)
    for row, length in enumerate(SHORT):
        assert not actual["x"][length:, row].any()
        assert actual["x"][:length, row].all()


def test_rows_of_the_oracle_are_as_if_alone() -> None:
    """With lengths, each row has the results and gradients of that row alone, cut to its length."""
    arguments = random_arguments(lengths=SHORT)
    batch = oracle.gru(**arguments)
    output, h_n = random_grad_outputs(batch, seed=9)
    of_batch = gradients(batch, output, h_n)
    for row, length in enumerate(SHORT):
        one = slice(row, row + 1)
        alone = oracle.gru(
            arguments["parameters"], arguments["x"][:length, one], arguments["h_0"][:, one]
        )
        of_alone = gradients(alone, output[:length, one], h_n[:, one])
        pairs = {
            "output": (batch.output[:length, one], alone.output),
            "h_n": (batch.h_n[:, one], alone.h_n),
            "x": (of_batch["x"][:length, one], of_alone["x"]),
            "h_0": (of_batch["h_0"][:, one], of_alone["h_0"]),
        }
        for name, (actual, expected) in pairs.items():
            scale = np.abs(expected).max()
            bound = tolerance(name, "float64", RUN, 2 * HIDDEN + HIDDEN + 2, scale).value
            assert np.abs(actual - expected).max() <= bound, name
        assert not batch.output[length:, row].any()


def test_uncancelled_is_at_least_a_typical_size() -> None:
    """Over many random losses, an element's root mean square is at most 3 times that size."""
    result = oracle.gru(**random_arguments())
    draw = np.random.default_rng(10).standard_normal
    squares: dict[str, Any] = {}
    for _ in range(200):
        random_loss = gradients(result, draw(result.output.shape), draw(result.h_n.shape))
        squares = {
            name: squares.get(name, 0.0) + values**2 / 200 for name, values in random_loss.items()
        }
    sizes = uncancelled(result, np.ones_like(result.output), np.ones_like(result.h_n))
    for name, size in sizes.items():
        assert np.sqrt(squares[name].max()) < 3 * size, name
