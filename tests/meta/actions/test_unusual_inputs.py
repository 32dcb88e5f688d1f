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
    with_tiny_weights,
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


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_tiny_weights_are_all_normal_or_all_subnormal(dtype: str) -> None:
    """A machine that takes subnormal numbers for zero is judged by normal ones alone."""
    witness = Witness(Case(3, 7, 2, dtype=dtype), Backend("cpu"), TORCH_GRU, seed=0)
    least = torch.finfo(witness.dtype).smallest_normal
    for subnormal in (False, True):
        tiny = with_tiny_weights(witness, subnormal=subnormal).bi
        weights = [value for name, value in tiny.named_parameters() if name.startswith("weight")]
        sizes = torch.cat([weight.detach().double().abs().flatten() for weight in weights])
        assert torch.equal(sizes < least, torch.full_like(sizes, fill_value=subnormal).bool())
