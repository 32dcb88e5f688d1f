"""Law 14, devices: the same parameters and the same input give the same results on every
backend that is here.

    bi_there(x, h_0) == bi_here(x, h_0)                  within the coarser rounding of the two
    parameters(to_here(to_there(bi))) == parameters(bi)  bitwise

A backend is a device and its kernel library or setting: the CPU with oneDNN and without, with one
thread per operation and with two; CUDA by cuDNN, by cuDNN in TF32 (torch's default), and by torch's
own kernels; a second GPU; mps, xpu, and the device of ``torch.accelerator``. Each is compared with
the backend under test, never with itself. A backend that is not here is left out, and counted.

Source: torch documentation, torch.backends, torch.accelerator; CUDA semantics, section
*TensorFloat-32 (TF32) on Ampere (and later) devices*; torch.nn.Module.to; torch.load
(map_location). pytorch#94754, #80306 (MPS), #177834 (ROCm), #4002, #19545, #32023.
"""

from __future__ import annotations

import io

import pytest
import torch

from fixtures.actions.gradients.first_order import gradients, tolerance_args
from fixtures.actions.parameters.assignment import numbers_of
from fixtures.actions.parameters.copying import load_safely
from fixtures.actions.reference import oracle_of
from fixtures.actions.reversal import row_by_row, stacked_runs
from fixtures.actions.side_effects import still_works_after
from fixtures.cases.backend import Backend, all_backends
from fixtures.cases.claims import Claim, needs
from fixtures.cases.rows import one_or_two_layers
from fixtures.cases.table import over
from fixtures.cases.tables import PACKED, SPREAD
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.comparison.selection import precision
from fixtures.comparison.tolerance import coarser

WHOLE = SPREAD.filter(
    lambda case: case.num_layers <= 2 and case.seq_len < 10 and case.hidden_size < 50
)
EITHER = WHOLE + PACKED.filter(lambda case: case.num_layers == 2 and case.hidden_size == 7)
ONE_OR_TWO = WHOLE.filter(one_or_two_layers)

every_backend = pytest.mark.parametrize("other", all_backends(), ids=str)
#: Without those that differ in their number of threads only.
every_library = pytest.mark.parametrize(
    "other", [other for other in all_backends() if "threads" not in other.settings], ids=str
)


@every_backend
@over(EITHER)
def test_two_targets_give_the_same_answer(witness: Witness, agree: Agree, other: Backend) -> None:
    """Another backend gives the same output and h_n, on its own device."""
    here = witness.run(witness.x, witness.h_0)
    with witness.on(other) as there:
        results = there.run(there.x, there.h_0)
    agree.same({result.device.type for result in results}, {other.kind}, "devices of the results")
    agree(
        results,
        here,
        precision=coarser(agree.precision, precision(other, witness.case)),
    )


@every_backend
@over(EITHER)
def test_every_target_runs_the_law_and_the_equations(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """bi_there(x, h_0) == standalone runs there == oracle.gru(parameters, x, h_0)."""
    with witness.on(other) as there:
        results = there.run(there.x, there.h_0)
        runs = (stacked_runs if there.lengths is None else row_by_row)(there, there.x, there.h_0)
    agree(results, runs, precision=precision(other, witness.case))
    agree.with_reference(results, oracle_of(witness), precision=precision(other, witness.case))


@every_backend
@needs(Claim.GRADIENTS)
@over(ONE_OR_TWO)
def test_two_targets_give_the_same_gradients(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """The gradient wrt x, h_0 and every parameter is the same there as here."""
    here = gradients(witness, witness.cotangents)
    with witness.on(other) as there:
        results = gradients(there, there.cotangents)
    agree(
        results,
        here,
        precision=coarser(agree.precision, precision(other, witness.case)),
        **tolerance_args(witness, witness.cotangents),
    )


@every_library
@needs(Claim.CONVERSION)
@over(ONE_OR_TWO)
def test_parameters_survive_a_round_trip(witness: Witness, agree: Agree, other: Backend) -> None:
    """A GRU moved there has bitwise the parameters of one built there; moved back, its own."""
    module = witness.rebuilt()
    with witness.on(other) as there:
        module.to(other.device)
        agree.bitwise(numbers_of(module, there), numbers_of(there.bi, there))
        agree.same(
            {value.device.type for value in module.parameters()},
            {other.kind},
            "devices of the parameters",
        )
        agree(
            there.run(there.x, there.h_0, module=module),
            there.run(there.x, there.h_0),
            precision=precision(other, witness.case),
        )
    module.to(witness.backend.device)
    agree.bitwise(numbers_of(module, witness), numbers_of(witness.bi, witness))
    agree(witness.run(witness.x, witness.h_0, module=module), witness.run(witness.x, witness.h_0))


@every_library
@needs(Claim.STATE_DICT)
@over(ONE_OR_TWO)
def test_state_dict_written_there_loads_here(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """A state_dict saved there, loaded with map_location, has bitwise the same parameters."""
    file = io.BytesIO()
    with witness.on(other) as there:
        torch.save(there.bi.state_dict(), file)
    file.seek(0)
    module = witness.build()
    module.load_state_dict(load_safely(file, witness.backend.device))
    agree.bitwise(numbers_of(module, witness), numbers_of(witness.bi, witness))
    agree(witness.run(witness.x, witness.h_0, module=module), witness.run(witness.x, witness.h_0))


@every_library
@over(ONE_OR_TWO)
def test_call_elsewhere_leaves_this_target_alone(
    witness: Witness, agree: Agree, other: Backend
) -> None:
    """A call on another backend leaves settings and results here bitwise as they were."""
    with witness.on(other) as there:
        there.run(there.x, there.h_0)
    with still_works_after(witness, agree), other.active():
        there.run(there.x, there.h_0)
