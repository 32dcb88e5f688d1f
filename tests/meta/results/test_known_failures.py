"""Known failures are strict: by version, by another package, and an entry must match something."""

from __future__ import annotations

import dataclasses
import fnmatch
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.cases.backend import Backend
from fixtures.cases.claims import Claim
from fixtures.cases.implementation import TORCH_GRU
from fixtures.proof.collection import law_tests
from fixtures.results import known_failures
from fixtures.results.known_failures import KnownFailure

TEST = "tests/laws/test_law_04_stacked_layers.py::test_mode"
ENTRY = KnownFailure(f"{TEST}[cpu-*-onnx]", ">=2.10,<2.11", "it exports another GRU", "link")


class Item(SimpleNamespace):
    """A collected test that keeps its marks."""

    def add_marker(self, mark: Any) -> None:
        """Keep the mark."""
        self.marks = [*getattr(self, "marks", []), mark.mark]


def marked(nodeid: str, torch: str, entry: KnownFailure = ENTRY) -> list[pytest.Mark]:
    """The marks that a test is given under a version of torch."""
    item = Item(nodeid=nodeid)
    known_failures.apply([item], torch, [entry])  # type: ignore[list-item]  # as far as it is used
    return getattr(item, "marks", [])


def test_known_failure_is_expected_strictly() -> None:
    """The test is an xfail with reason and link, and an unexpected pass fails."""
    (mark,) = marked(f"{TEST}[cpu-I3-onnx]", "2.10.0")
    assert mark.name == "xfail"
    assert mark.kwargs == {"reason": "it exports another GRU (link)", "strict": True}


@pytest.mark.parametrize("torch", ["2.9.1", "2.11.0", "2.13.0+cpu"])
def test_other_versions_of_torch_must_pass(torch: str) -> None:
    """Outside its range the entry does nothing."""
    assert marked(f"{TEST}[cpu-I3-onnx]", torch) == []


@pytest.mark.parametrize(
    ("beside", "count"),
    [(f"numpy=={version('numpy')}", 1), ("numpy<1", 0), ("no-such-package>=1", 0), ("", 1)],
)
def test_other_package_decides_too(beside: str, count: int) -> None:
    """An entry with ``beside`` holds only where that package is here in that version."""
    entry = KnownFailure(ENTRY.test, ENTRY.torch, "reason", "link", beside)
    assert len(marked(f"{TEST}[cpu-I3-onnx]", "2.10.0", entry)) == count


@pytest.mark.parametrize(
    ("parameters", "count"),
    [("cuda-I3-onnx", 1), ("cuda0-I3-onnx", 1), ("cuda-tf32-I3-onnx", 0), ("cpu-I3-onnx", 0)],
)
def test_entry_of_some_backends_leaves_others_alone(parameters: str, count: int) -> None:
    """Where none of its backends is under test, an entry means nothing, and that is no error."""
    entry = KnownFailure(f"{TEST}[*-onnx]", ENTRY.torch, "reason", "link", backends=["cuda"])
    assert len(marked(f"{TEST}[{parameters}]", "2.10.0", entry)) == count
    with pytest.raises(pytest.UsageError, match="matches no case of that test"):
        marked(f"{TEST}[cuda-I3-script]", "2.10.0", entry)


@pytest.mark.parametrize(("build", "count"), [("", 1), ("cuda", 0), ("rocm", 1)])
def test_build_of_torch_decides_too(
    monkeypatch: pytest.MonkeyPatch, build: str, count: int
) -> None:
    """An entry with ``build`` holds only where torch was built for those GPUs."""
    monkeypatch.setattr(known_failures, "BUILD", "rocm")
    entry = KnownFailure(ENTRY.test, ENTRY.torch, "reason", "link", build=build)
    assert len(marked(f"{TEST}[cpu-I3-onnx]", "2.10.0", entry)) == count


@pytest.mark.parametrize(("name", "known"), [("cuda", True), ("cuda-tf32", False), ("cpu", False)])
def test_case_without_pytest_is_known_on_its_backends_only(
    monkeypatch: pytest.MonkeyPatch, name: str, *, known: bool
) -> None:
    """A failure of cuDNN excuses nothing on the CPU, in make soak and make fuzz neither."""
    entry = KnownFailure(f"{TEST}[*-onnx]", ">=2.0", "reason", "link", backends=["cuda"])
    monkeypatch.setattr(known_failures, "read", lambda: [entry])
    assert known_failures.is_known(f"{TEST}[{name}-I3-onnx]", TORCH_GRU) is known
    foreign = dataclasses.replace(TORCH_GRU, claims=frozenset(Claim))
    assert not known_failures.is_known(f"{TEST}[{name}-I3-onnx]", foreign)


def test_entry_that_matches_nothing_is_an_error() -> None:
    """Its test was collected and none of its cases is meant: one line, before anything runs."""
    with pytest.raises(pytest.UsageError, match="matches no case of that test"):
        marked(f"{TEST}[cpu-I3-script]", "2.10.0")


def test_entry_is_not_missed_where_single_cases_were_selected() -> None:
    """Where one case was selected, an entry may mean the other cases of its test."""
    item: Any = Item(nodeid=f"{TEST}[cpu-I3-script]")
    known_failures.apply([item], "2.10.0", [ENTRY], whole=False)
    assert not hasattr(item, "marks")


@pytest.mark.parametrize("entry", known_failures.read(), ids=lambda entry: entry.test)
def test_every_entry_means_a_case_of_the_full_profile(entry: KnownFailure) -> None:
    """On its backends, or on the CPU: no test's id is wrong, also of an entry for another torch."""
    tests = [each for each in law_tests() if fnmatch.fnmatchcase(each.nodeid, entry.function)]
    law_cases = [law_case for law_test in tests for law_case in law_test.cases("full")]
    for name in entry.backends or ("cpu",):
        backend = Backend(*name.split("-"))
        assert any(entry.matches(law_case.nodeid(backend)) for law_case in law_cases)


def test_entry_of_no_file_is_an_error() -> None:
    """A path that is wrong would never match anything."""
    entry = KnownFailure("tests/laws/test_law_99.py::*", "", "reason", "link")
    with pytest.raises(pytest.UsageError, match="is in no file of tests here"):
        marked(f"{TEST}[cpu]", "2.10.0", entry)


def test_entry_of_a_test_that_was_not_collected_waits() -> None:
    """With -k or another path, nothing is said."""
    assert marked("tests/laws/test_law_05_direction_axis.py::test_this[cpu]", "2.10.0") == []


def test_brackets_are_ordinary_characters() -> None:
    """They are no character class of a pattern."""
    entry = KnownFailure(f"{TEST}[cpu-[x]]", ENTRY.torch, "reason", "link")
    assert len(marked(f"{TEST}[cpu-[x]]", "2.10.0", entry)) == 1


def test_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    """What cannot be read is a usage error that names the file."""
    path = tmp_path / "known.toml"
    path.write_text("[[failure]]\ntest = 3\nwho = 4\n", encoding="utf-8")
    with pytest.raises(pytest.UsageError, match=r"^known\.toml: "):
        known_failures.read(path)
