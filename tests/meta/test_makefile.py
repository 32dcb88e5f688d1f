"""The Makefile: what is chosen on its command line reaches pytest, and a wrong word is one line."""

from __future__ import annotations

import shutil
import subprocess

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
