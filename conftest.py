"""The options of the suite.

What they do lies in :mod:`fixtures.plugin`, which is loaded once torch is known to be there.
"""

from __future__ import annotations

import gc
import importlib
import sys
import warnings

import pytest

import fixtures  # noqa: F401  # sets what NumPy reads when it is loaded


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that README.md lists."""
    group = parser.getgroup("bidirectional GRU")
    group.addoption(
        "--profile",
        choices=("smoke", "quick", "full"),
        default="quick",
        help="how many cases: smoke (one of each test), quick (default) or full",
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
        help="in tests/fuzz, try N random cases for each law test (make fuzz)",
    )
    group.addoption(
        "--record",
        metavar="FILE",
        help="keep what this torch computes for every recorded case (npz)",
    )
    group.addoption("--claims", action="store_true", help="print every claim, and run nothing")
    group.addoption(
        "--write-claims",
        metavar="FILE",
        help="try each claim of --gru, and write the subject file to start from (.toml)",
    )
    group.addoption(
        "--import",
        action="append",
        default=[],
        dest="import_modules",
        metavar="MODULE",
        help="import this first, for a device that torch does not know by itself; repeatable",
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
        help="end with the tolerance table as this run measured it",
    )


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer the options that print or write claims, instead of running tests."""
    option = config.option
    if not (option.claims or option.write_claims):
        return None
    try:
        _demand_torch()
        from fixtures.plugin import claims  # noqa: PLC0415  # it needs torch

        return claims.answer(option)
    except pytest.UsageError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return int(pytest.ExitCode.USAGE_ERROR)


def pytest_configure(config: pytest.Config) -> None:
    """Demand a usable torch, then hand over to the plugin."""
    gc.set_threshold(50_000, 20, 20)  # a walk over what torch imports takes a quarter of a second
    _demand_torch()
    for module in ("session", "order", "collection", "memory", "forecast", "reports"):
        config.pluginmanager.import_plugin(f"fixtures.plugin.{module}")


def _demand_torch() -> None:
    if not __debug__:
        raise pytest.UsageError("python -O and PYTHONOPTIMIZE remove asserts, which tests need")
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise pytest.UsageError(
            f"PyTorch cannot be imported here ({error}). "
            "Install it (pip install torch), or type: make verify"
        ) from None
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 0):
        raise pytest.UsageError(
            f"This suite judges torch 2.0 and later; here is torch {torch.__version__}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error says the same
            torch.zeros(1).numpy()
    except RuntimeError as error:
        raise pytest.UsageError(
            f"torch {torch.__version__} cannot use the NumPy that is installed ({error}). "
            "Before torch 2.3: pip install 'numpy<2'"
        ) from None
