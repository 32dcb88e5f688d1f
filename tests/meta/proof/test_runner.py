"""runner and seed sweep: an outcome tells a rejection from a crash, and nothing is left behind."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import nn

from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needs
from fixtures.cases.implementation import TORCH_GRU, Implementation
from fixtures.cases.table import Table
from fixtures.cases.witness import Witness
from fixtures.comparison.agreement import Agree, Comparison
from fixtures.comparison.tolerance import TABLE
from fixtures.proof import mutants, seed_sweep
from fixtures.proof.collection import Arguments, LawCase, LawTest, law_tests
from fixtures.proof.runner import Outcome, run, run_cases
from fixtures.proof.seed_sweep import Sweep
from fixtures.results import known_failures
from fixtures.results.known_failures import KnownFailure

CPU = Backend("cpu")


def compares(witness: Witness, agree: Agree, factor: float) -> None:
    """Twice the output is the output times a factor."""
    output, _ = witness.bi(witness.x, witness.h_0)
    agree(2 * output, factor * output, of="output")


def skips() -> None:
    """Skip."""
    pytest.skip("not here")


def crashes() -> None:
    """Raise an error."""
    raise RuntimeError("crashed")


def law_test(function: Callable[..., None], *factors: float) -> LawTest:
    """A law test of one case, run once for each factor."""
    axes = [tuple(Arguments({"factor": factor}) for factor in factors)] if factors else []
    table = Table((Case(1, 1),), ())
    return LawTest("01 output sequence", "test_a.py::test_b", function, table, (), tuple(axes))


def law_case(function: Callable[..., None], *factors: float) -> LawCase:
    """Its first law case."""
    return next(law_test(function, *factors).law_cases)


PASSING, REJECTING = law_case(compares, 2.0), law_case(compares, 3.0)
SKIPPING, CRASHING = law_case(skips), law_case(crashes)


@pytest.mark.parametrize(
    ("law_cases", "outcome", "count"),
    [
        ([PASSING], Outcome.PASSED, 1),
        ([SKIPPING], Outcome.SKIPPED, 1),
        ([], Outcome.SKIPPED, 0),
        ([SKIPPING, PASSING, SKIPPING], Outcome.PASSED, 3),
        ([CRASHING, PASSING], Outcome.CRASHED, 2),
        ([CRASHING, REJECTING, CRASHING], Outcome.REJECTED, 2),
    ],
    ids=["passed", "skipped", "none", "one passed", "crashed", "rejected"],
)
def test_result_is_a_rejection_before_a_crash_before_a_pass_before_a_skip(
    law_cases: list[LawCase], outcome: Outcome, count: int
) -> None:
    """After a rejection no further case runs; a skip is not a pass, and a crash not a rejection."""
    result = run_cases(TORCH_GRU, CPU, law_cases)
    assert (result.outcome, result.count) == (outcome, count)


def test_result_names_the_law_case_and_the_reason() -> None:
    """The law case as pytest writes it, and the first line of what was raised."""
    assert run_cases(TORCH_GRU, CPU, [REJECTING]).law_case == "compares[I1-H1-L1-B2-T5-f32-3.0]"
    assert run_cases(TORCH_GRU, CPU, [CRASHING]).reason == "RuntimeError: crashed"


def test_law_case_that_needs_an_unclaimed_feature_is_skipped() -> None:
    """A need of the law test or of its parameter counts, as in pytest's collection."""
    float32_only = Implementation("float32 only", nn.GRU, frozenset({Claim.FLOAT32}))
    assert run(PASSING, float32_only, CPU) == (Outcome.PASSED, "")
    needing = dataclasses.replace(PASSING, marks=(needs(Claim.TRACE).mark,))
    assert run(needing, float32_only, CPU) == (Outcome.SKIPPED, "torch.jit.trace")


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("cpu", Outcome.SKIPPED), ("cuda", Outcome.SKIPPED), ("cpu-native", Outcome.PASSED)],
)
def test_on_the_cpu_no_other_device_takes_part(name: str, outcome: Outcome) -> None:
    """On a machine with a GPU, too; nor is a backend compared with itself."""
    device, _, variant = name.partition("-")
    arguments = {**PASSING.arguments, "other": Backend(device, variant)}
    assert run(dataclasses.replace(PASSING, arguments=arguments), TORCH_GRU, CPU)[0] == outcome


