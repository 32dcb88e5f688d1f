"""The Makefile: its variables reach the commands, and a wrong value is refused in one line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone."""
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("verify",),
            "-m pytest tests/laws tests/truths tests/claims tests/recorded --profile quick",
        ),
        (("full",), "--profile full"),
        (("verify", "PROFILE=full"), "--profile full"),
        (("verify",), "-n auto --maxprocesses 8"),
        (("full",), "-n auto --maxprocesses 8"),
        (("verify", "JOBS=2"), "-n 2"),
        (("verify", "DEVICE=cpu cuda"), "--device cpu --device cuda"),
        (("verify", "GRU=mypkg:MyGRU"), "--gru mypkg:MyGRU"),
        (("verify", "SEED=3"), "--seed 3"),
        (("verify", "ARGS=-x"), "-x"),
        (("verify", "TORCH=2.15.0"), ".venv/torch-2.15.0/"),
        (("verify", "TORCH=newest"), "-m pip install --quiet --upgrade torch"),
        (
            ("verify", "TORCH=newest", "ARGS=--report=verdict.html"),
            '-m pip install --quiet ".[report]"',
        ),
        (
            ("upgrade", "FROM=2.0.1", "TO=2.15.0", "STRICT=bits"),
            "--strict bits -- --profile quick -n 2",
        ),
        (
            ("upgrade", "FROM=2.0.1", "TO=2.15.0", "PROFILE=full", "JOBS=4"),
            "-- --profile full -n 4",
        ),
        (("bench", "COMPARE=2.15.0"), "-m fixtures.versions.race --from .venv/torch-"),
    ],
    ids=" ".join,
)
def test_variable_reaches_the_command(arguments: tuple[str, ...], words: str) -> None:
    """The commands that make would run (make -n) have it."""
    process = make("-n", *arguments)
    assert process.returncode == 0, process.stderr
    assert words in " ".join(process.stdout.split())


def test_upgrade_needs_both_versions() -> None:
    """One line shows the command to type."""
    process = make("upgrade", "TO=2.15.0")
    assert process.returncode == 2
    assert process.stdout == "Name both versions: make upgrade FROM=2.13.0 TO=2.15.0\n"


#: A Python whose pip lists a few versions, and which cannot make environments.
PYTHON = """
case "$*" in
  *"pip index versions torch") echo "Available versions: {listed}" ;;
  -V) echo "Python 3.11.7" ;;
  "-m venv "*) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("arguments", "listed", "refused"),
    [
        (("verify", "TORCH=9.9"), "2.15.0, 2.13.0+cpu, 2.0.1", "9.9"),
        (("verify", "TORCH=2.13.0"), "2.15.0, 2.13.0+cpu, 2.0.1", None),
        (("verify", "TORCH=2.0.1"), "2.15.0, 2.13.0+cpu, 2.0.1", None),
        (("verify", "TORCH=newest"), "2.15.0, 2.13.0+cpu, 2.0.1", None),
        (("verify", "TORCH=9.9"), "", None),
        (("upgrade", "FROM=2.0.1", "TO=9.9"), "2.15.0, 2.0.1", "9.9"),
        (("versions", "VERSIONS=9.9 2.0.1"), "2.15.0, 2.0.1", "9.9"),
    ],
)
def test_version_that_pip_does_not_list_is_refused_before_anything_is_made(
    arguments: tuple[str, ...], listed: str, refused: str | None, tmp_path: Path
) -> None:
    """One line names it, this Python, this machine, and the versions that pip lists.

    If pip lists nothing, nothing is refused.
    """
    stub = tmp_path / "python"
    stub.write_text(PYTHON.format(listed=listed), encoding="utf-8", newline="\n")
    process = make(*arguments, f"PYTHON=sh {stub.as_posix()}", f"ENV={tmp_path.as_posix()}/env")
    assert process.returncode == 2
    assert ("apt install python3-venv" in process.stdout) is (refused is None)
    if refused:
        message = f"torch {refused} does not exist, or has no build for Python 3.11.7 on "
        assert process.stderr.startswith(message)
        assert process.stderr.splitlines()[0].endswith(f"the newest that pip lists: {listed}")
        assert not (ROOT / ".venv" / f"torch-{refused}").exists()
