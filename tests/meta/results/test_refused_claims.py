"""refused claims: the claim that explains the cases that raised is named, and no other."""

from __future__ import annotations

from collections import Counter

import pytest

from fixtures.results.refused_claims import Raised, refused

A = "NotImplementedError: a"
B = "RuntimeError: b"


def raised(*needs: str, error: str = A) -> Raised:
    """A case that raised, with what it needs."""
    return Raised(frozenset(needs), error)


@pytest.mark.parametrize(
    ("cases", "passed", "expected"),
    [
        ([raised("f64"), raised("f64", "packed")], {"packed": 1}, [("f64", A)]),
        ([raised("f64", "packed"), raised("f64"), raised("f32", "packed")], {"f32": 1}, None),
        ([raised("f64", "twice"), raised("f64")], {}, [("f64", A)]),
        ([raised("f64", "packed")], {}, [("f64 or packed", A)]),
        ([raised("f64", "packed")], {"f64": 1}, [("packed", A)]),
        ([raised("f16", error=B), raised("f64"), raised("f64")], {}, [("f64", A), ("f16", B)]),
        ([raised("f64")] * 9, {"f64": 1}, [("f64", A)]),
        ([raised("f64")] * 8, {"f64": 1}, []),
        ([raised()], {}, []),
        ([], {"f64": 1}, []),
    ],
    ids=[
        "one claim, not what else its cases need",
        "two claims",
        "a claim whose cases all need a refused one",
        "either may be the cause",
        "the one that passes elsewhere is not the cause",
        "the widest first, each with its error",
        "a few pass without a call",
        "more than a few pass",
        "a case that needs nothing",
        "no case",
    ],
)
def test_claims_explain_the_cases_that_raised(
    cases: list[Raised], passed: dict[str, int], expected: list[tuple[str, str]] | None
) -> None:
    """Of each claim, nearly all cases raise; a case that is explained is no sign against others."""
    found = list(refused(cases, Counter(passed)))
    assert found == ([("f64", A), ("packed", A)] if expected is None else expected)


def test_claim_known_to_be_refused_is_named_however_few_cases_there_are() -> None:
    """By counting, `packed` would be: a case in f64 passes that makes no call."""
    cases, passed = [raised("f64", "packed")], Counter({"f64": 1})
    assert list(refused(cases, passed)) == [("packed", A)]
    assert list(refused(cases, passed, ["f64"])) == [("f64", A)]
    elsewhere = [raised("f64 on cuda", "packed on cuda")]
    assert list(refused(elsewhere, Counter(), ["f64"])) == [("f64 on cuda", A)]
    assert list(refused([raised("packed")], Counter(), ["f64"])) == [("packed", A)]
