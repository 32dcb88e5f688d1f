"""The table of verified versions is the one in verified.json, and a row is its verdict's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.proof.page_samples import NAMES, breaks, differs, upgrade
from fixtures.report.readme import TRUST, replaced
from fixtures.versions import verified

SAMPLE = upgrade(after=[breaks(NAMES[6]), differs(0.5)], ratio=1.21)


def test_page_has_the_table() -> None:
    """tests/why_trust_it.md shows what python -m fixtures.versions.verified writes."""
    text, rows = TRUST.read_text(encoding="utf-8"), verified.read()
    assert rows
    assert replaced(text, verified.COMMAND, verified.table(rows)) == text
    assert verified.merged(rows, []) == rows


def test_row_has_the_counts_of_the_verdict() -> None:
    """Laws and truths, cases, bitwise equal results and the ratio of the times."""
    assert str(verified.row(SAMPLE.before, None)) == (
        "| 2.13.0+cpu, cpu | all 18 hold | 2,871 | 56 | - | 0.34 | - |"
    )
    assert str(verified.row(SAMPLE.after, SAMPLE.race)) == (
        "| 2.15.0+cpu, cpu | 17 of 18 hold | 2,871 | 56 | 99.0% of 300 results "
        "| 430000000000000.00 | 1.10 |"
    )


def test_report_of_another_machine_is_a_row(tmp_path: Path) -> None:
    """The backends of one GPU stand together, before its name."""
    gpu = [f"{name} (NVIDIA H100 80GB HBM3)" for name in ("cuda", "cuda-tf32")]
    environment = replace(SAMPLE.before.environment, torch="2.11.0+cu130", devices=("cpu", *gpu))
    report = tmp_path / "gpu.json"
    verdict = replace(SAMPLE.before, environment=environment)
    report.write_text(json.dumps(verdict.as_data()), encoding="utf-8")
    row = verified.reported(report)
    assert row.devices == "cpu, cuda, cuda-tf32 (NVIDIA H100 80GB HBM3)"


def test_new_row_takes_the_place_of_an_old_one() -> None:
    """One row for each version and its devices, in the order of the versions."""
    row = verified.row(SAMPLE.before, None)
    newer, older = replace(row, torch="2.15.0"), replace(row, torch="2.9.1+cu128")
    again = replace(newer, torch="2.15.0+cpu", cases=1)
    assert verified.merged([row, newer], [older, again]) == [older, row, again]


def test_page_without_a_place_for_the_table_is_refused() -> None:
    """The table is never written somewhere else."""
    with pytest.raises(ValueError, match="has no block of output of: "):
        replaced("# Title", verified.COMMAND, "")
