"""The recording: what was computed comes back to the bit; whatever cannot serve is one clear line before the run, and no file is lost."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fixtures import ROOT
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.parameters import parameter
from fixtures.cases.witness import Witness
from fixtures.results import provenance, recording
from fixtures.results.recording import InvalidRecordingError, Recording

HERE = provenance.here(TORCH_GRU, [Backend("cpu")], "quick", 0)
CASE = Case(3, 7, 2, 2, 11, dtype="float64")
NAME = recording.key("cpu", "results", CASE)
RESULTS = {
    "output": torch.tensor([[-0.0, 1 / 3], [float("nan"), 1e-310]], dtype=torch.float64),
    "h_n": torch.empty(0, dtype=torch.float64),
}
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


def made(path: Path) -> Path:
    """A recording of one answer."""
    kept = Recording(HERE, bits={"test": 7})
    kept.keep(NAME, 5, RESULTS)
    recording.write(path, kept)
    return path


def suite(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, with ``path`` in front of what can be imported."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        "-q",
        *RECORDED,
        *arguments,
    ]
    places = os.pathsep.join(filter(None, (str(path or ""), os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )  # noqa: S603


def test_what_was_written_is_read_to_the_bit(tmp_path: Path) -> None:
    """Numbers (NaN, -0 and denormals too), question, checksums and provenance come back."""
    found = recording.read(made(tmp_path / "a.npz"))
    assert found.provenance == HERE
    assert found.bits == {"test": 7}
    assert found.asked(NAME) == 5
    again = found.results(NAME, torch.float64)
    assert {name: value.numpy().tobytes() for name, value in again.items()} == {
        name: value.numpy().tobytes() for name, value in RESULTS.items()
    }


def test_bfloat16_is_kept_without_loss(tmp_path: Path) -> None:
    """NumPy has no bfloat16; it comes back as it was all the same."""
    values = torch.arange(-100, 100, dtype=torch.bfloat16) / 7
    kept = Recording(HERE)
    kept.keep(NAME, 5, {"output": values})
    recording.write(tmp_path / "a.npz", kept)
    assert torch.equal(
        recording.read(tmp_path / "a.npz").results(NAME, torch.bfloat16)["output"], values
    )


def cut(path: Path) -> None:
    """The second half is missing, as after a broken download."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """Nothing is in it."""
    path.write_bytes(b"")


def text(path: Path) -> None:
    """Somebody's notes."""
    path.write_text("notes", encoding="utf-8")


def other_arrays(path: Path) -> None:
    """A NumPy archive of somebody else's."""
    np.savez(path, x=np.ones(3))


def other_number(path: Path) -> None:
    """One number was changed, and the archive is in order."""
    with np.load(path) as file:
        arrays = dict(file)
    arrays[f"{NAME}/output"][0, 1] += 1e-16
    np.savez(path, **arrays)


def other_format(path: Path) -> None:
    """It was written by a later version of the suite."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(arrays["about"].tobytes()) | {"format": 99}
    np.savez(path, **(arrays | {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "is cut off, damaged, or no recording"),
        (empty, "is cut off, damaged, or no recording"),
        (text, "is no recording of this suite"),
        (other_arrays, "is no recording of this suite"),
        (other_number, "was changed after it was written"),
        (other_format, "has format 99, and this suite reads 1: record it again"),
        (Path.unlink, "does not exist"),
    ],
)
def test_unusable_file_is_one_line(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    """Reading it says what is wrong with it."""
    path = made(tmp_path / "a.npz")
    spoil(path)
    with pytest.raises(InvalidRecordingError, match=re.escape(says)) as raised:
        recording.read(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("names", "here", "says"),
    [
        ([NAME], {"seed": 3}, "was recorded with --seed 0, and this run has 3: give --seed 0"),
        (
            [NAME],
            {"profile": "full"},
            "was recorded with --profile quick, and this run has full: give --profile quick",
        ),
        (
            [NAME, "cpu/results/another"],
            {},
            "1 of 2 answers are not in it, such as cpu/results/another",
        ),
    ],
)
def test_recording_of_other_questions_is_refused(
    tmp_path: Path, names: list[str], here: dict[str, object], says: str
) -> None:
    """Another seed, profile or table of cases ends the run before it begins."""
    with pytest.raises(InvalidRecordingError, match=re.escape(says)):
        recording.read(made(tmp_path / "a.npz")).demand(names, dataclasses.replace(HERE, **here))  # type: ignore[arg-type]  # names are checked by replace


def test_other_device_compares_with_the_recorded_one(tmp_path: Path) -> None:
    """CUDA today against the CPU's recording of yesterday: the case decides, and bits are not expected to match."""
    found = recording.read(made(tmp_path / "a.npz"))
    assert found.nearest(recording.key("cuda", "results", CASE)) == NAME
    assert not HERE.why_bits_may_differ(HERE)
    assert (
        HERE.why_bits_may_differ(dataclasses.replace(HERE, devices=("cuda",)))
        == "devices: cpu here, cuda there"
    )


