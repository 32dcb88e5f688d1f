"""Law 16, errors: an input that does not fit is refused, with an error that names what does not
fit, and changes nothing.

    bi(x of I+1 features)           RuntimeError: ... Expected I, got I+1
    bi(x of no steps)               RuntimeError: Expected sequence length to be larger than 0 ...

After each, the module, the input and the global state are as before, and the next good call gives
bitwise the same. Where the type of an error has changed between torch versions, both are accepted.

Source: torch documentation, torch.nn.GRU, section *Inputs*; pytorch#3925, #5211, #50192 (T=0).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.refusals import CALLS, FORMS, NEEDS_OF_FORM, another_float, in_form, naming
from fixtures.actions.side_effects import still_works_after
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree


@pytest.mark.parametrize("features", [-1, 1], ids=["one feature", "a feature too many"])
@pytest.mark.parametrize("form", FORMS)
@NEEDS_OF_FORM
@needs(Claim.REFUSALS)
@over(CALLS)
def test_wrong_number_of_features_is_refused(
    witness: Witness, agree: Agree, form: str, features: int
) -> None:
    """An x with other than I features raises a RuntimeError that names I and their number."""
    size = witness.case.input_size
    x = torch.cat((witness.x, witness.x), -1)[..., : size + 1 if features > 0 else 1]
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=naming(size, x.shape[-1])),
    ):
        witness.bi(in_form(witness, x, form))


@pytest.mark.parametrize("dimensions", [1, 4])
@needs(Claim.REFUSALS)
@over(CALLS)
def test_wrong_number_of_dimensions_is_refused(
    witness: Witness, agree: Agree, dimensions: int
) -> None:
    """An x of 1 or 4 dimensions raises a ValueError (AssertionError before torch 2.2)."""
    x = witness.x[0, 0] if dimensions == 1 else witness.x.unsqueeze(0)
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, AssertionError, mentioning=f"{dimensions}-?D"),
    ):
        witness.bi(x)


@pytest.mark.parametrize("kind", ["another float", "int64"])
@pytest.mark.parametrize("form", FORMS)
@NEEDS_OF_FORM
@needs(Claim.REFUSALS)
@over(CALLS)
def test_x_of_another_dtype_is_refused(
    witness: Witness, agree: Agree, form: str, kind: str
) -> None:
    """An x of another dtype than the parameters' raises a ValueError (RuntimeError before 2.2)."""
    x = witness.x.nan_to_num().to(torch.int64 if kind == "int64" else another_float(witness))
    with (
        still_works_after(witness, agree),
        agree.refuses(ValueError, RuntimeError, mentioning="type"),
    ):
        witness.bi(in_form(witness, x, form))


@pytest.mark.parametrize("form", ["batched", "unbatched"])
@NEEDS_OF_FORM
@needs(Claim.REFUSALS)
@over(CALLS)
def test_sequence_of_no_steps_is_refused(witness: Witness, agree: Agree, form: str) -> None:
    """T=0 raises a RuntimeError that says so; B=0 is legal, by law 06."""
    x = in_form(witness, witness.x, form)
    x = x.narrow(witness.time_dim if form == "batched" else 0, 0, 0)
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning="sequence length.*larger than 0"),
    ):
        witness.bi(x)


@pytest.mark.parametrize("given", ["x", "h_0"])
@needs(Claim.REFUSALS)
@over(CALLS.filter(lambda case: case.bias))  # without bias, torch's own linear takes a meta x
def test_tensors_on_two_devices_are_refused(witness: Witness, agree: Agree, given: str) -> None:
    """An x or h_0 on another device than the rest raises a RuntimeError that names both devices."""
    x, h_0 = witness.x, witness.random_h_0
    here, other = x.device, witness.backend.other_device
    arguments = (x.to(other),) if given == "x" else (x, h_0.to(other))
    with (
        still_works_after(witness, agree),
        agree.refuses(RuntimeError, mentioning=f"device.*({here}.*{other}|{other}.*{here})"),
    ):
        witness.bi(*arguments)
