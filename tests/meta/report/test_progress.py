"""Progress: a long command says how far it is and about how long it takes, on stderr only."""

from __future__ import annotations

import io
import time

import pytest

from fixtures.report.progress import Progress, duration, words


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def shown(stream: io.StringIO, *, look: float = 0.01, quiet: float = 0.05) -> str:
    """What ten steps of 30 ms each write, of twenty that there are."""
    with Progress("20 seeds", 20, stream=stream, look=look, quiet=quiet) as progress:
        for _ in range(10):
            time.sleep(0.03)
            progress.step()
    return stream.getvalue()


def test_line_is_rewritten_on_a_terminal() -> None:
    """One line, cleared at the end."""
    text = shown(Terminal())
    assert "\n" not in text
    assert text.count("\r\x1b[K20 seeds: ") >= 5
    assert text.endswith("\r\x1b[K")


def test_lines_are_few_where_no_terminal_is() -> None:
    """Whole lines without control characters, one for each quiet time; none in a short command."""
    lines = shown(io.StringIO()).splitlines()
    assert 1 <= len(lines) <= 6
    assert all(line.startswith("20 seeds: ") and "\x1b" not in line for line in lines)
    assert shown(io.StringIO(), quiet=60) == ""


def test_finding_is_printed_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding goes to stdout, a line of its own."""
    with Progress("20 seeds", 20, stream=Terminal(), look=0.01) as progress:
        progress.print("seed 3: ALARM")
    assert capsys.readouterr().out == "seed 3: ALARM\n"


@pytest.mark.parametrize(
    ("part", "seconds", "line"),
    [
        (0.0, 3.0, "20 seeds: 0% after 3 s"),
        (0.25, 30.0, "20 seeds: 25% after 30 s, about 2 min left"),
        (0.5, 6000.0, "20 seeds: 50% after 1.7 h, about 1.7 h left"),
        (1.0, 89.0, "20 seeds: 100% after 89 s, about 0 s left"),
    ],
)
def test_estimate_is_the_rest_at_the_same_pace(part: float, seconds: float, line: str) -> None:
    """What is left takes as long for each percent as what is done."""
    assert words("20 seeds", part, seconds) == line


def test_duration_is_said_as_people_say_it() -> None:
    """Seconds, then minutes, then hours."""
    assert [duration(each) for each in (5, 600, 7200)] == ["5 s", "10 min", "2.0 h"]
