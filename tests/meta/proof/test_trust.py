"""The figures of tests/why_trust_it.md, and the one in README.md, are what their commands print."""

from __future__ import annotations

import re

import pytest

from fixtures.proof import trust
from fixtures.proof.mutants import MUTANTS
from fixtures.report.readme import README, TRUST, block, replaced

TEXT = TRUST.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", trust.SHORT)
def test_short_block_is_printed_again(command: str) -> None:
    """Tests, mutants, the notebook's check and stand-ins are counted as the page says."""
    assert replaced(TEXT, command, trust.SHORT[command]()) == TEXT


def test_readme_has_the_sentence_of_the_page() -> None:
    """How many planted faults the notebook's check rejects stands on both pages."""
    command = trust.command("notebook")
    sentence = block(TEXT, command)
    assert block(README.read_text(encoding="utf-8"), command) == sentence
    rejected, of, all_of_them = map(int, re.findall(r"\d+", sentence))
    assert 0 < rejected < of == all_of_them == len(MUTANTS)


#: What the long blocks must say, whatever the machine.
SAYS = {
    "python -m fixtures.proof.trust --long": r"^[\d,]+ comparisons in [\d,]+ cases.*; 0 failed",
    "make sensitivity": r"^float64  reverse parameter(?: .*2\^-\d+){4}",
    "make soak SEEDS=2": r"^0 alarms in [\d,]+ law cases under 2 seeds",
    "make platforms": r"^(\d+) of \1 levels hold\.$",
}


@pytest.mark.parametrize("command", trust.LONG)
def test_long_block_reports_no_false_alarm(command: str) -> None:
    """Nothing failed, under no seed and on no instruction set; or the page says: not printed."""
    text = block(TEXT, command)
    assert text.strip() == trust.NOT_PRINTED or re.search(SAYS[command], text, re.MULTILINE)


def test_issue_of_nobody_is_refused() -> None:
    """An issue is linked to the repository that it names; a name without an owner is an error."""
    assert trust.link("pytorch#1") == "[pytorch#1](https://github.com/pytorch/pytorch/issues/1)"
    assert trust.link("google/flax#2") == "[flax#2](https://github.com/google/flax/issues/2)"
    with pytest.raises(KeyError):
        trust.link("nobody#3")
