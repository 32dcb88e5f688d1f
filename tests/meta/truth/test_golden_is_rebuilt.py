"""golden, notebook: what is kept is what is computed afresh. For the pictures see test_handbook.py."""

from __future__ import annotations

import json

import pytest

from fixtures.truth import notebook
from fixtures.truth.golden.vectors import FOLDER, GOLDENS, Golden, render


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_golden_rebuilt_equals_golden_kept(golden: Golden) -> None:
    """Mpmath computes the kept text again, digit for digit."""
    pytest.importorskip("mpmath", reason="mpmath is not installed; it comes with torch")
    assert render(golden) == (FOLDER / f"{golden.name}.json").read_text(encoding="utf-8")


def test_fitted_parameters_are_found_again() -> None:
    """The fit, run again, comes to the kept parameters (to six digits: BLAS differs between machines)."""
    kept = notebook.read()
    found = notebook.fit()
    assert found.keys() == kept.keys()
    assert all(found[name] == pytest.approx(kept[name], abs=1e-6) for name in kept)
    assert "Fitted" in json.loads(notebook.FILE.read_text(encoding="utf-8"))["how"]
