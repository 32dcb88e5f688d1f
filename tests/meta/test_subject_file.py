"""Somebody's GRU: a subject file says what it claims; what is wrong with it is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixtures.cases.implementation import load
from fixtures.proof.suite import Suite

GRUS = """
import os
from torch import Tensor, float32, float64, no_grad, nn, set_default_dtype

class Plain(nn.GRU):
    def forward(self, x, h_0=None):
        if not isinstance(x, Tensor):
            raise NotImplementedError("no packing")
        if x.dtype != float32:
            raise NotImplementedError("float32 only")
        with no_grad():
            return super().forward(x, h_0)

class Double(nn.GRU):
    def __init__(self, *args, dtype=float64, **kwargs):
        if dtype != float64:
            raise NotImplementedError("float64 only")
        super().__init__(*args, dtype=dtype, **kwargs)

class Wrong(Plain):
    def forward(self, x, h_0=None):
        output, h_n = super().forward(x, h_0)
        return output.flip(-1), h_n

class Changing(nn.GRU):
    def forward(self, x, h_0=None):
        set_default_dtype(float64)
        return super().forward(x, h_0)

class Crashing(nn.GRU):
    def forward(self, x, h_0=None):
        os.abort()

def broken(*args, **kwargs):
    raise KeyError("my factory broke")
"""

SUBJECT = 'gru = "grus:{}"\nclaims = ["float32", "non-contiguous h_0"]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with GRUs and their subject files."""
    path = tmp_path_factory.mktemp("adopter")
    (path / "grus.py").write_text(GRUS, encoding="utf-8")
    for name in ("Plain", "Wrong"):
        (path / f"{name}.toml").write_text(SUBJECT.format(name), encoding="utf-8")
    return path


def test_what_is_not_claimed_is_not_run(suite: Suite, folder: Path) -> None:
    """A float32, forward-only GRU holds as claimed; its module lies beside the subject file."""
    derivatives = "tests/laws/test_law_08_gradients/test_derivatives.py"
    laws = ("tests/laws/test_law_04_stacked_layers.py", derivatives)
    done = suite(*laws, "tests/truths", "--gru", str(folder / "Plain.toml"))
    sentence = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS AS CLAIMED: grus:Plain (torch" in sentence
    assert "1 of 16 laws" in sentence
    assert "Not claimed: float64, float16, bfloat16, packed sequences," in sentence


def test_gru_of_another_dtype_passes_the_door(suite: Suite, folder: Path) -> None:
    """The door asks in a dtype that is claimed: a GRU without float32 is judged in float64."""
    path = folder / "double.toml"
    path.write_text('gru = "grus:Double"\nclaims = ["float64"]\n', encoding="utf-8")
    done = suite("tests/truths/test_oracle.py", "--gru", str(path), "--profile", "smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HOLDS AS CLAIMED: grus:Double" in " ".join(done.stdout.split())
    assert load(f"{folder / 'grus.py'}:Double").claims is None


def test_what_works_and_is_not_claimed_is_named(suite: Suite, folder: Path) -> None:
    """A line of the verdict, and no failure; what is refused is not in it."""
    options = ("-k", "unbatched or packed", "--gru", str(folder / "Plain.toml"))
    done = suite("tests/truths/test_golden.py", "tests/claims", *options)
    words = " ".join(done.stdout.split())
    assert done.returncode != 1, done.stdout
    assert "and yet works where it was tried: unbatched input on cpu " in words


def test_wrong_value_breaks_what_is_claimed(suite: Suite, folder: Path) -> None:
    """BROKEN AS CLAIMED, exit 1, and the failure says where."""
    done = suite("tests/truths/test_oracle.py", "--gru", str(folder / "Wrong.toml"))
    assert done.returncode == 1
    assert "BROKEN AS CLAIMED: grus:Wrong" in " ".join(done.stdout.split())
    assert "differs    output of shape" in done.stdout


def test_refusal_of_what_is_claimed_is_broken(suite: Suite, folder: Path) -> None:
    """Without a subject file float64 is claimed: its first refusal is told with words and place."""
    law = "tests/laws/test_law_04_stacked_layers.py"
    done = suite(law, "--gru", f"{folder / 'grus.py'}:Plain")
    assert done.returncode == 1
    assert "raised     NotImplementedError: float32 only" in done.stdout
    assert re.search(r"^at +.*grus\.py:\d+ in forward$", done.stdout, re.MULTILINE)
    assert done.stdout.count("called by  ") < 20


def test_refused_dtype_is_named_in_a_small_run(suite: Suite, folder: Path) -> None:
    """Though most of its cases pass, which compare names and call nothing."""
    law = "tests/laws/test_law_13_parameters"
    few = ("-k", "(documented_ones or copies_compute) and f64 and not lengths")
    done = suite(law, *few, "--gru", f"{folder / 'grus.py'}:Plain")
    assert "Refused, though claimed: float64 (" in " ".join(done.stdout.split())


def test_changed_setting_is_named_and_spares_later_cases(suite: Suite, folder: Path) -> None:
    """A default dtype that is left changed, at the door too, makes no later case another one."""
    tests = ("tests/laws/test_law_04_stacked_layers.py", "tests/truths/test_golden.py")
    done = suite(*tests, "--gru", f"{folder / 'grus.py'}:Changing")
    words = " ".join(done.stdout.split())
    changed = "torch.get_default_dtype(): torch.float32 -> torch.float64"
    assert f"Raised: it changes {changed}. Broken: 04 stacked layers." in words
    assert re.search(r"truth: golden +holds", words)


@pytest.mark.parametrize("does", ["os.abort()", "time.sleep(1e6)"])
def test_crash_and_hanging_call_cost_one_case(suite: Suite, folder: Path, does: str) -> None:
    """With a process of its own the verdict comes, and names the case."""
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    path = folder / "late.py"
    path.write_text(
        "import os, time\nfrom torch import nn\nclass Late(nn.GRU):\n"
        "    def forward(self, x, h=None):\n"
        f"        {does} if self.num_layers == 2 else None\n"
        "        return super().forward(x, h)\n",
        encoding="utf-8",
    )
    law = "tests/laws/test_law_04_stacked_layers.py"
    case = ("--case", "I3-H7-L2-B2-T5-f64", "-n", "1")
    timeout = ("-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true")
    done = suite(law, "--gru", f"{path}:Late", *case, *timeout)
    assert done.returncode == 1
    words = " ".join(done.stdout.split())
    assert "on cpu raises where it has to compute" in words
    assert "Raised: it ends the process, or hangs, in test_" in words
    assert "crashed while running" in words


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('gru = "grus:Plain"\nclaims = ["float23"]', "claims float23, which is no claim; did you"),
        ('gru = "grus:Plain"\nclaims = ["qqq"]', "pytest --claims prints them all"),
        ('gru = "grus:Plain"', "must list what is claimed"),
        ('claims = ["float32"]', "must name the GRU"),
        ("gru = ", "is no TOML"),
        ('gru = "a:B"\nclaims = ["float32"]\ndevice = "cpu"', "has no field device"),
        ('gru = "a:B"\nclaims = ["float32"]\n[[failure]]\ntest = "x"', "the three words"),
        ('gru = "grus:None"\nclaims = ["float32"]', "grus has no attribute None"),
    ],
)
def test_subject_file_that_cannot_serve_is_one_line(folder: Path, text: str, says: str) -> None:
    """A usage error names the file and what is wrong with it."""
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(pytest.UsageError, match=re.escape(says)) as raised:
        load(str(path))
    assert str(raised.value).startswith(f"--gru {path}: ")
    assert "\n" not in str(raised.value)


