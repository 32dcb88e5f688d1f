"""The badge: what an author's GRU holds, in one line, and nothing else than that."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from fixtures.cases.claims import Claim
from fixtures.proof.page_samples import NAMES, provenance, run
from fixtures.report import page
from fixtures.report.badge import badge
from fixtures.results.ledger import Ledger

CLAIMED = replace(provenance("2.13.0"), as_claimed=True, not_claimed=("float64", "dropout"))


def test_badge_names_laws_claims_cases_and_torch() -> None:
    """The words stand in the alternative text, and in the address, escaped."""
    verdict = run(CLAIMED)
    claims = f"{len(Claim) - 2} of {len(Claim)} claims"
    words = f"16 of 16 laws hold, {claims}, {verdict.total('cases'):,} cases, torch 2.13.0+cpu"
    line = badge(verdict) or ""
    address = line.removeprefix(f"![bidirectional GRU: {words}](").removesuffix(")")
    assert re.fullmatch(r"https://img\.shields\.io/badge/[\w%.+]+-[\w%.]+-green", address)
    assert unquote(address).endswith(f"/bidirectional GRU-{words}-green")


@pytest.mark.parametrize("suffix", [".md", ".html"])
def test_markdown_report_ends_with_the_badge(tmp_path: Path, suffix: str) -> None:
    """It is Markdown, to be pasted: the page in HTML has none."""
    path = tmp_path / f"page{suffix}"
    pytest.importorskip("matplotlib" if suffix == ".html" else "jinja2", reason="not installed")
    page.write(path, run(CLAIMED))
    assert ("https://img.shields.io" in path.read_text(encoding="utf-8")) is (suffix == ".md")


def test_no_badge_for_less() -> None:
    """Neither for torch's own GRU, nor for one that fails, nor where no truth ran."""

    def fail(ledger: Ledger) -> None:
        ledger.groups[NAMES[0]].failed = 1

    def without_truths(ledger: Ledger) -> None:
        for name in NAMES:
            if name.startswith("truth"):
                del ledger.groups[name]

    assert badge(run(provenance("2.13.0"))) is None
    assert badge(run(CLAIMED, fail)) is None
    assert badge(run(CLAIMED, without_truths)) is None
