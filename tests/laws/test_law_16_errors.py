"""Law 16, errors: what does not fit is refused, with an error that names what does not fit, and changes nothing.

    bi(x of I+1 features)           RuntimeError: ... Expected I, got I+1
    bi(x, h_0 of one row)           RuntimeError: Expected hidden size (2*L, B, H), got [2*L, 1, H]      never broadcast
    GRU(I, H, dropout=-0.1)         ValueError: dropout ...

After each, the module, the input and all that surrounds them are as before, and the next good call gives the same bits.
Where the type of an error has changed between torch versions, both are accepted.

Source: torch documentation, torch.nn.GRU, sections *Parameters* and *Inputs*, torch.nn.utils.rnn.pack_padded_sequence;
pytorch#3259, #4002 (a wrong h_0 ran), #3925, #5211, #50192 (T=0), #70556 (H=0), #114874.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from fixtures.actions.side_effects import still_works_after
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

#: Sizes pairwise different, and no 1 but for T, so that each stands for itself in a message.
CALLS = SPREAD.filter(lambda case: case.batch in (3, 6))
CONSTRUCTORS = CALLS.filter(lambda case: case.num_layers == 2)

inputs = pytest.mark.parametrize("form", ["batched", "unbatched", "packed"])


@pytest.mark.parametrize("features", [-1, 1], ids=["one feature", "a feature too many"])
@inputs
@over(CALLS)
def test_wrong_number_of_features_is_refused(
    witness: Witness, agree: Agree, form: str, features: int
) -> None:
    """An x with other than I features raises a RuntimeError that names I and what came."""
    expected = witness.case.input_size
    x = (
        torch.cat((witness.x, witness.x), -1)[..., : expected + 1]
        if features > 0
        else witness.x[..., :1]
    )
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=_naming(expected, x.shape[-1])),
    ):
        witness.bi(_formed(witness, x, form))


@pytest.mark.parametrize("dimensions", [1, 4])
@over(CALLS)
def test_wrong_number_of_dimensions_is_refused(
    witness: Witness, agree: Agree, dimensions: int
) -> None:
    """An x of one or of four dimensions raises a ValueError (an AssertionError before torch 2.2) that names their number."""
    x = witness.x[0, 0] if dimensions == 1 else witness.x.unsqueeze(0)
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, AssertionError, mentioning=f"{dimensions}-?D"),
    ):
        witness.bi(x)


@pytest.mark.parametrize("kind", ["another float", "int64"])
@inputs
@over(CALLS)
def test_x_of_another_dtype_is_refused(
    witness: Witness, agree: Agree, form: str, kind: str
) -> None:
    """An x of another dtype than the parameters' raises a ValueError (a RuntimeError before torch 2.2) that says so."""
    x = witness.x.nan_to_num().to(torch.int64 if kind == "int64" else _another_float(witness))
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, RuntimeError, mentioning="type"),
    ):
        witness.bi(_formed(witness, x, form))


@over(CALLS)
def test_h_0_of_another_dtype_is_refused(witness: Witness, agree: Agree) -> None:
    """An h_0 of another dtype than the parameters' raises a RuntimeError, or a ValueError, that says so."""
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, ValueError, mentioning="type"),
    ):
        witness.bi(witness.x, witness.random_h_0.to(_another_float(witness)))


WRONG_SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "one row": lambda h_0: h_0[:, :1],
    "a row too many": lambda h_0: torch.cat((h_0, h_0[:, :1]), 1),
    "one state": lambda h_0: h_0[:1],
    "half the states": lambda h_0: h_0[: len(h_0) // 2],
    "a layer too many": lambda h_0: torch.cat((h_0, h_0[:2])),
    "one unit": lambda h_0: h_0[..., :1],
    "a unit too many": lambda h_0: torch.cat((h_0, h_0[..., :1]), -1),
    "no rows": lambda h_0: h_0[:, :0],
}


