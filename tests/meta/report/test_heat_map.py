"""A failure's pattern, from the comparison to the page: words, cells, and a heat map of both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fixtures.cases.case import Case
from fixtures.comparison.agreement import Agree, Disagreement
from fixtures.comparison.describe import MOST_CELLS, Pattern, pattern
from fixtures.proof.suite import run_suite
from fixtures.results.verdict import Verdict

FAULTY = "fixtures.proof.mutants:ReverseOutputNotFlippedBack"


def wrong_at(case: Case, t: int, unit: int) -> Tensor:
    """One wrong element of the last row of ``output``."""
    sizes = (case.batch, case.seq_len) if case.batch_first else (case.seq_len, case.batch)
    wrong = torch.zeros(*sizes, 2 * case.hidden_size, dtype=torch.bool)
    wrong[(-1, t, unit) if case.batch_first else (t, -1, unit)] = True
    return wrong


@pytest.mark.parametrize("batch_first", [False, True])
def test_pattern_has_a_cell_for_each_step_and_unit(batch_first: bool) -> None:  # noqa: FBT001
    """A wrong element of the reverse half lies at its step, behind the forward half's units."""
    case = Case(3, 2, batch=3, seq_len=4, batch_first=batch_first)
    found = pattern("output", wrong_at(case, 1, 3), case)
    where = "1 of 48 elements, reverse half only, t 1 of 4, row 2 of 3, unit 3 of 4"
    assert found == Pattern(where, 4, 2, ("....", "...x", "....", "...."))


def test_cell_of_a_large_pattern_stands_for_several() -> None:
    """Of 100 steps and 100 units no wrong element is lost, and no half reaches into the other."""
    case = Case(3, 100, batch=1, seq_len=100)
    for unit, of_reverse in ((99, False), (100, True)):
        found = pattern("output", wrong_at(case, 99, unit), case)
        assert found is not None
        half = len(found.steps[0]) // 2
        assert max(len(found.steps), half) <= MOST_CELLS
        assert found.steps[-1].index("x") == (half if of_reverse else half - 1)
        assert "".join(found.steps).count("x") == 1


def test_other_results_have_no_pattern() -> None:
    """A state, a gradient and one direction's output are described in words only."""
    case = Case(3, 2, batch=1, seq_len=4)
    wrong = wrong_at(case, 1, 3)
    assert pattern("h_n", wrong, case) is None
    assert pattern("output", wrong[..., :2], case) is None
    with pytest.raises(Disagreement) as failure:
        Agree(case, "float32", lambda _: None).bitwise(torch.ones(3), torch.zeros(3), of="x")
    assert failure.value.pattern is None


def test_page_of_a_broken_law_shows_where_it_is_wrong(tmp_path: Path) -> None:
    """A faulty GRU's page has a heat map beside the words; the JSON has the same pattern."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    law = "tests/laws/test_law_01_output_sequence.py"
    for suffix in ("html", "json"):
        run_suite(law, "--profile", "smoke", "--gru", FAULTY, "--report", f"{tmp_path}/a.{suffix}")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    data = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    (group,) = Verdict.of_data(data).groups
    assert group.patterns
    for found in group.patterns.values():
        assert "reverse half only" in found.where
        assert all("x" not in step[: len(step) // 2] for step in found.steps)
        assert f'aria-label="Wrong elements of output: {found.where}."' in page
    assert len(re.findall(r'<figure class="where"><svg', page)) == len(group.patterns)
