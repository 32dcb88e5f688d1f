"""The page answers what was asked, says the same in HTML and in Markdown, needs nothing but itself, and lets no data become markup."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.proof.page_samples import NAMES, PAGES, busy, doctored, upgrade, verdict
from fixtures.report import page
from fixtures.report.page import answer, rendering

BROWSER = next(
    (
        found
        for found in map(
            shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
        )
        if found
    ),
    None,
)


class Plain(HTMLParser):
    """The text of a page, its addresses, and the tags that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and where it leads."""
        self.tags.add(tag)
        self.links += [
            (tag, value or "")
            for name, value in attrs
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}
        ]

    def handle_data(self, data: str) -> None:
        """Note what can be read."""
        self.text.append(data)


def written(tmp_path: Path, name: str, suffix: str) -> str:
    """A page, written and read."""
    path = tmp_path / f"page{suffix}"
    page.write(path, PAGES[name]())
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    return path.read_text(encoding="utf-8")


@pytest.fixture
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Plain:
    """The HTML page of a sample, read."""
    pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
    return Plain(written(tmp_path, request.param, ".html"))


@pytest.mark.parametrize("plain", PAGES, indirect=True)
def test_html_needs_nothing_but_itself(plain: Plain) -> None:
    """No script, no picture, font or style from elsewhere: the only address that leads out is an issue that a reason cites."""
    assert plain.tags.isdisjoint({"script", "iframe", "img", "object", "embed", "base", "form"})
    out = [(tag, to) for tag, to in plain.links if not to.startswith(("#", "data:"))]
    assert set(out) <= {("a", "https://github.com/pytorch/pytorch/issues/1")}


@pytest.mark.parametrize("plain", ["busy"], indirect=True)
def test_html_takes_its_colours_from_the_page(plain: Plain, tmp_path: Path) -> None:
    """Every picture has its words and no colour of its own, so that it can be read in the dark and aloud; and all of it is under 2 MB."""
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 3
    assert not re.findall(r"(?:fill|stroke): ?#\w+", "".join(pictures))
    assert all(re.match(r'<svg role="img" aria-label="[^"]{40,}"', picture) for picture in pictures)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not re.search(r"\$|mathdefault", "".join(pictures))
    assert "svg" in plain.tags
    assert len(text.encode()) < 2_000_000


@pytest.mark.parametrize("plain", ["busy"], indirect=True)
def test_data_is_text(plain: Plain) -> None:
    """A reason that reads like HTML stays a reason."""
    assert "<script>alert(1)</script>" in "".join(plain.text)
    assert "<img src=x>|Sample" in "".join(plain.text)


@pytest.mark.parametrize("name", ["busy", "compared"])
def test_thousands_of_drifts_stay_small(name: str, tmp_path: Path) -> None:
    """Everything moved by a different amount, as on another machine: still under 2 MB."""
    pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
    sample = PAGES[name]()
    sample.get("to", sample)["drifts"] = [
        each | {"units": 0.001 * i, "share": 0.0001 * i}
        for i in range(1, 3000)
        for each in busy()["to"]["drifts"][:3]
    ]
    page.write(tmp_path / "page.html", sample)
    assert (tmp_path / "page.html").stat().st_size < 2_000_000


def words(cells: list[str]) -> list[str]:
    """What stands in cells or headings, without markup and spaces."""
    return [
        re.sub(r"\s+|\*\*|`|\\(?=[_*`#~\[\]])", "", html.unescape(re.sub(r"<[^>]+>", "", cell)))
        for cell in cells
    ]


@pytest.mark.parametrize("name", PAGES)
def test_markdown_says_what_html_says(name: str, tmp_path: Path) -> None:
    """The answer first, then table by table the same rows and the same figures."""
    pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
    markdown, page_html = written(tmp_path, name, ".md"), written(tmp_path / "html", name, ".html")
    assert (
        words([markdown.partition("\n")[0].removeprefix("# ")])
        == words(re.findall(r"<h1.*?</h1>", page_html))
        == words([answer(PAGES[name]())[1]])
    )
    assert words(re.findall(r"^## (.*)", markdown, re.MULTILINE)) == words(
        re.findall(r"<h2.*?</h2>", page_html)
    )
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)[
        1:
    ]  # the first is the figures on top
    rows = [
        "".join(words(re.split(r"(?<!\\)\|", row)))
        for table in tables
        for row in table.splitlines()[2:]
    ]
    drawn = [
        "".join(words(re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)))
        for body in re.findall(r"<tbody>.*?</tbody>", page_html, re.DOTALL)
        for row in body.split("</tr>")[:-1]
    ]
    assert rows == drawn
    assert len(rows) > len(NAMES)


@pytest.mark.parametrize("name", PAGES)
def test_markdown_tables_are_tables(name: str, tmp_path: Path) -> None:
    """Every row has as many cells as its head, whatever stands in them."""
    for_each = [
        {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        for table in re.findall(r"(?:^\|.*\n)+", written(tmp_path, name, ".md"), re.MULTILINE)
    ]
    assert [len(counts) for counts in for_each] == [1] * len(for_each)
    assert len(for_each) > 3


def test_json_is_the_data_and_the_answer(tmp_path: Path) -> None:
    """What a machine reads is what the page was made of."""
    assert json.loads(written(tmp_path, "one", ".json")) == PAGES["one"]()
    assert json.loads(written(tmp_path / "upgrade", "calm", ".json")) == upgrade() | {
        "answer": answer(upgrade())[1]
    }


def test_nothing_to_show_is_a_sentence() -> None:
    """Without drift and without a race the page says so, and draws no empty picture."""
    pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
    text = rendering.html(doctored(lambda p: p.update(race=None)))
    assert "No recorded number moved, so there is no drift to show." in text
    assert "Speed was not compared. No race was run." in text
    assert text.count("<svg") == 1


def test_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that cannot be moved into its place costs nobody the old one, and leaves nothing behind."""
    path = tmp_path / "page.md"
    path.write_text("old", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        page.write(path, verdict("2.13.0"))
    assert [each.name for each in tmp_path.iterdir()] == ["page.md"]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("name", "lacks", "line"),
    [
        (
            "a.html",
            ("matplotlib",),
            "a.html cannot be made without matplotlib: pip install matplotlib",
        ),
        ("a.html", (), None),
        ("a.md", ("matplotlib",), None),
        ("a.md", ("jinja2",), "a.md cannot be made without jinja2: pip install jinja2"),
        ("a.json", ("jinja2", "matplotlib"), None),
        ("a.pdf", (), "a.pdf: a report ends in .html, .md or .json"),
    ],
)
def test_what_is_missing_is_one_line_before_the_run(
    name: str, lacks: tuple[str, ...], line: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each format needs its own packages, and the line says how to get them."""
    monkeypatch.setattr(page, "find_spec", lambda package: None if package in lacks else package)
    assert page.missing(Path(name)) == line


@pytest.mark.skipif(BROWSER is None, reason="no Chromium, Chrome or Edge here to open the page in")
@pytest.mark.parametrize("name", PAGES)
def test_browser_opens_it_without_an_error(name: str, tmp_path: Path) -> None:
    """Headless Chromium shows the answer, and has nothing to complain of."""
    pytest.importorskip("matplotlib", reason="the pictures are matplotlib's")
    written(tmp_path, name, ".html")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        "--enable-logging=stderr",
        "--v=0",
        "--dump-dom",
    ]
    command = [
        str(BROWSER),
        *options,
        f"--user-data-dir={tmp_path / 'profile'}",
        (tmp_path / "page.html").as_uri(),
    ]
    shown = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=120, check=False
    )  # noqa: S603  # our own command
    assert shown.returncode == 0, shown.stderr
    assert answer(PAGES[name]())[1] in "".join(Plain(shown.stdout).text)
    assert not re.search(r"CONSOLE|ERR_|Uncaught", shown.stderr)
