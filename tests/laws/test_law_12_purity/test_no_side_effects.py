"""Law 12, purity: a call changes nothing but its results, which own their memory.

x, h_0, parameters, buffers, settings of the module, every global setting, and the global generators
of torch, NumPy and Python stay as they are. Writing into one result changes neither the other nor
any later call.

Source: torch documentation, note *Reproducibility*; pytorch#189285 (a mask of a former call).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.gradients.first_order import run_with_grad, vjp
from fixtures.actions.side_effects import no_side_effects
from fixtures.cases.claims import Claim, needs
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


@over(WITHOUT_DROPOUT + EVAL_WITH_DROPOUT)
def test_call_changes_nothing(witness: Witness, agree: Agree) -> None:
    """Without dropout, or in eval mode, a call leaves its arguments and all state as they are."""
    with no_side_effects(witness, agree):
        witness.run(witness.x, witness.h_0)


@needs(Claim.GRADIENTS)
@over(SHALLOW.with_fields(training=True))
def test_backward_pass_changes_nothing(witness: Witness, agree: Agree) -> None:
    """So does a backward pass; and torch.autograd.grad leaves nothing in .grad."""
    with no_side_effects(witness, agree):
        results, wrt = run_with_grad(witness)
        vjp(results, witness.cotangents, wrt)


@pytest.mark.parametrize("written", ["output", "h_n"])
@over(SHALLOW)
def test_results_own_their_memory(witness: Witness, agree: Agree, written: str) -> None:
    """Writing into one result changes neither the other, nor the arguments, nor the next call."""
    before = tuple(result.detach().clone() for result in witness.bi(witness.x, witness.h_0))
    output, h_n = witness.bi(witness.x, witness.h_0)
    with no_side_effects(witness, agree):
        (output if written == "output" else h_n).detach().fill_(torch.nan)
    if written == "output":
        agree.bitwise(h_n, before[1], of="h_n")
    else:
        agree.bitwise(output, before[0], of="output")
    agree.bitwise(witness.bi(witness.x, witness.h_0), before)


@needs(Claim.NON_FINITE, Claim.ASSIGNMENT)
@over(SHALLOW)
def test_results_outlive_what_they_came_from(witness: Witness, agree: Agree) -> None:
    """Overwriting x, h_0 and the parameters, and another call, leave earlier results alone."""
    x, h_0 = witness.x.clone(), witness.random_h_0.clone()
    results = witness.bi(x, h_0)
    before = tuple(result.detach().clone() for result in results)
    with torch.no_grad():
        for value in (x, h_0, *witness.bi.parameters()):
            value.fill_(torch.nan)
    witness.bi(x, h_0)
    agree.bitwise(results, before)
