"""Law 13, parameters: after every way to change them, the GRU computes with the numbers they show.

    bi(x, h_0) == equations(what named_parameters() shows now, x, h_0)

Source: torch documentation, torch.nn.GRU, section *Variables*, torch.nn.utils.parametrize,
torch.nn.utils.prune, torch.func.functional_call; pytorch#65688 (parametrize), #90500
(functional_call), #15749 (a computed weight), #34765 (a state_dict holds references).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.gradients.first_order import (
    inputs_with_grad,
    oracle_gradient,
    parameters,
)
from fixtures.actions.gradients.ways import left_by_backward
from fixtures.actions.parameters.assignment import (
    ASSIGNING,
    CHANGES,
    CLAIM_OF_CHANGE,
    computes_with,
    keep_pruned,
    masked_originals,
    numbers_of,
    objects_of,
    other_numbers,
    prune_by,
    why_not,
)
from fixtures.actions.parameters.sharing import train_a_step
from fixtures.actions.reference import oracle_of
from fixtures.cases.backend import Backend, NotHereError
from fixtures.cases.claims import OF_DTYPE, Claim, needs
from fixtures.cases.parameters import REVERSE, SUFFIX, fill
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.selection import precision

LIVE = SPREAD.filter(
    lambda case: case.batch in (2, 4) and case.seq_len < 30 and case.hidden_size < 100
)
#: The method of a module that converts it to a dtype.
BY_METHOD = {"float64": "double", "float32": "float", "float16": "half", "bfloat16": "bfloat16"}
#: In half precision a step of training can be too small to change a number.
TRAINED = LIVE.filter(lambda case: case.dtype in ("float32", "float64"))


@pytest.mark.parametrize("change", list(CHANGES))
@needs(
    lambda arguments: CLAIM_OF_CHANGE[arguments["change"]],
    lambda arguments: arguments["change"] in ASSIGNING and Claim.ASSIGNMENT,
)
@over(LIVE)
@torch.no_grad()
def test_parameters_are_live_after_every_change(
    witness: Witness, agree: Agree, change: str
) -> None:
    """Given other numbers after a call, the module shows them, and computes with them."""
    if reason := why_not(change):
        raise NotHereError(reason)
    witness.bi(witness.x, witness.random_h_0)
    numbers = other_numbers(witness)
    CHANGES[change](witness.bi, numbers)
    agree.bitwise(numbers_of(witness.bi, witness), numbers)
    computes_with(numbers, witness, agree)


@needs(Claim.PARAMETRIZATIONS, Claim.GRADIENTS)
@over(TRAINED)
def test_parametrized_originals_are_live(witness: Witness, agree: Agree) -> None:
    """Under a parametrization, training changes the originals, and so what the module computes."""
    CHANGES["parametrize"](witness.bi, other_numbers(witness))
    before = numbers_of(witness.bi, witness)
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    after = numbers_of(witness.bi, witness)
    agree.same(
        [name for name in after if torch.equal(after[name], before[name])],
        [],
        "parameters that a step of SGD does not change",
    )
    computes_with(after, witness, agree)


@pytest.mark.parametrize("frozen", ["all", "reverse"])
@needs(Claim.GRADIENTS)
@over(TRAINED.with_fields(training=True))
def test_frozen_parameters_learn_again_when_thawed(
    witness: Witness, agree: Agree, frozen: str
) -> None:
    """backward() gives frozen parameters no gradient, the others theirs; thawed, all of them.

    The module's own requires_grad_() and zero_grad() reach every parameter.
    """
    leaves = inputs_with_grad(witness) | parameters(witness)
    expected = oracle_gradient(witness, witness.cotangents)
    ending = SUFFIX[REVERSE] if frozen == "reverse" else ""
    still = {name: leaf for name, leaf in parameters(witness).items() if name.endswith(ending)}
    for requires_grad in (False, True):
        for part in [witness.bi] if frozen == "all" else still.values():
            part.requires_grad_(requires_grad)
        for leaf in leaves.values():
            leaf.grad = None
        results = witness.bi(leaves["x"], leaves.get("h_0"))
        left = left_by_backward(results, witness.cotangents, leaves)
        gradient = {name: value for name, value in left.items() if value is not None}
        learning = [name for name in leaves if requires_grad or name not in still]
        agree.same([*gradient], learning, "tensors with a gradient")
        agree.with_reference(
            gradient,
            {name: expected.gradients[name] for name in learning},
            **expected.tolerance_args,
        )
    witness.bi.zero_grad()
    kept = [name for name, leaf in parameters(witness).items() if leaf.grad is not None]
    agree.same(kept, [], "parameters that have a gradient after zero_grad()")


@needs(Claim.PARAMETRIZATIONS, Claim.ASSIGNMENT, Claim.GRADIENTS)
@over(TRAINED)
def test_pruned_parameters_are_zero_where_their_mask_is(witness: Witness, agree: Agree) -> None:
    """Pruned, trained or pruned for good, the module computes with originals times masks."""
    numbers = numbers_of(witness.bi, witness)
    masks = {
        name: (witness.draw(f"mask of {name}", *value.shape) > 0).to(witness.dtype)
        for name, value in numbers.items()
    }
    witness.bi(witness.x, witness.random_h_0)
    prune_by(witness.bi, masks)
    computes_with({name: numbers[name] * masks[name] for name in numbers}, witness, agree)
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    trained = masked_originals(witness.bi, masks)
    computes_with(trained, witness, agree)
    keep_pruned(witness.bi, masks)
    computes_with(trained, witness, agree)
    agree.same(
        {name for name, _ in witness.bi.named_parameters()},
        set(numbers),
        "names of the parameters after pruning",
    )


@pytest.mark.parametrize("given", ["all", "one"])
@needs(Claim.FUNCTIONAL_CALL)
@over(LIVE)
def test_functional_call_borrows_parameters(witness: Witness, agree: Agree, given: str) -> None:
    """functional_call computes with the parameters given, and leaves the module its own."""
    before = witness.bi(witness.x, witness.random_h_0)
    own, numbers = numbers_of(witness.bi, witness), other_numbers(witness)
    if given == "one":
        numbers = dict([numbers.popitem()])
    results = torch.func.functional_call(witness.bi, numbers, (witness.x, witness.random_h_0))
    expected = oracle_of(witness, parameters=own | numbers, h_0=witness.random_h_0)
    agree.with_reference(results, expected)
    agree.bitwise(numbers_of(witness.bi, witness), own)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@pytest.mark.parametrize("dtype", BY_METHOD)
@needs(Claim.CONVERSION, lambda arguments: OF_DTYPE[arguments["dtype"]])
@over(LIVE)
def test_conversion_to_a_dtype_and_back_loses_only_what_the_dtype_cannot_hold(
    witness: Witness, agree: Agree, backend: Backend, dtype: str
) -> None:
    """`.to(dtype)` keeps the Parameter objects, and computes as a module built in that dtype.

    `.double()` and the like write the same numbers.
    """
    objects, built = objects_of(witness.bi), witness.rebuilt(dtype=dtype)
    by_method = getattr(witness.rebuilt(), BY_METHOD[dtype])()
    agree.bitwise(numbers_of(by_method, witness), numbers_of(built, witness))
    torch_dtype = getattr(torch, dtype)
    rounded = {
        name: value.to(torch_dtype).to(witness.dtype)
        for name, value in numbers_of(witness.bi, witness).items()
    }
    x, h_0 = witness.x.to(torch_dtype), witness.random_h_0.to(torch_dtype)
    in_dtype = precision(backend, witness.case.replace(dtype=dtype))
    agree(witness.bi.to(torch_dtype)(x, h_0), built(x, h_0), precision=in_dtype)
    agree.bitwise(numbers_of(witness.bi.to(witness.dtype), witness), rounded)
    computes_with(rounded, witness, agree)
    agree.same(
        objects_of(witness.bi), objects, "the Parameter objects, which an optimizer may hold"
    )


@needs(Claim.FLATTENING, Claim.ASSIGNMENT)
@over(LIVE)
def test_flatten_parameters_changes_nothing(witness: Witness, agree: Agree) -> None:
    """flatten_parameters() keeps the Parameter objects, their numbers and the results."""
    before = witness.bi(witness.x, witness.random_h_0)
    numbers, objects = numbers_of(witness.bi, witness), objects_of(witness.bi)
    witness.bi.flatten_parameters()  # type: ignore[operator]  # every RNN of torch has it
    agree.same(objects_of(witness.bi), objects, "the Parameter objects")
    agree.bitwise(numbers_of(witness.bi, witness), numbers)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)
    fill(witness.bi, witness.case, witness.generator("after flattening"))
    computes_with(numbers_of(witness.bi, witness), witness, agree)


@pytest.mark.parametrize("dtype", BY_METHOD)
@needs(Claim.CONVERSION, Claim.GRADIENTS, lambda arguments: OF_DTYPE[arguments["dtype"]])
@over(TRAINED.filter(lambda case: case.num_layers == 2 and case.batch == 4))
def test_conversion_takes_every_gradient_along(witness: Witness, agree: Agree, dtype: str) -> None:
    """After `.to(dtype)` each parameter's `.grad` is what it was, in that dtype."""
    torch_dtype = getattr(torch, dtype)
    results = witness.bi(witness.x, witness.random_h_0)
    left = left_by_backward(results, witness.cotangents, parameters(witness))
    before = {
        name: each.to(torch_dtype, copy=True) for name, each in left.items() if each is not None
    }
    witness.bi.to(torch_dtype)
    grads = {name: value.grad for name, value in parameters(witness).items()}
    after = {name: each for name, each in grads.items() if each is not None}
    agree.same(list(after), list(before), "parameters that have a gradient")
    agree.bitwise(after, before)
