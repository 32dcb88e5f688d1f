"""claims: a law says all that it needs, every claim is needed by a law, and the table is data."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Iterable

import pytest
from torch import nn

from fixtures.actions.modes.modes import MODES, Mode
from fixtures.cases.backend import Backend, NotHereError, all_backends
from fixtures.cases.case import Case
from fixtures.cases.claims import Claim, needed, needs
from fixtures.cases.claims.offered import read, unclaimed
from fixtures.cases.covering import COSTLY
from fixtures.cases.implementation import Implementation
from fixtures.proof.collection import (
    LawCase,
    covering_selection,
    groups,
    law_tests,
)
from fixtures.proof.runner import Outcome, run
from fixtures.proof.stand_ins.exercised import refusing, reporting
from fixtures.proof.stand_ins.stand_in import of_any_gru
from fixtures.proof.stand_ins.watched import WatchedGRU

CPU = Backend("cpu")
WATCHED = Implementation("WatchedGRU", WatchedGRU, of_any_gru())
CONVERTED = Implementation("torch.nn.GRU", nn.GRU, frozenset(Claim))


def needs_of(law_case: LawCase) -> set[Claim]:
    """All that a law case needs."""
    return needed(law_case.marks, {**law_case.arguments, "case": law_case.case})


def unsaid(law_case: LawCase) -> set[Claim]:
    """The claims that a law case exercises, and does not say that it needs. It must not fail."""
    exercised: set[Claim] = set()
    with reporting(exercised.add):
        outcome, reason = run(law_case, WATCHED, CPU)
    assert outcome in (Outcome.PASSED, Outcome.SKIPPED), f"{law_case}: {reason}"
    return exercised - needs_of(law_case)


@pytest.mark.parametrize("group", groups())
def test_law_exercises_no_claim_but_those_that_it_needs(group: str) -> None:
    """So a GRU that refuses what it does not claim fails no law: each claim, in every group."""
    selection, _ = covering_selection(group)
    cheap = [law_case for law_case in selection if law_case.call.cost < COSTLY]
    assert {str(each): claims for each in cheap if (claims := unsaid(each))} == {}


@pytest.mark.parametrize(
    ("test", "claim"),
    [
        ("test_h_0_by_its_name_is_h_0_in_its_place", Claim.KEYWORDS),
        ("test_padding_has_no_gradient", Claim.GRADIENTS),
        ("test_state_dict_is_strict", Claim.STATE_DICT),
        ("test_forward_mode_is_the_change_of_the_results", Claim.FORWARD_MODE),
        ("test_concurrent_calls_give_the_same_bits", Claim.CONCURRENCY),
        ("test_tied_directions_are_symmetric_in_time", Claim.SHARING),
    ],
    ids=str,
)
def test_need_that_is_left_out_is_found(test: str, claim: Claim) -> None:
    """A law without the mark that says what it needs is one that fails where that is refused."""
    law_test = next(each for each in law_tests() if each.function.__name__ == test)
    law_cases = sorted(law_test.law_cases, key=lambda each: not each.case.training)
    law_case = dataclasses.replace(law_cases[0], marks=())
    assert claim in unsaid(law_case)
    with refusing(claim):
        outcome, reason = run(law_case, WATCHED, CPU)
    assert outcome.fails
    assert outcome is Outcome.REJECTED or f"RefusalError: refused: {claim}" in reason


def test_law_that_converts_needs_the_claim_of_its_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.jit, torch.export, torch.compile, quantisation and ONNX: each conversion is a claim."""
    converted: set[Claim] = set()

    def refuse(mode: Mode, *_: object, free: tuple[str, ...] = ()) -> None:
        converted.update({mode.claim, *([Claim.FREE_SIZES] if free else [])})
        raise NotHereError("refused")

    monkeypatch.setattr(Mode, "of", refuse)
    found: set[Claim] = set()
    for law_test in (each for each in law_tests() if "test_converted.py" in each.nodeid):
        for law_case in law_test.cases("full"):
            converted.clear()
            run(law_case, CONVERTED, CPU)
            assert converted <= needs_of(law_case), law_case
            found |= converted
    offered = {mode.claim for mode in MODES if not CONVERTED.why_not(mode.claim, CPU)}
    assert found == offered | {Claim.FREE_SIZES}