@pytest.mark.parametrize("wrong", WRONG_SHAPES)
@pytest.mark.parametrize("form", ["batched", "packed"])
@over(CALLS)
def test_h_0_of_another_shape_is_refused(
    witness: Witness, agree: Agree, form: str, wrong: str
) -> None:
    """An h_0 of another size than (2*L, B, H) raises a RuntimeError that names both shapes; a single row is not broadcast."""
    h_0 = WRONG_SHAPES[wrong](witness.random_h_0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=_naming(*witness.random_h_0.shape, *h_0.shape)),
    ):
        witness.bi(_formed(witness, witness.x, form), h_0)


@pytest.mark.parametrize("wrong", [name for name in WRONG_SHAPES if "row" not in name])
@over(CALLS)
def test_unbatched_h_0_of_another_shape_is_refused(
    witness: Witness, agree: Agree, wrong: str
) -> None:
    """With an unbatched x, an h_0 of another size than (2*L, H) raises a RuntimeError that names both shapes, as of one row."""
    right = witness.random_h_0[:, :1]
    h_0 = WRONG_SHAPES[wrong](right)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=_naming(*right.shape, *h_0.shape)),
    ):
        witness.bi(_formed(witness, witness.x, "unbatched"), h_0.squeeze(1))


@over(CALLS.filter(lambda case: case.batch != 2 * case.num_layers))
def test_h_0_that_is_batch_first_is_refused(witness: Witness, agree: Agree) -> None:
    """An h_0 of (B, 2*L, H) raises a RuntimeError that names both shapes, under batch_first too."""
    h_0 = witness.random_h_0.transpose(0, 1)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=_naming(*witness.random_h_0.shape, *h_0.shape)),
    ):
        witness.bi(witness.x, h_0)


@pytest.mark.parametrize("dimensions", [2, 4])
@over(CALLS)
def test_h_0_of_other_dimensions_than_a_batched_x_is_refused(
    witness: Witness, agree: Agree, dimensions: int
) -> None:
    """With a batched x, an h_0 of two or of four dimensions raises a RuntimeError that names both numbers."""
    h_0 = witness.random_h_0[:, 0] if dimensions == 2 else witness.random_h_0.unsqueeze(0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=f"3-?D.*{dimensions}-?D"),
    ):
        witness.bi(witness.x, h_0)


@over(CALLS)
def test_batched_h_0_is_refused_by_an_unbatched_x(witness: Witness, agree: Agree) -> None:
    """With an unbatched x, an h_0 of three dimensions raises a RuntimeError that names both numbers."""
    with still_works_after(witness, agree), agree.refuses(RuntimeError, mentioning="2-?D.*3-?D"):
        witness.bi(_formed(witness, witness.x, "unbatched"), witness.random_h_0[:, :1])


@pytest.mark.parametrize("form", ["batched", "unbatched"])
@over(CALLS)
def test_sequence_of_no_steps_is_refused(witness: Witness, agree: Agree, form: str) -> None:
    """T=0 raises a RuntimeError that says so; a batch of no rows is another matter: law 06."""
    x = _formed(witness, witness.x, form)
    x = x.narrow(witness.time_dim if form == "batched" else 0, 0, 0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning="sequence length.*larger than 0"),
    ):
        witness.bi(x)


@pytest.mark.parametrize("given", ["x", "h_0"])
@over(CALLS)
def test_tensors_on_two_devices_are_refused(witness: Witness, agree: Agree, given: str) -> None:
    """An x, or an h_0, that lies on another device than the rest raises a RuntimeError that names both devices."""
    x, h_0 = witness.x, witness.random_h_0
    here, elsewhere = x.device, witness.backend.other_device
    with (
        still_works_after(witness, agree),
        agree.refuses(
            RuntimeError, mentioning=f"device.*({here}.*{elsewhere}|{elsewhere}.*{here})"
        ),
    ):
        witness.bi(*((x.to(elsewhere),) if given == "x" else (x, h_0.to(elsewhere))))


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("least", [0, -1])
@over(CALLS)
def test_row_of_no_steps_cannot_be_packed(
    witness: Witness, agree: Agree, least: int, *, enforce_sorted: bool
) -> None:
    """A length of 0, or less, raises a RuntimeError that says what lengths must be."""
    lengths = [witness.case.seq_len] * (witness.case.batch - 1) + [least]
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning="length.*greater than 0"),
    ):
        pack_padded_sequence(witness.x, lengths, witness.case.batch_first, enforce_sorted)


