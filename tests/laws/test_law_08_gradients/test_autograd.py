"""Law 08, gradients: autograd keeps its promises around the GRU: a gradient is added and owned, is
that of its own call, and is recorded only where it is required.

    backward()           adds the gradient to .grad; a hook sees the gradient, whole and once
    results require grad exactly if grad mode is on and any of x, h_0, parameters requires it
    x, h_0, parameters and results overwritten after the call: refused, or the gradient of the call

It is the same recomputed under a checkpoint, in eval mode, where arguments are computed from
leaves, and through a second call that starts from the first one's h_n.

Source: torch documentation, note *Autograd mechanics*, sections *In-place correctness checks* and
*Locally disabling gradient computation*; torch.Tensor.backward, torch.Tensor.register_hook,
torch.utils.checkpoint; pytorch#197887 (overwritten input not noticed), #193671 (wrong under a
checkpoint), #15788 (no gradient in eval mode), #1532 (two losses, one after the other).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.gradients.first_order import (
    cotangents,
    gradients,
    requiring_only,
    run_with_grad,
    tolerance_args,
    vjp,
)
from fixtures.actions.gradients.ways import (
    OVERWRITTEN,
    after_overwriting,
    left_by_backward,
    of_computed_arguments,
    of_parts_of_one_leaf,
    of_two_calls,
    recomputed,
    seen_by_hooks,
)
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

FEW = SPREAD.filter(
    lambda case: (
        case.num_layers <= 2
        and min(case.batch, case.seq_len) > 1
        and case.hidden_size * case.batch * case.seq_len <= 3_100
    )
)
ONE_OR_TWO = FEW.filter(one_or_two_layers)
WITH_H_0 = ONE_OR_TWO.with_fields(h_0="random")
TRAINING = WITH_H_0.with_fields(training=True)
TWO_LAYERS = FEW.filter(lambda case: case.num_layers == 2).with_fields(h_0="random", bias=True)
FEW_ROWS = TWO_LAYERS.filter(lambda case: case.batch <= 3 or case.hidden_size % 8 == 0)
# An x of 78,000 numbers, weights of thousands.
LARGE = Table.of(Case(130, 40, 2, batch=50, seq_len=12))


@needs(Claim.GRADIENTS)
@over(FEW)
def test_backward_adds_to_grad(witness: Witness, agree: Agree) -> None:
    """After one loss and then another on the same results, .grad is the sum of both gradients."""
    of_output = gradients(witness, cotangents(witness, "output"))
    of_h_n = gradients(witness, cotangents(witness, "h_n"))
    (output, h_n), wrt = run_with_grad(witness)
    output.backward(witness.cotangents[0], retain_graph=True)  # type: ignore[no-untyped-call]  # untyped in torch
    agree.same_gradient(
        left_by_backward((h_n,), witness.cotangents[1:], wrt),
        {name: of_output[name] + of_h_n[name] for name in wrt},
        **tolerance_args(witness, witness.cotangents),
    )


@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_hook_sees_the_whole_gradient_once(witness: Witness, agree: Agree) -> None:
    """A hook on x, h_0 or a parameter sees its gradient, whatever is in .grad, in one call."""
    expected = gradients(witness, witness.cotangents)
    results, wrt = run_with_grad(witness)
    torch.autograd.backward(results, witness.cotangents, retain_graph=True)
    seen = seen_by_hooks(wrt)
    torch.autograd.backward(results, witness.cotangents)
    agree.same({name: len(seen[name]) for name in wrt}, dict.fromkeys(wrt, 1), "calls of hooks")
    agree.same_gradient(
        {name: seen[name][0] for name in wrt},
        expected,
        **tolerance_args(witness, witness.cotangents),
    )


@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO + LARGE)
def test_gradients_own_their_memory(witness: Witness, agree: Agree) -> None:
    """What backward() left in .grad stays as it is when other gradients are computed."""
    results, wrt = run_with_grad(witness)
    gradient = left_by_backward(results, witness.cotangents, wrt)
    before = {name: value.clone() for name, value in gradient.items()}
    gradients(witness.with_inputs(-witness.x), witness.cotangents)
    agree.bitwise(gradient, before)


@needs(Claim.GRADIENTS, Claim.EMPTY_BATCH)
@over(TRAINING)
def test_empty_batch_has_a_gradient_of_zeros(witness: Witness, agree: Agree) -> None:
    """With B=0 the gradients of the parameters are zero; those of x and h_0 have no numbers."""
    none = witness.x.narrow(1 - witness.time_dim, 0, 0), witness.random_h_0[:, :0]
    results, wrt = run_with_grad(witness.with_inputs(*none))
    gradient = vjp(results, [torch.ones_like(result) for result in results], wrt)
    agree.bitwise(gradient, {name: torch.zeros_like(leaf) for name, leaf in wrt.items()})


@pytest.mark.parametrize("mode", ["enable_grad", "no_grad", "inference_mode"])
@needs(lambda arguments: arguments["mode"] == "enable_grad" and Claim.GRADIENTS)
@over(TRAINING)
def test_results_require_gradients_in_grad_mode_only(
    witness: Witness, agree: Agree, mode: str
) -> None:
    """Where x, h_0 and parameters require gradients, so do the results, but in grad mode only."""
    with getattr(torch, mode)():
        results, _ = run_with_grad(witness)
    expected = 2 * [mode == "enable_grad"]
    agree.same([result.requires_grad for result in results], expected, "requires_grad")


@pytest.mark.parametrize("part", ["nothing", "h_0", "last_bias"])
@needs(lambda arguments: arguments["part"] != "nothing" and Claim.GRADIENTS)
@over(TWO_LAYERS.with_fields(training=True))
def test_results_require_gradients_where_anything_does(
    witness: Witness, agree: Agree, part: str
) -> None:
    """If any of x, h_0 and parameters requires a gradient the results do, and else they do not."""
    with requiring_only(witness, part) as (inputs, wrt):
        results = witness.run(inputs["x"], inputs.get("h_0"))
    expected = 2 * [bool(wrt)]
    agree.same([result.requires_grad for result in results], expected, "requires_grad")


@pytest.mark.parametrize("name", OVERWRITTEN)
@needs(Claim.GRADIENTS)
@over(FEW_ROWS)
def test_overwritten_numbers_are_refused_or_not_needed(
    witness: Witness, agree: Agree, name: str
) -> None:
    """After a call, its gradient with one tensor overwritten is refused, or that of the call."""
    expected = gradients(witness, witness.cotangents)
    gradient = after_overwriting(witness, name)
    if gradient is not None:
        agree(gradient, expected, **tolerance_args(witness, witness.cotangents))


@pytest.mark.parametrize("use_reentrant", [False, True], ids=["recomputed", "reentrant"])
@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_checkpoint_changes_no_gradient(
    witness: Witness, agree: Agree, *, use_reentrant: bool
) -> None:
    """Under torch.utils.checkpoint, which calls a second time, the gradient is the same.

    Bitwise, where *bitwise backward* is claimed.
    """
    expected = gradients(witness, witness.cotangents)
    agree.same_gradient(
        recomputed(witness, use_reentrant=use_reentrant),
        expected,
        **tolerance_args(witness, witness.cotangents),
    )


@pytest.mark.parametrize("computed", ["input", "parameters"])
@needs(
    Claim.GRADIENTS,
    lambda arguments: arguments["computed"] == "parameters" and Claim.FUNCTIONAL_CALL,
)
@over(ONE_OR_TWO)
def test_computed_arguments_pass_their_gradient_on(
    witness: Witness, agree: Agree, computed: str
) -> None:
    """x, h_0 or parameters that are twice a leaf give the leaf twice their gradient."""
    gradient = of_computed_arguments(witness, computed)
    expected = gradients(witness, witness.cotangents)
    agree(
        gradient,
        {name: expected[name] for name in gradient},
        **tolerance_args(witness, witness.cotangents),
    )


@needs(Claim.GRADIENTS)
@over(WITH_H_0)
def test_parts_of_one_leaf_have_the_gradient_of_leaves(witness: Witness, agree: Agree) -> None:
    """Side by side in one leaf, x and h_0 have the gradients that each has as a leaf."""
    agree(
        of_parts_of_one_leaf(witness),
        gradients(witness, witness.cotangents),
        **tolerance_args(witness, witness.cotangents),
    )


@needs(Claim.GRADIENTS)
@over(WITH_H_0)
def test_gradient_passes_from_call_to_call(witness: Witness, agree: Agree) -> None:
    """Through a call that starts from another's h_n, both calls' gradients reach everything."""
    through_both, one_by_one = of_two_calls(witness, witness.x.flip(witness.time_dim))
    sizes = tolerance_args(witness, witness.cotangents)
    agree(through_both, one_by_one, **sizes)


@needs(Claim.GRADIENTS, Claim.EVAL_GRADIENTS)
@over(ONE_OR_TWO.with_fields(training=False))
def test_eval_mode_has_the_gradients_of_training_mode(witness: Witness, agree: Agree) -> None:
    """Without dropout, the gradient in eval mode is that in training mode."""
    with agree.accepts("the gradient in eval mode"):
        gradient = gradients(witness, witness.cotangents)
    witness.bi.train()
    agree.same_gradient(
        gradient,
        gradients(witness, witness.cotangents),
        **tolerance_args(witness, witness.cotangents),
    )
