"""What every benchmark does: agree first, then time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fixtures.actions.formulations import Formulation, tolerance_args
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

Contest = Callable[[Mapping[str, Formulation], str, str], None]


@pytest.fixture
def contest(witness: Witness, agree: Agree, benchmark: Any) -> Contest:
    """Compare two ways to do a piece of work, then time the chosen one; both stand side by side in pytest-benchmark's table."""

    def hold(ways: Mapping[str, Formulation], chosen: str, work: str) -> None:
        first, second = ways
        expected = ways[first].results(work)
        agree(ways[second].results(work), expected, **tolerance_args(witness.case, work, expected))
        benchmark.group, benchmark.name = (
            f"{first} or {second}, {work} of {witness.backend}-{witness.case}",
            chosen,
        )
        benchmark(ways[chosen].do, work)

    return hold
