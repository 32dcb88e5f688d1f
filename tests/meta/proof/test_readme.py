"""README's blocks of output are what their commands print, as far as no machine may change it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from fixtures.cases.backend import Backend
from fixtures.comparison.selection import compares_with_itself
from fixtures.proof import readme as commands
from fixtures.proof.collection import LawCase, law_tests
from fixtures.report import readme

TEXT = readme.README.read_text(encoding="utf-8")
ROW = re.compile(r"^(\S.{26}) +(?:holds|-) +([\d,]+) ", re.MULTILINE)
LEFT_OUT = re.compile(r"^(?:not claimed|not here) in ([\w ]+): ([\d,]+) x", re.MULTILINE)


def counted(law_case: LawCase) -> bool:
    """Whether pytest counts it on the CPU: judged, not claimed or not here."""
    arguments = {**law_case.arguments, "backend": Backend("cpu")}
    return not compares_with_itself(arguments)


def number(text: str) -> int:
    """A number as the verdict prints it."""
    return int(text.replace(",", ""))


def test_verdict_counts_the_cases_that_there_are() -> None:
    """Law by law, README's cases and those that did not run are the law cases of the profile."""
    block = readme.block(TEXT, commands.VERIFY)
    counts = Counter({name.strip(): number(cases) for name, cases in ROW.findall(block)})
    del counts["claim: unclaimed"]  # torch.nn.GRU's restrictions are no law cases
    for name, count in LEFT_OUT.findall(block):
        counts[name] += number(count)
    law_cases = [law_case for law_test in law_tests() for law_case in law_test.law_cases]
    assert counts == Counter(each.law_test.group for each in law_cases if counted(each))


def test_sentence_adds_the_cases_up() -> None:
    """The verdict's last sentence has the sum of its lines."""
    block = " ".join(readme.block(TEXT, commands.VERIFY).split())
    total = sum(number(cases) for _, cases in ROW.findall(readme.block(TEXT, commands.VERIFY)))
    assert f"16 of 16 laws, {total:,} cases, 0 failed" in block
    assert block.count("HOLDS: torch.nn.GRU") == 1


def test_failure_is_printed_again() -> None:
    """The mutant's first failure reads today as README shows it.

    Another torch has another version, and another CPU other last digits.
    """
    another = re.compile(r"(?<=torch )[\d.]+\S*|(?<=\d\.\d{12})\d+")
    shown, printed = readme.block(TEXT, commands.FAILURE), commands.failure()
    assert another.sub("*", printed.strip()) == another.sub("*", shown.strip())


def test_readme_is_short_and_narrow() -> None:
    """At most 200 lines of 100 columns, beside the blocks that a command prints."""
    block = r"(<!-- (?!end).*? -->\n).*?(?=<!-- end)"
    written = re.sub(block, r"\1", TEXT, flags=re.DOTALL).splitlines()
    assert len(written) <= 200
    assert [line for line in written if len(line) > 100] == []


def test_missing_block_is_an_error() -> None:
    """A command that README does not show has no block."""
    with pytest.raises(ValueError, match="has no block of output of: make nothing"):
        readme.block(TEXT, "make nothing")
