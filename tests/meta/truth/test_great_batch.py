"""A batch of more than 2**24 numbers, in the full profile: what goes wrong only there is seen."""

from __future__ import annotations

from pathlib import Path

from fixtures.proof.suite import Suite

#: What lies beyond the number of 2**24 comes from the start, as where an index has 24 bits.
WRAPPING = """
import torch
from torch import nn


class Wrapping(nn.GRU):
    def forward(self, input, hx=None):
        first = 2**24 // (3 * self.hidden_size)
        flat = input.flatten(0, 1)
        if len(flat) > first:
            input = torch.cat((flat[:first], flat[: len(flat) - first])).view_as(input)
        return super().forward(input, hx)
"""


def test_index_of_24_bits_is_seen(suite: Suite, tmp_path: Path) -> None:
    """What the last steps read is others' input."""
    (tmp_path / "wrapping.py").write_text(WRAPPING, encoding="utf-8")
    gru = f"{tmp_path / 'wrapping.py'}:Wrapping"
    truth = "tests/truths/test_oracle.py"
    process = suite(truth, "-k", "great", "--profile", "full", "--gru", gru)
    assert process.returncode == 1, process.stdout + process.stderr
    assert "differs    output of shape (1000, 3, 86)" in process.stdout
