"""A page of the playground without a browser, and a running server."""

from __future__ import annotations

import pytest
from playground_pages import PATIENCE, Page, Served


@pytest.fixture
def page():
    """A `Page` with a session of its own."""
    made = Page()
    yield made
    made.session.close()
    made.session.thread.join(PATIENCE)
    assert not made.session.thread.is_alive()


@pytest.fixture(scope="session")
def served():
    """A `Served`."""
    for package in ("starlette", "uvicorn", "websockets"):
        pytest.importorskip(
            package, reason=f"the playground is served by {package}: pip install '.[playground]'"
        )
    running = Served()
    yield running
    running.close()
