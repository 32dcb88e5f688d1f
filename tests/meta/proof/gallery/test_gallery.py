"""The gallery: members are whole, README's table is gallery.json's, and what changes is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.proof.gallery import results
from fixtures.proof.gallery.__main__ import PLAIN
from fixtures.proof.gallery.members import (
    ASSERTION,
    CRASH,
    MENDED,
    BrokenScriptError,
    Finding,
    Member,
    members,
)
from fixtures.proof.page_samples import NAMES, breaks, upgrade
from fixtures.proof.suite import Suite
from fixtures.report.readme import README, replaced

ROWS = results.read()
MEMBERS = pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
SAMPLE = upgrade(after=[breaks(NAMES[6])], ratio=1.0).after


@pytest.mark.parametrize(
    ("page", "block"),
    [(README, results.table(ROWS)), (results.PAGE, results.page(ROWS))],
    ids=["README", "the gallery's page"],
)
def test_page_has_what_was_seen(page: Path, block: str) -> None:
    """A page shows what make gallery writes, of every member that was seen."""
    text = page.read_text(encoding="utf-8")
    assert replaced(text, results.COMMAND, block) == text
    assert {row.name for row in ROWS} <= {member.name for member in members()}


@MEMBERS
def test_member_has_a_short_adapter_claims_and_exact_versions(member: Member) -> None:
    """An adapter is some thirty lines, and its extra pins every package."""
    assert member.lines <= 100
    assert member.subject.gru.startswith(f"fixtures.proof.gallery.{member.name}.gru:")
    assert all([one.operator for one in each.specifier] == ["=="] for each in member.packages)


@MEMBERS
def test_finding_is_told_only_if_it_was_seen(member: Member) -> None:
    """Every script says in a sentence what it shows, uses no line of the suite, and was run."""
    ends = {
        name: end for row in ROWS if row.name == member.name for name, end in row.findings.items()
    }
    assert sorted(ends) == [finding.path.stem for finding in member.findings]
    for finding in member.findings:
        assert finding.sentence.endswith(".")
        assert "fixtures" not in finding.path.read_text(encoding="utf-8")
        assert ends[finding.path.stem] in (ASSERTION, CRASH, MENDED)


def test_onnxruntime_computes_a_plain_case(suite: Suite) -> None:
    """The one member that an extra of make test brings: its adapter is the oracle's in float32."""
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install '.[export]'")
    done = suite(*PLAIN, "--gru", str(Member("onnxruntime").subject_file))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("assert 1 == 2, 'one is no two'", ASSERTION),
        ("import os; os.abort()", CRASH),
        ("pass", MENDED),
    ],
)
def test_script_ends_in_one_of_three_ways(body: str, end: str, tmp_path: Path) -> None:
    """What was found is there, also as a crash; or a version has mended it."""
    assert script(tmp_path, body).end() == end


@pytest.mark.parametrize("body", ["import no_such_package", "raise ValueError('other')", "1 +"])
def test_script_that_ends_otherwise_shows_nothing(body: str, tmp_path: Path) -> None:
    """It is an error, and no finding."""
    with pytest.raises(BrokenScriptError, match=r"one/it\.py: "):
        script(tmp_path, body).end()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_finding_explains_every_law_that_fails(row: results.Seen) -> None:
    """Findings name the laws that fail, and no others; smoke, of few cases, may show fewer."""
    findings = Member(row.name).findings
    assert row.unexplained(findings) == []
    named = {law for finding in findings for law in finding.laws}
    assert named == set(row.unexplained([])) or row.profile == "smoke"


def test_known_issue_is_linked(tmp_path: Path) -> None:
    """Only an address that has a line of its own is the issue's."""
    assert script(tmp_path / "other", "pass").issue is None
    finding = script(tmp_path, "pass")
    text = '"""It is wrong.\n\nSee https://no.issue in a sentence.\nhttps://example.org/1\n"""\n'
    finding.path.write_text(text, encoding="utf-8")
    assert (finding.sentence, finding.issue) == ("It is wrong.", "https://example.org/1")
    known = [finding for member in members() for finding in member.findings if finding.issue]
    assert known
    assert all(f"[Known.]({finding.issue})" in results.page(ROWS) for finding in known)


def script(folder: Path, body: str) -> Finding:
    """A finding with this body."""
    path = folder / "one" / "findings" / "it.py"
    path.parent.mkdir(parents=True)
    path.write_text(f'"""It is wrong."""\n\n{body}\n', encoding="utf-8")
    return Finding(path)


def test_law_fails_holds_or_is_not_claimed() -> None:
    """As the verdict counts its cases."""
    row = results.seen(Member("onnxruntime"), SAMPLE, {})
    broken = [law for law in row.laws if row.of_law(law) == results.FAILS]
    assert broken == [NAMES[6]]
    assert row.of_law("no such law") == results.NOT_CLAIMED
    assert results.HOLDS in map(row.of_law, row.laws)


def test_change_is_noticed() -> None:
    """A law that holds again, and a finding that is mended or new, are lines; the rest is none."""
    before = results.seen(Member("onnxruntime"), SAMPLE, {"nan": ASSERTION, "crash": CRASH})
    laws = {law: (cases, 0) for law, (cases, _) in before.laws.items()}
    after = replace(before, laws=laws, findings={"nan": MENDED, "crash": CRASH, "tanh": ASSERTION})
    assert results.changes(before, before) == []
    assert results.changes(None, after) == ["onnxruntime is new"]
    assert results.changes(before, after) == [
        f"onnxruntime: {NAMES[6]}: fails -> holds",
        "onnxruntime: nan: AssertionError -> mended",
        "onnxruntime: tanh: not there -> AssertionError",
    ]


def test_new_row_takes_the_place_of_an_old_one() -> None:
    """One row for each member, in the order of the names."""
    row = results.seen(Member("onnxruntime"), SAMPLE, {})
    other = replace(row, name="keras")
    assert results.merged([row, other], replace(row, lines=3)) == [other, replace(row, lines=3)]
