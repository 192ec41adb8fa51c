"""The playground in a notebook: the same page as a widget, which talks to the kernel instead of a server."""

from __future__ import annotations

import re
import weakref
from functools import cache
from typing import Any

from .launch import ServerError
from .session import Session
from .templates import SCRIPTS, template

__all__ = ["bundle", "widget"]


def bundle() -> str:
    """All modules of the page as one, which is what a widget takes: without their imports of each other."""
    texts = [template(f"{name}.js") for name in (*SCRIPTS, "widget")]
    joined = "\n".join(re.sub(r"^import .*;\n", "", text, flags=re.MULTILINE) for text in texts)
    return re.sub(r"^export (?!default)", "", joined, flags=re.MULTILINE)


@cache
def widget_class() -> Any:
    try:
        import anywidget
    except ImportError as error:
        raise ServerError(
            "in a notebook the playground is a widget of anywidget, which is not installed. Install it with: "
            "pip install 'chainrule[notebook]'; or run `chainrule playground` in a terminal, which opens a browser"
        ) from error

    class Playground(anywidget.AnyWidget):
        """The page; a thread of the kernel trains for it."""

        _esm = bundle()
        _css = template("playground.css")

        def close(self) -> None:
            """End the training, and remove the page."""
            self._session.close()
            super().close()

    return Playground


def widget(address: str) -> Any:
    """A playground for a notebook, which begins as the address says."""
    made = widget_class()()
    made._session = session = Session(sender(made))
    made.on_msg(lambda _, message, buffers: session.receive(message))
    if address:
        session.receive({"type": "open", "address": address})
    weakref.finalize(made, session.close)
    session.start()
    return made


def sender(made: Any) -> Any:
    """The function by which the thread sends to the page; it does not keep the widget alive."""
    there = weakref.ref(made)

    def send(message: dict[str, Any], pictures: bytes) -> None:
        widget = there()
        if widget is not None and widget.comm is not None:
            widget.send(message, [pictures] if pictures else None)

    return send
