"""Law 08, gradients: a gradient is the same function at every scale, in every layout, for every
part of the results, and with respect to any subset of x, `h_0` and the parameters.

    gradient(2**e * cotangents)             == 2**e * gradient(cotangents)
    gradient wrt what views are made of     == gradient wrt copies, through the view
    gradient wrt some                       == the same part of the gradient wrt everything

So neither small nor large gradients are lost; where gates are saturated, a gradient is finite, and
within rounding of the equations'; and under autocast it only rounds more. A power of two rounds
nothing: the first line is bitwise where *bitwise backward* is claimed.

Source: torch documentation, torch.autograd.grad, Automatic Mixed Precision (section *Gradient
Scaling*); pytorch#345 (strides), #776, #7722 (frozen parameters), huggingface/candle#1722 and
tenstorrent/tt-metal#55724 (a saturated sigmoid's gradient: NaN, or zero).
"""

from __future__ import annotations

from functools import partial

import pytest
import torch

from fixtures.actions.gradients.first_order import (
    cotangents,
    gradients,
    gradients_wrt_only,
    oracle_gradient,
    run_with_grad,
    tolerance_args,
    vjp,
)
from fixtures.actions.gradients.ways import (
    of_rows,
    of_saturated_gates,
    of_unbatched,
    of_views,
    times_power_of_two,
)
from fixtures.actions.unusual_inputs import with_equal_rows
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import AUTOCAST, Claim, needs
from fixtures.cases.memory_layout import VIEWS_WITH_EXPANDED, makes_h_0_strided
from fixtures.cases.rows import HALVES, one_or_two_layers
from fixtures.cases.table import Table, over
from fixtures.cases.tables import PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

ONE_OR_TWO = SPREAD.filter(
    lambda case: (
        one_or_two_layers(case)
        and min(case.batch, case.seq_len) > 1
        and case.hidden_size * case.batch * case.seq_len <= 10_000
    )
)
CONTIGUOUS = ONE_OR_TWO.with_fields(layout="contiguous", h_0="random")
FLOAT32 = ONE_OR_TWO.with_fields(dtype="float32")
MANY_ROWS = Table.of(
    *(Case(1, 1, batch=60_000, seq_len=1, h_0="none", dtype=dtype) for dtype in HALVES)
)
ONE_ROW = SPREAD.filter(
    lambda case: case.num_layers <= 2 and case.seq_len > 1 and case.hidden_size < 100
).with_fields(batch=1, layout="contiguous", h_0="random")
VIEWED = CONTIGUOUS.listed.filter(lambda case: case.batch in (2, 3, 65))
FEW_PACKED = PACKED.filter(lambda case: case.num_layers == 2 and case.batch == 4)
# Half precision's range is too narrow: a small gradient's parts fall below its normal numbers.
WIDE_RANGE = (ONE_OR_TWO + FEW_PACKED).filter(lambda case: case.dtype in {"float32", "float64"})


@pytest.mark.parametrize("sign", [-1, 1], ids=["small", "large"])
@needs(Claim.GRADIENTS)
@over(WIDE_RANGE)
def test_power_of_two_passes_through(witness: Witness, agree: Agree, sign: int) -> None:
    """Cotangents times a power of two give the gradient times that power."""
    loss = times_power_of_two(witness, witness.cotangents, sign)
    expected = times_power_of_two(witness, gradients(witness, witness.cotangents).values(), sign)
    gradient = gradients(witness, loss)
    agree.same_gradient(
        gradient, dict(zip(gradient, expected, strict=True)), **tolerance_args(witness, loss)
    )


@needs(Claim.GRADIENTS)
@over(WIDE_RANGE.filter(lambda case: case.lengths == "whole"))
def test_each_row_has_its_gradient_at_its_own_scale(witness: Witness, agree: Agree) -> None:
    """Cotangents of a row times a power of two give the gradients of its x and h_0 times it."""
    factors, loss = of_rows(witness)
    expected = gradients(witness, witness.cotangents)
    gradient = gradients(witness, loss)
    rows = {name: gradient[name] / factors[name] for name in factors if name in gradient}
    agree.same_gradient(
        rows,
        {name: expected[name] for name in rows},
        **tolerance_args(witness, witness.cotangents),
    )


