"""The handbook, tests/laws/README.md: its snippets print what it says, its links lead somewhere, its pictures are what is drawn now.

A snippet goes on from where the first section, the notebook, ends, and from nothing else. That claims are the laws' own sentences
says test_house_rules.py.
"""

from __future__ import annotations

import doctest
import io
import re
from collections.abc import Callable

import pytest
import torch

from fixtures.report import handbook as pictures
from fixtures.report.handbook import rounding_walk

HANDBOOK = pictures.FOLDER.parent / "README.md"
TEXT = HANDBOOK.read_text(encoding="utf-8")
LAWS = sorted(path.name for path in HANDBOOK.parent.glob("test_law_*.py"))


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def snippets(section: str) -> list[str]:
    """The blocks of Python."""
    return re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Where a heading can be linked to, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


SECTIONS = sections(TEXT)
OPENING, *REST = SECTIONS
QUESTIONS = [heading for heading in REST if heading.endswith("?")]


def otherwise(text: str, heading: str) -> list[str]:
    """What doctest found to print otherwise than one section says."""
    found = sections(text)
    opening = [] if heading == OPENING else snippets(found[OPENING])
    test = doctest.DocTestParser().get_doctest(
        "\n".join(opening + snippets(found[heading])), {}, heading, str(HANDBOOK), 0
    )
    said = io.StringIO()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        doctest.DocTestRunner(verbose=False).run(test, out=said.write)
    return [said.getvalue()] if said.getvalue() else []


def long_snippets(text: str) -> list[str]:
    """Snippets of more than ten lines of code."""
    return [
        block
        for block in snippets(text)
        if len(re.findall(r"^(?:>>>|\.\.\.) ", block, re.MULTILINE)) > 10
    ]


def dead_links(text: str) -> list[str]:
    """Links to files, pictures and headings that are not there."""
    anchors = {f"#{anchor(heading)}" for heading in sections(text)}
    targets = re.findall(r"\]\(((?!https://)[^)]+)\)", text)
    return [
        target
        for target in targets
        if target not in anchors
        and (target.startswith("#") or not (HANDBOOK.parent / target).is_file())
    ]


def missing_from_contents(text: str) -> list[str]:
    """Headings that the contents, before the first of them, do not lead to."""
    contents = text.partition("\n## ")[0]
    return [
        heading for heading in list(sections(text))[1:] if f"](#{anchor(heading)})" not in contents
    ]


def misnamed_issues(text: str) -> list[str]:
    """Links to GitHub whose words are not the repository and number that they lead to."""
    links = re.findall(r"\[([^]]*)\]\(https://github\.com/([^)]*)\)", text)
    read = [
        (words, where, re.fullmatch(r"[\w-]+/([\w-]+)/(?:issues|pull)/(\d+)", where))
        for words, where in links
    ]
    return [
        where for words, where, parts in read if parts is None or words != f"{parts[1]}#{parts[2]}"
    ]


def silent_pictures(text: str) -> list[str]:
    """Pictures without words for those who do not see them."""
    return [
        path
        for words, path in re.findall(r"!\[(.*?)\]\(([^)\s]+)\)", text)
        if len(words.split()) < 5
    ]


def unanswered(text: str) -> list[str]:
    """Questions without a snippet, a table or picture, or the issue where somebody asked."""
    wanted = (r"^>>> ", r"^\|---|^!\[", r"^Asked.*\[\S+#\d+\]\(https://")
    return [
        heading
        for heading, body in sections(text).items()
        if heading.endswith("?") and not all(re.search(sign, body, re.MULTILINE) for sign in wanted)
    ]


def incomplete(text: str) -> list[str]:
    """Laws whose section has not a formula, a snippet, a real issue and, last, its file."""
    bodies = {heading[:2]: body for heading, body in sections(text).items()}
    wanted = (r"^```text\n", r"^>>> ", r"\[\S+#\d+\]\(https://")
    return [
        name
        for name in LAWS
        if not all(
            re.search(sign, bodies.get(name[9:11], ""), re.MULTILINE)
            for sign in (*wanted, rf"^Law: \[{name}\]\({name}\)")
        )
    ]


#: Each check of the whole text, and a change of the text, from and to, that it has to find.
CHECKS: dict[Callable[[str], list[str]], tuple[str, str]] = {
    long_snippets: ("```python\n", "```python\n" + 11 * ">>> 1\n1\n"),
    dead_links: ("pictures/packed.svg", "pictures/unpacked.svg"),
    missing_from_contents: ("(#16-errors)", "(#15-execution-modes)"),
    misnamed_issues: ("pytorch/issues/3587", "pytorch/issues/3857"),
    silent_pictures: (
        "![batch_first turns the tables of x and output. Those of h_0 and h_n stay.]",
        "![]",
    ),
    unanswered: ("Asked in [pytorch#42830]", "See [pytorch#42830]"),
    incomplete: ("Law: [test_law_12_purity.py]", "Law: [test_law_13_purity.py]"),
}


@pytest.mark.parametrize("heading", SECTIONS, ids=anchor)
def test_snippets_print_what_the_page_says(heading: str) -> None:
    """Run by doctest, every snippet of a section prints what stands below it."""
    assert snippets(SECTIONS[heading])
    assert not otherwise(TEXT, heading)


@pytest.mark.parametrize("heading", SECTIONS, ids=anchor)
def test_another_print_is_found(heading: str) -> None:
    """With the last line that a section prints changed, its check fails."""
    last = snippets(SECTIONS[heading])[-1]
    doctored = SECTIONS[heading].replace(last, last.rstrip("\n") + " and more\n")
    assert otherwise(TEXT.replace(SECTIONS[heading], doctored), heading)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_page_is_whole(check: Callable[[str], list[str]]) -> None:
    """Snippets are short, links and contents lead somewhere, issues are named, pictures have words, nothing lacks its parts."""
    assert check(TEXT) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_what_it_looks_for(check: Callable[[str], list[str]]) -> None:
    """A page that was doctored in one place does not pass."""
    before, after = CHECKS[check]
    assert before in TEXT
    assert len(check(TEXT.replace(before, after, 1))) > len(check(TEXT))


def test_laws_come_in_order_then_the_questions() -> None:
    """After the notebook: the laws by their numbers and names, then nothing but questions."""
    assert [heading.replace(" ", "_") for heading in REST[: len(LAWS)]] == [
        name.removeprefix("test_law_").removesuffix(".py") for name in LAWS
    ]
    assert REST[len(LAWS) :] == QUESTIONS


def test_every_picture_is_shown() -> None:
    """The files, the functions that draw them and the pictures on the page are the same ones."""
    shown = set(re.findall(r"\]\(pictures/(\S+?)\)", TEXT))
    assert shown == set(pictures.PICTURES) == {path.name for path in pictures.FOLDER.iterdir()}


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_not_stale(name: str) -> None:
    """A picture drawn again is the picture kept."""
    assert pictures.PICTURES[name]().svg() == (pictures.FOLDER / name).read_text(encoding="utf-8")


def test_rounding_walk_is_measured_again() -> None:
    """Of the thousand cases, every fiftieth has the kept k; and their errors sum to what is kept, give or take a half, for no two CPUs round alike."""
    kept = rounding_walk.read()[::50]
    found = rounding_walk.measure(rounding_walk.cases()[::50])
    assert [k for k, _ in found] == [k for k, _ in kept]
    assert sum(error for _, error in found) == pytest.approx(
        sum(error for _, error in kept), rel=0.5
    )
