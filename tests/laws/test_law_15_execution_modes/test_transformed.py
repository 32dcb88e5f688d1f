"""Law 15, execution modes: under torch.func, on tensors without numbers and in replicas, a
bidirectional GRU still computes the same function.

    torch.func.grad(loss)(x, h_0, parameters) == torch.func.jacrev(bi)(...) * cotangents
                                              == the gradients of many losses at once, added
                                              == gradient of the equations
    torch.func.vmap(bi)(xs)                   == stack(bi(x) for x in xs)
    two replicas, half of the rows each       == bi

What is claimed and refuses the GRU breaks the law. nn.GRU has no batching rule, and claims no vmap.

Source: torch documentation, torch.func, torch.nn.DataParallel, device *meta*; pytorch#33552 (no
gradient through replicas).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fixtures.actions.gradients.first_order import (
    Cotangents,
    Gradients,
    inputs_with_grad,
    oracle_gradient,
    parameters,
    vjp,
)
from fixtures.actions.modes.data_parallel import replicas, shared_run
from fixtures.actions.modes.meta_tensors import NUMBERLESS, shape_dtype_device
from fixtures.actions.modes.torch_func import (
    gradient_function,
    jacobian_function,
    mapped_call,
    sum_of_batched_gradients,
)
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.table import Table, over
from fixtures.cases.tables import CONVERTED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

SMALL = SPREAD.filter(
    lambda case: (
        case.num_layers <= 2 and max(case.batch, case.seq_len) < 8 and case.hidden_size < 100
    )
)
#: Where a replica is in training mode, everything is dropped.
DROPPING_NOTHING = Table.of(Case(5, 4, 2, batch=2, seq_len=3, dropout=1.0, training=False))


@pytest.mark.parametrize(
    "transform",
    [gradient_function, jacobian_function, sum_of_batched_gradients],
    ids=["grad", "jacrev", "batched"],
)
@needs(Claim.FUNCTIONAL_GRADIENTS, Claim.FUNCTIONAL_CALL, Claim.GRADIENTS)
@over(CONVERTED)
def test_gradient_as_a_function_is_the_equations(
    witness: Witness, agree: Agree, transform: Callable[[Witness, Cotangents], Gradients]
) -> None:
    """That by torch.func.grad or jacrev, and that of many losses at once, is the equations'."""
    with agree.accepts("torch.func, or is_grads_batched"):
        gradient = transform(witness, witness.cotangents)
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(gradient, expected.gradients, **expected.tolerance_args)


@needs(Claim.VMAP)
@over(CONVERTED)
def test_mapped_call_is_each_call(witness: Witness, agree: Agree) -> None:
    """torch.func.vmap over several inputs gives what the calls one by one give."""
    xs = torch.stack((witness.x, -witness.x, witness.x / 2))
    with agree.accepts("torch.func.vmap"):
        results = mapped_call(witness, xs)
    outputs, states = zip(*(witness.bi(x, witness.h_0) for x in xs), strict=True)
    agree(results, (torch.stack(outputs), torch.stack(states)))


@pytest.mark.parametrize("kind", NUMBERLESS)
@needs(lambda arguments: Claim(f"{arguments['kind']} tensors"))
@over(SMALL)
def test_tensors_without_numbers_have_the_shapes_of_the_results(
    witness: Witness, agree: Agree, kind: str
) -> None:
    """On meta and on fake tensors, output and h_n have their own shapes and dtypes."""
    results = witness.bi(witness.x, witness.h_0)
    with agree.accepts(f"{kind} tensors"):
        described = NUMBERLESS[kind](witness)
    agree.same(
        described,
        shape_dtype_device(results, "meta" if kind == "meta" else ""),
        "shape, dtype and device of output and h_n",
    )


@needs(Claim.REPLICAS, Claim.GRADIENTS)
@over(SMALL.filter(lambda case: case.batch > 1))
def test_replicas_share_the_rows_and_the_gradient(witness: Witness, agree: Agree) -> None:
    """Two replicas, as in nn.DataParallel, share the rows, and the module has both gradients."""
    inputs = inputs_with_grad(witness)
    with agree.accepts("a call of replicas"):
        results = shared_run(witness, replicas(witness, 2), inputs["x"], inputs.get("h_0"))
    agree(results, witness.bi(witness.x, witness.h_0))
    gradient = vjp(results, witness.cotangents, inputs | parameters(witness))
    expected = oracle_gradient(witness, witness.cotangents)
    agree.with_reference(gradient, expected.gradients, **expected.tolerance_args)


@needs(Claim.REPLICAS)
@over(DROPPING_NOTHING)
def test_replica_is_in_the_mode_of_its_module(witness: Witness, agree: Agree) -> None:
    """Replicas of a module in eval mode drop nothing, whatever p is."""
    with agree.accepts("a call of replicas"):
        results = shared_run(witness, replicas(witness, 2), witness.x, witness.h_0)
    agree(results, witness.bi(witness.x, witness.h_0))
