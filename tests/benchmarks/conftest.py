"""Every benchmark compares the results of two formulations, then times one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fixtures.actions.formulations.workload import Formulation, tolerance_args
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree

#: Takes two formulations by name, the name of the one to time, and the workload.
TimeFormulation = Callable[[Mapping[str, Formulation], str, str], None]


@pytest.fixture
def time_formulation(witness: Witness, agree: Agree, benchmark: Any) -> TimeFormulation:
    """Compare two formulations, then time one; pytest-benchmark's table shows them as a group."""

    def compare_and_time(formulations: Mapping[str, Formulation], name: str, workload: str) -> None:
        first, second = formulations
        expected = formulations[first].results(workload)
        agree(
            formulations[second].results(workload),
            expected,
            **tolerance_args(witness.case, workload, expected),
        )
        benchmark.group = f"{first} or {second}, {workload} of {witness.backend}-{witness.case}"
        benchmark.name = name
        benchmark(formulations[name].do, workload)

    return compare_and_time
