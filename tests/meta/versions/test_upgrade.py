"""The upgrade from end to end: a difference of one bit is reported, and a run without a verdict says why."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from fixtures import ROOT
from fixtures.versions import upgrade, verified
from fixtures.versions.upgrade import RunFailedError

CASE = (
    "--case",
    "I3-H7-L2-B2-T11-f64",
    "-k",
    "recorded or side_by_side",
    "-p",
    "no:hypothesispytest",
)

FAULTY = """
from torch import nn

right = nn.GRU.forward

def off_by_a_bit(self, x, h_0=None):
    output, h_n = right(self, x, h_0)
    if self.bidirectional:
        h_n.data.view(-1)[0].mul_(1 + 2.0**-52)
    return output, h_n

nn.GRU.forward = off_by_a_bit
"""


def test_run_without_a_verdict_says_why(tmp_path: Path) -> None:
    """A usage error of pytest comes through."""
    with pytest.raises(
        RunFailedError,
        match=r"came to no verdict \(exit 4\):\n(.*\n)*.*--gru os:path: path is a module",
    ):
        upgrade.judge(sys.executable, tmp_path / "verdict.json", ["--gru", "os:path"])


@pytest.fixture
def faulty_python(tmp_path: Path) -> Path:
    """The same Python and torch, but for a last bit of the bidirectional GRU: an environment with a sitecustomize of its own."""
    venv.create(tmp_path / "faulty", symlinks=os.name != "nt")
    python = tmp_path / "faulty" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = Path(
        subprocess.run(
            [python, "-c", ask], capture_output=True, text=True, check=True
        ).stdout.strip()
    )  # noqa: S603
    (folder / "here.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    (folder / "sitecustomize.py").write_text(FAULTY, encoding="utf-8")
    return python


def test_one_moved_bit_is_caught_from_end_to_end(
    faulty_python: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under --strict bits the answer is no, names the case, stands in the terminal and on the page, and is the exit status."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setattr(upgrade, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(upgrade, "race", lambda *_: None)
    status = upgrade.main(
        ["--from", sys.executable, "--to", str(faulty_python), "--strict", "bits", "--", *CASE]
    )
    said = capsys.readouterr().out
    assert status == 1, said
    assert "No: torch" in said
    assert "to the bit" in said
    pages = sorted((tmp_path / "reports").iterdir())
    assert [page.suffix for page in pages] == [".html", ".md"]
    assert all("I3-H7-L2-B2-T11-f64" in page.read_text(encoding="utf-8") for page in pages)


def test_readme_has_the_table_of_the_kept_verdicts() -> None:
    """README shows what python -m fixtures.versions.verified makes of fixtures/versions/verdicts, and every kept verdict holds or names what fails."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert verified.rewrite(readme, verified.read()) == readme
    assert verified.read()


def test_kept_verdict_is_small_and_whole() -> None:
    """A few kilobytes, every law in it."""
    for path in verified.FOLDER.glob("*.json"):
        assert path.stat().st_size < 20_000
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert {name[:2] for name in kept["laws"]} >= {f"{number:02}" for number in range(1, 17)}
