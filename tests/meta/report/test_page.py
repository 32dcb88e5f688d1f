"""The page: the same in HTML and in Markdown, complete in one file, and no data becomes markup."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.proof.page_samples import NAMES, PAGES, busy, provenance, run, upgrade
from fixtures.report import page
from fixtures.report.page import answer, rendering
from fixtures.results.verdict import Verdict

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


class Plain(HTMLParser):
    """The text, the links and the tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag and its links."""
        self.tags.add(tag)
        self.links += [
            (tag, value or "")
            for name, value in attrs
            if name in {"src", "href", "xlink:href", "action", "data", "srcset"}
        ]

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text.append(data)


def written(tmp_path: Path, name: str, suffix: str) -> str:
    """A sample page, written and read."""
    path = tmp_path / f"page{suffix}"
    page.write(path, PAGES[name]())
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    return path.read_text(encoding="utf-8")


@pytest.fixture
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Plain:
    """The HTML page of a sample, parsed."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    return Plain(written(tmp_path, request.param, ".html"))


@pytest.mark.parametrize("plain", PAGES, indirect=True)
def test_html_needs_nothing_but_itself(plain: Plain) -> None:
    """No script, image, font or style from elsewhere; the only link out is to an issue."""
    assert plain.tags.isdisjoint({"script", "iframe", "img", "object", "embed", "base", "form"})
    out = [(tag, to) for tag, to in plain.links if not to.startswith(("#", "data:"))]
    assert set(out) <= {("a", "https://github.com/pytorch/pytorch/issues/1")}


@pytest.mark.parametrize("plain", ["busy"], indirect=True)
def test_html_takes_its_colours_from_the_page(plain: Plain, tmp_path: Path) -> None:
    """Every chart has a label to be read aloud and no colour of its own; the page is under 2 MB."""
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 4  # one failure, and three charts
    assert not re.findall(r"(?:fill|stroke): ?#\w+", "".join(charts))
    assert all(re.match(r'<svg role="img" aria-label="[^"]{40,}"', chart) for chart in charts)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not re.search(r"\$|mathdefault", "".join(charts))
    assert "svg" in plain.tags
    assert len(text.encode()) < 2_000_000


@pytest.mark.parametrize("plain", ["busy"], indirect=True)
def test_data_is_text(plain: Plain) -> None:
    """A reason that looks like HTML stays text."""
    assert "<script>alert(1)</script>" in "".join(plain.text)
    assert "<img src=x>|Sample" in "".join(plain.text)


@pytest.mark.parametrize("name", ["busy", "compared"])
def test_page_of_thousands_of_differences_stays_small(name: str, tmp_path: Path) -> None:
    """Every result differs by another amount, as on another machine: still under 2 MB."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    sample = busy()
    differences = tuple(
        dataclasses.replace(each, units=0.001 * i, ratio=0.0001 * i)
        for i in range(1, 3000)
        for each in sample.after.differences[:3]
    )
    after = dataclasses.replace(sample.after, differences=differences)
    report = after if name == "compared" else dataclasses.replace(sample, after=after)
    page.write(tmp_path / "page.html", report)
    assert (tmp_path / "page.html").stat().st_size < 2_000_000


def words(cells: list[str]) -> list[str]:
    """The text of cells or headings, without markup and spaces."""
    return [
        re.sub(r"\s+|\*\*|`|\\(?=[_*`#~\[\]])", "", html.unescape(re.sub(r"<[^>]+>", "", cell)))
        for cell in cells
    ]


@pytest.mark.parametrize("name", PAGES)
def test_markdown_says_what_html_says(name: str, tmp_path: Path) -> None:
    """The answer first, then table by table the same rows with the same figures."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    markdown, page_html = written(tmp_path, name, ".md"), written(tmp_path / "html", name, ".html")
    assert (
        words([markdown.partition("\n")[0].removeprefix("# ")])
        == words(re.findall(r"<h1.*?</h1>", page_html))
        == words([answer(PAGES[name]()).words])
    )
    assert words(re.findall(r"^## (.*)", markdown, re.MULTILINE)) == words(
        re.findall(r"<h2.*?</h2>", page_html)
    )
    _summary, *tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    rows = [
        "".join(words(re.split(r"(?<!\\)\|", row)))
        for table in tables
        for row in table.splitlines()[2:]
    ]
    html_rows = [
        "".join(words(re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)))
        for body in re.findall(r"<tbody>.*?</tbody>", page_html, re.DOTALL)
        for row in body.split("</tr>")[:-1]
    ]
    assert rows == html_rows
    assert len(rows) > len(NAMES)


@pytest.mark.parametrize("name", PAGES)
def test_markdown_tables_are_tables(name: str, tmp_path: Path) -> None:
    """Every row has as many cells as the head of its table."""
    widths = [
        {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        for table in re.findall(r"(?:^\|.*\n)+", written(tmp_path, name, ".md"), re.MULTILINE)
    ]
    assert all(len(each) == 1 for each in widths)
    assert len(widths) > 3


def test_json_is_the_data_and_the_answer(tmp_path: Path) -> None:
    """JSON has all data of a run or an upgrade, and the answer."""
    one = run(provenance("2.13.0"))
    assert Verdict.of_data(json.loads(written(tmp_path, "one", ".json"))) == one
    calm = json.loads(written(tmp_path / "upgrade", "calm", ".json"))
    assert Verdict.of_data(calm["to"]) == upgrade().after
    assert calm["answer"] == answer(upgrade()).words
    assert [row["slower"] for row in calm["race"]["rows"]] == [False, False]


def test_no_differences_and_no_race_are_a_sentence_each() -> None:
    """Without differences and without a race the page has a sentence in place of each chart."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    text = rendering.html(upgrade(ratio=None))
    assert "No recorded number differs. Every recorded result is bitwise equal." in text
    assert "Speed was not compared. There was no race." in text
    assert text.count("<svg") == 1


def test_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that cannot be moved into its place leaves the old one, and no other file."""
    path = tmp_path / "page.md"
    path.write_text("old", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        page.write(path, run(provenance("2.13.0")))
    assert [each.name for each in tmp_path.iterdir()] == ["page.md"]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("name", "missing", "line"),
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
    name: str, missing: tuple[str, ...], line: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each format needs other packages, and the line says how to install them."""
    monkeypatch.setattr(page, "find_spec", lambda package: None if package in missing else package)
    assert page.missing(Path(name)) == line


@pytest.mark.skipif(BROWSER is None, reason="no Chromium, Chrome or Edge here to open the page in")
@pytest.mark.parametrize("name", PAGES)
def test_browser_opens_it_without_an_error(name: str, tmp_path: Path) -> None:
    """Headless Chromium shows the answer, and reports no error."""
    pytest.importorskip("matplotlib", reason="matplotlib draws the charts")
    written(tmp_path, name, ".html")
    options = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run "
        "--enable-logging=stderr --v=0 --dump-dom"
    )
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    shown = subprocess.run(  # noqa: S603  # our own command
        [str(BROWSER), *options.split(), profile, (tmp_path / "page.html").as_uri()],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert answer(PAGES[name]()).words in "".join(Plain(shown.stdout).text)
    assert not re.search(r"CONSOLE|ERR_|Uncaught", shown.stderr)
