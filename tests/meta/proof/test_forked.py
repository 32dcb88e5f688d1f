"""forked: a crash and a hang are told, and a GRU that no forked process can call is known."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from fixtures.proof import forked as module
from fixtures.proof.forked import NoAnswerError, can_fork, forked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


class OnAThread(nn.GRU):
    """Computes on a thread that it keeps, as JAX does."""

    pool = ThreadPoolExecutor(1)

    def forward(self, *args: Any) -> Any:
        """The results of torch.nn.GRU."""
        return self.pool.submit(super().forward, *args).result()


class Crashing(nn.GRU):
    """Ends the process."""

    def forward(self, *_: Any) -> Any:
        """Nothing."""
        os._exit(3)


def test_answer_comes_from_another_process() -> None:
    """What the function returns, and not from here."""
    assert forked(os.getpid) != os.getpid()


def test_crash_and_hang_are_told() -> None:
    """The process is gone after both."""
    with pytest.raises(NoAnswerError, match=r"it ends the process \(exit code 3\)"):
        forked(lambda: os._exit(3))
    with pytest.raises(NoAnswerError, match=r"it does not end within 0\.1 seconds"):
        forked(lambda: time.sleep(60), seconds=0.1)


def test_gru_on_a_thread_of_its_own_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would wait for ever. One that crashes is what a process of its own is for."""
    monkeypatch.setattr(module, "OF_A_CALL", 1.0)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)  # as another test leaves it
    OnAThread(2, 3)(torch.zeros(2, 1, 2))
    assert not can_fork(OnAThread)
    assert can_fork(nn.GRU)
    assert can_fork(Crashing)
