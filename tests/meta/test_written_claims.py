"""--claims prints what a GRU can claim, and --write-claims a subject file that is read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cases.claims import Claim
from fixtures.cases.subject_file import read, written
from fixtures.proof.suite import Suite


def test_every_claim_is_printed_with_its_sentence(suite: Suite) -> None:
    """--claims runs nothing."""
    lines = suite("--claims").stdout.splitlines()
    assert len(lines) == len(Claim)
    assert all(str(claim) in line for claim, line in zip(Claim, lines, strict=True))
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("first", range(30))
def test_written_subject_file_is_read_again(tmp_path: Path, first: int) -> None:
    """Claims are listed in few lines, wherever these break; refusals are comments with words."""
    path = tmp_path / "my.toml"
    claims = [claim for claim in Claim if "float" not in str(claim)][first:]
    refused = dict.fromkeys((Claim.FLOAT64, Claim.FLOAT16), 'TypeError:  "no" \x1b\nfloat64')
    text = written("a:B", claims, refused)
    path.write_text(text, encoding="utf-8")
    subject = read(path)
    assert subject.gru == "a:B"
    assert subject.claims == frozenset(claims)
    assert text.endswith('# float64, float16\n#     TypeError: "no" float64\n')
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()) < 6 + len(claims) / 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--write-claims", "{}/my.txt"), "a subject file ends in .toml"),
        (("--write-claims", "{}/there.toml"), "the file is there, and stays as it is"),
        (("--write-claims", "{}/new.toml"), "name the GRU by --gru MODULE:ATTR"),
        (("--write-claims", "{}/none/new.toml"), "cannot write into the folder"),
    ],
)
def test_claims_that_cannot_be_written_are_one_line(
    suite: Suite, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """Exit 4, before anything is tried."""
    (tmp_path / "there.toml").write_text("", encoding="utf-8")
    done = suite("tests/laws", *(option.format(tmp_path) for option in options))
    assert done.returncode == 4
    assert says in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