def test_absent_subject_file_is_one_line(folder: Path) -> None:
    """The system's words, without a traceback."""
    with pytest.raises(pytest.UsageError, match="cannot be read: No such file"):
        load(str(folder / "none.toml"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("torch.nn.LSTM", "write MODULE:ATTR (torch.nn:GRU), FILE.py:ATTR, or a subject file"),
        ("torch.nn:LSTM", "LSTM(...) returns (Tensor, tuple); a GRU returns two tensors"),
        ("{}/grus.py:broken", "raised KeyError: 'my factory broke'"),
        ("{}/grus.py:Nothing", "has no attribute Nothing"),
        ("{}/none.py:Plain", "importing {}/none.py failed: FileNotFoundError"),
    ],
)
def test_what_every_gru_must_offer_is_asked_at_the_door(folder: Path, spec: str, says: str) -> None:
    """The constructor, an input, and two tensors: otherwise nothing is run."""
    with pytest.raises(pytest.UsageError, match=re.escape(says.format(folder))):
        load(spec.format(folder))


def test_failure_that_matches_nothing_is_a_usage_error(suite: Suite, folder: Path) -> None:
    """An adopter's known failures are as strict as torch's."""
    path = folder / "failing.toml"
    entry = '[[failure]]\ntest = "tests/laws/test_law_04_nothing.py::*"\nreason = "r"\nlink = "l"\n'
    path.write_text(SUBJECT.format("Plain") + entry, encoding="utf-8")
    done = suite("tests/laws/test_law_04_stacked_layers.py", "--gru", str(path))
    assert done.returncode == 4
    assert "is in no file of tests here" in done.stdout + done.stderr


def test_known_failure_of_an_adopter_is_expected(suite: Suite, folder: Path) -> None:
    """The law fails as its author says, and the verdict counts it."""
    path = folder / "known.toml"
    entry = '[[failure]]\ntest = "tests/truths/test_oracle.py::*"\nreason = "r"\nlink = "l"\n'
    path.write_text(SUBJECT.format("Wrong") + entry, encoding="utf-8")
    done = suite("tests/truths/test_oracle.py", "--gru", str(path), "--case", "I3-H7-L1-B2-T5-f32")
    assert done.returncode == 0, done.stdout
    assert "1 known failure" in " ".join(done.stdout.split())
