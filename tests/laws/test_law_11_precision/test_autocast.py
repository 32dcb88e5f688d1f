"""Law 11, precision: under autocast, results differ from the equations by the narrow dtype's
rounding, and nothing else changes.

    |bi(x, h_0) - equations(x, h_0)| <= a few u * sqrt(k) * scale,    u of the narrow dtype

On the CPU the results stay in float32, elsewhere they have the narrow dtype. float64 is left alone.

Source: torch documentation, Automatic Mixed Precision, section *Autocast Op Reference*;
pytorch#42605 (autocast missed GRU cells).
"""

from __future__ import annotations

import pytest
import torch

from fixtures.actions.reference import oracle_of
from fixtures.actions.reversal import stacked_runs
from fixtures.cases.backend import Backend
from fixtures.cases.claims import AUTOCAST, Claim, needs
from fixtures.cases.parameters import fill
from fixtures.cases.table import over
from fixtures.cases.tables import SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(lambda case: case.num_layers <= 2 and case.batch * case.seq_len < 1000)
FLOAT32 = SMALL.filter(lambda case: case.dtype == "float32")
FLOAT64 = SMALL.filter(lambda case: case.dtype == "float64")


@needs(lambda arguments: AUTOCAST[arguments["narrow"]])
@pytest.mark.parametrize("narrow", list(AUTOCAST))
@over(FLOAT32)
def test_autocast_rounds_like_the_dtype_it_casts_to(
    witness: Witness, agree: Agree, backend: Backend, narrow: str
) -> None:
    """Autocast gives the documented dtype, and the equations' results in the narrow rounding."""
    with backend.autocast(narrow):
        results = witness.bi(witness.x, witness.h_0)
        runs = stacked_runs(witness, witness.x, witness.h_0)
    agree.same(
        [result.dtype for result in results],
        2 * [getattr(torch, backend.under_autocast(narrow))],
        "the dtypes of output and h_n under autocast",
    )
    agree(results, runs, precision=f"autocast {narrow}")
    agree.with_reference(
        [result.to(witness.dtype) for result in results],
        oracle_of(witness),
        precision=f"autocast {narrow}",
    )


@needs(Claim.AUTOCAST_BFLOAT16)
@over(FLOAT32)
def test_autocast_leaves_nothing_behind(witness: Witness, agree: Agree, backend: Backend) -> None:
    """After autocast, and where it is disabled inside, the results are bitwise those of before."""
    before = witness.bi(witness.x, witness.h_0)
    with backend.autocast("bfloat16"):
        witness.bi(witness.x, witness.h_0)
        with torch.autocast(torch.device(backend.device).type, enabled=False):
            agree.bitwise(witness.bi(witness.x, witness.h_0), before)
    agree.bitwise(witness.bi(witness.x, witness.h_0), before)


@needs(Claim.AUTOCAST_BFLOAT16, Claim.ASSIGNMENT)
@over(FLOAT32)
def test_autocast_casts_what_was_trained_anew(
    witness: Witness, agree: Agree, backend: Backend
) -> None:
    """Once parameters change, the next block of autocast computes with what they are."""
    with backend.autocast("bfloat16"):
        witness.bi(witness.x, witness.h_0)
    fill(witness.bi, witness.case, witness.generator("trained"))
    with backend.autocast("bfloat16"):
        results = witness.bi(witness.x, witness.h_0)
        agree.bitwise(results, witness.rebuilt()(witness.x, witness.h_0))


@needs(Claim.AUTOCAST_BFLOAT16)
@over(FLOAT64)
def test_autocast_leaves_float64_alone(witness: Witness, agree: Agree, backend: Backend) -> None:
    """Under autocast a float64 GRU gives bitwise what it gives without."""
    with backend.autocast("bfloat16"):
        results = witness.bi(witness.x, witness.h_0)
    agree.bitwise(results, witness.bi(witness.x, witness.h_0))
