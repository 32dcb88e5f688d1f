"""Law 14, devices: the same parameters and the same input give the same answer on every device and under every back end that is here.

    bi_there(x, h_0) == bi_here(x, h_0)        within the coarser rounding of the two
    parameters(to_here(to_there(bi))) == parameters(bi)        to the bit

A target is a device and a back end: the CPU with oneDNN and without, with one thread per operation and with two; CUDA by cuDNN,
by cuDNN in TF32 (which is what torch does by default), and by torch's own kernels; a second GPU; mps, xpu, and whatever
``torch.accelerator`` names. Every other law runs on each GPU's targets as well. What is not here is skipped, and counted.

Source: torch documentation, torch.backends, torch.accelerator; CUDA semantics, section *TensorFloat-32 (TF32) on Ampere (and
later) devices*; torch.nn.Module.to; torch.load (map_location). pytorch#94754, #80306 (MPS), #177834 (ROCm), #4002, #19545, #32023.
"""

from __future__ import annotations

import io

import pytest
import torch

from fixtures.actions.gradients.first_order import gradients, parameters, tolerance_args
from fixtures.actions.parameters.copying import load_safely
from fixtures.actions.reversal import row_by_row, stacked_runs
from fixtures.actions.side_effects import still_works_after
from fixtures.cases.backend import Backend, all_backends
from fixtures.cases.table import over
from fixtures.cases.tables import PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.tolerance import coarser
from fixtures.truth import oracle

WHOLE = SPREAD.filter(
    lambda case: case.num_layers <= 2 and case.seq_len < 10 and case.hidden_size < 50
)
EITHER = WHOLE + PACKED.filter(lambda case: case.num_layers == 2 and case.hidden_size == 7)
STACKED = WHOLE.filter(lambda case: case.num_layers == 2)

on_every_backend = pytest.mark.parametrize("other", all_backends(), ids=str)
of_every_kind = pytest.mark.parametrize(
    "other", [other for other in all_backends() if "threads" not in other.settings], ids=str
)


@on_every_backend
@over(EITHER)
def test_two_targets_give_the_same_answer(witness: Witness, agree: Agree, other: Backend) -> None:
    """The same numbers elsewhere give, there, the same output and h_n."""
    here = witness.run(witness.x, witness.h_0)
    with witness.on(other) as there:
        results = there.run(there.x, there.h_0)
    agree.same({result.device.type for result in results}, {other.kind}, "where the results are")
    agree(
        results,
        here,
        precision=coarser(
            witness.backend.precision(witness.case.dtype), other.precision(witness.case.dtype)
        ),
    )


@on_every_backend
@over(EITHER)
def test_every_target_runs_the_law_and_the_equations(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """bi_there(x, h_0) == standalone runs there == oracle.gru(parameters, x, h_0)."""
    with witness.on(other) as there:
        results = there.run(there.x, there.h_0)
        runs = (stacked_runs if there.lengths is None else row_by_row)(there, there.x, there.h_0)
    agree(results, runs, precision=other.precision(witness.case.dtype))
    agree.with_reference(
        results, oracle.gru(**witness.numbers), precision=other.precision(witness.case.dtype)
    )


@on_every_backend
@over(STACKED)
def test_two_targets_give_the_same_gradients(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """The gradient by x, h_0 and every parameter is the same there as here."""
    here = gradients(witness, witness.cotangents)
    with witness.on(other) as there:
        found = gradients(there, there.cotangents)
    agree(
        found,
        here,
        precision=coarser(
            witness.backend.precision(witness.case.dtype), other.precision(witness.case.dtype)
        ),
        **tolerance_args(witness, witness.cotangents),
    )


@of_every_kind
@over(STACKED)
def test_parameters_survive_a_round_trip(witness: Witness, agree: Agree, other: Backend) -> None:
    """Moved there, a GRU holds and computes what one built there does; moved back, it holds to the bit, and computes, what it did before."""
    module = witness.rebuilt()
    with witness.on(other) as there:
        module.to(other.device)
        agree.bitwise(dict(module.named_parameters()), parameters(there))
        agree.same(
            {value.device.type for value in module.parameters()},
            {other.kind},
            "where the parameters are",
        )
        agree(
            there.run(there.x, there.h_0, module=module),
            there.run(there.x, there.h_0),
            precision=other.precision(witness.case.dtype),
        )
    module.to(witness.backend.device)
    agree.bitwise(dict(module.named_parameters()), parameters(witness))
    agree(witness.run(witness.x, witness.h_0, module=module), witness.run(witness.x, witness.h_0))


@of_every_kind
@over(STACKED)
def test_state_dict_written_there_loads_here(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """A state_dict saved on another target and loaded with map_location holds the same parameters to the bit, and the GRU computes the same."""
    file = io.BytesIO()
    with witness.on(other) as there:
        torch.save(there.bi.state_dict(), file)
    file.seek(0)
    module = witness.build()
    module.load_state_dict(load_safely(file, witness.backend.device))
    agree.bitwise(dict(module.named_parameters()), parameters(witness))
    agree(witness.run(witness.x, witness.h_0, module=module), witness.run(witness.x, witness.h_0))


@of_every_kind
@over(STACKED)
def test_call_elsewhere_leaves_this_target_alone(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """After a call on another target, the settings here are as they were, and the same call gives the same bits."""
    with witness.on(other) as there:
        there.run(there.x, there.h_0)
    with still_works_after(witness, agree), other.active():
        there.run(there.x, there.h_0)
