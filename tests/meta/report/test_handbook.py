"""The handbook, tests/laws/README.md: its snippets, links and pictures are up to date.

A snippet continues from the end of the first section, the notebook, and from nothing else.
test_house_rules.py checks that the claims are the laws' own sentences.
"""

from __future__ import annotations

import doctest
import io
import re
from collections.abc import Callable

import pytest
import torch

from fixtures.report.handbook import FOLDER, PICTURES, rounding_walk

HANDBOOK = FOLDER.parent / "README.md"
TEXT = HANDBOOK.read_text(encoding="utf-8")
LAWS = sorted(path.name for path in HANDBOOK.parent.glob("test_law_*"))


def sections(text: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def snippets(section: str) -> list[str]:
    """The blocks of Python."""
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


SECTIONS = sections(TEXT)
OPENING, *REST = SECTIONS
QUESTIONS = [heading for heading in REST if heading.endswith("?")]


def doctest_report(text: str, heading: str) -> str:
    """Doctest's report on the snippets of one section; empty if each prints what the text shows."""
    bodies = sections(text)
    opening = [] if heading == OPENING else snippets(bodies[OPENING])
    source = "\n".join(opening + snippets(bodies[heading]))
    test = doctest.DocTestParser().get_doctest(source, {}, heading, str(HANDBOOK), 0)
    report = io.StringIO()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        doctest.DocTestRunner(verbose=False).run(test, out=report.write)
    return report.getvalue()


def long_snippets(text: str) -> list[str]:
    """Snippets of more than ten lines of code."""
    return [
        block
        for block in snippets(text)
        if len(re.findall(r"^(?:>>>|\.\.\.) ", block, re.MULTILINE)) > 10
    ]


def dead_links(text: str) -> list[str]:
    """Links to files, pictures and headings that do not exist."""
    anchors = {f"#{anchor(heading)}" for heading in sections(text)}
    targets = re.findall(r"\]\(((?!https://)[^)]+)\)", text)
    return [
        target
        for target in targets
        if target not in anchors
        and (target.startswith("#") or not (HANDBOOK.parent / target).exists())
    ]


def missing_from_contents(text: str) -> list[str]:
    """Headings without a link in the table of contents, which is before the first of them."""
    contents = text.partition("\n## ")[0]
    return [
        heading for heading in list(sections(text))[1:] if f"](#{anchor(heading)})" not in contents
    ]


def misnamed_issues(text: str) -> list[str]:
    """Links to GitHub whose text is not the repository and number of the issue."""
    links = re.findall(r"\[([^]]*)\]\(https://github\.com/([^)]*)\)", text)
    issue = re.compile(r"[\w-]+/([\w-]+)/(?:issues|pull)/(\d+)")
    return [path for label, path in links if issue.sub(r"\1#\2", path) != label]


def pictures_without_alt_text(text: str) -> list[str]:
    """Pictures whose alternative text is less than five words."""
    pictures = re.findall(r"!\[(.*?)\]\(([^)\s]+)\)", text)
    return [path for alt, path in pictures if len(alt.split()) < 5]


def unanswered(text: str) -> list[str]:
    """Questions without a snippet, a table or picture, or a link to an issue that asked it."""
    required = (r"^>>> ", r"^\|---|^!\[", r"^Asked.*\[\S+#\d+\]\(https://")
    return [
        heading
        for heading, body in sections(text).items()
        if heading.endswith("?")
        and not all(re.search(pattern, body, re.MULTILINE) for pattern in required)
    ]


def incomplete(text: str) -> list[str]:
    """Laws whose section lacks a formula, a snippet, an issue or the link to its file."""
    bodies = {heading[:2]: body for heading, body in sections(text).items()}
    required = (r"^```text\n", r"^>>> ", r"\[\S+#\d+\]\(https://")
    return [
        name
        for name in LAWS
        if not all(
            re.search(pattern, bodies.get(name[9:11], ""), re.MULTILINE)
            for pattern in (*required, rf"^Law: \[{name}\]\({name}\)")
        )
    ]


#: Each check of the whole text, and a planted violation: text to replace, and its replacement.
CHECKS: dict[Callable[[str], list[str]], tuple[str, str]] = {
    long_snippets: ("```python\n", "```python\n" + 11 * ">>> 1\n1\n"),
    dead_links: ("pictures/packed.svg", "pictures/unpacked.svg"),
    missing_from_contents: ("(#16-errors)", "(#15-execution-modes)"),
    misnamed_issues: ("pytorch/issues/3587", "pytorch/issues/3857"),
    pictures_without_alt_text: (
        "![batch_first transposes x and output. h_0 and h_n stay as they are.]",
        "![]",
    ),
    unanswered: ("Asked in [pytorch#42830]", "See [pytorch#42830]"),
    incomplete: ("Law: [test_law_12_purity]", "Law: [test_law_13_purity]"),
}


@pytest.mark.parametrize("heading", SECTIONS, ids=anchor)
def test_snippets_print_what_the_page_says(heading: str) -> None:
    """Every snippet of a section, run by doctest, prints the lines below it."""
    assert snippets(SECTIONS[heading])
    assert not doctest_report(TEXT, heading)


@pytest.mark.parametrize("heading", SECTIONS, ids=anchor)
def test_other_output_is_found(heading: str) -> None:
    """If the last line that a section prints is changed, its check fails."""
    last = snippets(SECTIONS[heading])[-1]
    doctored = SECTIONS[heading].replace(last, last.rstrip("\n") + " and more\n")
    assert doctest_report(TEXT.replace(SECTIONS[heading], doctored), heading)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_page_is_whole(check: Callable[[str], list[str]]) -> None:
    """Snippets are short, links work, pictures have alternative text, no section lacks a part."""
    assert check(TEXT) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_a_planted_violation(check: Callable[[str], list[str]]) -> None:
    """A text that is wrong in one place does not pass."""
    before, after = CHECKS[check]
    assert before in TEXT
    assert len(check(TEXT.replace(before, after, 1))) > len(check(TEXT))


def test_laws_come_in_order_then_the_questions() -> None:
    """After the notebook come the laws in their order, then questions only."""
    assert [heading.replace(" ", "_") for heading in REST[: len(LAWS)]] == [
        name.removeprefix("test_law_").removesuffix(".py") for name in LAWS
    ]
    assert REST[len(LAWS) :] == QUESTIONS


def test_every_picture_is_shown() -> None:
    """The files, the functions that draw them and the pictures on the page are the same."""
    shown = set(re.findall(r"\]\(pictures/(\S+?)\)", TEXT))
    assert shown == set(PICTURES) == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_not_stale(name: str) -> None:
    """A picture that is drawn again equals its file."""
    assert PICTURES[name]().svg() == (FOLDER / name).read_text(encoding="utf-8")


def test_rounding_walk_is_measured_again() -> None:
    """Every case has the k in the file; the sum of errors is that of the file, within a half.

    No two kinds of CPU round alike, so the errors are not compared one by one.
    """
    ks, errors = zip(*rounding_walk.read(), strict=True)
    ks_again, errors_again = zip(*rounding_walk.measure(rounding_walk.cases()), strict=True)
    assert ks_again == ks
    assert sum(errors_again) == pytest.approx(sum(errors), rel=0.5)
