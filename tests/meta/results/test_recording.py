"""A recording comes back bitwise; a file that cannot serve is one clear line; none is lost."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

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


def written(path: Path) -> Path:
    """A recording of one entry."""
    content = Recording(HERE, checksums={"test": 7})
    content.enter(NAME, 5, RESULTS)
    recording.write(path, content)
    return path


def test_what_was_written_is_read_bitwise(tmp_path: Path) -> None:
    """Numbers (NaN, -0 and subnormals too), checksums and provenance come back."""
    found = recording.read(written(tmp_path / "a.npz"))
    assert found.provenance == HERE
    assert found.checksums == {"test": 7}
    assert found.inputs(NAME) == 5
    again = found.results(NAME, torch.float64)
    assert {name: value.numpy().tobytes() for name, value in again.items()} == {
        name: value.numpy().tobytes() for name, value in RESULTS.items()
    }


def test_bfloat16_is_kept_without_loss(tmp_path: Path) -> None:
    """NumPy has no bfloat16; it comes back as it was all the same."""
    values = torch.arange(-100, 100, dtype=torch.bfloat16) / 7
    content = Recording(HERE)
    content.enter(NAME, 5, {"output": values})
    recording.write(tmp_path / "a.npz", content)
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
        (other_format, "has format 99, and this suite reads 2: record it again"),
        (Path.unlink, "does not exist"),
    ],
)
def test_unusable_file_is_one_line(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    """Reading it says what is wrong with it."""
    path = written(tmp_path / "a.npz")
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
            [NAME, "cpu/results/I9-H4-L1-B2-T3-f64"],
            {},
            "1 of 2 entries are not in it, such as cpu/results/I9-H4-L1-B2-T3-f64",
        ),
    ],
)
def test_recording_of_other_cases_is_refused(
    tmp_path: Path, names: list[str], here: dict[str, object], says: str
) -> None:
    """Another seed, profile or table of cases ends the run before it begins."""
    with pytest.raises(InvalidRecordingError, match=re.escape(says)):
        recording.read(written(tmp_path / "a.npz")).demand(names, dataclasses.replace(HERE, **here))  # type: ignore[arg-type]  # names are checked by replace


def test_dtype_that_the_recorded_torch_has_not_is_not_demanded(tmp_path: Path) -> None:
    """As half precision of torch 2.0 on the CPU; unless nothing is left to compare."""
    found, half = recording.read(written(tmp_path / "a.npz")), "cpu/results/I9-H4-L1-B2-T3-f16"
    found.demand([NAME, half], HERE)
    assert (found.lacks_dtype_of(half), found.lacks_dtype_of(NAME)) == (True, False)
    with pytest.raises(InvalidRecordingError, match="1 of 1 entries are not in it"):
        found.demand([half], HERE)


def test_other_device_compares_with_the_recorded_one(tmp_path: Path) -> None:
    """CUDA against the CPU's recording: the case decides, and no equal bits are expected."""
    found = recording.read(written(tmp_path / "a.npz"))
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
    path = written(tmp_path / "a.npz")
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        written(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_checksum_of_inputs_covers_every_input() -> None:
    """It moves with a parameter, x, h_0 and the cotangents, and with nothing else."""
    checksums = {
        recording.checksum_of_inputs(Witness(CASE, Backend("cpu"), TORCH_GRU, seed))
        for seed in (0, 0, 1)
    }
    assert len(checksums) == 2
    for number in range(4):
        witness = Witness(CASE, Backend("cpu"), TORCH_GRU)
        inputs = (
            parameter(witness.bi, "bias_hh_l1_reverse").detach(),
            witness.x,
            witness.random_h_0,
            witness.cotangents[1],
        )
        inputs[number].flatten()[-1] += 1e-3
        assert recording.checksum_of_inputs(witness) not in checksums
