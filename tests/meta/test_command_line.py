"""The command line: a wrong option is one line and a usage exit; the verdict ends every run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # reads the file that this test wrote
from pathlib import Path

import pytest

from fixtures.cases.backend import choose_backends
from fixtures.cases.implementation import load
from fixtures.proof.suite import Suite

LAW = "tests/laws/test_law_01_output_sequence.py"
CONVERTED = "tests/laws/test_law_15_execution_modes/test_converted.py"
TRACED = "test_training_mode_keeps_its_dropout"  # known to fail in another mode
SELECTION = (LAW, "tests/truths/test_golden.py", "-k", "I3-H7 or golden")


def verdict(text: str) -> list[str]:
    """The verdict's lines, without their last column: seconds."""
    table, _, sentence = text.partition(" verdict =")[2].partition("\n\n")
    lines = [re.sub(r"\s+\d+\.\d$", "", line) for line in table.splitlines()[1:]]
    return [*lines, " ".join(sentence.splitlines()[:-1])]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nosuch:Thing", "No module named 'nosuch'; PYTHONPATH names where modules lie, or write"),
        ("os:path", "path is a module; it must be a class or a factory"),
        ("os:nothing", "os has no attribute nothing"),
        ("os", "write MODULE:ATTR"),
        ("unittest.mock:MagicMock", "made a MagicMock; it must make a torch.nn.Module"),
        ("torch.nn:Linear", "Linear does not take torch.nn.GRU's arguments"),
    ],
)
def test_unusable_implementation_is_named_in_one_line(spec: str, message: str) -> None:
    """The error of --gru names what could not be imported, or what is missing from it."""
    with pytest.raises(pytest.UsageError, match=re.escape(message)) as raised:
        load(spec)
    assert str(raised.value).startswith(f"--gru {spec}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_absent_device_is_named_beside_those_present(device: str) -> None:
    """The error of --device lists the devices that are present."""
    with pytest.raises(pytest.UsageError, match=f"--device {device}: not here; present: cpu"):
        choose_backends([device])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--device", "nonsense"),
        ("--gru", "os:path"),
        ("--case", "no_bias"),
        ("--case", "I0-H0-L0-B0-T0-f64"),
        ("--threads", "0"),
        ("--threads", "100000"),
        ("--fuzz", "-3"),
    ],
    ids="".join,
)
def test_wrong_option_is_a_usage_exit(suite: Suite, arguments: tuple[str, ...]) -> None:
    """Exit 4, one ERROR line, no traceback, and no test runs."""
    process = suite(LAW, *arguments)
    assert process.returncode == 4
    assert process.stderr.startswith(f"ERROR: {' '.join(arguments)}: ")
    assert "Traceback" not in process.stdout + process.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--case=",), "--case '': a case begins with its sizes"),
        (("--gru=grus:raising",), "raising(2, 3, bidirectional=True) raised TypeError: my factory"),
        (("-n-1",), "-n -1: at least 1"),
    ],
)
def test_wrong_option_is_told_in_its_own_words(
    suite: Suite, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """An empty case, a factory's own error, and fewer processes than none are usage errors."""
    if "-n-1" in options:
        pytest.importorskip("xdist", reason="xdist is not installed")
    (tmp_path / "grus.py").write_text(RAISING, encoding="utf-8")
    process = suite(LAW, *options, path=tmp_path)
    assert process.returncode == 4
    assert f"ERROR: {says}" in process.stderr.replace("--gru grus:raising: ", "")
    assert "Traceback" not in process.stdout + process.stderr


RAISING = """
def raising(*args, **kwargs):
    raise TypeError("my factory broke")
"""


@pytest.mark.parametrize(
    "selection",
    [
        (f"{CONVERTED}::{TRACED}[cpu-I5-H4-L2-B2-T3-dropout1-f32-trace]",),
        (CONVERTED, "-k", f"{TRACED} and trace"),
    ],
    ids=["id", "-k"],
)
def test_one_case_beside_a_known_failure_runs_alone(
    suite: Suite, selection: tuple[str, ...]
) -> None:
    """A known failure that means other cases of the same test is no error where one is selected."""
    process = suite(*selection)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "1 passed" in process.stdout


def test_backend_that_is_not_here_is_left_out_with_its_reason(suite: Suite) -> None:
    """Its cases are no skips: they are not collected, and the verdict counts them."""
    process = suite("tests/laws/test_law_14_devices.py", "-k", "round_trip and I3-H7")
    assert process.returncode == 0, process.stdout + process.stderr
    assert re.search(r"not here in 14 devices: \d+ x torch \S+ finds no cuda here", process.stdout)
    assert "skipped" not in process.stdout


def test_python_without_asserts_is_one_line(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asserts, as under python -O, nothing runs: exit 4."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    process = suite(LAW)
    assert process.returncode == 4
    assert process.stderr.startswith("ERROR: python -O and PYTHONOPTIMIZE remove asserts")


def test_module_may_lie_beside_the_file_of_a_gru(suite: Suite, tmp_path: Path) -> None:
    """--gru FILE.py:ATTR imports what lies beside FILE.py."""
    (tmp_path / "beside.py").write_text("from torch.nn import GRU\n", encoding="utf-8")
    (tmp_path / "mine.py").write_text("from beside import GRU\n", encoding="utf-8")
    process = suite(LAW, "-k", "I3-H7-L1", "--gru", f"{tmp_path / 'mine.py'}:GRU")
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.fixture(scope="module")
def plain(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The output of a plain run, and its JUnit file."""
    file = tmp_path_factory.mktemp("plain") / "verdict.xml"
    process = suite(*SELECTION, f"--junitxml={file}")
    assert process.returncode == 0
    return process.stdout, file


def test_junit_file_has_the_verdict(plain: tuple[str, Path]) -> None:
    """--junitxml writes the verdict's numbers as properties of the suite."""
    elements = ET.parse(plain[1]).getroot().iterfind("testsuite/properties/property")  # noqa: S314  # our own file
    properties = {element.get("name"): element.get("value") for element in elements}
    assert properties["01 output sequence: cases"] == verdict(plain[0])[1].split()[4]
    assert properties["01 output sequence: failed"] == "0"
    assert 0 <= float(properties["01 output sequence: worst error / tolerance"] or "nan") < 1


@pytest.mark.parametrize(
    ("plugin", "arguments"),
    [("xdist", ("-n", "2")), ("random_order", ("--random-order", "--random-order-seed=7"))],
    ids=["two_processes", "random_order"],
)
def test_verdict_is_the_same_however_the_suite_runs(
    suite: Suite, plain: tuple[str, Path], plugin: str, arguments: tuple[str, ...]
) -> None:
    """Two processes, or another order, change nothing but the seconds."""
    pytest.importorskip(plugin, reason=f"{plugin} is not installed")
    process = suite(*SELECTION, *arguments)
    assert process.returncode == 0
    assert verdict(process.stdout) == verdict(plain[0])
    head, first, second, sentence = verdict(plain[0])
    assert head.split()[:3] == ["verdict", "cases", "failed"]
    assert first.split()[:4] == ["01", "output", "sequence", "holds"]
    assert second.split()[:3] == ["truth:", "golden", "holds"]
    assert sentence.startswith("HOLDS: ")


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


def test_faulty_gru_gets_a_failure_that_explains_itself(suite: Suite, tmp_path: Path) -> None:
    """The first failure of a test states law, claim, case, place, numbers, and how to run it again.

    Its further failures take one line each.
    """
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    selection = ("-k", "side_by_side and I3-H7-L1")
    process = suite(LAW, *selection, "--gru", "faulty:Swapped", "--seed", "5", path=tmp_path)
    assert process.returncode == 1
    for words in (
        "BROKEN     Law 01, output sequence: ",
        "claim      bi(x, h_0) == ",
        "case       cpu-I3-H7-L1",
        "worst at   output[",
        "times the tolerance",
    ):
        assert words in process.stdout
    assert process.stdout.count("claim      ") == 1
    assert "Traceback" not in process.stdout
    text = " ".join(process.stdout.split())
    assert re.search(r"BROKEN: faulty:Swapped .* (\d+) cases, \1 failed\. Broken: 01 out", text)
    again = re.search(r'again +pytest "(\S+side_by_side\[cpu-I3-H7-L1\S+\])" (.*)', process.stdout)
    assert again is not None
    assert again[2] == "--gru faulty:Swapped --seed 5"
    second = suite(again[1], *again[2].split(), path=tmp_path)
    assert second.returncode == 1
    place = re.search("worst at .*", second.stdout)
    assert place is not None
    assert place[0] in process.stdout


def test_other_parameter_names_are_one_sentence(suite: Suite, tmp_path: Path) -> None:
    """A GRU with other parameter names fails the laws that need them, without a traceback."""
    (tmp_path / "faulty.py").write_text(FAULTY, encoding="utf-8")
    process = suite(LAW, "-k", "I3-H7-L1", "--gru", "faulty:Renamed", path=tmp_path)
    assert process.returncode == 1
    assert (
        "Renamed has no parameter weight_ih_l0, which torch.nn.GRU has; "
        "its parameters are: inner.weight_ih_l0"
    ) in process.stdout
    assert "Traceback" not in process.stdout


def test_smoke_takes_the_same_cases_in_every_process(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever order a set has there; else the processes of pytest-xdist have different tests."""
    taken = set()
    for seed in ("1", "2", "3", "4"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        process = suite("tests/laws", "tests/truths", "--profile", "smoke", "--collect-only")
        taken.add("\n".join(line for line in process.stdout.splitlines() if "::" in line))
    assert len(taken) == 1
    assert "test_law_16" in taken.pop()
