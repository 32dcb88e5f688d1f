"""Law 11, precision: results have the dtype of the input, and differ from the equations by no more
than that dtype's rounding, at every magnitude.

    bi(x, h_0).dtype == x.dtype
    |bi(x, h_0) - equations(x, h_0)| <= a few u * sqrt(k) * scale
    u = the dtype's unit roundoff, k = the number of terms in a sum

So float64 is not computed in float32, an activation is the function itself and not an approximation
of it, half precision is summed in a wider format, and a result is finite wherever the equations'
is.

Source: torch documentation, Numerical accuracy, sections *Reduced Precision Reduction for FP16 and
BF16 GEMMs* and *Extremal values*; pytorch#172406 and #186278 (tanh that overflows to NaN), #13448
(a sigmoid whose value depends on the place in memory), axon#646 (float64 in float32).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
import torch

from fixtures.actions.reference import oracle_of, oracle_of_layer
from fixtures.actions.reversal import stacked_runs
from fixtures.actions.unusual_inputs import (
    NEW,
    RESET,
    SCALED,
    UPDATE,
    bare_gate,
    input_scaled_up,
    keeping_gate,
    least_magnitude,
    one_feature_of,
    scaled,
    swamped_sum,
    with_tiny_weights,
    with_unread_feature,
)
from fixtures.cases.case import Case
from fixtures.cases.claims import SUBNORMAL, Claim, needs
from fixtures.cases.joint_sizes import JOINT_HALF
from fixtures.cases.rows import HALVES
from fixtures.cases.table import Table, over
from fixtures.cases.tables import HALF, SPREAD
from fixtures.cases.witness import Witness, as_numpy
from fixtures.comparison.agreement import Agree
from fixtures.comparison.tolerance import longest_sum_of_kept_states, longest_sum_of_tiny_numbers

EVERY_DTYPE = SPREAD + HALF
SMALL = EVERY_DTYPE.filter(lambda case: case.num_layers <= 2 and case.batch * case.seq_len < 1000)
NARROW = SMALL.filter(lambda case: case.dtype != "float64")


def _in_every_dtype(*cases: Case) -> Table:
    """Every other one in eval mode, which may have a kernel of its own."""
    rows = itertools.product(enumerate(cases), enumerate(("float64", "float32", *HALVES)))
    return Table.of(
        *(case.replace(dtype=dtype, training=(i + j) % 2 == 1) for (i, case), (j, dtype) in rows)
    )


WIDE_ROWS = _in_every_dtype(Case(1030, 5, batch=17, seq_len=16))
GATES = _in_every_dtype(Case(2, 1, 1, 400, 1, bias=False), Case(2, 1, 1, 63, 1))
STEP = _in_every_dtype(Case(3, 7, 2, batch=5, seq_len=1))
ENDS = _in_every_dtype(
    Case(1, 1, batch=2, seq_len=5),
    Case(3, 7, 2, 5, 6, bias=False, h_0="none"),
    Case(16, 33, 1, 9, 12, batch_first=True, h_0="zeros"),
)
KEEPING = _in_every_dtype(
    Case(3, 7, batch=4, seq_len=40), Case(1, 1, batch=3, seq_len=9, bias=False)
)
LONG = Table(
    (Case(6, 5, seq_len=1000), Case(5, 4, 2, seq_len=700, bias=False, dtype="float64")),
    (Case(6, 5, seq_len=5000, training=False), Case(5, 8, 2, seq_len=2000, dtype="float64")),
)
SWAMPED = Table.of(
    Case(8160, 3, batch=2, seq_len=2, dtype="float16"),
    Case(1020, 3, batch=2, seq_len=2, dtype="bfloat16"),
)
#: One feature of all the input, by the name of its size.
SIZES: dict[str, Callable[[torch.dtype], float]] = {
    "large": lambda _: 1000.0,
    "largest": lambda dtype: torch.finfo(dtype).max / 2,
    "infinite": lambda _: math.inf,
}


@over(EVERY_DTYPE + WIDE_ROWS + JOINT_HALF)
def test_dtype_in_is_dtype_out_within_its_rounding(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0) has x's dtype, and is the equations' result within that dtype's rounding."""
    agree.with_reference(witness.bi(witness.x, witness.h_0), oracle_of(witness))


@over(SMALL.filter(lambda case: case.dtype in HALVES))
def test_half_precision_is_two_standalone_runs(witness: Witness, agree: Agree) -> None:
    """Laws 01 to 04 hold in float16 and bfloat16."""
    agree(witness.bi(witness.x, witness.h_0), stacked_runs(witness, witness.x, witness.h_0))


@needs(Claim.FLOAT64)
@over(NARROW)
def test_narrow_dtype_rounds_what_float64_computes(witness: Witness, agree: Agree) -> None:
    """A narrow dtype gives what float64 gives with the same numbers, within its rounding."""
    wide = witness.rebuilt(dtype="float64")
    h_0 = None if witness.h_0 is None else witness.h_0.double()
    agree.with_reference(
        witness.bi(witness.x, witness.h_0), tuple(map(as_numpy, wide(witness.x.double(), h_0)))
    )


@over(LONG)
def test_errors_do_not_pile_up_with_the_steps(witness: Witness, agree: Agree) -> None:
    """After a thousand steps the results are as close to the equations as after one."""
    agree.with_reference(witness.bi(witness.x, witness.h_0), oracle_of(witness))


