"""backend: settings hold within the block only; a GPU's variants are found where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from fixtures.actions.side_effects import differences, global_state
from fixtures.cases import backend as module
from fixtures.cases import kernel_settings
from fixtures.cases.backend import Backend, all_backends, choose_backends
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.witness import Witness
from fixtures.comparison.tolerance import coarser

ALL = all_backends()
CPU = Backend("cpu")
ON_CUDA = [Backend("cuda"), Backend("cuda", "tf32"), Backend("cuda", "native")]


def clear_caches() -> None:
    """Let the module ask again what this machine has."""
    for function in (module.present_devices, module._why_not_here, module._usable):  # noqa: SLF001  # its caches
        if hasattr(function, "cache_clear"):  # not while it is patched
            function.cache_clear()


@pytest.fixture
def with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Pretend that there is one GPU, of a kind that has TF32, and cuDNN."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "_usable", lambda device: device in {"cpu", "cuda", "cuda:0"})
        patch.setattr(torch.version, "hip", None)
        patch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
        patch.setattr(torch.cuda, "get_device_name", lambda _: "a pretended GPU")
        patch.setattr(torch.backends.cudnn.m, "is_available", lambda: True)  # type: ignore[attr-defined]  # the module behind torch's wrapper
        clear_caches()
        yield patch
    clear_caches()


@pytest.mark.parametrize("any_backend", ALL, ids=str)
def test_settings_hold_within_the_block(any_backend: Backend) -> None:
    """Inside, every setting is as the backend says; its names are ones that can be set."""
    with any_backend.active():
        read = kernel_settings.read(any_backend.settings)
    wanted = dict(any_backend.settings)
    if precision := wanted.pop("rnn", None):
        assert set(read.pop("rnn").values()) <= {precision, precision == "tf32"}
    assert read == wanted


@pytest.mark.parametrize("any_backend", ALL, ids=str)
def test_settings_are_restored(any_backend: Backend) -> None:
    """Afterwards every global setting is as before, even after an exception."""
    before = global_state("cpu")
    with pytest.raises(ZeroDivisionError), any_backend.active():
        _ = 1 / 0
    assert differences(before, global_state("cpu")) == []


def test_generator_is_restored() -> None:
    """Constructors and dropout draw from torch's generator; afterwards its state is as before."""
    before = global_state("cpu")
    with CPU.active():
        torch.rand(3)
        assert differences(before, global_state("cpu")) != []
    assert differences(before, global_state("cpu")) == []


def test_nested_settings_are_restored_in_order() -> None:
    """A backend set up inside another restores the outer one's settings."""
    with Backend("cuda", "native").active():
        outer = global_state("cpu")
        with Backend("cuda", "tf32").active():
            assert torch.backends.cudnn.enabled
            assert torch.backends.cudnn.allow_tf32
        assert differences(outer, global_state("cpu")) == []
        assert not torch.backends.cudnn.enabled


def test_cudnn_is_told_one_precision_in_every_way() -> None:
    """Torch refuses to read allow_tf32 where its RNNs and convolutions differ, as a user may."""
    before = global_state("cpu")
    with Backend("cuda").active():
        assert not torch.backends.cudnn.allow_tf32
        cudnn: Any = torch.backends.cudnn
        if hasattr(cudnn, "rnn"):
            cudnn.rnn.fp32_precision = "tf32"
            assert "different TF32 flags" in str(global_state("cpu")["backends.cudnn.allow_tf32"])
            with Backend("cuda", "tf32").active():
                assert cudnn.allow_tf32
            assert (cudnn.rnn.fp32_precision, cudnn.conv.fp32_precision) == ("tf32", "ieee")
    assert differences(before, global_state("cpu")) == []


def test_ids_are_unique_and_name_the_variant() -> None:
    """An id is a device as it is (cpu, cuda), or with a variant's name behind it."""
    ids = [backend.id for backend in ALL]
    assert len(set(ids)) == len(ids)
    assert ids[:4] == ["cpu", "cpu-native", "cpu-1thread", "cpu-2threads"]
    assert {"cuda", "cuda-tf32", "cuda-native", "cuda1", "mps", "xpu"} <= set(ids)


