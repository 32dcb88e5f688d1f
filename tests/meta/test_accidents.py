"""Accidents: what ends a run early costs no verdict and no file, and is one line."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from fixtures.proof.suite import Suite

LAW = "tests/laws/test_law_05_direction_axis.py"
CASE = "--case=I3-H2-L1-B2-T3-f64"

#: A plugin that sends this process a signal at the Nth call of a hook.
SIGNAL = """
import os
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores it
calls = 0
def {hook}({argument}):
    global calls
    calls += 1
    if calls == {at}:
        os.kill(os.getpid(), {signal})
"""

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def plugin(folder: Path, hook: str, argument: str, at: int, number: int) -> tuple[str, str]:
    """The options that load such a plugin."""
    text = SIGNAL.format(hook=hook, argument=argument, at=at, signal=number)
    (folder / "impatient.py").write_text(text, encoding="utf-8")
    return "-p", "impatient"


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process on Windows")
@pytest.mark.parametrize("number", SIGNALS)
def test_interrupt_ends_in_the_verdict_so_far(suite: Suite, tmp_path: Path, number: int) -> None:
    """Ctrl-C and SIGTERM: exit 2; what was met so far, and by how many cases; nothing is lost."""
    record, page = tmp_path / "a.npz", tmp_path / "a.json"
    options = (f"--record={record}", f"--report={page}")
    impatient = plugin(tmp_path, "pytest_runtest_setup", "item", 21, number)
    done = suite(LAW, "tests/recorded", *impatient, *options, path=tmp_path)
    text = " ".join(done.stdout.split())
    assert done.returncode == 2, done.stdout + done.stderr
    assert "20 cases, 0 failed so far. Met so far: 05 direction axis (20 cases)." in text
    assert f"NOT recorded: the run did not come to its end. {record} is as it was." in text
    assert not record.exists()
    assert '"status": "INTERRUPTED"' in page.read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process on Windows")
@pytest.mark.parametrize("number", SIGNALS)
def test_interrupt_while_collecting_has_a_verdict(
    suite: Suite, tmp_path: Path, number: int
) -> None:
    """Exit 2, and a sentence that claims nothing."""
    impatient = plugin(tmp_path, "pytest_itemcollected", "item", 2, number)
    done = suite(LAW, *impatient, path=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "0 cases, 0 failed so far. Nothing is verified." in " ".join(done.stdout.split())


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process on Windows")
def test_second_sigterm_costs_no_verdict(suite: Suite, tmp_path: Path) -> None:
    """timeout(1) sends one to the process, and one to its group, which comes as the run ends."""
    impatient = plugin(tmp_path, "pytest_runtest_setup", "item", 21, signal.SIGTERM)
    with (tmp_path / "impatient.py").open("a", encoding="utf-8") as file:
        file.write("def pytest_sessionfinish(): os.kill(os.getpid(), signal.SIGTERM)\n")
    done = suite(LAW, *impatient, path=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Met so far: 05 direction axis (20 cases)." in " ".join(done.stdout.split())


#: A plugin under which no file grows beyond a kilobyte once a test has run, as on a full disk.
FULL_DISK = """
import resource
def pytest_runtest_logfinish():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_full_disk_costs_no_verdict(suite: Suite, tmp_path: Path) -> None:
    """A page and a recording that cannot be written are a line each, and what was there stays."""
    (tmp_path / "full_disk.py").write_text(FULL_DISK, encoding="utf-8")
    record, page = tmp_path / "a.npz", tmp_path / "a.json"
    options = (LAW, "tests/recorded", CASE, f"--record={record}", f"--report={page}")
    first = suite(*options)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"Written: {page}." in first.stdout
    before = {path: path.read_bytes() for path in (record, page)}
    full = suite(*options, "-p", "full_disk", path=tmp_path)
    assert full.returncode == 4, full.stdout + full.stderr
    assert "HOLDS: torch.nn.GRU" in full.stdout
    assert f"NOT recorded: it could not be written (File too large). {record} is as" in full.stdout
    assert f"NOT written: {page} (File too large); it is as it was." in full.stdout
    assert "Traceback" not in full.stdout + full.stderr
    assert {path: path.read_bytes() for path in (record, page)} == before
    assert not list(tmp_path.glob(".*.part"))
    again = suite(*options)
    assert f"entries into {record}, in place of the file that was there." in again.stdout
    assert f"Written: {page}, in place of the file that was there." in again.stdout


