"""The command line: a wrong word is one clear line and a usage exit; the verdict is the same however the suite is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET  # reads what this test wrote
from pathlib import Path

import pytest

from fixtures import ROOT
from fixtures.cases import backend as backend
from fixtures.cases import implementation as implementation

LAW = "tests/laws/test_law_01_output_sequence.py"
SELECTION = (LAW, "tests/truths/test_golden.py", "-k", "I3-H7 or golden")


def suite(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytest on the suite in a process of its own, with ``path`` in front of what can be imported."""
    places = os.pathsep.join(filter(None, (str(path or ""), os.environ.get("PYTHONPATH", ""))))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
        "-q",
        *arguments,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )  # noqa: S603


def verdict(text: str) -> list[str]:
    """The verdict's lines without what differs from run to run: seconds."""
    table, last, _ = text.partition(" verdict ")[2].partition("HOLDS")
    return [re.sub(r"\s+\d+\.\d(?=   )", "", line) for line in [*table.splitlines(), last]]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nosuch:Thing", "importing nosuch failed: ModuleNotFoundError"),
        ("os:path", "path is a module; it must be a class or a factory"),
        ("os:nothing", "os has no attribute nothing"),
        ("os", "write MODULE:ATTR"),
        ("unittest.mock:MagicMock", "made a MagicMock; it must make a torch.nn.Module"),
        ("torch.nn:Linear", "Linear does not take torch.nn.GRU's arguments"),
    ],
)
def test_unusable_subject_is_named_in_one_line(spec: str, says: str) -> None:
    """--gru says what could not be imported, or what is missing from it."""
    with pytest.raises(pytest.UsageError, match=re.escape(says)) as raised:
        implementation.load(spec)
    assert str(raised.value).startswith(f"--gru {spec}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_absent_device_is_named_beside_those_present(device: str) -> None:
    """--device names the devices that are there."""
    with pytest.raises(pytest.UsageError, match=f"--device {device}: not here; present: cpu"):
        backend.choose_backends([device])


@pytest.mark.parametrize(
    "arguments",
    [("--device", "nonsense"), ("--gru", "os:path"), ("--threads", "0"), ("--fuzz", "-3")],
    ids="".join,
)
def test_wrong_option_is_a_usage_exit(arguments: tuple[str, ...]) -> None:
    """Exit 4, one ERROR line, no traceback, nothing run."""
    done = suite(LAW, *arguments)
    assert done.returncode == 4
    assert done.stderr.startswith(f"ERROR: {' '.join(arguments)}: ")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (
            "raise ImportError('no torch')",
            "PyTorch cannot be imported here (no torch). Install it (pip install torch), or type: make verify",
        ),
        (
            "__version__ = '1.13.1+cu117'",
            "This suite judges torch 2.0 and later; here is torch 1.13.1+cu117.",
        ),
    ],
    ids=["absent", "too_old"],
)
def test_unusable_torch_is_one_line_and_a_usage_exit(
    tmp_path: Path, module: str, says: str
) -> None:
    """Without torch, or with one before 2.0, the run ends before it begins, in a sentence."""
    (tmp_path / "torch.py").write_text(module, encoding="utf-8")
    done = suite(LAW, path=tmp_path)
    assert done.returncode == 4
    assert says in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_interrupt_ends_in_the_verdict_so_far(tmp_path: Path) -> None:
    """Ctrl-C: exit 2, the lines so far, and a sentence that claims nothing."""
    plugin = "calls = 0\ndef pytest_runtest_call(item):\n    global calls\n    calls += 1\n    if calls > 20: raise KeyboardInterrupt\n"
    (tmp_path / "impatient.py").write_text(plugin, encoding="utf-8")
    done = suite(LAW, "-p", "impatient", path=tmp_path)
    assert done.returncode == 2
    assert "INTERRUPTED" in done.stdout
    assert "20 cases, 0 failed, 0 skipped so far. Nothing is verified." in done.stdout


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the suite prints when it is run plainly, and the JUnit file of that run."""
    file = tmp_path_factory.mktemp("plain") / "verdict.xml"
    done = suite(*SELECTION, f"--junitxml={file}")
    assert done.returncode == 0
    return done.stdout, file


def test_junit_file_holds_the_verdict(plain: tuple[str, Path]) -> None:
    """--junitxml writes the verdict's numbers as properties of the suite."""
    properties = {
        p.get("name"): p.get("value")
        for p in ET.parse(plain[1]).getroot().iterfind("testsuite/properties/property")
    }  # noqa: S314
    assert properties["01 output sequence: cases"] == "48"
    assert properties["01 output sequence: failed"] == "0"
    assert 0 <= float(properties["01 output sequence: worst share of the allowance"] or "nan") < 1


