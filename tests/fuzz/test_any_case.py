"""Fuzz: any legal configuration, any seed, every sentence of every law and truth that speaks of it. ``make fuzz`` tries many.

Hypothesis draws the case and shrinks it; what is left is one line to paste. In the suite's own tests a derandomised handful runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import Implementation
from fixtures.proof.runner import LawCase, LawTest, Outcome, law_tests

hypothesis: Any = pytest.importorskip(
    "hypothesis", reason="hypothesis is not installed; make fuzz installs it"
)
st: Any = pytest.importorskip("hypothesis.strategies", reason="hypothesis is not installed")

#: The memory bound: numbers in one layer's gates over all steps.
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
    layout=st.sampled_from(("contiguous", "strided", "permuted")),
    dropout=st.sampled_from((0.0, 0.2, 0.5)),
    training=st.booleans(),
).filter(
    lambda case: (
        case.batch * case.seq_len * (3 * case.hidden_size + case.input_size) <= MOST_NUMBERS
    )
)


def cases_of(sentence: LawTest) -> Any:
    """Cases that the sentence speaks of."""
    return CASES.map(sentence.table.adapt).filter(bool)


def arguments_of(sentence: LawTest) -> list[Mapping[str, Any]]:
    """The further arguments that the sentence takes, one set for each of its trials on one case."""
    return [
        law_case.arguments
        for law_case in sentence.law_cases
        if law_case.case == sentence.table.quick[0]
    ]


@pytest.mark.parametrize(
    "sentence",
    [sentence for sentence in law_tests() if sentence.table.adapter],
    ids=lambda sentence: sentence.nodeid.rpartition("/")[2],
)
def test_sentence_holds_for_any_case(
    sentence: LawTest, backend: Backend, implementation: Implementation, pytestconfig: pytest.Config
) -> None:
    """Whatever the case and the seed, the sentence passes, or is skipped with a reason."""
    count = pytestconfig.option.fuzz

    @hypothesis.settings(  # type: ignore[untyped-decorator]  # hypothesis may be absent
        max_examples=count or 2,
        derandomize=not count,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(  # type: ignore[untyped-decorator]  # likewise
        case=cases_of(sentence),
        arguments=st.sampled_from(arguments_of(sentence)),
        seed=st.integers(0, 10**6),
    )
    def judged(case: Case, arguments: Mapping[str, Any], seed: int) -> None:
        outcome, why = LawCase(sentence, case, arguments).run(implementation, backend, seed)
        if outcome in {Outcome.REJECTED, Outcome.CRASHED}:
            again = f'pytest "{sentence.nodeid}" --case {case} --seed {seed} --device {backend}'
            pytest.fail(f"{outcome.value}: {why}\nagain      {again}", pytrace=False)

    try:
        judged()
    except hypothesis.errors.Unsatisfiable:
        pytest.skip("hypothesis drew no case that the sentence speaks of")
