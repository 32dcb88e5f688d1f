"""Reference: the golden vectors, computed to 50 digits by mpmath.

``python -m fixtures.truth.golden.vectors`` rebuilds the files, and
tests/meta/truth/test_golden_is_rebuilt.py checks that this changes nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fixtures.cases.case import Case
from fixtures.cases.parameters import parameter
from fixtures.cases.table import Table, over
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import OUTPUT_AND_STATE, Agree
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
    """With the parameters, x and h_0 of a golden file, bi(x, h_0) is its output and h_n."""
    golden = BY_CASE[witness.case.replace(dtype="float64")]
    contents = read(golden)
    bi = witness.build()
    with torch.no_grad():
        for name, values in contents["parameters"].items():
            parameter(bi, name).copy_(torch.tensor(values))
    like = parameter(bi, "weight_ih_l0")
    x = torch.tensor(contents["x"]).to(like)
    h_0 = torch.tensor(contents["h_0"]).to(like) if golden.h_0 else None
    if golden.lengths is None:
        output, h_n = bi(x, h_0)
    else:
        packed, h_n = bi(
            nn.utils.rnn.pack_padded_sequence(x, list(golden.lengths), enforce_sorted=False), h_0
        )
        output, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=golden.seq_len)
    expected = tuple(np.array(contents[name], dtype=np.float64) for name in OUTPUT_AND_STATE)
    agree.with_reference((output, h_n), expected)
