"""Law 13, parameters: they have the documented names, shapes, order and initial range, and the GRU computes with what they show, however it came there.

    named_parameters() == weight_ih_l0 (3*H, I), weight_hh_l0 (3*H, H), bias_ih_l0 (3*H,), bias_hh_l0 (3*H,), the same with _reverse, then l1 (3*H, 2*H) ...
    a fresh parameter  ~  U(-1/sqrt(H), 1/sqrt(H))
    bi(x, h_0)         == equations(what named_parameters() shows now, x, h_0)

The last line has to hold after every way to change parameters or to copy a module. `gru.weight_ih_l0 = bi.weight_ih_l0_reverse`,
the notebook's way, makes two modules hold one Parameter: training one moves the other. A copy of the numbers does not.
The kept checkpoint is what torch 2.0.1 wrote: ``python -m fixtures.actions.parameters.checkpoint``, run with torch 2.0, writes it again.

Source: torch documentation, torch.nn.GRU, section *Variables* and its second note (the initial range); pytorch#42830 (what the names mean),
#65688 (parametrize), #90500 (functional_call), #15749 (a computed weight), #3751 (tied directions), #53359 (old checkpoints).
"""

from __future__ import annotations

import math

import pytest
import torch

from fixtures.actions.parameters import checkpoint
from fixtures.actions.parameters.assignment import (
    CHANGES,
    documented_shapes,
    keep_pruned,
    lacks,
    masked_originals,
    names,
    other_numbers,
    prune_by,
    shown,
)
from fixtures.actions.parameters.copying import COPIES, cannot_be_pickled
from fixtures.actions.parameters.initialization import departures, fresh
from fixtures.actions.parameters.sharing import (
    inputs_of_direction,
    run_of_direction,
    tie_directions,
    train_a_step,
)
from fixtures.actions.reference import oracle_of
from fixtures.actions.reversal import flip, half, share_parameter, standalone, state
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.parameters import FORWARD, REVERSE, fill
from fixtures.cases.table import Table, over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

EVERY = SPREAD.with_fields(training=True).filter(lambda case: case.hidden_size < 100)
LIVE = SPREAD.filter(
    lambda case: case.batch in (2, 4) and case.seq_len < 30 and case.hidden_size < 100
)
TRAINED = LIVE.filter(
    lambda case: case.dtype in ("float32", "float64")
)  # in half precision a step can be too small to move a number
ONE_LAYER = SPREAD.filter(
    lambda case: (
        case.num_layers == 1
        and case.batch * case.seq_len < 100
        and case.dtype in ("float32", "float64")
    )
)
_FRESH = (Case(5, 100, 2), Case(140, 100, bias=False, dtype="float64"))
FRESH = Table(
    _FRESH,
    (
        *_FRESH,
        Case(5, 131, 3),
        Case(100, 120, dtype="bfloat16"),
        Case(7, 100, 4, bias=False, dtype="float16"),
    ),
)
KEPT = Table((checkpoint.KEPT,), (checkpoint.KEPT,))


@pytest.mark.parametrize("directions", [1, 2])
@over(EVERY)
def test_names_shapes_and_order_are_the_documented_ones(
    witness: Witness, agree: Agree, directions: int
) -> None:
    """named_parameters(), state_dict() and all_weights go layer by layer, forward before reverse, weights before biases."""
    module = witness.build(bidirectional=directions == 2)
    documented = documented_shapes(witness.case, directions)
    agree.same(
        [(name, tuple(value.shape)) for name, value in module.named_parameters()],
        list(documented.items()),
        "names and shapes of the parameters",
    )
    agree.same(
        [(name, tuple(value.shape)) for name, value in module.state_dict().items()],
        list(documented.items()),
        "names and shapes in the state_dict",
    )
    kinds = {
        (value.dtype, value.device.type, value.requires_grad, value.is_leaf)
        for value in module.parameters()
    }
    agree.same(
        kinds,
        {(witness.dtype, torch.device(witness.backend.device).type, True, True)},
        "dtype, device, requires_grad and is_leaf of the parameters",
    )
    agree.same([name for name, _ in module.named_buffers()], [], "names of the buffers")
    name_of, order, each = (
        {id(value): name for name, value in module.named_parameters()},
        list(documented),
        4 if witness.case.bias else 2,
    )
    found = [
        [name_of.get(id(value), "no parameter") for value in part]
        for part in getattr(module, "all_weights", [])
    ]
    agree.same(
        found,
        [order[i : i + each] for i in range(0, len(order), each)],
        "all_weights, a list for each layer and direction",
    )