@pytest.mark.parametrize(
    ("by", "exponent"),
    [("x", 3), ("x", 9), ("biases", 4)],
    ids=["partly", "mostly", "by_biases"],
)
@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_saturated_gates_have_the_gradient_of_the_equations(
    witness: Witness, agree: Agree, by: str, exponent: int
) -> None:
    """With x times 8 or 512, or biases times 16, which saturate gates, the gradient is that of the
    equations.
    """
    gradient, expected = of_saturated_gates(witness, exponent, by)
    agree.with_reference(gradient, expected.gradients, **expected.tolerance_args)


@needs(Claim.GRADIENTS, Claim.WIDE_SUMS)
@over(MANY_ROWS)
def test_gradient_sums_are_carried_wider(witness: Witness, agree: Agree) -> None:
    """A gradient keeps the part of each of 60,000 rows, most of which half precision would lose."""
    equal, loss = with_equal_rows(witness), (torch.ones_like(witness.cotangents[0]), None)
    expected = oracle_gradient(equal, loss)
    agree.with_reference(
        gradients(equal, loss), expected.gradients, **expected.tolerance_args | {"terms": 1}
    )


@pytest.mark.parametrize("narrow", list(AUTOCAST))
@needs(Claim.GRADIENTS, lambda arguments: AUTOCAST[arguments["narrow"]])
@over(FLOAT32)
def test_autocast_gradient_rounds_like_the_dtype_it_casts_to(
    witness: Witness, agree: Agree, backend: Backend, narrow: str
) -> None:
    """Under autocast the gradient keeps x's dtype, and rounds as the narrow dtype does.

    Up to that rounding it is the equations'.
    """
    with backend.autocast(narrow):
        results, wrt = run_with_grad(witness)
    loss = [c.to(result.dtype) for c, result in zip(witness.cotangents, results, strict=True)]
    gradient = vjp(results, loss, wrt)
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(
        gradient, expected.gradients, precision=f"autocast {narrow}", **expected.tolerance_args
    )


@pytest.mark.parametrize("name", ["x", "h_0"])
@pytest.mark.parametrize("layout", list(VIEWS_WITH_EXPANDED))
@needs(
    Claim.GRADIENTS,
    lambda arguments: (
        arguments["name"] == "h_0" and makes_h_0_strided(**arguments) and Claim.STRIDED_H_0
    ),
)
@over(VIEWED)
def test_view_passes_the_gradient_of_a_copy_back(
    witness: Witness, agree: Agree, layout: str, name: str
) -> None:
    """The gradient through a view of x, or of h_0, is that wrt its copy, taken through the view."""
    view = partial(witness.laid_out, VIEWS_WITH_EXPANDED[layout])
    of_the_view, of_the_copy = of_views(witness, view, name)
    agree(of_the_view, of_the_copy, **tolerance_args(witness, witness.cotangents))


@needs(Claim.GRADIENTS, Claim.UNBATCHED)
@over(ONE_ROW)
def test_unbatched_gradient_is_that_of_a_batch_of_one(witness: Witness, agree: Agree) -> None:
    """Without the dimension of rows, x, h_0 and the parameters have the same gradient."""
    agree(
        of_unbatched(witness),
        gradients(witness, witness.cotangents),
        **tolerance_args(witness, witness.cotangents),
    )


@pytest.mark.parametrize(
    "part", ["parameters", "input", "weights", "biases", "reverse", "h_0", "drawn"]
)
@needs(Claim.GRADIENTS)
@over(CONTIGUOUS.with_fields(bias=True).filter(lambda case: case.batch < 10))
def test_what_is_frozen_changes_no_other_gradient(
    witness: Witness, agree: Agree, part: str
) -> None:
    """Any part of x, h_0 and the parameters has the same gradient where only it requires one."""
    loss = cotangents(witness)
    some, everything = gradients_wrt_only(witness, loss, part), gradients(witness, loss)
    agree(some, {name: everything[name] for name in some}, **tolerance_args(witness, loss))
