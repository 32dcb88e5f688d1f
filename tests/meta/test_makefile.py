"""The Makefile: its variables reach the commands, and a wrong value is refused in one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures import ROOT
from fixtures.cases import toml_files

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
        (("verify",), "-n auto --maxschedchunk 8 --maxprocesses 8"),
        (("full",), "-n auto --maxschedchunk 8 --maxprocesses 8"),
        (("test",), "-n auto --maxschedchunk 8 --maxprocesses 8"),
        (("verify", "JOBS=2"), "-n 2"),
        (("verify", "DEVICE=cpu cuda"), "--device cpu --device cuda"),
        (("verify", "GRU=mypkg:MyGRU"), "--gru mypkg:MyGRU"),
        (("verify", "SEED=3"), "--seed 3"),
        (("verify", "ARGS=-x"), "-x"),
        (("verify", "TORCH=2.15.0"), ".venv/torch-2.15.0/"),
        (("verify", "TORCH=newest"), "-m pip install --upgrade torch"),
        (
            ("verify", "TORCH=newest", "ARGS=--report=verdict.html"),
            '-m pip install --quiet numpy ".[report]"',
        ),
        (("verify", "TORCH=2.1.2"), '-m pip install --quiet "numpy<2" ".[jobs,export]"'),
        (("verify",), "-o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true"),
        (("verify", "TIMEOUT=5"), "-o faulthandler_timeout=5"),
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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "TORCH="), 'TORCH="": name one torch'),
        (("verify", "TORCH=2.13.0 2.15.0"), 'TORCH="2.13.0 2.15.0": name one torch'),
        (("verify", "TORCH=1.13.1"), "torch 1.13.1: this suite tests torch 2.0 and later"),
        (("upgrade", "FROM=1.13.1", "TO=2.13.0"), "torch 1.13.1: this suite tests torch 2.0"),
        (("versions", "VERSIONS=2.0.1 1.9.0"), "torch 1.9.0: this suite tests torch 2.0"),
        (("soak", "SEEDS=0"), "SEEDS=0 EXAMPLES=200 JOBS=: 0 is too few"),
        (("fuzz", "EXAMPLES=-1"), "EXAMPLES=-1 JOBS=: -1 is too few"),
        (("mutants", "JOBS=-1"), "JOBS=-1: -1 is too few"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_value_is_refused_before_anything_is_made(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    """One line, exit 2, and nothing runs."""
    process = make(*arguments, f"ENV={tmp_path.as_posix()}/env")
    assert process.returncode == 2
    assert says in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert process.stdout == ""
    assert not list(tmp_path.iterdir())


#: A Python whose pip lists a few versions, and which cannot make environments.
PYTHON = """
case "$*" in
  *"pip index versions torch") echo "Available versions: {listed}" ;;
  -V) echo "Python 3.11.7" ;;
  "-m venv "*) exit 1 ;;
esac
"""

#: A Python whose pip has no index.
WITHOUT_INDEX = """
case "$*" in
  *"pip index versions torch") echo "ERROR: No matching distribution found for torch" >&2; exit 1 ;;
  -V) echo "Python 3.11.7" ;;
esac
"""

#: A Python that makes an environment, whose pip then installs nothing.
WITHOUT_TORCH = """
case "$*" in
  *"pip index versions torch") echo "Available versions: 2.13.0" ;;
  "-m venv "*) mkdir -p "$3/bin" && echo "exit 1" > "$3/bin/python" && chmod +x "$3/bin/python" ;;
esac
"""


def test_no_index_is_told_before_anything_is_made(tmp_path: Path) -> None:
    """Where pip finds no torch at all (no network, PIP_NO_INDEX), the version is not to blame."""
    stub = tmp_path / "python"
    stub.write_text(WITHOUT_INDEX, encoding="utf-8", newline="\n")
    process = make("verify", "TORCH=2.4.1", f"PYTHON=sh {stub.as_posix()}", f"ENV={tmp_path}/env")
    assert process.returncode == 2
    assert process.stderr.startswith("No index answered: pip lists no torch for Python 3.11.7 on ")
    assert list(tmp_path.iterdir()) == [stub]


@pytest.mark.skipif(sys.platform == "win32", reason="the environment's Python is a shell script")
def test_failed_installation_leaves_nothing(tmp_path: Path) -> None:
    """An environment without torch is removed, and an environment that was whole is kept."""
    stub, environment = tmp_path / "python", tmp_path / "env"
    stub.write_text(WITHOUT_TORCH, encoding="utf-8", newline="\n")
    arguments = ("verify", "TORCH=2.13.0", f"PYTHON=sh {stub}", f"ENV={environment}")
    process = make(*arguments)
    assert process.returncode == 2
    assert "torch 2.13.0 could not be installed: pip says why above" in process.stdout
    assert not environment.exists()
    environment.mkdir()
    (environment / ".verify").touch()
    os.utime(environment / ".verify", (0, 0))  # older than pyproject.toml: it is made again
    assert make(*arguments).returncode == 2
    assert (environment / ".verify").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the environment's Python is a shell script")
def test_failed_installation_of_a_gallery_member_leaves_nothing(tmp_path: Path) -> None:
    """Its environment is removed, and one that was whole is kept."""
    stub, environment = tmp_path / "python", tmp_path / ".venv" / "gallery-onnx"
    stub.write_text(WITHOUT_TORCH, encoding="utf-8", newline="\n")
    (tmp_path / "pyproject.toml").touch()
    target = (environment / ".gallery").relative_to(tmp_path).as_posix()
    arguments = ("-C", str(tmp_path), "-f", str(ROOT / "Makefile"), target, f"PYTHON=sh {stub}")
    process = make(*arguments)
    assert process.returncode == 2
    assert "What onnx needs could not be installed: pip says why above" in process.stdout
    assert not environment.exists()
    environment.mkdir(parents=True)
    (environment / ".gallery").touch()
    os.utime(environment / ".gallery", (0, 0))  # older than pyproject.toml: it is made again
    assert make(*arguments).returncode == 2
    assert (environment / ".gallery").exists()


def test_what_was_typed_before_changes_no_verdict() -> None:
    """Whatever the laws use is installed before the first verify: no later command adds to it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rule = makefile.partition("$(ENV)/.verify:")[2].partition("\n\n")[0]
    extras = toml_files.read(ROOT / "pyproject.toml")["project"]["optional-dependencies"]
    installed = {
        re.split("[>=]", package)[0]
        for extra in re.findall(r'"\.\[([\w,]+)\]"', rule)[0].split(",")
        for package in extras[extra]
    }
    optional = {re.split("[>=]", each)[0] for extra in extras.values() for each in extra}
    law_files = [
        *(ROOT / "tests" / "laws").rglob("*.py"),
        *(ROOT / "tests" / "truths").rglob("*.py"),
    ]
    law_files += [
        path
        for room in ("cases", "comparison", "actions", "truth")
        for path in (ROOT / "fixtures" / room).rglob("*.py")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in law_files)
    used = {
        name for name in optional if re.search(rf"[\"' ]{name.replace('-', '_')}[\"'. \n]", text)
    }
    assert used >= {"onnx", "onnxruntime"}
    assert used <= installed


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
        message = f"torch {refused} is not among those that pip lists for Python 3.11.7 on "
        assert process.stderr.startswith(message)
        assert process.stderr.splitlines()[0].endswith(f": {listed}")
        assert not (ROOT / ".venv" / f"torch-{refused}").exists()
