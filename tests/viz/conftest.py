"""A real Chromium for the tests of pages and notebooks: one for all of them, with no way to the network."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest


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
