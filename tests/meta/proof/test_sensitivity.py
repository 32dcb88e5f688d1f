"""sensitivity: the suite detects smaller changes than torch's default tolerances do."""

from __future__ import annotations

from fixtures.cases.case import Case
from fixtures.proof import sensitivity


def test_suite_detects_smaller_changes_than_default_tolerances() -> None:
    """In a reverse parameter, the suite detects a smaller change than assert_close does."""
    detected = sensitivity.smallest_detected(Case(3, 7, dtype="float64"), "reverse parameter")
    assert detected is not None
    assert detected.by_suite is not None
    assert detected.by_default is not None
    assert detected.by_suite > detected.by_default
    report = sensitivity.report({("float64", "reverse parameter"): [detected, None]})
    *_, line, place = report
    assert line.split()[:5] == ["float64", "reverse", "parameter", "1", "1"]
    assert f" 2^-{detected.by_suite} " in line
    assert place.endswith(f"worst detected: {detected.where}")
