"""A device from outside torch: it is judged like any other, and what it refuses is a claim.

The device is torch's own kind, PrivateUse1, made in Python, since a C++ extension takes minutes to
build: fixtures/proof/stand_ins/out_of_tree.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from torch.utils import backend_registration

from fixtures.proof.suite import Suite

LAWS = ("tests/laws/test_law_04_stacked_layers.py", "tests/truths/test_oracle_gradients.py")
DEVICE = ("--device", "npy", "--import", "fixtures.proof.stand_ins.out_of_tree")

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch takes no device in Python",
)


def test_what_a_device_refuses_and_is_claimed_is_broken(suite: Suite) -> None:
    """It has no float64, and no table says so: the verdict names it, in the device's words."""
    done = suite(*LAWS, *DEVICE, "--case", "I3-H7-L2-B2-T5-f64")
    sentence = " ".join(done.stdout.partition("\nBROKEN: ")[2].split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert sentence.startswith("torch.nn.GRU (torch ")
    assert "Refused, though claimed: float64 (TypeError: npy has no float64)." in sentence


def test_what_a_device_refuses_and_is_not_claimed_is_not_run(suite: Suite, tmp_path: Path) -> None:
    """The same laws hold without float64, gradients included."""
    path = tmp_path / "on_npy.toml"
    path.write_text(
        'gru = "torch.nn:GRU"\nclaims = ["float32", "gradients", "gradients in eval mode"]\n',
        encoding="utf-8",
    )
    done = suite(*LAWS, *DEVICE, "--case", "I3-H7-L2-B2-T5-f32", "--gru", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS AS CLAIMED: torch.nn:GRU (torch " in done.stdout
    assert " on npy" in done.stdout
