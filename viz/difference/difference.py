"""`difference`: a picture of what changed in a graph between two states.

A state is a drawing, which keeps the numbers of its moment. The layout is that of the later state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...autograd import Tape
from ...autograd.extending import spelt
from ..common.errors import DrawingError, OptionError
from ..common.options import DrawOptions, Fit
from ..common.terminal import WIDTH
from ..common.themes import Theme
from ..common.words import shorten
from ..drawing.drawing import Drawing, drawing_of
from ..graph.roots import roots_of
from .changes import compared, firsts
from .findings import of_all_nodes, of_boxes, of_parameters
from .matching import partners
from .text import told

__all__ = ["Difference", "difference"]

MOST_NAMES, LONGEST_NAME = 4, 28


@spelt
def difference(
    before: Any,
    after: Any,
    *,
    fit: Fit = DrawOptions.fit,
    direction: str | None = DrawOptions.direction,
    theme: str | Theme = DrawOptions.theme,
    digits: int = DrawOptions.digits,
    engine: str = DrawOptions.engine,
) -> Difference:
    """Draw what changed in a graph between two states: after a step of an optimiser, or where a NaN appeared.

    A state is a `Drawing`: a node holds one value, so keep `before = draw(loss)`, compute the loss anew, and give both.
    A node, or a list, tuple or dict of nodes, is drawn first; leaves that both graphs use have one state then. Both
    graphs must have the same operations on the same shapes; names and numbers may differ. What is drawn of them, as
    with `depth` and `around`, is that of `after`.

    Each box has its value and its gradient before and after. The size of an array is the root mean square of its
    elements, and `Δ 12 %` says that the size of the change is 12 % of the size before. The more a box changed, the
    thicker is its outline; what is unchanged is grey. The first NaN, or infinity, is an octagon. A gradient has
    vanished if it is less than a thousandth of what it was. Where gradients are less than a thousandth of the largest
    one, of parameters or of results, edges say by which factor the gradient shrinks along them, if there is room.
    Printed, a difference is a table. Of arrays of more than 16,384 elements the change is that of a sample.

    Args:
        fit, direction, theme, digits, engine: as for `draw`.

    Raises `DrawingError` if the graphs are not the same, with the first node that is different; `KindError` and
    `OptionError` as `draw` does.

    >>> from chainrule.autograd import Value
    >>> from chainrule.viz import draw
    >>> w, x = Value(2.0, name="w"), Value(3.0, name="x", requires_grad=False)
    >>> def loss():
    ...     y = w * x
    ...     y.name = "y"
    ...     y.backward()
    ...     return y
    >>> before = draw(loss())
    >>> w.data -= 0.1 * w.grad
    >>> w.zero_grad()
    >>> print(difference(before, loss()))
    2 of 3 values and 0 of 2 gradients changed
    y: 6 → 5.1  ▼ 15 %
    values that changed most: y ▼ 15 %, w ▼ 15 %
    <BLANKLINE>
    w         2 → 1.7  ▼ 15 %  ∂ 3
    x         3
    y  w × x  6 → 5.1  ▼ 15 %  ∂ 1
    """
    if before is after:
        raise DrawingError(
            "before and after are the same, so nothing can have changed. A node holds one state: keep "
            "before = draw(loss), take the step, compute the loss anew, and write difference(before, loss)"
        )
    drawings = [x for x in (after, before) if isinstance(x, Drawing)]
    options = replace(
        drawings[0]._options if drawings else DrawOptions(),
        style="boxes",
        fit=fit,
        direction=direction,
        theme=theme,
        digits=digits,
        engine=engine,
    )
    later, earlier = (x if isinstance(x, Drawing) else drawing_of(x, options) for x in (after, before))
    return Difference(earlier, later, options, [] if drawings else _shared(before, after))


def _shared(before: Any, after: Any) -> list[str]:
    """That two graphs have leaves in common, if they have: these are in one state only."""
    one, other = Tape(roots_of(before)), Tape(roots_of(after))
    names = [
        other.labels[other.index[leaf]] for leaf in one.leaves if leaf.requires_grad and leaf in other.index
    ]
    if not names:
        return []
    said = ", ".join(shorten(name, LONGEST_NAME) for name in names[:MOST_NAMES]) + ", …" * (
        len(names) > MOST_NAMES
    )
    return [f"both graphs use {said}, which have one state only; keep before = draw(loss) to see them change"]


class Difference(Drawing):
    """A picture of what changed in a graph between two states; made by `difference`.

    It displays itself in notebooks and is saved as a `Drawing` is; it is not drawn as a circuit. Printed, it is what
    changed in words, and a table of all boxes, at most 80 columns wide.
    """

    def __init__(
        self, before: Drawing, after: Drawing, options: DrawOptions, notes: Sequence[str] = ()
    ) -> None:
        old, new = before._state, after._state
        partner = partners(old, new)
        first = firsts(old, new, partner)
        of_nodes = *notes, *of_all_nodes(old, new, partner, first, options.digits)
        graphs = [compared(graph, old, new, partner, first) for graph in after._readings]
        learnt = of_parameters(new)
        graphs = [
            replace(graph, findings=(*of_nodes, *of_boxes(graph, options.digits), *learnt))
            for graph in graphs
        ]
        super().__init__(graphs, options, new, None)

    def __repr__(self) -> str:
        return f"<Difference of two states of {self._picture.what()}; print it, or save it as .svg or .png>"

    def _text(self, fit: Callable[[str], str] = str, width: int = WIDTH) -> str:
        return told(self._readings[0], self._options.digits, fit)

    def html(self) -> str:
        """A difference is no page."""
        raise OptionError(
            "a page in which a graph is explored has the numbers of one state; save a difference as .svg, .png or "
            ".pdf, or the page of one state: draw(loss).save('graph.html')"
        )

    def _tikz(self, name: str) -> str:
        raise OptionError(
            "a difference has the numbers of two states, which a circuit has no room for; save it as .svg, .png or "
            ".pdf, or the circuit of one state: draw(loss).save('circuit.tex')"
        )
