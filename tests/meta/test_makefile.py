"""The Makefile: what is chosen on its command line reaches pytest, and a wrong word is one line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # noqa: S603, S607


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify",), "-m pytest tests/laws tests/truths tests/recorded --profile quick"),
        (("full",), "--profile full"),
        (("verify", "PROFILE=full"), "--profile full"),
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
def test_choice_reaches_the_command(arguments: tuple[str, ...], says: str) -> None:
    """What make would run (make -n) has it."""
    done = make("-n", *arguments)
    assert done.returncode == 0, done.stderr
    assert says in " ".join(done.stdout.split())


def test_upgrade_wants_both_versions() -> None:
    """One line says what to type."""
    done = make("upgrade", "TO=2.15.0")
    assert done.returncode == 2
    assert done.stdout == "Name both versions: make upgrade FROM=2.13.0 TO=2.15.0\n"


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
    """One line names it, this Python, this machine and what there is. Where pip lists nothing, nothing is refused."""
    stub = tmp_path / "python"
    stub.write_text(PYTHON.format(listed=listed), encoding="utf-8", newline="\n")
    done = make(*arguments, f"PYTHON=sh {stub.as_posix()}", f"ENV={tmp_path.as_posix()}/env")
    assert done.returncode == 2
    assert ("apt install python3-venv" in done.stdout) is (refused is None)
    if refused:
        says = f"torch {refused} does not exist, or has no build for Python 3.11.7 on "
        assert done.stderr.startswith(says)
        assert done.stderr.splitlines()[0].endswith(f"the newest that pip lists: {listed}")
        assert not (ROOT / ".venv" / f"torch-{refused}").exists()
