"""The race names what is slower, does not name what is not, and says in a line why there was none."""

from __future__ import annotations

import gc
import io
import json
import random
import sys
from contextlib import closing
from pathlib import Path

import pytest
import torch

from fixtures.cases.case import Case
from fixtures.versions import race
from fixtures.versions.race import Worker, WorkerError

#: A worker that takes so many seconds for anything, and prints what is no answer as well.
STUB = """
import json, sys
print("hello from sitecustomize", flush=True)
print(json.dumps({{"torch": "{torch}", "rows": ["forward", "training"]}}), flush=True)
for line in sys.stdin:
    print(json.dumps({seconds}), flush=True)
"""


def stub(torch: str, seconds: float) -> Worker:
    """A worker without torch."""
    return Worker(
        f"python of {torch}", [sys.executable, "-c", STUB.format(torch=torch, seconds=seconds)]
    )


def failing(code: str, patience: float = 30.0) -> Worker:
    """A worker that runs this instead."""
    return Worker("python", [sys.executable, "-c", code], patience)


def noisy(seconds: float, seed: int) -> list[float]:
    """Times on a busy machine: up to a twentieth more than what the work takes, and in one round twice as much."""
    source = random.Random(seed)  # noqa: S311  # noise, not a secret
    times = [seconds * (1 + source.random() / 20) for _ in range(race.ROUNDS)]
    times[source.randrange(race.ROUNDS)] *= 2
    return times


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("factor", [0.5, 0.67, 1.0, 1.05, 1.5, 2.0])
def test_what_is_slower_is_named_and_nothing_else_is(factor: float, seed: int) -> None:
    """Half as slow again is named, in either direction; equal, or five in a hundred, is not, though a round is twice as slow."""
    row = race.compared("forward", noisy(1e-3, seed), noisy(factor * 1e-3, seed + 1000))
    assert (row["slower"], row["faster"]) == (factor >= 1.5, factor <= 0.67)
    assert row["low"] <= row["ratio"] <= row["high"]


def test_slowdown_within_the_spread_is_not_named() -> None:
    """A median of 1.2 is no slowdown where one round in five went the other way."""
    row = race.compared("forward", [1.0] * 10, [0.9, 0.95] + [1.2] * 8)
    assert (row["ratio"], row["slower"]) == (1.2, False)


def test_median_ignores_the_size_of_what_went_wrong() -> None:
    """The seconds and the ratio are medians, the spread from the 10th to the 90th percentile."""
    row = race.compared("forward", [1.0] * 11, [1.0] * 10 + [1000.0])
    assert {
        name: row[name] for name in ("from_seconds", "to_seconds", "ratio", "low", "high")
    } == dict.fromkeys(("from_seconds", "to_seconds", "ratio", "low", "high"), 1.0)


def test_command_prints_a_table_names_the_slower_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two processes in turn: a line for each row, the sentence, and the same as JSON."""
    monkeypatch.setattr(
        race, "worker", lambda python: stub(python, {"2.13.0": 1e-3, "2.15.0": 1.5e-3}[python])
    )
    file = tmp_path / "reports" / "race.json"
    assert (
        race.main(["--from", "2.13.0", "--to", "2.15.0", "--rounds", "3", "--json", str(file)]) == 0
    )
    assert capsys.readouterr().out.endswith(
        "torch 2.15.0 is slower than torch 2.13.0: forward (x 1.50); training (x 1.50).\n"
    )
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["from"], found["to"], found["rounds"]) == ("2.13.0", "2.15.0", 3)
    assert [(row["name"], row["ratio"], row["slower"]) for row in found["rows"]] == [
        ("forward", 1.5, True),
        ("training", 1.5, True),
    ]
    assert race.main(["--from", "2.15.0", "--to", "2.13.0", "--rounds", "1"]) == 0
    assert capsys.readouterr().out.endswith("torch 2.13.0 is nowhere slower than torch 2.15.0.\n")


def test_rows_that_are_raced_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker says which torch it has and what it races, then does the row that it is told to, until nobody tells it more."""
    monkeypatch.setattr(
        race,
        "ROWS",
        (("forward", Case(1, 2)), ("training", Case(2, 1, lengths="unsorted", batch_first=True))),
    )
    monkeypatch.setattr(race, "BUDGET", 0.0)
    monkeypatch.setattr(gc, "disable", lambda: None)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO("go 0\ngo 1\n"))
    channel = io.StringIO()
    monkeypatch.setattr(sys, "stdout", channel)
    race.work()
    hello, *seconds = map(json.loads, channel.getvalue().splitlines())
    assert hello == {
        "torch": torch.__version__,
        "rows": [
            "forward I1-H2-L1-B2-T5-f32",
            "training I2-H1-L1-B2-T5-batch_first-lengths_unsorted-f32",
        ],
    }
    assert len(seconds) == 2
    assert min(seconds) > 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "raise ImportError('no torch here')",
            "python: ended with exit status 1: ImportError: no torch here",
        ),
        ("import os; print('{}', flush=True); os._exit(3)", "python: ended with exit status 3"),
        ("import time; print('{}', flush=True); time.sleep(60)", "python: no answer for 0.3 s"),
    ],
    ids=["falls over", "leaves", "hangs"],
)
def test_worker_that_does_not_answer_is_one_clear_line(code: str, message: str) -> None:
    """A worker that ends, before its first answer or after, or hangs, is named, with its last words."""
    with (
        closing(failing(code, 0.3 if "sleep" in code else 30.0)) as worker,
        pytest.raises(WorkerError) as caught,
    ):
        race.run(worker, worker, 1)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--from", sys.executable, "--to", "no-such-python"],
            "race: no-such-python: no such Python; name its executable",
        ),
        (["--from", sys.executable], "race: name two Pythons"),
        (["--from", "a", "--to", "b", "--rounds", "0"], "race: --rounds 0: at least 1"),
        (
            ["--from", "a", "--to", "b", "--json", f"{__file__}/race.json"],
            f"race: --json {__file__}/race.json: cannot be written (",
        ),
    ],
)
def test_wrong_request_is_one_clear_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 4, and a line on stderr that says what to do."""
    assert race.main(arguments) == 4
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(message)
