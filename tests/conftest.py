"""What holds for every test: only the installed package, the same random numbers each time, no clock.

The order of the tests is random (pytest-randomly prints the seed that repeats it); what they compute is not.
"""

import os
import random
import sys
import zlib
from pathlib import Path

import hypothesis
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]

# `python -m pytest` puts the repository root here, and the folder `autograd` would answer to its name.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# --hypothesis-profile=thorough, or fuzz, chooses another one. In none does a result depend on the machine's speed.
hypothesis.settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=2_000,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "fuzz",  # with the seed that it is given
    deadline=None,
    max_examples=600,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("ci")


def pytest_configure(config):
    # pytest-randomly only shuffles: the seeds, set below, come from a test's name and never change
    config.option.randomly_reset_seed = False


@pytest.fixture(autouse=True)
def fixed_seeds(request):
    seed = zlib.crc32(request.node.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for what others draw from it; ours is the fixture `rng`


@pytest.fixture
def rng(request):
    """A NumPy generator that gives this test the same numbers in every run."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


# CHAINRULE_NO_SKIPS=1: a skipped test, or a skipped file of tests, is a failure. An expected failure is none.
if os.environ.get("CHAINRULE_NO_SKIPS", "0") not in ("", "0"):

    def fail_if_skipped(report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            report.outcome = "failed"
            report.longrepr = f"{report.nodeid}\n{reason}\nCHAINRULE_NO_SKIPS is set: no test may be skipped"
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport():
        return fail_if_skipped((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report():
        return fail_if_skipped((yield))
