"""Fuzz: any legal case and any seed, for every law test that can run it. ``make fuzz`` tries many.

Hypothesis draws the case and shrinks a failing one; the failure is one line to paste. By default,
two derandomised examples run of each law test.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import Implementation
from fixtures.cases.memory_layout import LAYOUTS
from fixtures.proof.collection import LawCase, LawTest, law_tests
from fixtures.proof.runner import run
from fixtures.results import known_failures
from fixtures.results.reproducer import Options, again

hypothesis: Any = pytest.importorskip(
    "hypothesis", reason="hypothesis is not installed; make fuzz installs it"
)
st: Any = pytest.importorskip("hypothesis.strategies", reason="hypothesis is not installed")

#: Bounds the memory: numbers in the input and the gates of one layer, over all steps.
MOST_NUMBERS = 40_000

CASES = st.builds(
    Case,
    input_size=st.integers(1, 40),
    hidden_size=st.integers(1, 40),
    num_layers=st.integers(1, 4),
    batch=st.integers(1, 80),
    seq_len=st.integers(1, 40),
    batch_first=st.booleans(),
    bias=st.booleans(),
    dtype=st.sampled_from(("float32", "float64", "float16", "bfloat16")),
    h_0=st.sampled_from(("random", "zeros", "none")),
    lengths=st.sampled_from(("whole", "equal", "sorted", "unsorted", "ones")),
    layout=st.sampled_from(tuple(LAYOUTS)),
    dropout=st.sampled_from((0.0, 0.2, 0.5)),
    training=st.booleans(),
).filter(
    lambda case: (
        case.batch * case.seq_len * (3 * case.hidden_size + case.input_size) <= MOST_NUMBERS
    )
)


def of_one_case(law_test: LawTest) -> list[LawCase]:
    """The law cases of the test's first case: its other arguments."""
    law_cases = list(law_test.law_cases)
    return [law_case for law_case in law_cases if law_case.case == law_cases[0].case]


@pytest.mark.parametrize(
    "law_test",
    [law_test for law_test in law_tests() if law_test.table.adapter],
    ids=lambda law_test: law_test.nodeid.rpartition("/")[2],
)
def test_law_test_holds_for_any_case(
    law_test: LawTest, backend: Backend, implementation: Implementation, pytestconfig: pytest.Config
) -> None:
    """The law test passes whatever the case and the seed, or is skipped with a reason."""
    count, law_cases = pytestconfig.option.fuzz, of_one_case(law_test)

    @hypothesis.settings(  # type: ignore[untyped-decorator]  # hypothesis may be absent
        max_examples=count or 2,
        derandomize=not count,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(  # type: ignore[untyped-decorator]  # likewise
        index=st.integers(0, len(law_cases) - 1),  # of a law case hypothesis would print pages
        case=CASES.map(law_test.table.adapt).filter(bool),
        seed=st.integers(0, 10**6),
    )
    def holds(index: int, case: Case, seed: int) -> None:
        law_case = dataclasses.replace(law_cases[index], case=case)
        outcome, reason = run(law_case, implementation, backend, seed)
        nodeid = law_case.nodeid(backend)
        if outcome.fails and not known_failures.is_known(nodeid, implementation):
            gru = pytestconfig.option.gru or ""
            options = Options(case=str(case), devices=[str(backend)], gru=gru, seed=seed)
            line = again(law_test.nodeid, options)
            pytest.fail(f"{outcome.value}: {reason}\nagain      {line}", pytrace=False)

    try:
        holds()
    except hypothesis.errors.Unsatisfiable:
        pytest.skip("hypothesis drew no case that fits the law test")
