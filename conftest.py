"""The options of the suite. What they do lies in :mod:`fixtures.plugin`, which is loaded once torch is known to be there."""

from __future__ import annotations

import importlib

import pytest

import fixtures  # noqa: F401  # sets what NumPy reads when it is loaded


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that README.md lists."""
    group = parser.getgroup("bidirectional GRU")
    group.addoption(
        "--profile",
        choices=("quick", "full"),
        default="quick",
        help="how many cases: quick (default) or full",
    )
    group.addoption(
        "--device",
        action="append",
        default=[],
        metavar="NAME",
        help="judge on this device; repeatable (default: all present)",
    )
    group.addoption(
        "--gru", metavar="MODULE:ATTR", help="judge this class or factory instead of torch.nn.GRU"
    )
    group.addoption(
        "--case",
        metavar="ID",
        help="judge this case instead of the profile's, for example I3-H7-L2-B4-T5-batch_first-f64",
    )
    group.addoption(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="shift every random number of the witnesses (default: 0)",
    )
    group.addoption(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="torch's threads per operation (default: 1)",
    )
    group.addoption(
        "--fuzz",
        type=int,
        default=0,
        metavar="N",
        help="in tests/fuzz, try N random cases for each sentence of the laws (make fuzz)",
    )
    group.addoption(
        "--record",
        metavar="FILE",
        help="keep what this torch computes for every recorded case (npz)",
    )
    group.addoption("--against", metavar="FILE", help="compare with what was recorded into FILE")
    group.addoption(
        "--report",
        metavar="FILE",
        help="write the verdict as a page: .html, .md, or .json for machines",
    )
    group.addoption(
        "--closeness",
        action="store_true",
        help="end with the rounding table as this run measured it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Demand a usable torch, then hand over to the wiring."""
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise pytest.UsageError(
            f"PyTorch cannot be imported here ({error}). Install it (pip install torch), or type: make verify"
        ) from None
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 0):
        raise pytest.UsageError(
            f"This suite judges torch 2.0 and later; here is torch {torch.__version__}."
        )
    try:
        torch.zeros(1).numpy()
    except RuntimeError as error:
        raise pytest.UsageError(
            f"torch {torch.__version__} cannot use the NumPy that is installed ({error}). Before torch 2.3: pip install 'numpy<2'"
        ) from None
    config.pluginmanager.import_plugin("fixtures.plugin")
