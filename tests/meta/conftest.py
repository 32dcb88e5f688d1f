"""What several meta tests share: the suite, run in a process of its own."""

from __future__ import annotations

import pytest

from fixtures.proof.suite import Suite, run_suite


@pytest.fixture(scope="session")
def suite() -> Suite:
    """Run pytest on the suite in a process of its own."""
    return run_suite