@pytest.mark.parametrize(
    ("any_backend", "dtype", "row"),
    [
        (Backend("cuda", "tf32"), "float32", "tf32"),
        (Backend("cuda", "tf32"), "float64", "float64"),
        (Backend("cuda"), "float32", "float32"),
        (Backend("cuda", "native"), "float32", "float32"),
        (CPU, "bfloat16", "bfloat16"),
    ],
    ids=str,
)
def test_row_of_the_tolerance_table_follows_the_backend(
    any_backend: Backend, dtype: str, row: str
) -> None:
    """Only float32 under TF32 is coarser than its dtype; of two backends the coarser row counts."""
    assert any_backend.precision(dtype) == row
    assert coarser(row, CPU.precision(dtype)) == coarser(CPU.precision(dtype), row) == row


def test_laws_run_on_the_cpu_as_torch_has_it() -> None:
    """Without names the CPU is one backend; its other variants are chosen by name."""
    assert [backend for backend in choose_backends([]) if backend.kind == "cpu"] == [CPU]
    assert choose_backends(["cpu", "cpu-2threads", "cpu"]) == (CPU, Backend("cpu", "2threads"))


@pytest.mark.usefixtures("with_a_gpu")
def test_laws_run_on_every_variant_of_a_gpu() -> None:
    """A GPU is cuDNN, cuDNN with TF32 and torch's own kernels, unless one of them is named."""
    assert list(choose_backends([])) == [CPU, *ON_CUDA]
    assert list(choose_backends(["cuda"])) == ON_CUDA
    assert choose_backends(["cuda-native"]) == (Backend("cuda", "native"),)
    ids = [backend.id for backend in choose_backends(["cuda:0"])]
    assert ids == ["cuda0", "cuda0-tf32", "cuda0-native"]


def test_gpu_without_tf32_or_cudnn_has_fewer_variants(with_a_gpu: pytest.MonkeyPatch) -> None:
    """An older GPU has no TF32, and a build without cuDNN has torch's own kernels only."""
    with_a_gpu.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert choose_backends(["cuda"]) == (Backend("cuda"), Backend("cuda", "native"))
    assert Backend("cuda", "tf32").why_not_here() == "a pretended GPU has no TF32"
    with_a_gpu.setattr(torch.backends.cudnn.m, "is_available", lambda: False)  # type: ignore[attr-defined]  # likewise
    clear_caches()
    assert choose_backends(["cuda"]) == (Backend("cuda", "native"),)
    reason = f"torch {torch.__version__} is built without cuDNN"
    assert Backend("cuda").why_not_here() == reason


@pytest.mark.parametrize("name", ["nonsense", "cpu-nonsense", "meta", ""])
def test_unknown_backend_is_named_beside_those_present(name: str) -> None:
    """The error of --device lists the backends that are here."""
    with pytest.raises(pytest.UsageError, match=f"^--device {name}: not here; present: cpu, "):
        choose_backends([name])


def test_absent_backend_is_a_skip_with_its_reason() -> None:
    """A law that needs another backend is skipped where it is not here, in one sentence."""
    witness = Witness(Case(3, 7), CPU, TORCH_GRU)
    with (
        pytest.raises(pytest.skip.Exception, match=r"finds no nonsense here"),
        witness.on(Backend("nonsense")),
    ):
        pass


def test_witness_on_another_backend_has_the_same_numbers() -> None:
    """On another backend a witness has the same input, state and parameters."""
    witness = Witness(Case(3, 7), CPU, TORCH_GRU)
    with witness.on(Backend("cpu", "2threads")) as other:
        assert torch.equal(other.x, witness.x)
        assert torch.equal(other.random_h_0, witness.random_h_0)
        assert all(map(torch.equal, other.bi.parameters(), witness.bi.parameters()))
        assert torch.get_num_threads() == 2
