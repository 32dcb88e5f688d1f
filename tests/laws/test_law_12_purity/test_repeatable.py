"""Law 12, purity: the same call on one device gives bitwise equal results at any time, in any
Python thread, in train, eval or any grad mode.

    bi(x, h_0) == bi(x, h_0) == ...

Later, after other calls, in another Python thread, in training as in eval mode (without dropout),
with gradients recorded or not, packed or not, and of the numbers that x, h_0 and parameters hold
now. State that leaks from one call into the next shows here.
Only another number of threads per operation may add up in another order, and so differ by rounding.

Source: torch documentation, notes *Reproducibility* and *Numerical accuracy*,
torch.set_num_threads; pytorch#19913, #174115, #189285.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

import pytest
import torch
from torch import Tensor

from fixtures.actions.gradients.first_order import run_with_grad, tolerance_args, vjp
from fixtures.actions.side_effects import concurrently, threads
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import LONG, PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(lambda case: case.batch * case.seq_len < 100)
SHALLOW = SMALL.filter(lambda case: case.num_layers <= 2)
ONE_OR_TWO = SMALL.filter(one_or_two_layers)
FEW_PACKED = PACKED.filter(lambda case: case.num_layers == 2 and 2 < case.batch < 6)
FEW = SMALL.filter(
    lambda case: case.num_layers == 1 and min(case.batch, case.seq_len, case.hidden_size) > 1
).with_fields(layout="contiguous")
#: One step of one row, as of a stream.
STREAM = Table.of(Case(3, 5, batch=1, seq_len=1, h_0="none", training=False))
#: More sizes than a module is likely to keep a plan, a kernel or memory for.
GROWING = Table.of(
    Case(3, 5, batch=34, seq_len=34, h_0="none", training=False),
    Case(2, 4, 2, batch=34, seq_len=34, batch_first=True, dtype="float64"),
)
#: Products that a matrix library splits among threads. In few steps, since each waits for all
#: threads, for long on a busy machine.
SPLIT = SPREAD.filter(
    lambda case: case.num_layers == 1 and (case.batch > 60 or case.hidden_size > 60)
).with_fields(seq_len=4)


@over(SMALL + STREAM)
def test_every_call_gives_the_same_bits(witness: Witness, agree: Agree) -> None:
    """The first call of a module, and four of another one with its parameters, give the same.

    Gradients recorded or not, and in inference_mode.
    """
    results = witness.rebuilt()(witness.x, witness.h_0)
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with mode():
            for _ in range(4):
                agree.bitwise(witness.bi(witness.x, witness.h_0), results)


@needs(Claim.NON_FINITE)
@over(SMALL)
def test_calls_between_leave_no_trace(witness: Witness, agree: Agree) -> None:
    """After calls with other rows, steps, numbers and h_0, a call gives what a new module gives."""
    x, time = witness.x, witness.time_dim
    rows, steps = (witness.case.batch + 1) // 2, (witness.case.seq_len + 1) // 2
    witness.bi(x.narrow(1 - time, 0, rows), witness.random_h_0[:, :rows].contiguous())
    witness.bi(x.narrow(time, 0, steps), witness.random_h_0)
    witness.bi(-x, None)
    witness.bi(torch.full_like(x, torch.nan), witness.random_h_0)
    agree.bitwise(witness.bi(x, witness.h_0), witness.rebuilt()(x, witness.h_0))


@over(GROWING)
def test_sizes_of_former_calls_leave_no_trace(witness: Witness, agree: Agree) -> None:
    """Of calls with one more row and step each, every one gives what a new module gives.

    So does the first size again, which a module may have forgotten by then.
    """
    time = witness.time_dim
    for size in (*range(1, witness.case.seq_len + 1), 1):
        x = witness.x.narrow(time, 0, size).narrow(1 - time, 0, size).contiguous()
        h_0 = None if witness.h_0 is None else witness.h_0[:, :size].contiguous()
        agree.bitwise(witness.bi(x, h_0), witness.rebuilt()(x, h_0))


@over(SMALL + FEW_PACKED + LONG)
def test_mode_of_the_call_is_invisible(witness: Witness, agree: Agree) -> None:
    """Without dropout, training, eval, no_grad and inference_mode, in any order, give the same."""
    bi, results = witness.bi, witness.run(witness.x, witness.h_0)
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        for training in (not bi.training, bi.training):
            bi.train(training)
            with mode():
                agree.bitwise(witness.run(witness.x, witness.h_0), results)


@pytest.mark.parametrize("grad_mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("written", ["arguments", "parameters"])
@needs(lambda arguments: arguments["written"] == "parameters" and Claim.ASSIGNMENT)
@over(ONE_OR_TWO + FEW_PACKED)
def test_what_is_written_over_is_read_anew(
    witness: Witness,
    agree: Agree,
    written: str,
    grad_mode: type[AbstractContextManager[object]],
) -> None:
    """Other numbers in the same memory give what a new GRU gives in memory of its own.

    They are written through ``.data``, which no version counter sees.
    """
    bi, x, h_0 = witness.bi, witness.x.clone(), witness.random_h_0.clone()
    with grad_mode():
        witness.run(x, h_0)
        for value in (x, h_0) if written == "arguments" else bi.parameters():
            value.data.neg_()
        results = witness.run(x, h_0)
    agree.bitwise(results, witness.run(x.clone(), h_0.clone(), module=witness.rebuilt()))


@pytest.mark.parametrize("grad_mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("written", ["x", "h_0", "parameters"])
@needs(lambda arguments: arguments["written"] == "parameters" and Claim.ASSIGNMENT)
@over(FEW)
def test_one_number_that_is_written_over_is_read_anew(
    witness: Witness,
    agree: Agree,
    written: str,
    grad_mode: type[AbstractContextManager[object]],
) -> None:
    """So it is where only one number in the middle of a tensor is another one."""
    bi = witness.bi
    with grad_mode():
        x, h_0 = witness.x.clone(), witness.random_h_0.clone()
        tensors: dict[str, list[Tensor]] = {
            "x": [x],
            "h_0": [h_0],
            "parameters": [*bi.parameters()],
        }
        given = None if written == "x" else h_0
        bi(x, given)
        for value in tensors[written]:
            value.data.view(-1)[value.numel() // 2] += 1
        results = bi(x, given)
    expected = witness.rebuilt()(x.clone(), None if given is None else h_0.clone())
    agree.bitwise(results, expected)


@needs(Claim.GRADIENTS)
@over(SHALLOW.with_fields(training=True))
def test_gradient_is_of_its_own_call(witness: Witness, agree: Agree) -> None:
    """A call's gradient is the same whether taken at once or after calls with other numbers."""
    results, wrt = run_with_grad(witness)
    at_once = vjp(results, witness.cotangents, wrt)
    results, wrt = run_with_grad(witness)
    vjp(witness.bi(-witness.x, witness.random_h_0), witness.cotangents, wrt)
    witness.bi(-witness.x)
    gradient = vjp(results, witness.cotangents, wrt)
    agree.same_gradient(gradient, at_once, **tolerance_args(witness, witness.cotangents))


@over(SPLIT)
def test_number_of_threads_is_rounding(witness: Witness, agree: Agree) -> None:
    """With 1, 2, 3 and 8 threads per operation the results differ by rounding only."""
    with threads(1):
        one = witness.bi(witness.x, witness.h_0)
    for number in (2, 3, 8):
        with threads(number):
            agree(witness.bi(witness.x, witness.h_0), one)


@needs(Claim.CONCURRENCY)
@over(SHALLOW)
def test_concurrent_calls_give_the_same_bits(witness: Witness, agree: Agree) -> None:
    """Python threads that call one module at once each get what they would get alone."""
    inputs = [witness.x * factor for factor in (1, -1, 2, 0.5)]
    with threads(1):
        alone = [tuple(result.clone() for result in witness.bi(x, witness.h_0)) for x in inputs]
        together = concurrently(partial(witness.bi, x, witness.h_0) for x in inputs)
    for results, expected in zip(together, alone, strict=True):
        agree.bitwise(results, expected)
