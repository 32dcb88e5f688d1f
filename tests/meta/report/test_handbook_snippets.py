"""Every snippet of the handbook, run alone, prints what its page says.

Each is a test of its own, named by page and line. Sybil would collect them too; here it would need
an evaluator that compares a block's output with the block below it (it has that for doctests only,
and lines that begin with >>> cannot be pasted), and a guard that keeps its items out of a verdict:
more code than :mod:`fixtures.report.handbook.snippets`.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
import torch

from fixtures.comparison.tolerance import REFERENCE, RUN, tolerance
from fixtures.report.handbook import PAGES
from fixtures.report.handbook.snippets import Snippet, printed_again, snippets

PAGE = Path(__file__)
SNIPPETS = [
    snippet for page in PAGES for snippet in snippets(page, page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_snippet_prints_what_the_page_says(snippet: Snippet) -> None:
    """A snippet, run alone, prints the block below it."""
    assert snippet.printed() == snippet.shown


def test_snippet_has_the_lines_of_its_page() -> None:
    """What a snippet prints is compared alone, and its traceback names the line of the page."""
    text = "# Title\n\n```python\nprint(1)\n1 / 0\n```\n\n```text\n1\n```\n"
    (snippet,) = snippets(PAGE, text)
    with pytest.raises(ZeroDivisionError) as failure:
        snippet.printed()
    assert traceback.extract_tb(failure.value.__traceback__)[-1].lineno == 5
    (snippet,) = snippets(PAGE, text.replace("1 / 0", "print(2)"))
    assert (snippet.printed(), snippet.shown) == ("1\n2\n", "1\n")
    again = printed_again(PAGE, text.replace("1 / 0", "print(2)"))
    assert again.endswith("```text\n1\n2\n```\n")


def test_snippet_runs_as_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page shows one output, and a GPU can give another."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    text = "```python\nimport torch\nprint(torch.cuda.is_available())\n```\n"
    (snippet,) = snippets(PAGE, text)
    assert snippet.printed() == "False\n"
    assert torch.cuda.is_available()


def test_tolerances_in_snippets_are_those_of_the_table() -> None:
    """The factors that snippets multiply with are those of fixtures/comparison."""
    for reference in (RUN, REFERENCE):
        for precision, factor, u in (
            ("float64", 4, 2**-53),
            ("float32", 4, 2**-24),
            ("float16", 4, 2**-11),
            ("bfloat16", 4, 2**-8),
            ("rough tanh", 0.5, 2**-16),
            ("tf32", 5, 2**-11),
            ("bfloat16 products", 5, 2**-8),
        ):
            table = tolerance("output", precision, reference, terms=88).value
            assert table == pytest.approx(factor * u * 88**0.5)
