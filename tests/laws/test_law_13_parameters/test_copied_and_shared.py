"""Law 13, parameters: a copy computes the same with parameters of its own, and a shared parameter
is one parameter in two places.

    copy(bi)(x, h_0) == bi(x, h_0)           and stays so, whatever happens to the other module

`gru.weight_ih_l0 = bi.weight_ih_l0_reverse`, the notebook's way, makes two modules hold one
Parameter: training one moves the other. A copy of the numbers does not. Where both directions hold
one Parameter, its gradient is the sum of both.

torch 2.0.1 wrote the checkpoint: ``python -m fixtures.actions.parameters.checkpoint``, run with
torch 2.0, writes it again.

Source: torch documentation, note *Serialization semantics*, torch.nn.Module.load_state_dict;
pytorch#3751 (tied directions), #53359 (old checkpoints).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.parameters import checkpoint
from fixtures.actions.parameters.assignment import (
    computes_with,
    freeze,
    names,
    numbers_of,
    objects_of,
    other_numbers,
)
from fixtures.actions.parameters.copying import CLAIM_OF_COPY, COPIES
from fixtures.actions.parameters.sharing import (
    inputs_of_direction,
    run_of_direction,
    tie_directions,
    tied_after_a_step,
    train_a_step,
)
from fixtures.actions.reversal import flip, half, share_parameter, standalone, state
from fixtures.cases.claims import Claim, needs
from fixtures.cases.parameters import FORWARD, REVERSE, SUFFIX, fill
from fixtures.cases.table import Table, over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(
    lambda case: case.batch in (2, 4) and case.seq_len < 30 and case.hidden_size < 100
)
#: In half precision a step of training can be too small to change a number.
TRAINED = SMALL.filter(lambda case: case.dtype in ("float32", "float64"))
ONE_LAYER = SPREAD.filter(
    lambda case: (
        case.num_layers == 1
        and case.batch * case.seq_len < 100
        and case.dtype in ("float32", "float64")
    )
)
KEPT = Table.of(checkpoint.CASE)

directions = pytest.mark.parametrize("direction", [FORWARD, REVERSE], ids=["forward", "reverse"])


@pytest.mark.parametrize("way", list(COPIES))
@needs(Claim.ASSIGNMENT, lambda arguments: CLAIM_OF_COPY[arguments["way"]])
@over(SMALL)
def test_copies_compute_the_same_and_live_on_their_own(
    witness: Witness, agree: Agree, way: str
) -> None:
    """A copy gives bitwise equal results; changing it afterwards leaves the original as it was.

    With all parameters in training, and with some of them frozen.
    """
    for frozen in ([], names(witness)[::3]):
        freeze(witness.bi, frozen)
        before = witness.bi(witness.x, witness.random_h_0)
        copy = COPIES[way](witness.bi, witness)
        freeze(copy, frozen)  # a state_dict does not; and torch's path, so its rounding, follows it
        agree.bitwise(numbers_of(copy, witness), numbers_of(witness.bi, witness))
        agree.bitwise(copy(witness.x, witness.random_h_0), before)
        fill(copy, witness.case, witness.generator("changed copy"))
        computes_with(numbers_of(copy, witness), witness, agree, copy)
        agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@needs(Claim.STATE_DICT)
@over(SMALL)
def test_state_dict_is_strict(witness: Witness, agree: Agree) -> None:
    """A missing name, an unknown name and another shape are refused, each by its name.

    So is the state of a GRU of one direction.
    """
    numbers = numbers_of(witness.bi, witness)
    *_, last = numbers
    with agree.refuses(RuntimeError, mentioning=f"missing.*{last}"):
        witness.bi.load_state_dict({name: value for name, value in numbers.items() if name != last})
    forward = {name: value for name, value in numbers.items() if not name.endswith(SUFFIX[REVERSE])}
    with agree.refuses(RuntimeError, mentioning=f"missing.*{last}"):
        witness.bi.load_state_dict(forward)
    with agree.refuses(RuntimeError, mentioning="unexpected.*weight_ih_l9_reverse"):
        witness.bi.load_state_dict(numbers | {"weight_ih_l9_reverse": numbers[last]})
    with agree.refuses(RuntimeError, mentioning=f"size mismatch for {last}"):
        witness.bi.load_state_dict(numbers | {last: numbers[last][1:]})


@needs(Claim.STATE_DICT, Claim.ASSIGNMENT)
@over(SMALL)
def test_state_dict_is_loaded_by_name(witness: Witness, agree: Agree) -> None:
    """In any order, from the CPU and from float64; with strict=False also in part.

    What is missing keeps its numbers, and what is missing or unknown is named. The Parameter
    objects stay, which an optimizer may hold.
    """
    objects = objects_of(witness.bi)
    own, numbers = numbers_of(witness.bi, witness), other_numbers(witness)
    reverse_first = sorted(numbers, key=lambda name: name.endswith(SUFFIX[REVERSE]), reverse=True)
    state = {name: numbers[name].cpu().double() for name in reverse_first}
    witness.bi(witness.x, witness.random_h_0)
    witness.bi.load_state_dict(state)
    agree.bitwise(numbers_of(witness.bi, witness), numbers)
    computes_with(numbers, witness, agree)
    last = reverse_first[-1]
    part = {name: own[name] for name in reverse_first[:-1]} | {"weight_ih_l9": own[last]}
    answer = witness.bi.load_state_dict(part, strict=False)
    agree.same([*answer], [[last], ["weight_ih_l9"]], "names that are missing, and unknown ones")
    computes_with(own | {last: numbers[last]}, witness, agree)
    agree.same(objects_of(witness.bi), objects, "the Parameter objects")


@needs(Claim.STATE_DICT)
@over(KEPT)
def test_state_dict_written_by_torch_2_0_still_loads(witness: Witness, agree: Agree) -> None:
    """The checkpoint loads safely and strictly, and gives what torch 2.0.1 gave."""
    device = witness.backend.device
    state_dict, tensors = checkpoint.read()
    x, h_0, output, h_n = (tensors[name].to(device) for name in ("x", "h_0", "output", "h_n"))
    bi = witness.build()
    bi.load_state_dict(state_dict)
    agree.bitwise(
        numbers_of(bi, witness), {name: state_dict[name].to(device) for name in names(witness)}
    )
    agree(bi(x, h_0), (output, h_n))


@pytest.mark.parametrize("trained", ["standalone", "bidirectional"])
@directions
@needs(Claim.SHARING, Claim.ASSIGNMENT, Claim.GRADIENTS)
@over(ONE_LAYER)
def test_training_one_moves_the_other_where_parameters_are_shared(
    witness: Witness, agree: Agree, direction: int, trained: str
) -> None:
    """`gru.weight_ih_l0 = bi.weight_ih_l0_reverse`: training one of them trains the other."""
    gru = standalone(witness, 0, direction, match=share_parameter)
    before, _ = witness.bi(witness.x, witness.random_h_0)
    numbers = numbers_of(witness.bi, witness)
    if trained == "standalone":
        train_a_step(gru, *inputs_of_direction(witness, direction))
    else:
        train_a_step(witness.bi, witness.x, witness.random_h_0)
    after = numbers_of(witness.bi, witness)
    agree.same(
        [name for name in after if not torch.equal(after[name], numbers[name])],
        [
            name
            for name in after
            if trained == "bidirectional" or name.endswith("_reverse") == (direction == REVERSE)
        ],
        "parameters that the step changed",
    )
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    agree(
        (half(output, direction), state(h_n, 0, direction)),
        run_of_direction(gru, witness, direction),
    )
    computes_with(after, witness, agree)
    if trained == "standalone":
        agree.bitwise(half(output, 1 - direction), half(before, 1 - direction), of="output")


@directions
@needs(Claim.GRADIENTS)
@over(ONE_LAYER)
def test_training_one_leaves_the_other_where_parameters_are_copied(
    witness: Witness, agree: Agree, direction: int
) -> None:
    """With copied parameters, a step of SGD on gru changes no parameter and no result of bi."""
    gru = standalone(witness, 0, direction)
    before, numbers = witness.bi(witness.x, witness.random_h_0), numbers_of(witness.bi, witness)
    train_a_step(gru, *inputs_of_direction(witness, direction))
    agree.bitwise(numbers_of(witness.bi, witness), numbers)
    agree.bitwise(witness.bi(witness.x, witness.random_h_0), before)


@needs(
    Claim.SHARING,
    Claim.ASSIGNMENT,
    Claim.GRADIENTS,
    Claim.CONVERSION,
    Claim.STATE_DICT,
)
@over(TRAINED)
def test_tied_directions_are_one_set_of_parameters(witness: Witness, agree: Agree) -> None:
    """With `bi.weight_ih_l0_reverse = bi.weight_ih_l0`, conversion and training untie nothing.

    A step of training moves each Parameter by the gradients of both directions, added.
    """
    witness.bi(witness.x, witness.random_h_0)
    tie_directions(witness.bi, witness)
    witness.bi.to(torch.float16).to(witness.dtype)
    agree.same(len(list(witness.bi.parameters())), len(names(witness)) // 2, "number of parameters")
    agree.same(set(witness.bi.state_dict()), set(names(witness)), "names in the state_dict")
    computes_with(numbers_of(witness.bi, witness), witness, agree)
    expected = tied_after_a_step(witness, numbers_of(witness.bi, witness))
    train_a_step(witness.bi, witness.x, witness.random_h_0)
    after = numbers_of(witness.bi, witness)
    agree.bitwise(after, {name: after[name.removesuffix("_reverse")] for name in after})
    agree.with_reference(after, expected)
    computes_with(after, witness, agree)


@needs(Claim.SHARING)
@over(ONE_LAYER)
def test_tied_directions_are_symmetric_in_time(witness: Witness, agree: Agree) -> None:
    """With tied directions, flipped x and swapped h_0 give flipped output with swapped halves."""
    tie_directions(witness.bi, witness)
    time = witness.time_dim
    output, h_n = witness.bi(witness.x, witness.random_h_0)
    flipped, flipped_h_n = witness.bi(flip(witness.x, time), witness.random_h_0.flip(0))
    swapped = torch.cat((half(flipped, REVERSE), half(flipped, FORWARD)), -1)
    agree((flip(swapped, time), flipped_h_n.flip(0)), (output, h_n))