@over(FRESH)
def test_fresh_parameters_are_uniform_within_one_over_root_h(
    witness: Witness, agree: Agree
) -> None:
    """Every parameter of a fresh module, biases and `_reverse` included, is drawn from U(-1/sqrt(H), 1/sqrt(H))."""
    drawn = shown(fresh(witness), witness)
    found = {
        name: departures(value, 1 / math.sqrt(witness.case.hidden_size))
        for name, value in drawn.items()
    }
    agree.same(
        {name: words for name, words in found.items() if words},
        {},
        "parameters that are not spread over U(-1/sqrt(H), 1/sqrt(H))",
    )
    heads = {name: value.flatten()[:9] for name, value in drawn.items()}
    alike = [
        name
        for name in heads
        for other in heads
        if name < other and torch.equal(heads[name], heads[other])
    ]
    agree.same(alike, [], "parameters drawn alike")


@over(FRESH)
def test_fresh_parameters_come_from_the_global_generator(witness: Witness, agree: Agree) -> None:
    """The same seed makes the same module; another seed moves every parameter."""
    first, again, other = (shown(fresh(witness, draw), witness) for draw in (1, 1, 2))
    agree.bitwise(again, first)
    agree.same(
        [name for name in first if torch.equal(first[name], other[name])],
        [],
        "parameters that do not depend on the seed",
    )


@pytest.mark.parametrize("way", list(COPIES))
@over(LIVE)
def test_copies_compute_the_same_and_live_on_their_own(
    witness: Witness, agree: Agree, way: str
) -> None:
    """A copy gives the same bits; changed afterwards, it computes with its new numbers, and the first module with its old ones."""
    if way in ("pickle", "torch_save") and (reason := cannot_be_pickled(witness.bi)):
        pytest.skip(reason)
    before = witness.bi(witness.x, witness.random_h_0)
    copied = COPIES[way](witness.bi, witness)
    agree.bitwise(shown(copied, witness), shown(witness.bi, witness))
    agree.bitwise(copied(witness.x, witness.random_h_0), before)
    fill(copied, witness.case, witness.generator("changed copy"))
    agree.with_reference(
        copied(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=shown(copied, witness), h_0=witness.random_h_0),
    )
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@over(LIVE)
def test_state_dict_is_strict(witness: Witness, agree: Agree) -> None:
    """A missing name, an unknown name and another shape are refused, each by its name."""
    numbers = shown(witness.bi, witness)
    *_, last = numbers
    with agree.refuses(RuntimeError, mentioning=f"missing.*{last}"):
        witness.bi.load_state_dict({name: value for name, value in numbers.items() if name != last})
    with agree.refuses(RuntimeError, mentioning="unexpected.*weight_ih_l9_reverse"):
        witness.bi.load_state_dict(numbers | {"weight_ih_l9_reverse": numbers[last]})
    with agree.refuses(RuntimeError, mentioning=f"size mismatch for {last}"):
        witness.bi.load_state_dict(numbers | {last: numbers[last][1:]})


@over(KEPT)
def test_state_dict_written_by_torch_2_0_still_loads(witness: Witness, agree: Agree) -> None:
    """The kept file loads safely and strictly, and gives what torch 2.0.1 gave."""
    kept, numbers = checkpoint.read()
    x, h_0, output, h_n = (
        numbers[name].to(witness.backend.device) for name in ("x", "h_0", "output", "h_n")
    )
    bi = witness.build()
    bi.load_state_dict(kept)
    agree.bitwise(
        shown(bi, witness), {name: kept[name].to(witness.backend.device) for name in names(witness)}
    )
    agree(bi(x, h_0), (output, h_n))


