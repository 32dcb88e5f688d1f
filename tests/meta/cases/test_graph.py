"""builds_graph: autograd builds its graph in training mode, and where derivatives are needed."""

from __future__ import annotations

import pytest
import torch

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, builds_graph, needs
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.table import Table
from fixtures.proof.collection import LawCase, LawTest
from fixtures.proof.runner import Outcome, run


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("claim", [None, Claim.GRADIENTS, Claim.FORWARD_MODE, Claim.PACKED])
def test_law_runs_with_a_graph_as_in_use(claim: Claim | None, training: bool) -> None:  # noqa: FBT001  # a parameter
    """In eval mode only a test that needs derivatives has one."""
    case = Case(3, 4, training=training)
    marks = () if claim is None else (needs(claim).mark,)
    wanted = training or claim in {Claim.GRADIENTS, Claim.FORWARD_MODE}
    assert builds_graph(marks, {"case": case}) == wanted
    seen: list[bool] = []
    law = LawTest("", "", lambda: seen.append(torch.is_grad_enabled()), Table.of(case))
    outcome, _ = run(LawCase(law, case, {}, marks), TORCH_GRU, Backend("cpu"))
    assert outcome == Outcome.PASSED
    assert seen == [wanted]
    assert torch.is_grad_enabled()
