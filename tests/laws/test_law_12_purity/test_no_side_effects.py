"""Law 12, purity: a call changes nothing but its results, which own their memory.

x, h_0, parameters, buffers, settings of the module, every global setting, and the global generators
of torch, NumPy and Python stay as they are. Writing into one result changes neither the other nor
any later call, and no later call changes a result: with gradients recorded or not, packed or not.

Source: torch documentation, note *Reproducibility*; pytorch#189285 (a mask of a former call).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
import torch

from fixtures.actions.gradients.first_order import run_with_grad, vjp
from fixtures.actions.side_effects import no_side_effects, unpadded_run
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.memory_layout import expanded
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import DROPOUT, PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(lambda case: case.batch * case.seq_len < 100)
SHALLOW = SMALL.filter(lambda case: case.num_layers <= 2)
FEW_PACKED = PACKED.filter(lambda case: case.num_layers == 2 and 2 < case.batch < 6)
LARGE = Table.of(Case(5, 48, batch=24, seq_len=30))  # an output of 69,120 numbers, of 720 steps
#: One layer and one step: output and h_n are the same numbers.
SAME_NUMBERS = SMALL.filter(lambda case: case.num_layers == case.seq_len == 1)
OWNERS = SMALL.filter(one_or_two_layers) + SAME_NUMBERS + FEW_PACKED + LARGE
WITHOUT_DROPOUT = (
    SMALL
    + PACKED.filter(lambda case: case.num_layers == 2 and case.batch < 10)
    + LARGE
    + LARGE.with_fields(training=False)
)
EXPANDED = SHALLOW.with_fields(layout="contiguous", h_0="none").filter(
    lambda case: case.batch > 7 and case.seq_len > 1
) + LARGE.with_fields(h_0="none", training=False)
EVAL_WITH_DROPOUT = DROPOUT.with_fields(training=False).filter(
    lambda case: case.num_layers == 2 and case.batch < 10
)

each_grad_mode = pytest.mark.parametrize(
    "grad_mode", [torch.enable_grad, torch.no_grad, torch.inference_mode]
)


@over(WITHOUT_DROPOUT + EVAL_WITH_DROPOUT)
def test_call_changes_nothing(witness: Witness, agree: Agree) -> None:
    """Without dropout, or in eval mode, a call leaves its arguments and all state as they are."""
    with no_side_effects(witness, agree):
        witness.run(witness.x, witness.h_0)


@needs(Claim.GRADIENTS)
@over(SHALLOW.with_fields(training=True))
def test_backward_pass_changes_nothing(witness: Witness, agree: Agree) -> None:
    """A backward pass changes nothing, not even its cotangents, and leaves .grad empty."""
    given = dict(zip(("cotangent of output", "cotangent of h_n"), witness.cotangents, strict=True))
    before = {name: value.clone() for name, value in given.items()}
    with no_side_effects(witness, agree):
        results, wrt = run_with_grad(witness)
        vjp(results, witness.cotangents, wrt)
    agree.bitwise(given, before)


@each_grad_mode
@over(OWNERS)
def test_results_own_their_memory(
    witness: Witness, agree: Agree, grad_mode: type[AbstractContextManager[object]]
) -> None:
    """Writing into one result changes neither the other, nor the arguments, nor the next call."""
    x, h_0 = witness.x, witness.h_0
    unpadded_run(witness, x, h_0)  # so that the next call can reuse what this one keeps
    with grad_mode():
        output, h_n = unpadded_run(witness, x, h_0)
        before = output.detach().clone(), h_n.detach().clone()
        with no_side_effects(witness, agree):
            output.detach().fill_(torch.nan)
        agree.bitwise(h_n, before[1], of="h_n")
        output, h_n = unpadded_run(witness, x, h_0)
        with no_side_effects(witness, agree):
            h_n.detach().fill_(torch.nan)
        agree.bitwise(output, before[0], of="output")
        agree.bitwise(unpadded_run(witness, x, h_0), before)


@each_grad_mode
@over(EXPANDED)
def test_every_number_of_a_result_has_its_own_memory(
    witness: Witness, agree: Agree, grad_mode: type[AbstractContextManager[object]]
) -> None:
    """Where all rows of x are one row, expanded, a write into one row leaves the others alone."""
    row = 1 - witness.time_dim
    with grad_mode():
        output, h_n = witness.bi(expanded(witness.x, row), None)
        for result, dim, name in ((output, row, "output"), (h_n, 1, "h_n")):
            others = result.detach().narrow(dim, 1, witness.case.batch - 1)
            before = others.clone()
            result.detach().narrow(dim, 0, 1).fill_(torch.nan)
            agree.bitwise(others, before, of=name)


@each_grad_mode
@needs(Claim.NON_FINITE, Claim.ASSIGNMENT)
@over(OWNERS)
def test_results_outlive_what_they_came_from(
    witness: Witness, agree: Agree, grad_mode: type[AbstractContextManager[object]]
) -> None:
    """Results stay as they are when what they were computed from is overwritten.

    That is x, h_0 and the parameters; and when this GRU, or another one, is called again.
    """
    x, h_0, other = witness.x.clone(), witness.random_h_0.clone(), witness.rebuilt()
    with grad_mode():
        results = unpadded_run(witness, x, h_0)
        before = tuple(result.detach().clone() for result in results)
        for value in (x, h_0, *witness.bi.parameters()):
            value.data.fill_(torch.nan)
        other(x, h_0)
        for _ in range(8):  # some buffers may take turns
            unpadded_run(witness, x, h_0)
        one_row = x.narrow(1 - witness.time_dim, 0, 1), h_0[:, :1].contiguous()
        witness.bi(*one_row)
        agree.bitwise(results, before)
