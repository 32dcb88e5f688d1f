"""Law 12, purity: no setting that is foreign to the arithmetic changes a call, nor do calls of
other threads; autocast changes it as documented.

    with setting:  bi(x, h_0) == bi(x, h_0) without

The settings are torch's default dtype and device, deterministic algorithms (under which torch fills
uninitialised memory with NaN), anomaly detection, autocast for another device, flushed subnormals,
the state of the generators and the filters of warnings; for float64 also the precision of float32.
Under autocast, x and the weights are read in the narrow dtype.

Source: torch documentation, torch, section *Utilities*, torch.amp, note *Reproducibility*;
pytorch#42605 (autocast missed GRU cells), #179445 (precision settings).
"""

from __future__ import annotations

from functools import partial

import pytest
import torch

from fixtures.actions.gradients.first_order import gradients, tolerance_args
from fixtures.actions.settings import SETTINGS, float32_precision
from fixtures.actions.side_effects import concurrently, threads
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import parameter, parameter_names
from fixtures.cases.table import Table, over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

_SET = (
    Case(4, 3, 2, batch=3, seq_len=3, h_0="none"),
    Case(5, 4, 1, batch=2, seq_len=3, dtype="float64", training=False, batch_first=True),
    Case(3, 7, 2, batch=5, seq_len=6, lengths="unsorted", bias=False),
)
SMALL = SPREAD.filter(
    lambda case: (
        case.num_layers <= 2
        and 1 < case.batch < 10
        and 1 < case.seq_len < 30
        and case.hidden_size < 100
    )
)
SET = Table(_SET, _SET + SMALL.full)
DIFFERENTIATED = Table(_SET[::2], _SET + SMALL.full)
FLOAT32 = SMALL.filter(lambda case: case.dtype == "float32" and case.num_layers == 2)
FLOAT64 = SMALL.filter(lambda case: case.dtype == "float64" and case.num_layers == 2)
UNLIKE = Table(_SET[:2], SMALL.full)

NEEDS_OF_SETTING = needs(
    lambda arguments: arguments["setting"] == "default_device" and Claim.DEFAULT_DEVICE
)


@pytest.mark.parametrize("setting", SETTINGS)
@NEEDS_OF_SETTING
@over(SET)
def test_no_setting_changes_a_result(witness: Witness, agree: Agree, setting: str) -> None:
    """The first call of a fresh module, inside a setting, gives what it gives outside.

    So does its next call, outside again.
    """
    expected, module = witness.run(witness.x, witness.h_0), witness.rebuilt()
    with agree.accepts(f"a call under {setting}"), SETTINGS[setting](witness):
        results = witness.run(witness.x, witness.h_0, module=module)
    agree.bitwise(results, expected)
    agree.bitwise(witness.run(witness.x, witness.h_0, module=module), expected)


@pytest.mark.parametrize("setting", SETTINGS)
@NEEDS_OF_SETTING
@needs(Claim.GRADIENTS)
@over(DIFFERENTIATED.with_fields(training=True))
def test_no_setting_changes_a_gradient(witness: Witness, agree: Agree, setting: str) -> None:
    """A call and its backward pass in a setting give the gradient that they give without."""
    cotangents = witness.cotangents
    expected = gradients(witness, cotangents)
    with agree.accepts(f"a backward pass under {setting}"), SETTINGS[setting](witness):
        gradient = gradients(witness, cotangents)
    agree.same_gradient(gradient, expected, **tolerance_args(witness, cotangents))


@over(FLOAT64)
def test_precision_of_float32_is_no_matter_of_float64(witness: Witness, agree: Agree) -> None:
    """With float32 products of medium precision, float64 gives the same bits."""
    expected = witness.bi(witness.x, witness.h_0)
    with float32_precision("medium"):
        results = witness.bi(witness.x, witness.h_0)
    agree.bitwise(results, expected)


@needs(Claim.AUTOCAST_BFLOAT16)
@over(FLOAT32)
def test_autocast_is_obeyed(witness: Witness, agree: Agree, backend: Backend) -> None:
    """Under autocast to bfloat16, an x and weights that round to the same give the same bits.

    They differ by 2^-10 of themselves: less than half of bfloat16's spacing, no less than that of
    float16 and TF32. So equal bits mean that both were cast.
    """
    names = parameter_names(witness.case.num_layers, bias=False)
    weights = {name: parameter(witness.bi, name).bfloat16().float() for name in names}
    x, factor = witness.x.bfloat16().float(), 1 + 2**-10
    exact = witness.with_parameters(weights).with_inputs(x)
    near = witness.with_parameters({name: factor * weights[name] for name in names})
    with backend.autocast("bfloat16"):
        expected = exact.bi(exact.x, exact.h_0)
        results = near.bi(factor * x, near.h_0)
    agree.bitwise(results, expected)


@needs(Claim.CONCURRENCY, Claim.PACKED, Claim.FLOAT32, Claim.FLOAT64)
@over(UNLIKE)
def test_calls_at_once_may_differ_in_all_they_can(witness: Witness, agree: Agree) -> None:
    """Concurrent calls, each of another kind, give the bits that they give alone.

    They differ in the values of x and h_0, in rows, steps, packing and dtype.
    """
    bi, x, h_0, time = witness.bi, witness.x, witness.random_h_0, witness.time_dim
    lengths = [1 + row % witness.case.seq_len for row in range(witness.case.batch)]
    other = witness.rebuilt(dtype="float64" if witness.case.dtype == "float32" else "float32")
    other_dtype = next(other.parameters()).dtype
    calls = [
        partial(bi, x, h_0),
        partial(bi, -x, -h_0),
        partial(bi, x),
        partial(bi, x.narrow(1 - time, 0, 2), h_0[:, :2].contiguous()),
        partial(bi, x.narrow(time, 0, 2), h_0),
        partial(bi, witness.pack(x, lengths=lengths), h_0),
        partial(bi, witness.pack(x, lengths=lengths[::-1]), h_0),
        partial(other, x.to(other_dtype), h_0.to(other_dtype)),
    ]

    def turn(first: int) -> dict[str, torch.Tensor]:
        order = [*range(first, len(calls)), *range(first)]
        results = {i: calls[i]() for i in order}
        return {name: result for i in sorted(results) for name, result in _named(i, results[i])}

    with threads(1):
        alone = {name: result.clone() for name, result in turn(0).items()}
        for together in concurrently(partial(turn, first) for first in range(len(calls))):
            agree.bitwise(together, alone)


def _named(i: int, results: tuple[object, torch.Tensor]) -> tuple[tuple[str, torch.Tensor], ...]:
    """Both results of call i, each with its name; a packed output's data."""
    output, h_n = results
    data = output if isinstance(output, torch.Tensor) else output.data  # type: ignore[attr-defined]  # packed
    return (f"output of call {i}", data), (f"h_n of call {i}", h_n)
