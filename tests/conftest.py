"""What holds for every test: only the installed package, the same random numbers each time, no clock.

The order of the tests is random (pytest-randomly prints the seed that repeats it); what they compute is not.
"""

import gc
import os
import random
import shutil
import sys
import zlib
from pathlib import Path
from urllib.parse import urlsplit

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


# files whose tests take seconds each: they compile, train, or start other programs
LONG = {
    f"test_{name}.py"
    for name in (
        "benchmarks", "beside_pytorch", "compiled_page", "distributed", "editors", "jobs", "notebooks",
        "overfitting", "xla", "xla_devices", "xla_layers", "xla_training",
    )
}  # fmt: skip


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items):
    """Long tests begin, so that none is left for the end; and those of pages, which then share one browser."""
    items.sort(key=lambda item: item.path.name not in LONG and "chromium" not in item.fixturenames)


def pytest_collection_finish():
    # What is imported by now, and the tests, stay to the end. Without this, a collection goes through all of it again:
    # half a second each time, for the tests that ask for one and those that make many objects.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fixed_seeds(request):
    seed = zlib.crc32(request.node.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for what others draw from it; ours is the fixture `rng`


@pytest.fixture
def rng(request):
    """A NumPy generator that gives this test the same numbers in every run."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def in_an_empty_folder(tmp_path, monkeypatch):
    """For examples, which may write files and declare rows: neither outlives them."""
    from chainrule.autograd import TABLE

    monkeypatch.chdir(tmp_path)
    rows = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(rows)


# A real Chromium for the tests of pages, notebooks and printed modules: one for all, with no way to the network.


class Browser:
    """Opens pages that may load files and talk to this machine; whatever else they ask for, or complain of, is kept."""

    def __init__(self, chromium) -> None:
        self.chromium = chromium
        self.troubles: list[str] = []
        self.contexts = []

    def open(self, address: str, **settings):
        context = self.chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, **settings})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.route("**/*", self.route)
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.goto(address)
        return page

    def route(self, route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("file", "data", "blob", "about") or parts.hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.troubles.append(f"asked for {route.request.url}")
            route.abort()


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pages are tested with Playwright: pip install '.[browser]'"
    )
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("pages are tested in Chromium, and there is none on the path")
    with (
        playwright.sync_playwright() as p,
        p.chromium.launch(executable_path=program, args=["--no-sandbox"]) as running,
    ):
        yield running


@pytest.fixture
def browser(chromium):
    """A `Browser`; the test fails if a page asked for the network or wrote an error."""
    opened = Browser(chromium)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.troubles == []


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
