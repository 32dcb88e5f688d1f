"""The house rules that a machine can hold: names, docstrings, README and files agree.

Data flows one way; one place has tolerances.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fixtures import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HANDBOOK = (ROOT / "tests" / "laws" / "README.md").read_text(encoding="utf-8")
LAWS = sorted((ROOT / "tests" / "laws").rglob("test_*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
MODULES = sorted((ROOT / "fixtures").rglob("*.py"))
SOURCES = [ROOT / "conftest.py", *MODULES, *TESTS]


def relative(path: Path) -> str:
    """A path as a test's id: from the root of the clone, with slashes."""
    return path.relative_to(ROOT).as_posix()


def summary(node: ast.Module | ast.FunctionDef) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def claim(path: Path) -> tuple[str, str, str]:
    """Number, name and claim of a law, from the first paragraph of its docstring."""
    first = summary(ast.parse(path.read_text(encoding="utf-8")))
    match = re.fullmatch(r"Law (\d\d), ([\w ]+): (.+\.)", first)
    assert match is not None, f"{relative(path)}: the docstring must begin: Law NN, name: claim."
    return match[1], match[2], match[3]


def tests_of(path: Path) -> list[ast.FunctionDef]:
    """The tests of a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        node
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


tests_of.__test__ = False  # type: ignore[attr-defined]  # it lists tests and is none


@pytest.mark.parametrize("path", LAWS, ids=relative)
def test_law_has_one_number_and_one_name(path: Path) -> None:
    """File or folder, docstring and the handbook agree on the law and its claim."""
    number, name, sentence = claim(path)
    law, *_ = path.relative_to(ROOT / "tests" / "laws").with_suffix("").parts
    assert law == f"test_law_{number}_{name.replace(' ', '_')}"
    section = HANDBOOK.partition(f"\n## {number} {name}\n\n")[2]
    assert f"> {sentence}\n" in section.partition("\n```")[0]


def test_handbook_lists_the_laws_there_are() -> None:
    """The handbook has a quotation for each law file, and no more."""
    assert len(re.findall(r"^> ", HANDBOOK, re.MULTILINE)) == len(LAWS)


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_names_are_sentences_and_docstrings_state_the_claim(path: Path) -> None:
    """No "should", no "test that"; every test says in a sentence what it claims."""
    for function in tests_of(path):
        assert not re.search(r"_should_|^test_that_", function.name), function.name
        assert summary(function).endswith("."), f"{function.name}: {summary(function)!r}"


@pytest.mark.parametrize("path", LAWS, ids=relative)
def test_law_cites_its_source(path: Path) -> None:
    """After ``Source:`` stands the torch documentation's section, the paper, or the issue."""
    assert re.search(
        r"^Sources?: ",
        ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "",
        re.MULTILINE,
    )


@pytest.mark.parametrize("path", LAWS, ids=relative)
def test_law_compares_only_through_agree(path: Path) -> None:
    """A law has no bare assert, and every test of it takes the comparison."""
    for function in tests_of(path):
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(function)), function.name
        assert "agree" in {argument.arg for argument in function.args.args}, function.name


#: The files that may have a tolerance.
TOLERANCES = {
    "fixtures/comparison/tolerance.py": "the table",
    "fixtures/proof/sensitivity.py": "measures what assert_close notices by its default tolerances",
}


def tolerances(text: str) -> list[str]:
    """The tolerances in a source, and the numbers of terms that it changes."""
    nodes = list(ast.walk(ast.parse(text)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {str(node.arg) for node in nodes if isinstance(node, ast.keyword)}
    sums = [ast.unparse(node) for node in nodes if isinstance(node, ast.BinOp)]
    return [
        *sorted(names & {"rtol", "atol", "allclose", "isclose", "assert_close"}),
        *(one for one in sums if re.search(r"\blongest_\w+\(", one)),
    ]


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if relative(path) not in TOLERANCES], ids=relative
)
def test_tolerances_stand_in_one_place(path: Path) -> None:
    """No other file has a tolerance, or changes the number of terms that widens one."""
    assert tolerances(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "torch.allclose(a, b)",
        "assert_close(a, b)",
        "check(a, b, atol=1e-3)",
        "rtol = 1e-3",
        "agree(a, b, terms=longest_dot_product(case) + 8)",
    ],
)
def test_tolerance_elsewhere_is_found(text: str) -> None:
    """Each of these in a source is a tolerance."""
    assert len(tolerances(text)) == 1


def test_oracle_shares_no_line_with_torch() -> None:
    """The oracle imports numpy and the standard library only."""
    text = (ROOT / "fixtures" / "truth" / "oracle.py").read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from)\s+(torch|fixtures)\b", text, re.MULTILINE)


def test_options_in_readme_are_the_options_there_are() -> None:
    """README's table of options and conftest's declarations name the same ones."""
    declared = set(
        re.findall(
            r'addoption\(\s*"(--[\w-]+)"', (ROOT / "conftest.py").read_text(encoding="utf-8")
        )
    )
    assert set(re.findall(r"^\| `(--[\w-]+)", README, re.MULTILINE)) == declared


def test_make_targets_in_readme_exist() -> None:
    """README shows every documented target of the Makefile, and no other."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE)) - {"help"}
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", README, re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"`([a-z]+)`", row)}
    shown |= set(re.findall(r"(?:`|^    )make ([a-z]+)\b", README, re.MULTILINE))
    assert shown == targets


def test_default_torch_is_pinned_in_one_place() -> None:
    """The pinned version stands in the Makefile and in no other file that decides anything."""
    pinned = re.search(
        r"^TORCH \?= (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert pinned is not None
    deciding = [ROOT / "pyproject.toml", ROOT / ".ci" / "run", *(ROOT / ".github").rglob("*.yml")]
    assert [
        relative(path) for path in deciding if pinned[1] in path.read_text(encoding="utf-8")
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_is_short_enough_to_read(path: Path) -> None:
    """A file over 250 lines wants to be two."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_modules_are_named_by_what_they_promise(path: Path) -> None:
    """No utils, helpers, common, misc."""
    assert not set(path.relative_to(ROOT).with_suffix("").parts) & {
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "misc",
    }