def test_failed_writing_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk halfway through costs nothing that was there, and leaves nothing behind."""
    path = made(tmp_path / "a.npz")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        made(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_question_is_everything_that_is_fed_in() -> None:
    """Its checksum moves with a parameter, the input, the initial state and the cotangents, and with nothing else."""
    asked = {
        recording.question(Witness(CASE, Backend("cpu"), TORCH_GRU, seed)) for seed in (0, 0, 1)
    }
    assert len(asked) == 2
    for number in range(4):
        witness = Witness(CASE, Backend("cpu"), TORCH_GRU)
        fed = (
            parameter(witness.bi, "bias_hh_l1_reverse").detach(),
            witness.x,
            witness.random_h_0,
            witness.cotangents[1],
        )
        fed[number].flatten()[-1] += 1e-3
        assert recording.question(witness) not in asked


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What torch computes for one case."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "faulty.py").write_text(FAULTY, encoding="utf-8")
    done = suite("--record", str(folder / "a.npz"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Recorded: 2 answers" in done.stdout
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ((), 0, "same bits as in the recording: 3 of 3 tests that it knows"),
        (
            ("--gru", "faulty:LastBit"),
            0,
            "same bits as in the recording: 1 of 3 tests that it knows",
        ),
        (
            ("--gru", "faulty:TwentyUnits"),
            1,
            "differs    output of shape (11, 2, 14): 5 times the allowance",
        ),
        (("--seed", "1"), 4, "was recorded with --seed 0, and this run has 1: give --seed 0"),
    ],
    ids=["same", "last bit", "20 units", "other seed"],
)
def test_run_against_a_recording_says_what_moved(
    recorded: Path, options: tuple[str, ...], exit_code: int, says: str
) -> None:
    """Equal to the bit; moved within rounding; moved beyond it; not comparable."""
    done = suite("--against", str(recorded), *options, path=recorded.parent)
    assert (done.returncode, says in done.stdout + done.stderr) == (exit_code, True), (
        done.stdout + done.stderr
    )


def test_recording_is_whole_or_not_written(recorded: Path) -> None:
    """A run that leaves recorded cases out is a usage exit, and the file stays as it was."""
    before = recorded.read_bytes()
    done = suite("--record", str(recorded), "-k", "gradients")
    assert done.returncode == 4
    assert (
        f"NOT recorded: 1 of 2 answers were not computed (-k, -x, paths that leave out tests/recorded, or a crash). {recorded} is as it was."
        in done.stdout
    )
    assert recorded.read_bytes() == before


def test_parallel_run_records_the_same(recorded: Path) -> None:
    """Under pytest-xdist the workers' answers are put together."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    other = recorded.with_name("b.npz")
    done = suite("--record", str(other), "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    here, there = recording.read(recorded), recording.read(other)
    assert here.bits == there.bits
    assert all(
        np.array_equal(value, there.answers[name][what], equal_nan=True)
        for name, answer in here.answers.items()
        for what, value in answer.items()
    )
    assert len(here.answers) == len(there.answers) == 2
