"""What is not claimed: of torch.nn.GRU it must not work, of another GRU it may.

The entries are in fixtures/cases/claims/torch_nn_gru.toml. Each is true as long as a law case that
needs its claim, and otherwise only what is claimed, fails. When all pass, the entry needs an upper
version, or goes. Another GRU is not judged by torch's table: what its author does not claim, and
works all the same, is named under the verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.claims.offered import unclaimed
from fixtures.cases.implementation import TORCH_GRU, Implementation
from fixtures.comparison.agreement import Disagreement
from fixtures.plugin.session import SESSION
from fixtures.proof.runner import Outcome, run
from fixtures.proof.tried_claims import tried_cases, works


@dataclass(frozen=True)
class Tried(Implementation):
    """torch.nn.GRU that claims everything, to be tried."""

    def why_not(self, claim: Claim, backend: Backend) -> str | None:
        """None."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On each backend under test, torch's strict restrictions, or what an author does not claim."""
    session = metafunc.config.stash[SESSION]
    own = metafunc.definition.name == test_what_is_not_claimed_does_not_work.__name__
    find = _restrictions if own else _not_made
    pairs = [
        pytest.param(backend, claim, id=f"{backend}-{claim}")
        for backend in session.backends
        for claim in find(session.implementation, backend)
    ]
    none = pytest.param(session.backends[0], Claim.FLOAT32, marks=pytest.mark.left_out)
    metafunc.parametrize(("place", "claim"), pairs or [none])


def _restrictions(implementation: Implementation, backend: Backend) -> list[Claim]:
    own = implementation is TORCH_GRU
    return [claim for claim, entry in unclaimed(backend).items() if entry.strict and own]


def _not_made(implementation: Implementation, backend: Backend) -> list[Claim]:
    everyones = {claim for claim, entry in unclaimed(backend).items() if entry.everyone}
    made = set(Claim) if implementation.claims is None else implementation.claims
    return [claim for claim in Claim if claim not in everyones | made]


def test_what_is_not_claimed_does_not_work(place: Backend, claim: Claim) -> None:
    """A law case that needs it, and otherwise only what is claimed, fails there."""
    entry = unclaimed(place)[claim]
    accepted = set(Claim) - set(unclaimed(place)) | set(entry.claims)
    tried = Tried(TORCH_GRU.name, TORCH_GRU.factory)
    passed = 0
    for law_case in tried_cases(claim, accepted):
        outcome, _ = run(law_case, tried, place)
        if outcome.fails:
            return
        passed += outcome is Outcome.PASSED
    if passed:
        raise Disagreement(
            f"{claim} works on {place} in {passed} law cases: "
            f"{entry.reason} is no longer true, see {entry.link}"
        )


def test_what_is_not_claimed_and_works_is_named(
    implementation: Implementation,
    place: Backend,
    claim: Claim,
    record_property: Callable[[str, object], None],
) -> None:
    """An author may claim less than his GRU does; the verdict names what works where tried."""
    if works(implementation, place, claim):
        record_property("works", f"{claim} on {place}")