#: A plugin that warns as pytest does where it cannot keep its cache.
READ_ONLY = """
import pytest, warnings
def pytest_sessionfinish():
    warnings.warn(pytest.PytestCacheWarning("could not create cache path: Read-only file system"))
"""


def test_read_only_clone_has_its_verdict(suite: Suite, tmp_path: Path) -> None:
    """The warning that pytest cannot keep its cache is no error."""
    (tmp_path / "read_only.py").write_text(READ_ONLY, encoding="utf-8")
    done = suite(LAW, CASE, "-p", "read_only", path=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS: " in done.stdout


OUT_OF_MEMORY = """
import torch
class Large(torch.nn.GRU):
    def forward(self, x, h_0=None):
        if x.size(0) > 4:
            raise {error}
        return super().forward(x, h_0)
"""


@pytest.mark.parametrize(
    "error",
    ["MemoryError()", 'RuntimeError("DefaultCPUAllocator: can\'t allocate memory: 9 bytes")'],
)
def test_lack_of_memory_is_no_finding(suite: Suite, tmp_path: Path, error: str) -> None:
    """What does not fit into memory could not be run, and a run of nothing else is not green."""
    (tmp_path / "large.py").write_text(OUT_OF_MEMORY.format(error=error), encoding="utf-8")
    done = suite(LAW, "--case=I3-H2-L1-B2-T5-f64", "--gru=large:Large", path=tmp_path)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "1 x there is not enough memory" in done.stdout
    assert "NOTHING JUDGED: large:Large" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("tests/laws/test_law_07_packed_lengths.py", "--case=I3-H2-L1-B0-T3-f64"),
        ("tests/laws/test_law_05_direction_axis.py", "--case=I3-H2-L1-B2-T3-f16", "--gru={}"),
    ],
    ids=["no_law_has_it", "not_claimed"],
)
def test_case_that_nothing_judged_is_not_green(
    suite: Suite, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A legal case that no law takes, or that the GRU does not claim: exit 5, and a sentence."""
    subject = tmp_path / "a.toml"
    subject.write_text('gru = "torch.nn:GRU"\nclaims = ["float32"]\n', encoding="utf-8")
    done = suite(*(argument.format(subject) for argument in arguments))
    assert done.returncode == 5, done.stdout + done.stderr
    assert "NOTHING JUDGED: torch.nn" in done.stdout


BUILT_FOR_ANOTHER_NUMPY = """
import warnings

__version__ = "2.0.1"

class zeros:
    def __init__(self, size):
        pass

    def numpy(self):
        warnings.warn("Failed to initialize NumPy")
        raise RuntimeError("Numpy is not available")
"""


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            "raise ImportError('no torch')",
            "cannot be imported here (no torch). Install it (pip install torch), or type: make",
        ),
        ("__version__ = '1.13.1+cu117'", "torch 2.0 and later; here is torch 1.13.1+cu117."),
        (
            BUILT_FOR_ANOTHER_NUMPY,
            "cannot use the NumPy that is installed (Numpy is not available). Before torch 2.3:",
        ),
    ],
    ids=["absent", "too_old", "built_for_another_numpy"],
)
def test_unusable_torch_is_one_line_and_a_usage_exit(
    suite: Suite, tmp_path: Path, module: str, message: str
) -> None:
    """Without torch, or with one that cannot be used, the run ends with one sentence."""
    (tmp_path / "torch.py").write_text(module, encoding="utf-8")
    done = suite(LAW, path=tmp_path)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
