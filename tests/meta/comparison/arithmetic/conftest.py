"""Faults planted in torch's own product, and flags that the CPU is pretended to have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from fixtures.comparison import arithmetic
from fixtures.comparison.arithmetic import causes
from fixtures.proof.coarse_products import Product


@pytest.fixture(scope="session", autouse=True)
def _onednn_has_read_its_variables() -> None:
    """Use oneDNN once: it reads its variables at its first product, which no test may change."""
    x = torch.ones(32, 32, dtype=torch.bfloat16)
    torch.nn.functional.linear(x, x)


@pytest.fixture(autouse=True)
def _measured_afresh() -> Iterator[None]:
    """Forget what was measured before, and what is measured under a planted fault."""
    arithmetic.forget()
    yield
    arithmetic.forget()


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Product], None]:
    """Make a product torch's own, to be measured afresh."""

    def planted(product: Product) -> None:
        arithmetic.forget()
        monkeypatch.setattr(torch.nn.functional, "linear", product)

    return planted


@pytest.fixture
def pretend_flags(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that the CPU has these flags, and that oneDNN may use them."""

    def pretend(*names: str) -> None:
        monkeypatch.setattr(causes, "cpu_flags", lambda: frozenset(names))
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)

    return pretend