@pytest.mark.parametrize("change", list(CHANGES))
@over(LIVE)
@torch.no_grad()
def test_parameters_are_live_after_every_change(
    witness: Witness, agree: Agree, change: str
) -> None:
    """After a call, other numbers, written in whatever way; then the module shows them, and computes with them."""
    if reason := lacks(change):
        pytest.skip(reason)
    witness.bi(witness.x, witness.random_h_0)
    numbers = other_numbers(witness)
    CHANGES[change](witness.bi, numbers)
    agree.bitwise(shown(witness.bi, witness), numbers)
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=numbers, h_0=witness.random_h_0),
    )


@over(TRAINED)
def test_parametrized_originals_are_live(witness: Witness, agree: Agree) -> None:
    """Under a parametrization, training moves the originals, and the next call computes with what they are mapped to."""
    CHANGES["parametrize"](witness.bi, other_numbers(witness))
    before = shown(witness.bi, witness)
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    now = shown(witness.bi, witness)
    agree.same(
        [name for name in now if torch.equal(now[name], before[name])],
        [],
        "parameters that a step of SGD does not move",
    )
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=now, h_0=witness.random_h_0),
    )


@over(TRAINED)
def test_pruned_parameters_are_zero_where_their_mask_is(witness: Witness, agree: Agree) -> None:
    """Pruned, trained, and with the pruning made permanent, the module computes with the originals times their masks."""
    own = shown(witness.bi, witness)
    masks = {
        name: (witness.draw(f"mask of {name}", *value.shape) > 0).to(witness.dtype)
        for name, value in own.items()
    }
    witness.bi(witness.x, witness.random_h_0)
    prune_by(witness.bi, masks)
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(
            witness,
            parameters={name: value * masks[name] for name, value in own.items()},
            h_0=witness.random_h_0,
        ),
    )
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    expected = oracle_of(
        witness, parameters=masked_originals(witness.bi, masks), h_0=witness.random_h_0
    )
    agree.with_reference(witness.bi(witness.x, witness.random_h_0), expected)
    keep_pruned(witness.bi, masks)
    agree.with_reference(witness.bi(witness.x, witness.random_h_0), expected)
    agree.same(
        {name for name, _ in witness.bi.named_parameters()},
        set(own),
        "names of the parameters after pruning",
    )


@pytest.mark.parametrize("given", ["all", "one"])
@over(LIVE)
def test_functional_call_borrows_parameters(witness: Witness, agree: Agree, given: str) -> None:
    """functional_call computes with the parameters that it is given, and leaves the module with its own."""
    before, own, numbers = (
        witness.bi(witness.x, witness.random_h_0),
        shown(witness.bi, witness),
        other_numbers(witness),
    )
    if given == "one":
        numbers = dict([numbers.popitem()])
    called = torch.func.functional_call(witness.bi, numbers, (witness.x, witness.random_h_0))
    agree.with_reference(
        called, oracle_of(witness, parameters=own | numbers, h_0=witness.random_h_0)
    )
    agree.bitwise(shown(witness.bi, witness), own)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@over(LIVE)
def test_conversion_to_a_dtype_and_back_loses_only_what_the_dtype_cannot_hold(
    witness: Witness, agree: Agree, backend: Backend, dtype: str
) -> None:
    """`.to(dtype)` keeps the Parameter objects, and the module computes in that dtype as one built in it; likewise on the way back."""
    if reason := backend.lacks(dtype):
        pytest.skip(reason)
    objects, built = [*map(id, witness.bi.parameters())], witness.rebuilt(dtype=dtype)
    kind = getattr(torch, dtype)
    rounded = {
        name: value.to(kind).to(witness.dtype) for name, value in shown(witness.bi, witness).items()
    }
    x, h_0 = witness.x.to(kind), witness.random_h_0.to(kind)
    agree(witness.bi.to(kind)(x, h_0), built(x, h_0), precision=backend.precision(dtype))
    agree.bitwise(shown(witness.bi.to(witness.dtype), witness), rounded)
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=rounded, h_0=witness.random_h_0),
    )
    agree.same(
        [*map(id, witness.bi.parameters())],
        objects,
        "the Parameter objects, which an optimizer may hold",
    )


