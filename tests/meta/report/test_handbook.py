"""The handbook, tests/laws: its tables, links and pictures are up to date, and nothing is missing.

test_handbook_snippets.py runs the snippets; test_house_rules.py checks that claims are the laws'
own sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fixtures.cases.claims import Claim
from fixtures.cases.claims.offered import read
from fixtures.report.handbook import (
    FOLDER,
    HANDBOOK,
    PAGES,
    PICTURES,
    TABLES,
    backends,
    command,
    rounding_walk,
)
from fixtures.report.handbook.snippets import snippets
from fixtures.report.readme import block, replaced

INDEX = HANDBOOK / "README.md"
Pages = Mapping[Path, str]
TEXTS: Pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
LAWS = sorted(path.name for path in HANDBOOK.glob("test_law_*"))
CHUNK = 30  # lines; the notebook is one piece


def sections(text: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def questions(pages: Pages) -> dict[tuple[Path, str], str]:
    """Page, heading and text of each question."""
    return {
        (page, heading): body
        for page, text in pages.items()
        for heading, body in sections(text).items()
        if heading.endswith("?")
    }


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def incomplete_snippets(pages: Pages) -> list[str]:
    """Snippets that print nothing, need more than torch, or are too long to be read."""
    return [
        str(snippet)
        for page, text in pages.items()
        for snippet in snippets(page, text)
        if not snippet.shown
        or snippet.imports()
        or (snippet.code.count("\n") > CHUNK and page.name != "notebook.md")
    ]


def dead_links(pages: Pages) -> list[str]:
    """Links to files, pictures and headings that do not exist."""
    dead = []
    for page, text in pages.items():
        for target in re.findall(r"\]\(((?!https://)[^)]+)\)", text):
            name, _, heading = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            there = pages.get(path) or (path.read_text("utf-8") if path.suffix == ".md" else "")
            headings = re.findall(r"^#+ (.+)$", there, re.MULTILINE) if path.exists() else []
            if not path.exists() or (heading and heading not in map(anchor, headings)):
                dead.append(f"{page.name}: {target}")
    return dead


def missing_from_index(pages: Pages) -> list[str]:
    """Questions and laws without a link in the index."""
    links = {
        f"{'' if page == INDEX else page.relative_to(HANDBOOK).as_posix()}#{anchor(heading)}"
        for page, text in pages.items()
        for heading in sections(text)
        if page == INDEX or heading.endswith("?")
    }
    return sorted(link for link in links if f"]({link})" not in pages[INDEX])


def misnamed_issues(pages: Pages) -> list[str]:
    """Links to an issue whose text is not its repository and number."""
    links = re.compile(
        r"\[([^]]*)\]\(https://github\.com/([\w.-]+/([\w.-]+)/(?:issues|pull)/(\d+))\)"
    )
    return [
        path
        for page, text in pages.items()
        if page.name != "backends.md"  # there the text is the reason
        for label, path, name, number in links.findall(text)
        if label != f"{name}#{number}"
    ]


def pictures_without_alt_text(pages: Pages) -> list[str]:
    """Pictures whose alternative text is less than five words."""
    pictures = re.findall(r"!\[(.*?)\]\(([^)\s]+)\)", "".join(pages.values()))
    return [path for alt, path in pictures if len(alt.split()) < 5]


def unanswered(pages: Pages) -> list[str]:
    """Questions without a snippet, a table or picture, or a link to an issue that asked it."""
    required = (r"^```python$", r"^\|---|^!\[", r"^(?:.*\. )?Asked[^.]*\[\S+#\d+\]\(https://")
    return [
        heading
        for (_, heading), body in questions(pages).items()
        if not all(re.search(pattern, body, re.MULTILINE) for pattern in required)
    ]


def silent_about_hardware(pages: Pages) -> list[str]:
    """Questions about a GPU or TPU that do not say whether their answer was run on one."""
    return [
        heading
        for (_, heading), body in questions(pages).items()
        if re.search(r"GPU|TPU|CUDA|cuDNN|MPS|hx is not|contiguous chunk", heading)
        and not re.search(
            r"Not\s+run\s+here: no (?:such )?[GT]PU\s+was\s+at\s+hand|Run\s+on\s+an\s+NVIDIA", body
        )
    ]


def incomplete_laws(pages: Pages) -> list[str]:
    """Laws whose section lacks a formula, a snippet, an issue or the link to its file."""
    bodies = {heading[:2]: body for heading, body in sections(pages[INDEX]).items()}
    required = (r"^```text\n", r"^```python\n", r"\[\S+#\d+\]\(https://")
    return [
        name
        for name in LAWS
        if not all(
            re.search(pattern, bodies.get(name[9:11], ""), re.MULTILINE)
            for pattern in (*required, rf"^Law: \[{name}\]\({name}\)")
        )
    ]


#: Each check of all pages, and a planted violation: text to replace, and its replacement.
CHECKS: dict[Callable[[Pages], list[str]], tuple[str, str]] = {
    incomplete_snippets: ("import torch\n", "import torch, fixtures\n"),
    dead_links: ("../pictures/rounding_walk.svg", "../pictures/rounding.svg"),
    missing_from_index: ("(#16-errors)", "(#15-execution-modes)"),
    misnamed_issues: ("pytorch/issues/3587", "pytorch/issues/3857"),
    pictures_without_alt_text: (
        "![batch_first transposes x and output. h_0 and h_n stay as they are.]",
        "![]",
    ),
    unanswered: ("Asked in [pytorch#42830]", "See [pytorch#42830]"),
    silent_about_hardware: ("Run on an NVIDIA H100", "It is so"),
    incomplete_laws: ("Law: [test_law_12_purity]", "Law: [test_law_13_purity]"),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_pages_are_whole(check: Callable[[Pages], list[str]]) -> None:
    """Snippets need torch only, links work, pictures have words, no section lacks a part."""
    assert check(TEXTS) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_finds_a_planted_violation(check: Callable[[Pages], list[str]]) -> None:
    """Pages that are wrong in one place do not pass."""
    before, after = CHECKS[check]
    page = next(page for page, text in TEXTS.items() if before in text)
    assert check({**TEXTS, page: TEXTS[page].replace(before, after, 1)})


@pytest.mark.parametrize("name", TABLES)
def test_table_is_up_to_date(name: str) -> None:
    """A table is what its command prints."""
    page, table = TABLES[name]
    assert replaced(TEXTS[page], command(name), table()) == TEXTS[page]


def test_table_of_backends_has_every_restriction() -> None:
    """A reason and a link for each entry, a row for each claim; without entries all is claimed."""
    entries, page = read(), TEXTS[HANDBOOK / "backends.md"]
    shown = block(page, command("restrictions"))
    assert all(f"[{entry.reason}]({entry.link})" in shown for entry in entries)
    assert shown.count("\n") == len(entries) + 2
    assert block(page, command("claims")).count("\n") == len(Claim) + 2
    assert " no |" in backends.claims()
    assert " no |" not in backends.claims([])


def test_laws_come_in_order() -> None:
    """The sections of the index are the laws in their order."""
    assert [heading.replace(" ", "_") for heading in sections(TEXTS[INDEX])] == [
        name.removeprefix("test_law_").removesuffix(".py") for name in LAWS
    ]


def test_every_picture_is_shown() -> None:
    """The files, the functions that draw them and the pictures on the pages are the same."""
    shown = set(re.findall(r"\]\((?:\.\./)?pictures/(\S+?)\)", "".join(TEXTS.values())))
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
