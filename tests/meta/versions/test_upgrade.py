"""The upgrade: one bit is found from end to end, and a run without a verdict states why."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from fixtures.versions import upgrade
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
        upgrade.verify(
            sys.executable, tmp_path / "verdict.json", ["--gru", "os:path"], label="here"
        )


@pytest.fixture
def faulty_python(tmp_path: Path) -> Path:
    """An environment with this torch, which changes one bit of its GRU as Python starts."""
    venv.create(tmp_path / "faulty", symlinks=os.name != "nt")
    python = tmp_path / "faulty" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    path = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    folder = Path(path.stdout.strip())
    (folder / "off_by_a_bit.py").write_text(FAULTY, encoding="utf-8")
    lines = (*site.getsitepackages(), "import off_by_a_bit")
    (folder / "here.pth").write_text("\n".join(lines), encoding="utf-8")
    return python


def test_one_bit_is_found_from_end_to_end(
    faulty_python: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under --strict bits the answer is no, printed and on the page, and the exit status 1."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setattr(upgrade, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(upgrade, "race", lambda *_: None)
    status = upgrade.main(
        ["--from", sys.executable, "--to", str(faulty_python), "--strict", "bits", "--", *CASE]
    )
    output = capsys.readouterr().out
    assert status == 1, output
    assert "No: torch" in output
    assert "does not compute, bitwise, the GRU" in output
    pages = sorted((tmp_path / "reports").iterdir())
    assert [page.suffix for page in pages] == [".html", ".md"]
    assert all("I3-H7-L2-B2-T11-f64" in page.read_text(encoding="utf-8") for page in pages)
