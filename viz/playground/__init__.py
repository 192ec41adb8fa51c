"""The playground: train a small network in the browser, stop, and look inside.

`lab/` is one training without any page, `inside/` answers what a page asks about the network, `serving/` has a session
for each page, the server, and the widget for notebooks; its `templates/` are the page. Read them in this order.
"""

from __future__ import annotations

from typing import Any

from ...autograd.extending import spelt
from ..common.errors import OptionError

__all__ = ["playground"]


@spelt
def playground(address: str = "") -> Any:
    """The playground as a widget in a notebook; in a terminal, `chainrule playground` opens it in the browser.

    `address` is the state to begin with: a link that the page has given, or the part of it behind `#`, as in
    `"data=xor&layers=8,8"`. The kernel trains in a thread of its own. Needs `pip install "chainrule[notebook]"`;
    raises `ServerError` without it, and `OptionError` for an address that cannot be read.

    >>> from chainrule.viz import playground
    >>> playground("layers=4,9")
    Traceback (most recent call last):
    ...
    chainrule.viz.common.errors.OptionError: layers is 1 or more, and 8 at most; given 9
    """
    from .lab.settings import recipes
    from .serving.notebook import widget

    if not isinstance(address, str):
        raise OptionError(
            f"address is a text, such as 'data=xor&layers=8,8', or a link that the page has given; given "
            f"{address!r:.60}"
        )
    recipes(address)
    return widget(address)
