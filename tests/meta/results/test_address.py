"""The address of a test: what it belongs to, whatever the separator of its path."""

from __future__ import annotations

import pytest

from fixtures.results.address import Address, Kind

CASE = "cpu-I3-H7-L1-B2-T5-f64-reverse[x]"


@pytest.mark.parametrize(
    ("path", "kind", "group"),
    [
        ("tests/laws/test_law_01_output_sequence.py", Kind.LAW, "01 output sequence"),
        ("tests/laws/test_law_13_parameters/test_live.py", Kind.LAW, "13 parameters"),
        ("tests\\laws\\test_law_13_parameters\\test_live.py", Kind.LAW, "13 parameters"),
        ("tests/truths/test_oracle_gradients.py", Kind.TRUTH, "truth: oracle gradients"),
        ("tests/claims/test_unclaimed.py", Kind.CLAIM, "claim: unclaimed"),
        ("tests/recorded/test_packed_results.py", Kind.BASELINE, "recorded: packed results"),
    ],
)
def test_group_is_the_law_or_truth(path: str, kind: Kind, group: str) -> None:
    """Kind and group come from the path, function and parameters from what follows."""
    address = Address.of(f"{path}::test_this[{CASE}]")
    assert address is not None
    assert (address.kind, address.group) == (kind, group)
    assert (address.function, address.parameters, address.where) == ("test_this", CASE, CASE)
    assert address.test == f"{path}::test_this"


def test_file_alone_has_a_group() -> None:
    """A file that cannot be collected belongs to its law too."""
    address = Address.of("tests/laws/test_law_04_stacked_layers.py")
    assert address is not None
    assert (address.group, address.where) == ("04 stacked layers", "")


@pytest.mark.parametrize(
    "nodeid", ["tests/meta/cases/test_case.py::test_this", "tests/fuzz/test_any_case.py::test_this"]
)
def test_tests_of_the_suite_have_no_address(nodeid: str) -> None:
    """They judge the suite, and no implementation."""
    assert Address.of(nodeid) is None