@over(LIVE)
def test_flatten_parameters_changes_nothing(witness: Witness, agree: Agree) -> None:
    """flatten_parameters() is about memory: the same Parameter objects, the same numbers, the same bits, and live as before."""
    before, own, objects = (
        witness.bi(witness.x, witness.random_h_0),
        shown(witness.bi, witness),
        [*map(id, witness.bi.parameters())],
    )
    witness.bi.flatten_parameters()  # type: ignore[operator]  # every RNN of torch has it
    agree.same([*map(id, witness.bi.parameters())], objects, "the Parameter objects")
    agree.bitwise(shown(witness.bi, witness), own)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)
    fill(witness.bi, witness.case, witness.generator("after flattening"))
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=shown(witness.bi, witness), h_0=witness.random_h_0),
    )


@pytest.mark.parametrize("trained", ["standalone", "bidirectional"])
@pytest.mark.parametrize("direction", [FORWARD, REVERSE], ids=["forward", "reverse"])
@over(ONE_LAYER)
def test_training_one_moves_the_other_where_parameters_are_shared(
    witness: Witness, agree: Agree, direction: int, trained: str
) -> None:
    """`gru.weight_ih_l0 = bi.weight_ih_l0_reverse` and so on: after a step of SGD on one, gru is still that direction of bi."""
    gru = standalone(witness, 0, direction, match=share_parameter)
    before, own = witness.bi(witness.x, witness.random_h_0), shown(witness.bi, witness)
    both = witness.bi, witness.x, witness.random_h_0
    train_a_step(
        *((gru, *inputs_of_direction(witness, direction)) if trained == "standalone" else both)
    )
    now = shown(witness.bi, witness)
    moved = [
        name
        for name in now
        if trained == "bidirectional" or name.endswith("_reverse") == (direction == REVERSE)
    ]
    agree.same(
        [name for name in now if not torch.equal(now[name], own[name])],
        moved,
        "parameters that moved",
    )
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    agree(
        (half(output, direction), state(h_n, 0, direction)),
        run_of_direction(gru, witness, direction),
    )
    agree.with_reference((output, h_n), oracle_of(witness, parameters=now, h_0=witness.random_h_0))
    if trained == "standalone":
        agree.bitwise(half(output, 1 - direction), half(before[0], 1 - direction), of="output")


@pytest.mark.parametrize("direction", [FORWARD, REVERSE], ids=["forward", "reverse"])
@over(ONE_LAYER)
def test_training_one_leaves_the_other_where_parameters_are_copied(
    witness: Witness, agree: Agree, direction: int
) -> None:
    """With the numbers copied, a step of SGD on gru leaves bi with the same parameters and the same bits."""
    gru = standalone(witness, 0, direction)
    before, own = witness.bi(witness.x, witness.random_h_0), shown(witness.bi, witness)
    train_a_step(gru, *inputs_of_direction(witness, direction))
    agree.bitwise(shown(witness.bi, witness), own)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@over(TRAINED)
def test_tied_directions_are_one_set_of_parameters(witness: Witness, agree: Agree) -> None:
    """With `bi.weight_ih_l0_reverse = bi.weight_ih_l0`, half the Parameters are left, `.to()` unties none, and training keeps both directions alike."""
    witness.bi(witness.x, witness.random_h_0)
    tie_directions(witness.bi, witness)
    witness.bi.to(torch.float16).to(witness.dtype)
    agree.same(len(list(witness.bi.parameters())), len(names(witness)) // 2, "number of parameters")
    agree.same(list(witness.bi.state_dict()), names(witness), "names in the state_dict")
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=shown(witness.bi, witness), h_0=witness.random_h_0),
    )
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    now = shown(witness.bi, witness)
    agree.bitwise(now, {name: now[name.removesuffix("_reverse")] for name in now})
    agree.with_reference(
        witness.bi(witness.x, witness.random_h_0),
        oracle_of(witness, parameters=now, h_0=witness.random_h_0),
    )


@over(ONE_LAYER)
def test_tied_directions_are_symmetric_in_time(witness: Witness, agree: Agree) -> None:
    """With tied directions, the flipped input and swapped states give the flipped output with its halves swapped."""
    tie_directions(witness.bi, witness)
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    turned, turned_h_n = witness.bi(flip(witness.x, witness.time_dim), witness.random_h_0.flip(0))
    agree(
        (
            flip(torch.cat((half(turned, REVERSE), half(turned, FORWARD)), -1), witness.time_dim),
            turned_h_n.flip(0),
        ),
        (output, h_n),
    )
