"""Restrictions: what torch.nn.GRU does not claim on a backend does not work there.

The entries are in fixtures/cases/claims/torch_nn_gru.toml. Each is true as long as a law case that
needs its claim, and otherwise only what is claimed, fails. When all pass, the entry needs an upper
version, or goes. Another GRU is not judged by torch's table.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.claims.offered import unclaimed
from fixtures.cases.implementation import TORCH_GRU, Implementation
from fixtures.comparison.agreement import Disagreement
from fixtures.plugin.session import SESSION
from fixtures.proof.runner import Outcome, run
from fixtures.proof.tried_claims import cheapest_cases


@dataclass(frozen=True)
class Tried(Implementation):
    """torch.nn.GRU that claims everything, to be tried."""

    def why_not(self, claim: Claim, backend: Backend) -> str | None:
        """None."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each strict restriction of torch.nn.GRU on each backend under test."""
    session = metafunc.config.stash[SESSION]
    pairs = [
        pytest.param(backend, claim, id=f"{backend}-{claim}")
        for backend in session.backends
        for claim, entry in unclaimed(backend).items()
        if entry.strict and session.implementation is TORCH_GRU
    ]
    none = pytest.param(session.backends[0], Claim.FLOAT32, marks=pytest.mark.left_out)
    metafunc.parametrize(("place", "claim"), pairs or [none])


def test_what_is_not_claimed_does_not_work(place: Backend, claim: Claim) -> None:
    """A law case that needs it, and otherwise only what is claimed, fails there."""
    entry = unclaimed(place)[claim]
    accepted = set(Claim) - set(unclaimed(place)) | set(entry.claims)
    tried = Tried(TORCH_GRU.name, TORCH_GRU.factory)
    passed = 0
    for law_case in cheapest_cases(claim, accepted, place):
        outcome, _ = run(law_case, tried, place)
        if outcome.fails:
            return
        passed += outcome is Outcome.PASSED
    if passed:
        raise Disagreement(
            f"{claim} works on {place} in {passed} law cases: "
            f"{entry.reason} is no longer true, see {entry.link}"
        )
