"""target: settings hold for the block and no longer; a GPU's back ends are found where there is one; what is absent says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from fixtures.actions.side_effects import differences, global_state
from fixtures.cases import backend as backend
from fixtures.cases.backend import Backend
from fixtures.cases.case import Case
from fixtures.cases.implementation import TORCH_GRU
from fixtures.cases.witness import Witness
from fixtures.comparison.tolerance import coarser

ALL = backend.all_backends()
ON_CUDA = [Backend("cuda"), Backend("cuda", "tf32"), Backend("cuda", "native")]


def forget() -> None:
    """Let the answers about this machine be found again."""
    for found in (backend.present_devices, backend._absent, backend._usable, backend._lacks):  # noqa: SLF001  # what they remember is of another machine
        found.cache_clear()


@pytest.fixture
def with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Pretend that there is one GPU, of a kind that has TF32, and cuDNN."""
    with monkeypatch.context() as pretended:
        forget()
        pretended.setattr(backend, "_usable", lambda device: device in {"cpu", "cuda", "cuda:0"})
        pretended.setattr(torch.version, "hip", None)
        pretended.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
        pretended.setattr(torch.cuda, "get_device_name", lambda _: "a pretended GPU")
        pretended.setattr(torch.backends.cudnn.m, "is_available", lambda: True)  # type: ignore[attr-defined]  # the module behind torch's wrapper
        backend.present_devices.cache_clear()
        backend._absent.cache_clear()  # noqa: SLF001  # likewise
        yield pretended
    forget()


@pytest.mark.parametrize("chosen", ALL, ids=str)
def test_settings_hold_within_the_block(chosen: Backend) -> None:
    """Inside, every setting of the back end is as it says; its names are ones that can be set."""
    with chosen.active():
        assert {name: backend._SETTINGS[name][0]() for name in chosen.settings} == chosen.settings  # noqa: SLF001  # to read what was set


@pytest.mark.parametrize("chosen", ALL, ids=str)
def test_settings_are_given_back(chosen: Backend) -> None:
    """Afterwards every global setting is as before, whatever happened inside."""
    before = global_state("cpu")
    with pytest.raises(ZeroDivisionError), chosen.active():
        _ = 1 / 0
    assert differences(before, global_state("cpu")) == []


def test_what_is_drawn_within_the_block_is_given_back() -> None:
    """Constructors and dropout draw from torch's generator; afterwards it is where it was."""
    before = global_state("cpu")
    with Backend("cpu").active():
        torch.rand(3)
        assert differences(before, global_state("cpu")) != []
    assert differences(before, global_state("cpu")) == []


def test_settings_within_settings_unwind() -> None:
    """A target set up inside another gives back the other's settings."""
    with Backend("cuda", "native").active():
        outer = global_state("cpu")
        with Backend("cuda", "tf32").active():
            assert torch.backends.cudnn.enabled
            assert torch.backends.cudnn.allow_tf32
        assert differences(outer, global_state("cpu")) == []
        assert not torch.backends.cudnn.enabled


def test_ids_are_unique_and_name_the_back_end() -> None:
    """cpu, cuda and so on for a device as it is, and a word behind it for another back end."""
    ids = [known.id for known in ALL]
    assert len(set(ids)) == len(ids)
    assert ids[:4] == ["cpu", "cpu-native", "cpu-1thread", "cpu-2threads"]
    assert {"cuda", "cuda-tf32", "cuda-native", "cuda1", "mps", "xpu"} <= set(ids)


@pytest.mark.parametrize(
    ("chosen", "dtype", "row"),
    [
        (Backend("cuda", "tf32"), "float32", "tf32"),
        (Backend("cuda", "tf32"), "float64", "float64"),
        (Backend("cuda"), "float32", "float32"),
        (Backend("cuda", "native"), "float32", "float32"),
        (Backend("cpu"), "bfloat16", "bfloat16"),
    ],
    ids=str,
)
def test_row_of_the_rounding_table_follows_the_back_end(
    chosen: Backend, dtype: str, row: str
) -> None:
    """Only float32 under TF32 rounds more coarsely than its dtype, and beside another target the coarser one counts."""
    assert chosen.precision(dtype) == row
    assert (
        coarser(row, Backend("cpu").precision(dtype))
        == coarser(Backend("cpu").precision(dtype), row)
        == row
    )


def test_laws_run_on_the_cpu_as_torch_has_it() -> None:
    """Without names the CPU is one target; its other back ends are had by name."""
    assert [chosen for chosen in backend.choose_backends([]) if chosen.kind == "cpu"] == [
        Backend("cpu")
    ]
    assert backend.choose_backends(["cpu", "cpu-2threads", "cpu"]) == (
        Backend("cpu"),
        Backend("cpu", "2threads"),
    )


@pytest.mark.usefixtures("with_a_gpu")
def test_laws_run_on_every_back_end_of_a_gpu() -> None:
    """Where there is one, cuda is cuDNN, cuDNN with TF32 and torch's own kernels, unless one of them is named."""
    assert list(backend.choose_backends([])) == [Backend("cpu"), *ON_CUDA]
    assert list(backend.choose_backends(["cuda"])) == ON_CUDA
    assert backend.choose_backends(["cuda-native"]) == (Backend("cuda", "native"),)
    assert [chosen.id for chosen in backend.choose_backends(["cuda:0"])] == [
        "cuda0",
        "cuda0-tf32",
        "cuda0-native",
    ]


def test_gpu_without_tf32_or_cudnn_has_fewer_back_ends(with_a_gpu: pytest.MonkeyPatch) -> None:
    """An older GPU says that it has no TF32; a build without cuDNN says so, and runs its own kernels."""
    with_a_gpu.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert backend.choose_backends(["cuda"]) == (Backend("cuda"), Backend("cuda", "native"))
    assert Backend("cuda", "tf32").absent() == "a pretended GPU has no TF32"
    with_a_gpu.setattr(torch.backends.cudnn.m, "is_available", lambda: False)  # type: ignore[attr-defined]  # likewise
    backend._absent.cache_clear()  # noqa: SLF001  # another build
    assert backend.choose_backends(["cuda"]) == (Backend("cuda", "native"),)
    assert Backend("cuda").absent() == f"torch {torch.__version__} is built without cuDNN"


@pytest.mark.parametrize("name", ["nonsense", "cpu-nonsense", "meta", ""])
def test_unknown_target_is_named_beside_those_present(name: str) -> None:
    """--device says what is here."""
    with pytest.raises(pytest.UsageError, match=f"^--device {name}: not here; present: cpu, "):
        backend.choose_backends([name])


def test_absent_target_is_a_skip_with_its_reason() -> None:
    """A law that asks for another target is skipped where there is none, in one sentence."""
    witness = Witness(Case(3, 7), Backend("cpu"), TORCH_GRU)
    with (
        pytest.raises(pytest.skip.Exception, match=r"finds no nonsense here"),
        witness.on(Backend("nonsense")),
    ):
        pass


def test_same_witness_elsewhere_holds_the_same_numbers() -> None:
    """On another target a witness has the same input, state and parameters."""
    witness = Witness(Case(3, 7), Backend("cpu"), TORCH_GRU)
    with witness.on(Backend("cpu", "2threads")) as there:
        assert torch.equal(there.x, witness.x)
        assert torch.equal(there.random_h_0, witness.random_h_0)
        assert all(map(torch.equal, there.bi.parameters(), witness.bi.parameters()))
        assert torch.get_num_threads() == 2
