"""platforms: every level that the CPU can be told runs in its own process, and all must hold."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from fixtures import ROOT
from fixtures.cases.backend import Backend
from fixtures.cases.implementation import TORCH_GRU
from fixtures.proof import platforms
from fixtures.proof.platforms import AS_IT_IS, LEVELS, QUICK, VARIABLES, WHOLE, main, possible
from fixtures.results import provenance
from fixtures.results.address import Kind
from fixtures.results.ledger import Group
from fixtures.results.verdict import Status, Verdict

FLAGS = ["sse4_1", "avx2", *[f"avx512{name}" for name in ("f", "bw", "dq", "vl", "_vnni", "_bf16")]]

GROUP = Group("11 precision", Kind.LAW, passed=300, not_claimed=Counter({"subnormal bfloat16": 2}))

#: Stands for pytest: notes what it was given, and copies the verdict that lies ready for its level.
FAKE = """
import os, pathlib, shutil, sys
folder = pathlib.Path(__file__).parent
level = os.environ.get("ONEDNN_MAX_CPU_ISA", "none")
with open(folder / "runs", "a") as runs:
    print(level, os.environ.get("MKL_CBWR", "none"), *sys.argv[1:-1], file=runs)
print("the last words of pytest")
verdict = folder / (level + ".json")
if not verdict.exists():
    verdict = folder / "holds.json"
shutil.copy(verdict, sys.argv[-1]) if verdict.stat().st_size else sys.exit(3)
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command in the place of pytest, on a CPU with avx512_bf16; it holds on every level."""
    monkeypatch.setattr(platforms, "cpu_flags", lambda: frozenset(FLAGS))
    (tmp_path / "fake.py").write_text(FAKE)
    prepare(tmp_path / "holds.json", Status.HOLDS, GROUP)
    return [sys.executable, str(tmp_path / "fake.py")]


def prepare(path: Path, status: Status, group: Group) -> None:
    """Lay a verdict ready."""
    environment = provenance.here(TORCH_GRU, [Backend("cpu")], "quick", 0)
    verdict = Verdict(status, "", (group,), (), (), environment)
    path.write_text(json.dumps(verdict.as_data()))


def test_all_levels_hold(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each level, then the sum; the exit status is 0."""
    assert main([], command) == 0
    head, *rows, total = capsys.readouterr().out.splitlines()
    assert head.split()[-6:] == ["cases", "failed", "left", "out", "sec", "verdict"]
    levels = "- SSE41 AVX2 AVX512_CORE AVX512_CORE_VNNI AVX512_CORE_BF16"
    assert " ".join(row.split()[0] for row in rows) == levels
    assert all(row.endswith("  HOLDS") and row.split()[4:7] == ["300", "0", "2"] for row in rows)
    assert total == "6 of 6 levels hold."
    assert max(map(len, (head, *rows))) <= 80


def test_level_that_fails_is_explained(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first failures and the line that repeats the level; the others run; the status is 1."""
    group = Group("11 precision", Kind.LAW, passed=298, failed=2, failures=["test_x: differs"])
    prepare(tmp_path / "AVX512_CORE.json", Status.BROKEN, group)
    assert main(["--quick"], command) == 1
    output = capsys.readouterr().out
    assert (
        "  BROKEN\n  test_x: differs\n  again: ONEDNN_MAX_CPU_ISA=AVX512_CORE ATEN_CPU_" in output
    )
    assert "5 of 6 levels hold." in output


@pytest.mark.parametrize("status", [Status.NOTHING_JUDGED, Status.INTERRUPTED])
def test_level_that_judged_nothing_does_not_hold(
    command: list[str], tmp_path: Path, status: Status
) -> None:
    """No failure is not enough."""
    prepare(tmp_path / "AVX2.json", status, Group("11 precision", Kind.LAW))
    assert main([], command) == 1


def test_level_without_a_verdict_shows_what_pytest_said(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash, as an unknown instruction makes, fails the level and not the command."""
    (tmp_path / "SSE41.json").write_text("")
    assert main([], command) == 1
    output = capsys.readouterr().out
    assert "  NO VERDICT\nthe last words of pytest\n  again: ONEDNN_MAX_CPU_ISA=SSE41 " in output


def test_each_run_has_its_own_settings(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the caller do not reach a level; options after -- reach pytest."""
    monkeypatch.setenv("MKL_CBWR", "AVX")
    assert main(["--quick", "--", "--seed", "3"], command) == 0
    runs = [line.split() for line in (tmp_path / "runs").read_text().splitlines()]
    assert [run[:2] for run in runs[:2]] == [["none", "none"], ["SSE41", "COMPATIBLE"]]
    rest = [*QUICK, "-q", "-p", "no:cacheprovider", "--seed", "3", "--report"]
    assert all(run[2:] == rest for run in runs)


def test_only_levels_that_the_cpu_has_are_possible() -> None:
    """An AVX2 machine is not told that it has AVX-512; a CPU without known flags runs as it is."""
    names = [level.settings["ONEDNN_MAX_CPU_ISA"] for level in possible(FLAGS[:2])[1:]]
    assert names == ["SSE41", "AVX2"]
    assert possible([]) == [AS_IT_IS]
    assert len({str(level) for level in LEVELS}) == len(LEVELS)


def test_what_is_run_exists() -> None:
    """The paths are in the clone, and a baseline knows each variable as one that decides bits."""
    assert all((ROOT / path).exists() for path in (*WHOLE, *QUICK))
    assert set(VARIABLES) <= set(provenance.SETTINGS)
