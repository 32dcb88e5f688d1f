"""Whole files: a writer that is killed at any of its steps leaves the old file as it was."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.implementation import TORCH_GRU
from fixtures.proof import page_samples
from fixtures.report import page
from fixtures.results import provenance, recording
from fixtures.results.recording import Recording


def write_page(path: Path, note: str) -> None:
    """Write a page of a sample run."""
    page.write(path, page_samples.run(page_samples.provenance(note)))


def write_recording(path: Path, note: str) -> None:
    """Write a recording with two entries."""
    entries = {name: {"output": np.arange(9.0)} for name in ("cpu/a", "cpu/b")}
    environment = provenance.here(TORCH_GRU, [Backend("cpu")], "quick", len(note))
    recording.write(path, Recording(environment, entries))


#: What each writer calls, in this order: the object, the name of the call, and whether the writer
#: is killed once it has returned.
STEPS = {
    "before_the_first_byte": (Path, "open", False),
    "page_half_written": (Path, "write_text", True),
    "recording_half_written": (np.lib.format, "write_array", True),
    "whole_and_not_in_its_place": (Path, "replace", False),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize(
    ("write", "suffix", "step"),
    [
        (write_page, ".json", "before_the_first_byte"),
        (write_page, ".json", "page_half_written"),
        (write_page, ".json", "whole_and_not_in_its_place"),
        (write_recording, ".npz", "recording_half_written"),
        (write_recording, ".npz", "whole_and_not_in_its_place"),
    ],
)
def test_killed_writer_leaves_the_old_file(
    tmp_path: Path, write: Callable[[Path, str], None], suffix: str, step: str
) -> None:
    """Between two steps, kill -9: the old file is whole, and the next writer replaces it."""
    path = tmp_path / f"file{suffix}"
    write(path, "old")
    before = path.read_bytes()
    place, name, afterwards = STEPS[step]
    if (child := os.fork()) == 0:
        original = getattr(place, name)

        def killed(*args: object, **kwargs: object) -> None:
            if afterwards:
                original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(place, name, killed)
        try:
            write(path, "newer")
        finally:
            os._exit(1)  # it was not killed
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.read_bytes() == before
    write(path, "newer")
    assert path.read_bytes() != before
