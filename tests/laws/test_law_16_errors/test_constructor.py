"""Law 16, errors: a constructor argument that does not fit is refused, and changes nothing.

    GRU(I, H, dropout=-0.1)         ValueError: dropout ...

Source: torch documentation, torch.nn.GRU, section *Parameters*; pytorch#70556 (H=0).
"""

from __future__ import annotations

import pytest

from fixtures.actions.refusals import naming
from fixtures.actions.side_effects import still_works_after
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

CONSTRUCTORS = SPREAD.listed.filter(lambda case: case.batch in (3, 6) and case.num_layers == 2)


@pytest.mark.parametrize("size", [0, -1])
@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_hidden_size_below_one_is_refused(witness: Witness, agree: Agree, size: int) -> None:
    """A hidden_size of 0, or less, raises a ValueError that names hidden_size."""
    with still_works_after(witness, agree), agree.refuses(ValueError, mentioning="hidden_size"):
        witness.build(hidden_size=size)


@pytest.mark.parametrize("layers", [0, -1])
@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_less_than_one_layer_is_refused(witness: Witness, agree: Agree, layers: int) -> None:
    """No layer, or less, raises a ValueError that names num_layers (IndexError before 2.2)."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, IndexError, mentioning="num_layers|index out of range"),
    ):
        witness.build(num_layers=layers)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), True])
@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_dropout_that_is_no_probability_is_refused(
    witness: Witness, agree: Agree, probability: float
) -> None:
    """A dropout below 0, above 1, NaN or True raises a ValueError that names the range."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, mentioning=naming("dropout", 0, 1)),
    ):
        witness.build(dropout=probability)


@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_projection_is_refused(witness: Witness, agree: Agree) -> None:
    """An LSTM's proj_size raises a ValueError, or a TypeError, that names it."""
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, TypeError, mentioning="proj_size"),
    ):
        witness.build(also={"proj_size": 1})


@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_unknown_argument_is_refused(witness: Witness, agree: Agree) -> None:
    """An argument that a GRU has not, such as nonlinearity, raises a TypeError that names it."""
    with still_works_after(witness, agree), agree.refuses(TypeError, mentioning="nonlinearity"):
        witness.build(also={"nonlinearity": "tanh"})


@needs(Claim.REFUSALS)
@over(CONSTRUCTORS)
def test_size_that_is_no_integer_is_refused(witness: Witness, agree: Agree) -> None:
    """A hidden_size of type float raises a TypeError, even where it is a whole number."""
    with still_works_after(witness, agree), agree.refuses(TypeError):
        witness.build(hidden_size=float(witness.case.hidden_size))
