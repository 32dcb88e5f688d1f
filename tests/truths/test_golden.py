"""Truth: torch computes the golden vectors, which mpmath computed to 50 digits.

The files are rebuilt by ``python -m fixtures.truth.golden.vectors``; tests/meta proves that rebuilding changes nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fixtures.cases.case import Case
from fixtures.cases.parameters import parameter
from fixtures.cases.table import Table, over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree
from fixtures.truth.golden.vectors import GOLDENS, read

BY_CASE = {
    Case(
        golden.input_size,
        golden.hidden_size,
        golden.num_layers,
        golden.batch,
        golden.seq_len,
        bias=golden.bias,
        h_0="random" if golden.h_0 else "none",
        lengths="unsorted" if golden.lengths else "whole",
        dtype="float64",
    ): golden
    for golden in GOLDENS
}
_EXACT = Table(tuple(BY_CASE), tuple(BY_CASE))
_WORKING = _EXACT + _EXACT.with_fields(dtype="float32")
GOLDEN = Table(
    _WORKING.quick,
    (_WORKING + _EXACT.with_fields(dtype="float16") + _EXACT.with_fields(dtype="bfloat16")).full,
)


@over(GOLDEN)
def test_output_and_h_n_are_the_golden_ones(witness: Witness, agree: Agree) -> None:
    """bi(x, h_0), with the golden file's numbers, is the golden file's output and h_n."""
    golden = BY_CASE[witness.case.replace(dtype="float64")]
    kept = read(golden)
    bi = witness.build()
    with torch.no_grad():
        for name, values in kept["parameters"].items():
            parameter(bi, name).copy_(torch.tensor(values))
    like = parameter(bi, "weight_ih_l0")
    x = torch.tensor(kept["x"]).to(like)
    h_0 = torch.tensor(kept["h_0"]).to(like) if golden.h_0 else None
    if golden.lengths is None:
        output, h_n = bi(x, h_0)
    else:
        packed, h_n = bi(
            nn.utils.rnn.pack_padded_sequence(x, list(golden.lengths), enforce_sorted=False), h_0
        )
        output, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=golden.seq_len)
    agree.with_reference(
        (output, h_n), tuple(np.array(kept[name], dtype=np.float64) for name in ("output", "h_n"))
    )