def test_comparisons_of_a_law_case_are_recorded() -> None:
    """``record`` receives every comparison."""
    comparisons: list[Comparison] = []
    run(PASSING, TORCH_GRU, CPU, record=comparisons.append)
    assert [(each.name, each.bitwise_equal) for each in comparisons] == [("output", True)]


@pytest.mark.parametrize("name", ["FlagLeftBehind", "GeneratorReseeded"])
def test_global_state_is_restored_after_a_faulty_gru(name: str) -> None:
    """Flags and the generator are as before, though the mutant has changed them."""
    state = torch.get_rng_state()
    run(next(law_tests()[0].law_cases), Implementation(name, getattr(mutants, name)), CPU)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


def test_seed_sweep_reports_alarms_and_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing law case is an alarm with its reproducer; ratios are entered under their row."""
    monkeypatch.setattr(seed_sweep, "law_tests", lambda: [law_test(compares, 2.0, 3.0)])
    threads = torch.get_num_threads()
    result = seed_sweep.sweep(2)
    torch.set_num_threads(threads)
    assert result.outcomes == {"passed": 1, "rejected": 1}
    assert result.alarms[0].endswith(
        'pytest "test_a.py::test_b" --case I1-H1-L1-B2-T5-f32 --seed 2 --threads 2'
    )
    ((row, ratios),) = result.ratios.items()
    assert row == ("state", "float32", "run")
    assert min(ratios) == 0.0
    assert result.largest[row] == (max(ratios), "output of I1-H1-L1-B2-T5-f32, seed 2")


def test_seeds_in_a_row_run_all_law_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a seed runs one law case in two, four seeds run each twice: with one thread and two."""
    numbers = (2.0, 3.0, 4.0)
    monkeypatch.setattr(seed_sweep, "law_tests", lambda: [law_test(compares, *numbers)])
    ran: Counter[tuple[str, int]] = Counter()

    def run_nothing(law_case: LawCase, *_: object) -> tuple[Outcome, str]:
        ran[str(law_case), torch.get_num_threads()] += 1
        return Outcome.PASSED, ""

    monkeypatch.setattr(seed_sweep, "run", run_nothing)
    threads = torch.get_num_threads()
    for seed in range(4, 8):
        seed_sweep.sweep(seed, of=2)
    torch.set_num_threads(threads)
    assert len(ran) == 2 * len(numbers)
    assert set(ran.values()) == {1}


def test_seed_sweep_prints_headroom_by_row() -> None:
    """A row's line ends with the largest ratio, the headroom, and the place of the largest."""
    row = next(iter(TABLE))
    where = "output of I1-H1, seed 7"
    result = Sweep(7, Counter(), (), {row: [0.25, 0.0]}, {row: (0.25, where)})
    _, first, *_ = seed_sweep.table([result])
    assert first.endswith(f"2    50%   0.000   0.000    0.250     4.00  {where}")
    assert len(list(seed_sweep.table([]))) == 1 + len(TABLE)


def test_interrupted_seed_sweep_is_not_green(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends in exit status 2, however few alarms there were."""

    class Interrupted:
        """A pool that is interrupted at once."""

        def __init__(self, *_: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(seed_sweep, "ProcessPoolExecutor", Interrupted)
    monkeypatch.setattr(seed_sweep, "law_tests", tuple)
    assert seed_sweep.main(["--seeds", "1"]) == 2


def test_known_failure_is_no_alarm_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """What known_failures.toml has for this torch fails, and alarms nobody."""
    monkeypatch.setattr(seed_sweep, "law_tests", lambda: [law_test(compares, 2.0, 3.0)])
    entry = KnownFailure("test_a.py::*", ">=2", "it is known", "https://example.org")
    monkeypatch.setattr(known_failures, "read", lambda: [entry])
    threads = torch.get_num_threads()
    result = seed_sweep.sweep(1)
    torch.set_num_threads(threads)
    assert result.outcomes == {"passed": 1, "failed as known": 1}
    assert list(result.alarms) == []
