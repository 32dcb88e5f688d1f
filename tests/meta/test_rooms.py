"""Rooms: what may import what is checked, and each rule goes red when it is broken."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import ROOT

#: The rooms that the laws are written in.
FOR_LAWS = ("truth", "cases", "comparison", "actions")
#: The contracts of pyproject.toml.
ROOMS = "A room imports only from those before it"
TORCH = "What is right is independent of torch"

LAWS_AND_TRUTHS = sorted(
    path for room in ("laws", "truths") for path in (ROOT / "tests" / room).rglob("*.py")
)


def rooms_imported(source: str) -> Iterator[str]:
    """The rooms of fixtures that a module imports, by whatever form of import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("fixtures."))


@pytest.mark.parametrize("path", LAWS_AND_TRUTHS, ids=lambda path: path.stem)
def test_laws_and_truths_import_from_four_rooms_only(path: Path) -> None:
    """A reader of a law may ignore how results are kept, reported and proven."""
    assert set(rooms_imported(path.read_text(encoding="utf-8"))) <= set(FOR_LAWS)


@pytest.mark.parametrize(
    "line",
    [
        "from fixtures.results.ledger import Ledger",
        "from fixtures.proof import runner",
        "from fixtures import report",
        "import fixtures.plugin",
    ],
)
def test_forbidden_import_of_a_law_is_seen(line: str) -> None:
    """Every form of import counts."""
    assert not set(rooms_imported(line)) <= set(FOR_LAWS)


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("cases/case.py", "", ""),
        ("cases/case.py", "from fixtures.comparison import tolerance", ROOMS),
        ("results/ledger.py", "import fixtures.report.page", ROOMS),
        ("truth/oracle.py", "from fixtures.cases import case", ROOMS),
        ("truth/oracle.py", "import torch", TORCH),
    ],
)
def test_linter_keeps_the_order_of_the_rooms(
    tmp_path: Path, module: str, line: str, broken: str
) -> None:
    """import-linter passes the house as it is, and names the contract that an import breaks."""
    pytest.importorskip(
        "importlinter", reason="import-linter is not installed: pip install '.[lint]'"
    )
    shutil.copytree(
        ROOT / "fixtures", tmp_path / "fixtures", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "fixtures" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    command = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == bool(broken), done.stdout
    found = [
        line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith("BROKEN")
    ]
    assert found == ([broken] if broken else [])
