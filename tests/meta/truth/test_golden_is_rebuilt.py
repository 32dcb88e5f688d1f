"""Golden vectors: mpmath computes the stored files again, digit for digit."""

from __future__ import annotations

import pytest

from fixtures.truth.golden.vectors import FOLDER, GOLDENS, Golden, render


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_golden_rebuilt_equals_golden_kept(golden: Golden) -> None:
    """Mpmath renders the text of the stored file."""
    pytest.importorskip("mpmath", reason="mpmath is not installed; it comes with torch")
    assert render(golden) == (FOLDER / f"{golden.name}.json").read_text(encoding="utf-8")
