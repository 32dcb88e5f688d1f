"""Causes: documented devices, controls that exist, the CPU's flags as each system has them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pytest
import torch

from fixtures.cases.backend import VARIANTS, Backend
from fixtures.comparison.arithmetic import cpu
from fixtures.comparison.arithmetic.causes import CAUSES, NO_CONTROL, Question, cause_of


@pytest.mark.parametrize(
    ("question", "device", "dtype", "expected"),
    [
        (Question.SUBNORMALS, "mps", "float32", "Apple's GPUs flush them"),
        (Question.SUBNORMALS, "mps", "float16", None),
        (Question.OPERANDS, "xla", "float32", "TPUs do it by default"),
        (Question.ACTIVATIONS, "xpu", "float32", "the device's tanh is within 5 ulp"),
        (Question.ACTIVATIONS, "cpu", "float32", None),
        (Question.BACKWARD, "cpu", "float32", None),
    ],
    ids=str,
)
def test_documented_devices_are_causes(
    question: Question, device: str, dtype: str, expected: str | None
) -> None:
    """A device excuses what its documents say, in the dtypes that they name."""
    assert cause_of(question, Backend(device), dtype, lambda _: True) == expected


def test_controls_are_variants() -> None:
    """Each question has a cause, and each control is a variant of a device of its cause."""
    assert set(CAUSES) == set(Question)
    for cause in (cause for question in CAUSES.values() for cause in question):
        variants = [variant for device in cause.devices for variant in VARIANTS.get(device, ())]
        assert cause.control in (NO_CONTROL, *variants)


@pytest.mark.parametrize(
    ("system", "machine", "told", "flags"),
    [
        ("Linux", "x86_64", {"cpuinfo": {"flags": "fpu avx2 avx512_bf16"}}, "avx2 avx512_bf16 fpu"),
        ("Linux", "aarch64", {"cpuinfo": {"Features": "fp asimd bf16"}}, "asimd bf16 fp"),
        # Under an emulator, /proc/cpuinfo is the host's.
        ("Linux", "aarch64", {"cpuinfo": {"flags": "avx512_bf16"}, "hwcap2": {"bf16": 1}}, "bf16"),
        ("Darwin", "arm64", {"sysctl": {"hw.optional.arm.FEAT_BF16": "1"}}, "bf16"),
        ("Darwin", "arm64", {"sysctl": {"hw.optional.arm.FEAT_BF16": "0"}}, ""),
        (
            "Windows",
            "AMD64",
            {"torch": {"avx512_f": True, "avx512_bf16": True}},
            "avx512_bf16 avx512f",
        ),
        ("Windows", "AMD64", {"torch": {"avx2": False, "l2_cache_size": 1}}, ""),
    ],
)
def test_flags_are_read_where_the_system_has_them(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    told: Mapping[str, Mapping[str, object]],
    flags: str,
) -> None:
    """Linux, an emulated Arm on it, macOS and Windows."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: told.get("cpuinfo", {}))
    monkeypatch.setattr(cpu, "_sysctl", lambda: told.get("sysctl", {}))
    monkeypatch.setattr(cpu, "_hwcap2", lambda: set(told.get("hwcap2", ())))
    torch_cpu = SimpleNamespace(get_capabilities=lambda: told.get("torch", {}))
    monkeypatch.setattr(cpu, "torch", SimpleNamespace(cpu=torch_cpu))
    assert " ".join(sorted(cpu.cpu_flags.__wrapped__())) == flags


def test_flags_of_this_machine_are_those_that_torch_finds() -> None:
    """Where torch 2.10 and later tell the CPU's bfloat16 instructions, both agree."""
    get: Callable[[], Mapping[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    found = get()
    for flag in ("avx512_bf16", "amx_bf16", "bf16"):
        if flag in found:
            assert (flag in cpu.cpu_flags()) is found[flag]