@over(CALLS.filter(lambda case: case.seq_len > 1))
def test_broken_promise_of_sorted_lengths_is_refused(witness: Witness, agree: Agree) -> None:
    """Lengths that increase raise a RuntimeError under enforce_sorted that names it."""
    lengths = [1] + [witness.case.seq_len] * (witness.case.batch - 1)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning="sorted in decreasing order.*enforce_sorted"),
    ):
        pack_padded_sequence(witness.x, lengths, witness.case.batch_first)


@over(CALLS)
def test_lengths_for_other_rows_than_there_are_is_refused(witness: Witness, agree: Agree) -> None:
    """Lengths for fewer rows than x has raise a RuntimeError that names both numbers."""
    batch = witness.case.batch
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=_naming(batch - 1, batch)),
    ):
        pack_padded_sequence(witness.x, [1] * (batch - 1), witness.case.batch_first)


@pytest.mark.parametrize("size", [0, -1])
@over(CONSTRUCTORS)
def test_hidden_size_below_one_is_refused(witness: Witness, agree: Agree, size: int) -> None:
    """hidden_size=0, or less, raises a ValueError that names hidden_size."""
    with still_works_after(witness, agree), agree.refuses(ValueError, mentioning="hidden_size"):
        witness.build(hidden_size=size)


@pytest.mark.parametrize("layers", [0, -1])
@over(CONSTRUCTORS)
def test_less_than_one_layer_is_refused(witness: Witness, agree: Agree, layers: int) -> None:
    """num_layers=0, or less, raises a ValueError that names num_layers (before torch 2.2, an IndexError that does not)."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, IndexError, mentioning="num_layers|index out of range"),
    ):
        witness.build(num_layers=layers)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), True])
@over(CONSTRUCTORS)
def test_dropout_that_is_no_probability_is_refused(
    witness: Witness, agree: Agree, probability: float
) -> None:
    """A dropout below 0, above 1, or of no number at all raises a ValueError that names the range."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, mentioning=_naming("dropout", 0, 1)),
    ):
        witness.build(dropout=probability)


@over(CONSTRUCTORS)
def test_projection_is_refused(witness: Witness, agree: Agree) -> None:
    """proj_size, which an LSTM has, raises a ValueError, or a TypeError, that names it."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, TypeError, mentioning="proj_size"),
    ):
        witness.build(also={"proj_size": 1})


@over(CONSTRUCTORS)
def test_unknown_argument_is_refused(witness: Witness, agree: Agree) -> None:
    """An argument that a GRU has not, such as an RNN's nonlinearity, raises a TypeError that names it."""
    with still_works_after(witness, agree), agree.refuses(TypeError, mentioning="nonlinearity"):
        witness.build(also={"nonlinearity": "tanh"})


@over(CONSTRUCTORS)
def test_size_that_is_no_integer_is_refused(witness: Witness, agree: Agree) -> None:
    """A hidden_size of type float raises a TypeError, even where it is a whole number."""
    with still_works_after(witness, agree), agree.refuses(TypeError):
        witness.build(hidden_size=float(witness.case.hidden_size))


def _formed(witness: Witness, x: Tensor, form: str) -> Any:
    """``x`` as it is, its first row alone, or all its rows packed, as long as the sequence each."""
    if form == "packed":
        return pack_padded_sequence(
            x, [witness.case.seq_len] * witness.case.batch, witness.case.batch_first
        )
    return x if form == "batched" else x.select(1 - witness.time_dim, 0)


def _another_float(witness: Witness) -> torch.dtype:
    return torch.float32 if witness.case.dtype == "float64" else torch.float64


def _naming(*words: object) -> str:
    """A pattern for a message that names all the words, each by itself, in this order."""
    return ".*".join(rf"\b{word}\b" for word in words)
