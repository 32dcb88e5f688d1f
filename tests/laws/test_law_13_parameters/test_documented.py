"""Law 13, parameters: they have the documented names, shapes, order and initial range.

    named_parameters() == weight_ih_l0 (3*H, I), weight_hh_l0 (3*H, H), bias_ih_l0 (3*H,),
                          bias_hh_l0 (3*H,), the same with _reverse, then l1 with I = 2*H, ...
    a fresh parameter  ~  U(-1/sqrt(H), 1/sqrt(H))

Source: torch documentation, torch.nn.GRU, section *Variables* and its second note (the initial
range); pytorch#42830 (what the names mean).
"""

from __future__ import annotations

import math

import pytest
import torch

from fixtures.actions.parameters.assignment import documented_shapes, numbers_of
from fixtures.actions.parameters.initialization import (
    departures,
    dependences,
    dependences_between,
    fresh,
    two_fresh,
)
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import Table, over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

EVERY = SPREAD.with_fields(training=True).filter(lambda case: case.hidden_size < 100)
_FRESH = (Case(5, 100, 3), Case(140, 100, bias=False, dtype="float64"))
FRESH = Table(
    _FRESH,
    (
        *_FRESH,
        Case(5, 131, 3),
        Case(100, 120, dtype="bfloat16"),
        Case(7, 100, 4, bias=False, dtype="float16"),
    ),
)


@pytest.mark.parametrize("directions", [1, 2])
@needs(Claim.PARAMETERS, Claim.STATE_DICT)
@over(EVERY)
def test_names_shapes_and_order_are_the_documented_ones(
    witness: Witness, agree: Agree, directions: int
) -> None:
    """Parameters go layer by layer, forward before reverse, weights before biases."""
    module = witness.build(bidirectional=directions == 2)
    documented = documented_shapes(witness.case, directions)
    for values, of in (
        (module.named_parameters(), "parameters"),
        (module.state_dict().items(), "state_dict"),
    ):
        shapes = [(name, tuple(value.shape)) for name, value in values]
        agree.same(shapes, list(documented.items()), f"names and shapes of the {of}")
    agree.same([name for name, _ in module.named_buffers()], [], "names of the buffers")
    agree.same(
        {(value.dtype, value.device.type, value.is_leaf) for value in module.parameters()},
        {(witness.dtype, torch.device(witness.backend.device).type, True)},
        "dtype, device and is_leaf of the parameters",
    )
    all_weights = getattr(module, "all_weights", None)
    if all_weights is None:  # it is torch's own, and no other GRU need have it
        return
    name_of = {id(value): name for name, value in module.named_parameters()}
    names, step = list(documented), 4 if witness.case.bias else 2
    agree.same(
        [[name_of.get(id(value), "no parameter") for value in values] for values in all_weights],
        [names[i : i + step] for i in range(0, len(names), step)],
        "all_weights, a list for each layer and direction",
    )


@needs(Claim.PARAMETERS, Claim.GRADIENTS)
@over(EVERY)
def test_fresh_parameters_require_gradients(witness: Witness, agree: Agree) -> None:
    """Nothing has to be switched on before training."""
    frozen = [n for n, value in witness.build().named_parameters() if not value.requires_grad]
    agree.same(frozen, [], "parameters of a fresh module that require no gradient")


@needs(Claim.INITIAL_VALUES)
@over(FRESH)
def test_fresh_parameters_are_uniform_within_one_over_root_h(
    witness: Witness, agree: Agree
) -> None:
    """Every parameter of a fresh module is drawn from U(-1/sqrt(H), 1/sqrt(H))."""
    numbers = numbers_of(fresh(witness), witness)
    bound = 1 / math.sqrt(witness.case.hidden_size)
    problems = {name: departures(value, bound) for name, value in numbers.items()}
    agree.same(
        {name: problem for name, problem in problems.items() if problem},
        {},
        "parameters that are not spread over U(-1/sqrt(H), 1/sqrt(H))",
    )


@needs(Claim.INITIAL_VALUES)
@over(FRESH)
def test_fresh_parameters_are_independent(witness: Witness, agree: Agree) -> None:
    """The signs of the first numbers are uncorrelated at every lag.

    Within all parameters, one after another, between any two, and between two modules.
    """
    first, second = (numbers_of(module, witness) for module in two_fresh(witness))
    agree.same(dependences(first), [], "correlated numbers")
    agree.same(dependences_between(first, second), [], "parameters correlated in two modules")


@needs(Claim.INITIAL_VALUES)
@over(FRESH)
def test_fresh_parameters_come_from_the_global_generator(witness: Witness, agree: Agree) -> None:
    """The same seed gives bitwise equal parameters; another seed changes every parameter."""
    first, again, other = (numbers_of(fresh(witness, draw), witness) for draw in (1, 1, 2))
    agree.bitwise(again, first)
    agree.same(
        [name for name in first if torch.equal(first[name], other[name])],
        [],
        "parameters that do not depend on the seed",
    )
