"""--record and --against: what moved is reported; a recording is whole, or not written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fixtures.cases.case import Case
from fixtures.proof.suite import Suite
from fixtures.results import recording

CASE = Case(3, 7, 2, 2, 11, dtype="float64")
RECORDED = ("tests/recorded", "tests/truths/test_oracle.py", "--case", str(CASE))

FAULTY = """
from torch import nn

class LastBit(nn.GRU):
    def forward(self, x, h_0=None):
        output, h_n = super().forward(x, h_0)
        output.data.view(-1)[0].mul_(1 + 2.0**-52)
        return output, h_n

class TwentyUnits(nn.GRU):
    def forward(self, x, h_0=None):
        output, h_n = super().forward(x, h_0)
        return output + 20 * 2.0**-53 * 23**0.5, h_n
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, suite: Suite) -> Path:
    """What torch computes for one case."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "faulty.py").write_text(FAULTY, encoding="utf-8")
    done = suite(*RECORDED, "--record", str(folder / "a.npz"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Recorded: 2 entries" in done.stdout
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ((), 0, "bitwise as recorded: 3 of 3 tests that the baseline has"),
        (
            ("--gru", "faulty:LastBit"),
            0,
            "bitwise as recorded: 1 of 3 tests that the baseline has",
        ),
        (
            ("--gru", "faulty:TwentyUnits"),
            1,
            "differs    output of shape (11, 2, 14): 5 times the tolerance",
        ),
        (("--seed", "1"), 4, "was recorded with --seed 0, and this run has 1: give --seed 0"),
    ],
    ids=["same", "last bit", "20 units", "other seed"],
)
def test_run_against_a_recording_says_what_moved(
    suite: Suite, recorded: Path, options: tuple[str, ...], exit_code: int, says: str
) -> None:
    """Bitwise equal; moved within rounding; moved beyond it; not comparable."""
    done = suite(*RECORDED, "--against", str(recorded), *options, path=recorded.parent)
    assert (done.returncode, says in done.stdout + done.stderr) == (exit_code, True), (
        done.stdout + done.stderr
    )


def test_recording_is_whole_or_not_written(suite: Suite, recorded: Path) -> None:
    """A run that leaves recorded cases out is a usage exit, and the file stays as it was."""
    before = recorded.read_bytes()
    done = suite(*RECORDED, "--record", str(recorded), "-k", "gradients")
    assert done.returncode == 4
    assert "NOT recorded: 1 of 2 entries were not computed (-k, -x, paths " in done.stdout
    assert f"{recorded} is as it was." in done.stdout
    assert recorded.read_bytes() == before


def test_parallel_run_records_the_same(suite: Suite, recorded: Path) -> None:
    """Under pytest-xdist the entries of all workers are merged."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    other = recorded.with_name("b.npz")
    done = suite(*RECORDED, "--record", str(other), "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    here, there = recording.read(recorded), recording.read(other)
    assert here.checksums == there.checksums
    assert all(
        np.array_equal(value, there.entries[name][what], equal_nan=True)
        for name, results in here.entries.items()
        for what, value in results.items()
    )
    assert len(here.entries) == len(there.entries) == 2