def needs_of_all(law_cases: Iterable[LawCase]) -> set[Claim]:
    """All that some law cases need."""
    return set().union(*map(needs_of, law_cases))


def test_every_claim_is_needed_by_a_law() -> None:
    """Without a claim there is less to run; inductor is tried in the full profile only."""
    quick = needs_of_all(law_case for law_test in law_tests() for law_case in law_test.law_cases)
    slow = [each for each in law_tests() if "test_converted.py" in each.nodeid]
    full = needs_of_all(law_case for law_test in slow for law_case in law_test.cases("full"))
    words = {Claim.TORCH_WORDS}  # of every refusal: they decide how it is judged
    assert set(Claim) - quick - words == {Claim.INDUCTOR}
    assert set(Claim) - quick - words <= full


def test_table_says_why_and_where() -> None:
    """Each entry has a reason, a link, and backends that there are; no two say the same."""
    ids = {"-".join(filter(None, (each.kind, each.variant))) for each in all_backends()}
    for entry in read():
        assert entry.reason
        assert re.match(r"https://\S+/\S+$", entry.link)
        assert entry.build in ("", "cuda", "rocm")
        for pattern in entry.backends:
            assert fnmatch.filter(ids, pattern), pattern


@pytest.mark.parametrize(
    ("device", "version", "build", "claim", "expected"),
    [
        ("cpu", "2.13.0", "cuda", Claim.EVAL_GRADIENTS, False),
        ("cpu", "2.1.2", "cuda", Claim.FLOAT16, True),
        ("cpu", "2.2.0", "cuda", Claim.FLOAT16, False),
        ("cuda:1", "2.13.0", "cuda", Claim.EVAL_GRADIENTS, True),
        ("cuda:1", "2.13.0", "rocm", Claim.EVAL_GRADIENTS, True),
        ("cuda", "2.13.0", "cuda", Claim.DOUBLE_BACKWARD, True),
        ("cuda", "2.13.0", "rocm", Claim.DOUBLE_BACKWARD, False),
        ("mps", "2.16.0.dev20261101", "cuda", Claim.FLOAT64, True),
    ],
    ids=str,
)
def test_table_is_read_by_backend_version_and_build(
    device: str, version: str, build: str, claim: Claim, *, expected: bool
) -> None:
    """A restriction holds on its backends, a second GPU too, in its versions and builds."""
    assert (claim in unclaimed(Backend(device), version, build)) is expected


def test_variant_has_restrictions_of_its_own() -> None:
    """Torch's own kernels on a GPU have gradients in eval mode, but no forward mode."""
    native = unclaimed(Backend("cuda", "native"), "2.13.0", "cuda")
    assert Claim.EVAL_GRADIENTS not in native
    assert Claim.FORWARD_MODE in native


def test_case_needs_its_dtype_its_packing_and_its_dropout() -> None:
    """And a law that needs gradients needs them in eval mode, where its case is in eval mode."""
    case = Case(3, 4, 2, dtype="float64", lengths="sorted", dropout=0.5, training=False)
    marks = [needs(Claim.GRADIENTS, lambda arguments: arguments["how"]).mark]
    assert needed(marks, {"case": case, "how": None}) == {
        Claim.FLOAT64,
        Claim.PACKED,
        Claim.DROPOUT,
        Claim.GRADIENTS,
        Claim.EVAL_GRADIENTS,
    }
    training = needed(marks, {"case": case.replace(training=True), "how": Claim.PICKLE})
    assert Claim.EVAL_GRADIENTS not in training
    assert Claim.PICKLE in training


class Derived(nn.GRU):
    """torch.nn.GRU in all but its class."""


@pytest.mark.parametrize("claim", [Claim.INT8, Claim.FLOAT16_WEIGHTS, Claim.SCRIPT], ids=str)
@pytest.mark.parametrize(
    ("gru", "claims", "made"),
    [
        (nn.GRU, None, True),
        (Derived, None, False),
        (Derived, frozenset(Claim), True),
    ],
    ids=["torch.nn.GRU", "derived", "derived, and its author claims it"],
)
def test_what_torch_does_by_class_is_claimed_of_torch_nn_gru_itself(
    claim: Claim, gru: type[nn.GRU], claims: frozenset[Claim] | None, *, made: bool
) -> None:
    """Without a subject file a class derived from nn.GRU claims no more than works."""
    assert (Implementation("a:B", gru, claims).why_not(claim, CPU) is None) is made
