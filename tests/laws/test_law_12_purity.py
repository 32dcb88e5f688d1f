"""Law 12, purity: a call leaves all but its result as it was, and the same call gives the same bits whenever, wherever and in whatever mode it is made.

    bi(x, h_0) == bi(x, h_0) == ...     to the bit: later, after other calls, in another Python thread,
                                        in training as in eval (without dropout), with gradients recorded or not

x, h_0, parameters, buffers, torch's, NumPy's and Python's global generators and every global setting stay as they are. The
results own their memory: writing into one of them changes neither the others nor any later call. Only another number of
threads per operation may add up in another order, and so differ by rounding.

Source: torch documentation, notes *Reproducibility* and *Numerical accuracy*, torch.set_num_threads; pytorch#19913, #174115,
#189285; faults.md, why the tests of the day missed them: state of the previous call leaked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import pytest
import torch

from fixtures.actions.gradients.first_order import run_with_grad, vjp
from fixtures.actions.side_effects import concurrently, no_side_effects, threads
from fixtures.cases.table import over
from fixtures.cases.tables import DROPOUT, PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(lambda case: case.batch * case.seq_len < 100)
SHALLOW = SMALL.filter(lambda case: case.num_layers <= 2)
WITHOUT_DROPOUT = SMALL + PACKED.filter(lambda case: case.num_layers == 2 and case.batch < 10)
EVAL_WITH_DROPOUT = DROPOUT.with_fields(training=False).filter(
    lambda case: case.num_layers == 2 and case.batch < 10
)
#: Products that a matrix library splits among threads, in few steps: each step waits for all threads, for long on a busy machine.
SPLIT = SPREAD.filter(
    lambda case: case.num_layers == 1 and (case.batch > 60 or case.hidden_size > 60)
).with_fields(seq_len=4)


@over(WITHOUT_DROPOUT + EVAL_WITH_DROPOUT)
def test_call_changes_nothing(witness: Witness, agree: Agree) -> None:
    """After a call without dropout, and in eval with it, all that it was given, all generators and settings are as before."""
    with no_side_effects(witness, agree):
        witness.run(witness.x, witness.h_0)


@over(SHALLOW.with_fields(training=True))
def test_backward_pass_changes_nothing(witness: Witness, agree: Agree) -> None:
    """After a forward and a backward pass, too; and gradients that were asked for are not also left in .grad."""
    with no_side_effects(witness, agree):
        results, by = run_with_grad(witness)
        vjp(witness, results, witness.cotangents, by)


@over(SMALL)
def test_every_call_gives_the_same_bits(witness: Witness, agree: Agree) -> None:
    """The fourth call gives what the first gave, and what the first of a new module with the same parameters gives."""
    results = witness.rebuilt()(witness.x, witness.h_0)
    for _ in range(4):
        agree.bitwise(witness.bi(witness.x, witness.h_0), results)


@over(SMALL)
def test_calls_between_leave_no_trace(witness: Witness, agree: Agree) -> None:
    """After calls with fewer rows, fewer steps, other numbers and another h_0, a call gives what it gives on a new module."""
    x, time = witness.x, witness.time_dim
    rows, steps = (witness.case.batch + 1) // 2, (witness.case.seq_len + 1) // 2
    witness.bi(x.narrow(1 - time, 0, rows), witness.random_h_0[:, :rows])
    witness.bi(x.narrow(time, 0, steps), witness.random_h_0)
    witness.bi(-x, None)
    witness.bi(torch.full_like(x, torch.nan), witness.random_h_0)
    agree.bitwise(witness.bi(x, witness.h_0), witness.rebuilt()(x, witness.h_0))


@over(SMALL)
def test_mode_of_the_call_is_invisible(witness: Witness, agree: Agree) -> None:
    """Training, eval, no_grad and inference_mode, in any order, all give the same bits where there is no dropout."""
    bi, results = witness.bi, witness.bi(witness.x, witness.h_0)
    for mode in (torch.no_grad, torch.inference_mode, nullcontext):
        for training in (not bi.training, bi.training):
            bi.train(training)
            with mode():
                agree.bitwise(bi(witness.x, witness.h_0), results)


@pytest.mark.parametrize("written", ["output", "h_n"])
@over(SHALLOW)
def test_results_own_their_memory(witness: Witness, agree: Agree, written: str) -> None:
    """Writing into one result leaves the other, everything that was given, and the next call as they were."""
    before = tuple(result.detach().clone() for result in witness.bi(witness.x, witness.h_0))
    results = dict(zip(("output", "h_n"), witness.bi(witness.x, witness.h_0), strict=True))
    with no_side_effects(witness, agree):
        results.pop(written).detach().fill_(torch.nan)
    agree.bitwise(
        results,
        {
            name: value
            for name, value in zip(("output", "h_n"), before, strict=True)
            if name != written
        },
    )
    agree.bitwise(witness.bi(witness.x, witness.h_0), before)


@over(SHALLOW)
def test_results_outlive_what_they_came_from(witness: Witness, agree: Agree) -> None:
    """Overwriting x, h_0 and the parameters, or calling again, leaves the results of an earlier call as they were."""
    x, h_0 = witness.x.clone(), witness.random_h_0.clone()
    results = witness.bi(x, h_0)
    before = tuple(result.detach().clone() for result in results)
    with torch.no_grad():
        for value in (x, h_0, *witness.bi.parameters()):
            value.fill_(torch.nan)
    witness.bi(x, h_0)
    agree.bitwise(results, before)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad], ids=["enable_grad", "no_grad"])
@over(SHALLOW)
def test_input_written_over_is_read_anew(
    witness: Witness, agree: Agree, mode: Callable[[], AbstractContextManager[object]]
) -> None:
    """Other numbers written into the same x and h_0 give what they give in memory of their own."""
    x, h_0 = witness.x.clone(), witness.random_h_0.clone()
    with mode():
        witness.bi(x, h_0)
        x.neg_()
        h_0.neg_()
        agree.bitwise(witness.bi(x, h_0), witness.bi(x.clone(), h_0.clone()))


@over(SHALLOW.with_fields(training=True))
def test_gradient_is_of_its_own_call(witness: Witness, agree: Agree) -> None:
    """The gradient through a call's results is the same bits whether it is taken at once or after calls with other numbers."""
    results, by = run_with_grad(witness)
    at_once = vjp(witness, results, witness.cotangents, by)
    results, by = run_with_grad(witness)
    vjp(witness, witness.bi(-witness.x, witness.random_h_0), witness.cotangents, by)
    witness.bi(-witness.x)
    agree.bitwise(vjp(witness, results, witness.cotangents, by), at_once)


@over(SPLIT)
def test_number_of_threads_is_rounding(witness: Witness, agree: Agree) -> None:
    """With 1 and with 2 threads per operation the results differ by rounding only."""
    with threads(1):
        one = witness.bi(witness.x, witness.h_0)
    with threads(2):
        agree(witness.bi(witness.x, witness.h_0), one)


@over(SHALLOW)
def test_concurrent_calls_give_the_same_bits(witness: Witness, agree: Agree) -> None:
    """Python threads that call one module at the same time, with different numbers, each get what they would get alone."""
    inputs = [witness.x * factor for factor in (1, -1, 2, 0.5)]
    with threads(1):
        alone = [witness.bi(x, witness.h_0) for x in inputs]
        together = concurrently(partial(witness.bi, x, witness.h_0) for x in inputs)
    for results, expected in zip(together, alone, strict=True):
        agree.bitwise(results, expected)
