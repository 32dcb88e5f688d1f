"""oracle_gradients: every single element is the difference quotient of the oracle's forward pass. Pure NumPy: torch is not asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fixtures.comparison.tolerance import DIFFERENCE_STEP, FINITE_DIFFERENCE, tolerance
from fixtures.truth import oracle, oracle_gradients
from fixtures.truth.oracle import Array

HIDDEN, WIDTH, BATCH, STEPS = 2, 3, 3, 4
SHORT = (2, 4, 1)


def drawn(
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
            for suffix in ("", "_reverse")[:directions]
            for kind, shape in shapes.items()
        }
    x = draw((STEPS, BATCH, WIDTH))
    for row, length in enumerate(lengths or ()):
        x[length:, row] = np.nan
    h_0 = draw((directions * num_layers, BATCH, HIDDEN))
    return {
        "parameters": parameters,
        "x": x.swapaxes(0, 1) if batch_first else x,
        "h_0": h_0,
        "lengths": lengths,
        "batch_first": batch_first,
    }


def finite_difference(losses: Callable[[], Array], place: Array) -> Array:
    """The derivative of some losses by each element of an array that they read, to fourth order; zero where that is NaN."""
    found = np.zeros((len(losses()), *place.shape))
    for index in np.ndindex(place.shape):
        here = place[index]
        values = {}
        for steps in (-2, -1, 1, 2):
            place[index] = here + steps * DIFFERENCE_STEP
            values[steps] = losses()
        place[index] = here
        if not np.isnan(here):
            found[(slice(None), *index)] = (
                8 * (values[1] - values[-1]) - (values[2] - values[-2])
            ) / (12 * DIFFERENCE_STEP)
    return found


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


@pytest.mark.parametrize("given", CASES.values(), ids=CASES)
def test_every_element_is_its_difference_quotient(given: dict[str, Any]) -> None:
    """Through output, h_n and both: d loss / d element is the difference quotient, for x, h_0 and every parameter."""
    arguments = drawn(**given)
    result = oracle.gru(**arguments)
    draw = np.random.default_rng(8).standard_normal
    output, h_n = draw(result.output.shape), draw(result.h_n.shape)

    def losses() -> Array:
        there = oracle.gru(**arguments)
        parts = (output * there.output).sum(), (h_n * there.h_n).sum()
        return np.array([*parts, sum(parts)])

    places = {"x": arguments["x"], "h_0": arguments["h_0"], **arguments["parameters"]}
    expected = {name: finite_difference(losses, place) for name, place in places.items()}
    for i, grad_outputs in enumerate(((output, None), (None, h_n), (output, h_n))):
        found = oracle_gradients.gradients(
            result, *grad_outputs, batch_first=arguments["batch_first"]
        )
        for name, values in expected.items():
            tolerance_args = tolerance(
                name,
                "float64",
                FINITE_DIFFERENCE,
                STEPS * BATCH,
                scale=np.abs(values[i]).max() + abs(losses()[i]),
            ).value
            assert np.abs(found[name] - values[i]).max() <= tolerance_args, (name, i)


def test_cotangents_left_out_are_zeros() -> None:
    """None for a cotangent is a cotangent of zeros."""
    result = oracle.gru(**drawn())
    ones = np.ones_like(result.h_n)
    found = oracle_gradients.gradients(result, None, ones)
    for name, value in oracle_gradients.gradients(
        result, np.zeros_like(result.output), ones
    ).items():
        assert np.array_equal(value, found[name])
    nothing = oracle_gradients.gradients(result, None, None)
    assert all(not value.any() for value in nothing.values())


def test_padding_has_no_gradient_and_is_not_read() -> None:
    """With lengths, every gradient is finite though the padding is NaN, and the padding's own is zero."""
    result = oracle.gru(**drawn(lengths=SHORT))
    found = oracle_gradients.gradients(
        result, np.ones_like(result.output), np.ones_like(result.h_n)
    )
    assert all(np.isfinite(value).all() for value in found.values())
    assert np.isfinite(result.scale)
    for row, length in enumerate(SHORT):
        assert not found["x"][length:, row].any()
        assert found["x"][:length, row].all()


def test_rows_of_the_oracle_are_as_if_alone() -> None:
    """The oracle's output, h_n and gradients by x and h_0 with lengths are, row by row, those of the row cut to its length."""
    arguments = drawn(lengths=SHORT)
    whole = oracle.gru(**arguments)
    draw = np.random.default_rng(9).standard_normal
    output, h_n = draw(whole.output.shape), draw(whole.h_n.shape)
    found = oracle_gradients.gradients(whole, output, h_n)
    for row, length in enumerate(SHORT):
        one = slice(row, row + 1)
        alone = oracle.gru(
            arguments["parameters"], arguments["x"][:length, one], arguments["h_0"][:, one]
        )
        of_alone = oracle_gradients.gradients(alone, output[:length, one], h_n[:, one])
        pairs = {
            "output": (whole.output[:length, one], alone.output),
            "h_n": (whole.h_n[:, one], alone.h_n),
            "x": (found["x"][:length, one], of_alone["x"]),
            "h_0": (found["h_0"][:, one], of_alone["h_0"]),
        }
        for name, (actual, expected) in pairs.items():
            tolerance_args = tolerance(
                name, "float64", "run", 2 * HIDDEN + HIDDEN + 2, scale=np.abs(expected).max()
            ).value
            assert np.abs(actual - expected).max() <= tolerance_args, name
        assert not whole.output[length:, row].any()


def test_uncancelled_is_at_least_a_typical_size() -> None:
    """Over many random losses, the root mean square of an element of a gradient is about its uncancelled size, never far above."""
    result = oracle.gru(**drawn())
    draw = np.random.default_rng(10).standard_normal
    squares: dict[str, Any] = {}
    for _ in range(200):
        found = oracle_gradients.gradients(
            result, draw(result.output.shape), draw(result.h_n.shape)
        )
        squares = {name: squares.get(name, 0.0) + value**2 / 200 for name, value in found.items()}
    sizes = oracle_gradients.uncancelled(
        result, np.ones_like(result.output), np.ones_like(result.h_n)
    )
    for name, size in sizes.items():
        assert np.sqrt(squares[name].max()) < 3 * size, name