@pytest.mark.parametrize(
    ("plugin", "arguments"),
    [("xdist", ("-n", "2")), ("random_order", ("--random-order", "--random-order-seed=7"))],
    ids=["two_processes", "random_order"],
)
def test_verdict_is_the_same_however_the_suite_runs(
    plain: tuple[str, Path], plugin: str, arguments: tuple[str, ...]
) -> None:
    """Two processes, or another order, change nothing but the seconds."""
    pytest.importorskip(plugin, reason=f"{plugin} is not installed")
    other = suite(*SELECTION, *arguments)
    assert other.returncode == 0
    assert verdict(other.stdout) == verdict(plain[0])
    assert len(verdict(plain[0])) >= 4


FAULTY = """
import torch
class Swapped(torch.nn.GRU):
    def forward(self, x, h=None):
        output, h_n = super().forward(x, h)
        return (torch.cat(output.chunk(2, -1)[::-1], -1) if self.bidirectional else output), h_n
class Renamed(torch.nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.inner = torch.nn.GRU(*args, **kwargs)
    def forward(self, x, h=None):
        return self.inner(x, h)
"""


def test_faulty_gru_gets_a_failure_that_explains_itself(tmp_path: Path) -> None:
    """The first failure of a claim says law, claim, case, place, numbers, subject, and the line that runs it again; the next take one line."""
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    done = suite(
        LAW,
        "-k",
        "side_by_side and I3-H7-L1",
        "--gru",
        "faulty:Swapped",
        "--seed",
        "5",
        path=tmp_path,
    )
    assert done.returncode == 1
    for word in (
        "BROKEN     Law 01, output sequence: ",
        "claim      bi(x, h_0) == ",
        "case       cpu-I3-H7-L1",
        "worst at   output[",
        "times the tolerance",
    ):
        assert word in done.stdout
    assert done.stdout.count("claim      ") == 1
    assert "Traceback" not in done.stdout
    assert re.search(
        r"BROKEN: faulty:Swapped .* 8 cases, 8 failed, 0 skipped\. Broken: 01 output sequence\.",
        done.stdout,
    )
    pasted = re.search(
        r'again      pytest "(tests/laws/.*side_by_side\[cpu-I3-H7-L1.*\])" (--gru faulty:Swapped --seed 5)',
        done.stdout,
    )
    assert pasted is not None
    again = suite(pasted[1], *pasted[2].split(), path=tmp_path)
    assert again.returncode == 1
    assert (
        next(line for line in again.stdout.splitlines() if line.startswith("worst at"))
        in done.stdout
    )


def test_other_parameter_names_are_one_sentence(tmp_path: Path) -> None:
    """A GRU whose parameters are called something else fails the laws that need them, without a traceback."""
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    done = suite(LAW, "-k", "I3-H7-L1", "--gru", "faulty:Renamed", path=tmp_path)
    assert done.returncode == 1
    assert (
        "Renamed has no parameter weight_ih_l0, which torch.nn.GRU has; its parameters are: inner.weight_ih_l0"
        in done.stdout
    )
    assert "Traceback" not in done.stdout
