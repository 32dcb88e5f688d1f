"""A refusal of what is claimed is a failure, and a run that judged nothing is not green."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.proof.suite import Done, Suite

Run = Callable[..., Done]

#: Law cases of each dtype, and of packed sequences.
FEW = (
    "tests/laws/test_law_07_packed_lengths.py",
    "tests/laws/test_law_11_precision/test_rounding.py",
    "-k",
    "(test_dtype_in_is or test_packed_run_is) and L1",
)

#: A GRU, and a plugin that does the same to torch's own.
REFUSING = """
import torch
from torch.nn.utils.rnn import PackedSequence

def refuse(what, dtype):
    if what == str(dtype).removeprefix("torch.") or what == "everything":
        raise NotImplementedError(f"no {what} here")

class GRU(torch.nn.GRU):
    what = ""
    def forward(self, x, hx=None):
        if self.what == "packed" and isinstance(x, PackedSequence):
            raise NotImplementedError("no packed here")
        refuse(self.what, self.weight_ih_l0.dtype)
        return super().forward(x, hx)

class Float64(GRU):
    what = "float64"

class Half(GRU):
    what = "half"
    def forward(self, x, hx=None):
        if self.weight_ih_l0.element_size() == 2:
            raise NotImplementedError("no half here")
        return super().forward(x, hx)

class Packed(GRU):
    what = "packed"
"""
DEAD = """
import torch
from refusing import refuse
gru = torch._VF.gru
def dead(x, *args):
    refuse("{what}", x.dtype)
    return gru(x, *args)
torch._VF.gru = dead
"""
SKIPPING = """
import pytest
def pytest_runtest_call(item):
    if "{word}" in item.nodeid:
        pytest.skip("not of interest")
"""


TOO_MODEST = """
from fixtures.cases.claims import Claim, offered
entry = offered.Unclaimed((Claim.PACKED,), ("cpu",), ">=2.0", "no packing", "https://a.b/c")
entries = (*offered.read(), entry)
offered.read = lambda: entries
"""


@pytest.fixture
def run(tmp_path: Path, suite: Suite) -> Run:
    """Run FEW with what is written above to be imported."""
    (tmp_path / "refusing.py").write_text(REFUSING, encoding="utf-8")

    def run_few(*options: str, plugin: str = "") -> Done:
        (tmp_path / "plugin_of_this_test.py").write_text(plugin, encoding="utf-8")
        return suite(*FEW, "-p", "plugin_of_this_test", *options, path=tmp_path)

    return run_few


def is_broken(process: Done, refusal: str, claims: str) -> None:
    """Exit 1, and the refusal in the verdict, with the claims, and in the first failure."""
    assert process.returncode == 1, process.stdout
    sentence = " ".join(process.stdout.partition("\nBROKEN: ")[2].split())
    assert " raises where it has to compute: " in sentence
    named = re.search(rf"though claimed: (.*) \(NotImplementedError: {refusal}\)\. ", sentence)
    assert named, sentence
    assert set(named[1].split(", ")) == set(claims.split(", "))
    assert f"raised     NotImplementedError: {refusal}\n" in process.stdout
    assert "Traceback" not in process.stdout


@pytest.mark.parametrize(
    ("what", "claims"),
    [
        ("Float64", "float64"),
        ("Half", "bfloat16, float16"),
        ("Packed", "packed sequences"),
    ],
)
def test_refusal_of_what_is_claimed_breaks_a_law(run: Run, what: str, claims: str) -> None:
    """A GRU that claims everything, as without a subject file, and refuses one thing."""
    is_broken(run("--gru", f"refusing:{what}"), f"no {what.lower()} here", claims)


@pytest.mark.parametrize(
    ("what", "claims"),
    [
        ("float64", "float64"),
        ("float32", "float32"),
        ("everything", "float32, float64, bfloat16, float16, packed sequences"),
    ],
)
def test_dead_build_of_torch_is_broken(run: Run, what: str, claims: str) -> None:
    """torch._VF.gru that raises for a dtype, or for all, is no reason to skip."""
    is_broken(run(plugin=DEAD.format(what=what)), f"no {what} here", claims)


@pytest.mark.parametrize(
    ("word", "status"), [("test_", "NOTHING JUDGED"), ("f64", "INCOMPLETE")], ids=str
)
def test_run_without_a_claimed_dtype_is_not_green(run: Run, word: str, status: str) -> None:
    """Exit 5 where every case was skipped, or every case of a dtype."""
    process = run(plugin=SKIPPING.format(word=word))
    assert process.returncode == 5, process.stdout
    assert f"\n{status}: " in process.stdout


def test_nothing_left_to_judge_is_a_line(suite: Suite) -> None:
    """Exit 5 where -k, or the paths, leave no test."""
    process = suite("tests/laws/test_law_04_stacked_layers.py", "-k", "no_such_name")
    assert process.returncode == 5, process.stdout
    assert "\nNOTHING JUDGED: no test is left to run.\n" in process.stdout


def test_restriction_that_is_no_longer_true_fails(tmp_path: Path, suite: Suite) -> None:
    """torch.nn.GRU's table may not leave out what works: one line names the entry and its link."""
    (tmp_path / "modest.py").write_text(TOO_MODEST, encoding="utf-8")
    process = suite("tests/claims", "-p", "modest", path=tmp_path)
    assert process.returncode == 1
    line = (
        r"^packed sequences works on cpu in \d+ law cases: no packing is no longer true, see https"
    )
    assert re.search(line, process.stdout, re.MULTILINE), process.stdout
    assert re.search(r"^claim: unclaimed +BROKEN +\d+ +1 ", process.stdout, re.MULTILINE)
