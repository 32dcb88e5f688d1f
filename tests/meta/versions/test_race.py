"""The race names slower rows and no others, and reports in a line why there was none."""

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
from fixtures.report.upgrade import Ratio
from fixtures.versions import race, worker
from fixtures.versions.worker import Worker, WorkerError

#: A worker that takes the same seconds for each row, and prints a line that is no answer.
STUB = """
import json, sys
print("hello from sitecustomize", flush=True)
print(json.dumps({{"torch": "{torch}", "rows": ["forward", "training"]}}), flush=True)
for line in sys.stdin:
    print(json.dumps({seconds}), flush=True)
"""


def stub(torch: str, seconds: float) -> Worker:
    """A worker without torch."""
    code = STUB.format(torch=torch, seconds=seconds)
    return Worker(f"python of {torch}", [sys.executable, "-c", code])


def failing(code: str, patience: float = 30.0) -> Worker:
    """A worker that runs this code."""
    return Worker("python", [sys.executable, "-c", code], patience)


def noisy(seconds: float, seed: int) -> list[float]:
    """Times on a busy machine: up to 5 % more than the work takes, and double in one round."""
    source = random.Random(seed)  # noqa: S311  # noise, not a secret
    times = [seconds * (1 + source.random() / 20) for _ in range(race.ROUNDS)]
    times[source.randrange(race.ROUNDS)] *= 2
    return times


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("factor", [0.5, 0.67, 1.0, 1.05, 1.5, 2.0])
def test_slower_is_named_and_nothing_else_is(factor: float, seed: int) -> None:
    """A factor of 1.5 is named, in either direction; 1 or 1.05 is not, despite a slow round."""
    row = Ratio.of_rounds("forward", noisy(1e-3, seed), noisy(factor * 1e-3, seed + 1000))
    assert (row.slower, row.faster) == (factor >= 1.5, factor <= 0.67)
    assert row.low <= row.ratio <= row.high


def test_slowdown_within_the_spread_is_not_named() -> None:
    """A median of 1.2 is no slowdown where one round in five went the other way."""
    row = Ratio.of_rounds("forward", [1.0] * 10, [0.9, 0.95] + [1.2] * 8)
    assert (row.ratio, row.slower) == (1.2, False)


def test_one_outlier_is_ignored() -> None:
    """The seconds and the ratio are medians, the spread from the 10th to the 90th percentile."""
    row = Ratio.of_rounds("forward", [1.0] * 11, [1.0] * 10 + [1000.0])
    assert row == Ratio("forward", 1.0, 1.0, 1.0, 1.0, 1.0)


def test_command_prints_a_table_names_the_slower_and_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two processes in turn: a line for each row, the sentence, and the same as JSON."""
    seconds = {"2.13.0": 1e-3, "2.15.0": 1.5e-3}
    monkeypatch.setattr(Worker, "of_python", lambda python: stub(python, seconds[python]))
    file = tmp_path / "reports" / "race.json"
    arguments = ["--from", "2.13.0", "--to", "2.15.0", "--rounds", "3", "--json", str(file)]
    assert race.main(arguments) == 0
    assert capsys.readouterr().out.endswith(
        "torch 2.15.0 is slower than torch 2.13.0: forward (x 1.50); training (x 1.50).\n"
    )
    data = json.loads(file.read_text(encoding="utf-8"))
    assert (data["from"], data["to"], data["rounds"]) == ("2.13.0", "2.15.0", 3)
    assert [(row["name"], row["ratio"], row["slower"]) for row in data["rows"]] == [
        ("forward", 1.5, True),
        ("training", 1.5, True),
    ]
    assert race.main(["--from", "2.15.0", "--to", "2.13.0", "--rounds", "1"]) == 0
    assert capsys.readouterr().out.endswith("torch 2.13.0 is nowhere slower than torch 2.15.0.\n")


def test_worker_times_the_requested_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker names its torch and its rows, then times each row whose number it reads."""
    packed = Case(2, 1, lengths="unsorted", batch_first=True)
    monkeypatch.setattr(worker, "ROWS", (("forward", Case(1, 2)), ("training", packed)))
    monkeypatch.setattr(worker, "BUDGET", 0.0)
    monkeypatch.setattr(gc, "disable", lambda: None)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO("0\n1\n"))
    channel = io.StringIO()
    monkeypatch.setattr(sys, "stdout", channel)
    worker.serve()
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
    ids=["raises", "ends", "hangs"],
)
def test_worker_that_does_not_answer_is_one_clear_line(code: str, message: str) -> None:
    """A worker that ends, before its first answer or after, or hangs, is one line."""
    with (
        closing(failing(code, 0.3 if "sleep" in code else 30.0)) as broken,
        pytest.raises(WorkerError) as caught,
    ):
        race.run(broken, broken, 1)
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
    """Exit status 4, and a line on stderr with what to do."""
    assert race.main(arguments) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
