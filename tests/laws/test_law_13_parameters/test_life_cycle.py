"""Law 13, parameters: copied, converted, initialised anew, frozen or inside another module, the GRU
keeps its settings and computes with the numbers that it shows.

    copy(bi)(x, h_0) == bi(x, h_0)     in the mode, layout and dropout of bi
    parent.eval(), parent.double(), parent.apply(f), parent.load_state_dict(...)     reach the GRU

With dropout=1.0, which draws nothing, a lost setting shows in the numbers. What an old torch
pickled lacks the attributes that later ones have added, and loads by ``__setstate__``.

Source: torch documentation, torch.nn.Module, note *Modules*, tutorial *Skipping Module Parameter
Initialization*; pytorch#53359 (old checkpoints).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from fixtures.actions.parameters.assignment import (
    freeze,
    names,
    numbers_of,
    objects_of,
    other_numbers,
)
from fixtures.actions.parameters.copying import CLAIM_OF_COPY, COPIES, as_of_an_old_torch
from fixtures.actions.parameters.initialization import departures
from fixtures.actions.reference import oracle_of
from fixtures.actions.refusals import NEEDS_OF_FORM, in_form
from fixtures.actions.side_effects import seeded
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import fill
from fixtures.cases.table import Table, over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

_SHOWING = (
    Case(4, 3, 2, batch=3, seq_len=3, batch_first=True, dropout=1.0),
    Case(3, 4, 3, batch=3, seq_len=3, bias=False, dropout=1.0, training=False),
)
#: Cases in which a setting that is lost shows: T == B, so that either layout has a legal shape.
SHOWING = Table(_SHOWING, (*_SHOWING, *(case.replace(h_0="none") for case in _SHOWING)))
FLOAT64 = SHOWING.with_fields(dtype="float64")
_WIDE = Case(5, 100, seq_len=2)
ANEW = Table((_WIDE,), (_WIDE, Case(100, 120, 2, seq_len=2, bias=False, dtype="float64")))

WHOLE = [way for way in COPIES if CLAIM_OF_COPY[way] is not Claim.STATE_DICT]
CONVERSIONS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "double": lambda module: module.double().float(),
    "to": lambda module: module.to(torch.float64).to(torch.float32),
    "type": lambda module: module.type(torch.float64).type(torch.float32),
}


def _in_both_modes(copied: nn.Module, witness: Witness, agree: Agree) -> None:
    """Expect the copy to be in the mode of bi, and bitwise equal to it in both modes."""
    agree.same(copied.training, witness.bi.training, "training")
    for _ in range(2):
        agree.bitwise(
            witness.run(witness.x, witness.h_0, module=copied), witness.run(witness.x, witness.h_0)
        )
        copied.train(not copied.training)
        witness.bi.train(not witness.bi.training)


@pytest.mark.parametrize("way", WHOLE)
@needs(lambda arguments: CLAIM_OF_COPY[arguments["way"]])
@over(SHOWING)
def test_copies_keep_every_setting(witness: Witness, agree: Agree, way: str) -> None:
    """A copy is in the same mode, has the same layout, dropout and frozen parameters."""
    some = 3 if witness.case.training else 1  # in eval mode all of them, as what is deployed
    freeze(witness.bi, names(witness)[::some])
    copied = COPIES[way](witness.bi, witness)
    agree.same(
        [(name, value.requires_grad) for name, value in copied.named_parameters()],
        [(name, value.requires_grad) for name, value in witness.bi.named_parameters()],
        "parameters that require gradients",
    )
    _in_both_modes(copied, witness, agree)


@needs(Claim.COPIES, Claim.SHARING, Claim.ASSIGNMENT)
@over(SHOWING)
def test_shallow_copy_shares_the_parameters(witness: Witness, agree: Agree) -> None:
    """copy.copy gives a module with a mode of its own and the same Parameters."""
    copied = copy.copy(witness.bi)
    training = witness.bi.training
    copied.train(not training)
    agree.same(witness.bi.training, training, "training, once the copy is in the other mode")
    copied.train(training)
    fill(witness.bi, witness.case, witness.generator("changed original"))
    _in_both_modes(copied, witness, agree)


@pytest.mark.parametrize("without_names", [False, True], ids=["named", "not_named"])
@needs(Claim.PICKLE, lambda arguments: arguments["without_names"] and Claim.FLATTENING)
@over(SHOWING)
def test_state_of_an_old_torch_is_taken(
    witness: Witness, agree: Agree, *, without_names: bool
) -> None:
    """A module whose state lacks what later versions of torch have added computes the same."""
    old = as_of_an_old_torch(witness.bi, without_names=without_names)
    _in_both_modes(old, witness, agree)


@pytest.mark.parametrize("way", CONVERSIONS)
@needs(Claim.CONVERSION, Claim.FLOAT64)
@over(SHOWING)
def test_conversion_there_and_back_keeps_everything(
    witness: Witness, agree: Agree, way: str
) -> None:
    """From float32 to float64 and back, the module is what it was."""
    _in_both_modes(CONVERSIONS[way](witness.rebuilt()), witness, agree)


@needs(Claim.INITIAL_VALUES, Claim.ASSIGNMENT)
@over(ANEW)
def test_reset_parameters_draws_anew(witness: Witness, agree: Agree) -> None:
    """reset_parameters() draws each parameter again, in its place; the GRU computes with them."""
    witness.bi(witness.x, witness.h_0)
    before, objects = numbers_of(witness.bi, witness), objects_of(witness.bi)
    with seeded(witness.backend.device, witness.generator("anew").initial_seed()):
        witness.bi.reset_parameters()  # type: ignore[operator]  # a method
    after = numbers_of(witness.bi, witness)
    agree.same(objects_of(witness.bi), objects, "the Parameter objects")
    bound = witness.case.hidden_size**-0.5
    agree.same(
        {
            name: found
            for name, value in after.items()
            if (found := departures(value, bound)) or torch.equal(value, before[name])
        },
        {},
        "parameters that are as before, or not spread over U(-1/sqrt(H), 1/sqrt(H))",
    )
    agree.with_reference(witness.bi(witness.x, witness.h_0), oracle_of(witness))


@pytest.mark.parametrize("by", ["argument", "context"])
@needs(Claim.META_TENSORS, Claim.CONVERSION, Claim.STATE_DICT)
@over(SHOWING)
def test_module_made_without_memory_is_given_it(witness: Witness, agree: Agree, by: str) -> None:
    """Made on the device meta, then to_empty() and load_state_dict(): as if made at once.

    The device is the constructor's argument, or that of the block ``with torch.device("meta")``.
    """
    with torch.device("meta") if by == "context" else nullcontext():
        made = witness.build(also={"device": None if by == "context" else "meta"})
    agree.same({value.device.type for value in made.parameters()}, {"meta"}, "devices")
    made = made.to_empty(device=witness.backend.device)
    made.load_state_dict(witness.bi.state_dict())
    _in_both_modes(made, witness, agree)


@pytest.mark.parametrize("form", ["batched", "unbatched"])
@NEEDS_OF_FORM
@over(SHOWING)
def test_hooks_of_a_module_run_once_a_call(witness: Witness, agree: Agree, form: str) -> None:
    """A forward pre-hook replaces arguments, a forward hook results; each runs once a call."""
    calls: list[str] = []
    x, h_0 = in_form(witness, witness.x, form).contiguous(), witness.h_0
    if form == "unbatched" and h_0 is not None:
        h_0 = h_0[:, 0].contiguous()

    def negated(_: nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        calls.append("before")
        return -arguments[0], *arguments[1:]

    def doubled(_: nn.Module, __: object, results: tuple[torch.Tensor, ...]) -> object:
        calls.append("after")
        return tuple(2 * result for result in results)

    output, h_n = witness.bi(-x, h_0)
    handles = [
        witness.bi.register_forward_pre_hook(negated),
        witness.bi.register_forward_hook(doubled),
    ]
    agree.bitwise(witness.bi(x, h_0), (2 * output, 2 * h_n))
    agree.same(calls, ["before", "after"], "hooks that ran")
    for handle in handles:
        handle.remove()
    agree.bitwise(witness.bi(-x, h_0), (output, h_n))


@needs(Claim.PARAMETERS, Claim.STATE_DICT, Claim.CONVERSION, Claim.ASSIGNMENT)
@over(FLOAT64)
def test_lives_inside_another_module(witness: Witness, agree: Agree) -> None:
    """What is called of a module reaches the GRU inside.

    train() and eval(), apply(), float() and double(), named_parameters(), state_dict() and
    load_state_dict().
    """
    parent = nn.ModuleDict({"encoder": nn.ModuleList([nn.Identity(), witness.bi])})
    inside = witness.rebuilt(training=not witness.case.training)
    parent.train(not witness.case.training)
    agree.bitwise(witness.bi(witness.x, witness.h_0), inside(witness.x, witness.h_0))
    prefixed = [f"encoder.1.{name}" for name in names(witness)]
    agree.same([name for name, _ in parent.named_parameters()], prefixed, "names of parameters")
    agree.same(list(parent.state_dict()), prefixed, "names in the state_dict")
    numbers = other_numbers(witness)
    given = {f"encoder.1.{name}": value for name, value in numbers.items()}
    missing = dict(list(given.items())[:-1])
    with agree.refuses(RuntimeError, mentioning=f"missing.*{prefixed[-1]}"):
        parent.load_state_dict(missing)
    parent.load_state_dict(given)
    agree.bitwise(numbers_of(witness.bi, witness), numbers)
    visited: list[nn.Module] = []
    parent.apply(visited.append)
    agree.same(sum(module is witness.bi for module in visited), 1, "visits of apply()")
    parent.train(witness.case.training).float().double()
    rounded = {name: value.float().double() for name, value in numbers.items()}
    expected = witness.with_parameters(rounded)
    agree.bitwise(witness.bi(witness.x, witness.h_0), expected.bi(witness.x, witness.h_0))