@needs(Claim.ACTIVATIONS)
@pytest.mark.parametrize("gate", [RESET, UPDATE, NEW], ids=["reset", "update", "new"])
@over(GATES)
def test_activations_are_the_functions_themselves(
    witness: Witness, agree: Agree, gate: int
) -> None:
    """A single gate is sigmoid(x) or tanh(x), rounded once, from saturation to saturation."""
    bare = bare_gate(witness, gate)
    agree.with_reference(bare.run(bare.x, bare.h_0), oracle_of(bare), terms=1)


@over(KEEPING)
def test_saturated_update_gate_keeps_the_state(witness: Witness, agree: Agree) -> None:
    """With z = 1 every state is h_0; none decays, so the rounding errors of all steps add up."""
    keeping, terms = keeping_gate(witness), longest_sum_of_kept_states(witness.case)
    output, h_n = keeping.run(keeping.x, keeping.random_h_0)
    agree.with_reference((output, h_n), oracle_of(keeping), terms=terms)
    agree.with_reference(h_n, as_numpy(keeping.random_h_0), of="h_n", terms=terms)


@needs(Claim.WIDE_SUMS)
@over(SWAMPED)
def test_half_precision_sums_are_carried_wider(witness: Witness, agree: Agree) -> None:
    """A sum keeps thousands of terms that half precision loses, each beside a term of 1."""
    swamped = swamped_sum(witness)
    agree.with_reference(swamped.run(swamped.x, swamped.h_0), oracle_of(swamped), terms=1)


@over(ENDS.filter(lambda case: case.hidden_size < 30))
def test_numbers_of_every_size_round_at_their_own_scale(witness: Witness, agree: Agree) -> None:
    """With an x of any size from 2**-12 to 2**12, the error is rounding at the size of the sums."""
    for exponent in range(-12, 13):
        x = 2.0**exponent * witness.x
        expected = oracle_of(witness, x=x)
        agree.with_reference(witness.bi(x, witness.h_0), expected, scale=expected.scale)


@pytest.mark.parametrize("what", SCALED)
@over(STEP)
def test_step_rounds_at_its_own_scale(witness: Witness, agree: Agree, what: str) -> None:
    """So does a step of each layer with h_0, weights or biases of any size from 2**-12 to 2**12."""
    for exponent in range(-12, 13):
        sized = scaled(witness, what, 2.0**exponent)
        (output, h_n), x, layers = sized.run(sized.x, sized.h_0), sized.x, witness.case.num_layers
        for k, states in enumerate(h_n.chunk(layers)):
            expected = oracle_of_layer(sized, k, x)
            x = torch.cat([*states], -1)[None] if k < layers - 1 else output
            agree.with_reference((x, states), expected, scale=expected.layers[0].scale_of_a_step)


@over(ENDS)
def test_power_of_two_moves_from_weight_to_input(witness: Witness, agree: Agree) -> None:
    """bi(2**e * x) with the first weight_ih divided by 2**e is bitwise equal to bi(x)."""
    before = witness.bi(witness.x, witness.h_0)
    scaled = input_scaled_up(witness)
    agree.bitwise(scaled.run(scaled.x, scaled.h_0), before)


@pytest.mark.parametrize("size", SIZES)
@needs(lambda arguments: arguments["size"] != "large" and Claim.NON_FINITE)
@over(ENDS)
def test_results_are_finite_wherever_the_equations_are(
    witness: Witness, agree: Agree, size: str
) -> None:
    """A feature of 1000, half the largest number, or infinity saturates gates and gives no NaN."""
    x = one_feature_of(witness, SIZES[size](witness.dtype))
    agree.with_reference(witness.bi(x, witness.h_0), oracle_of(witness, x=x))


@needs(Claim.NON_FINITE)
@over(ENDS)
def test_zero_times_infinity_is_no_number(witness: Witness, agree: Agree) -> None:
    """An infinite feature makes every result NaN, though all weights that it meets are zero."""
    unread = with_unread_feature(witness)
    results = unread.run(one_feature_of(unread, math.inf), unread.h_0)
    agree.same([bool(each.isnan().all()) for each in results], [True, True], "output, h_n all NaN")


@needs(lambda arguments: SUBNORMAL[arguments["case"].dtype] if arguments["subnormal"] else None)
@pytest.mark.parametrize("subnormal", [False, True], ids=["tiny", "subnormal"])
@over(ENDS.with_fields(bias=False))
def test_tiny_numbers_round_at_their_own_scale(
    witness: Witness, agree: Agree, *, subnormal: bool
) -> None:
    """Tiny x and h_0 give results with as many digits as any; subnormal ones do not become 0."""
    size = least_magnitude(witness.dtype, subnormal=subnormal)
    x, h_0 = size * witness.x, size * witness.random_h_0
    expected = oracle_of(witness, x=x, h_0=h_0)
    agree.with_reference(
        witness.bi(x, h_0),
        expected,
        scale=expected.scale,
        terms=longest_sum_of_tiny_numbers(witness.case),
    )


@needs(lambda arguments: SUBNORMAL[arguments["case"].dtype] if arguments["subnormal"] else None)
@pytest.mark.parametrize("subnormal", [False, True], ids=["tiny", "subnormal"])
@over(STEP)
def test_tiny_weights_count(witness: Witness, agree: Agree, *, subnormal: bool) -> None:
    """A step of tiny weights, with an x and h_0 as large as these are small, is the equations'."""
    tiny = with_tiny_weights(witness, subnormal=subnormal)
    states = tiny.run(tiny.x, tiny.h_0)[1][:2]  # of the first layer, which alone reads x
    expected = oracle_of_layer(tiny, 0, tiny.x)
    output = torch.cat([*states], -1)[None]
    agree.with_reference((output, states), expected, scale=expected.layers[0].scale_of_a_step)
