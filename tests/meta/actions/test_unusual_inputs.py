"""unusual_inputs: each unusual witness has a module of its own and leaves the first as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch

from fixtures.actions.unusual_inputs import (
    NEW,
    RESET,
    UPDATE,
    bare_gate,
    input_scaled_up,
    keeping_gate,
    swamped_sum,
)
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.witness import Witness

UNUSUAL: dict[str, Callable[[Witness], Witness]] = {
    "reset": partial(bare_gate, gate=RESET),
    "update": partial(bare_gate, gate=UPDATE),
    "new": partial(bare_gate, gate=NEW),
    "keeping": keeping_gate,
    "scaled": input_scaled_up,
    "swamped": swamped_sum,
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_first_witness_stays_as_it_was(name: str) -> None:
    """Its x, h_0 and parameters stay bitwise the same; those of the new witness differ."""
    witness = Witness(Case(2, 1, batch=3, seq_len=1), Backend("cpu"), TORCH_GRU)
    before = [witness.x.clone(), witness.random_h_0.clone(), _flat(witness)]
    unusual = UNUSUAL[name](witness)
    after = [witness.x, witness.random_h_0, _flat(witness)]
    assert all(map(torch.equal, before, after))
    assert not torch.equal(unusual.x, witness.x)
    assert not torch.equal(_flat(unusual), _flat(witness))


def _flat(witness: Witness) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in witness.bi.parameters()])
