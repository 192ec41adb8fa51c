"""The drawing of a network in Graphviz's language: units as circles that stand where the plan says.

The first line of a unit is the activation, then come its value, its gradient, and its bias with its gradient. A line
between two units is as thick as its weight is large: blue with an arrow where the weight is positive, grey with a bar
where it is negative. Beside each unit its weights are written with their gradients, where there is room.
"""

from __future__ import annotations

from itertools import pairwise

from ..boxes.sheet import FONT, SIZE
from ..common.notation import typeset
from ..common.numbers import number
from ..common.options import DrawOptions
from ..common.words import shorten
from ..graphviz.engines import Digraph
from ..graphviz.markup import bold, coloured, escape, label, row, table, tooltip
from .columns import LINE, SMALL, Plan, range_text, unit_lines, weight_texts
from .reading import Spread, Unit

__all__ = ["digraph"]

THICKEST, THINNEST = 4.0, 0.5  # points
MANY_LINES = 60  # more are drawn thinner
LONGEST_TITLE = 26


def digraph(plan: Plan, options: DrawOptions) -> Digraph:
    """The drawing of a network after a plan."""
    return _Writer(plan, options).write()


class _Writer:
    def __init__(self, plan: Plan, options: DrawOptions) -> None:
        self.plan, self.network = plan, plan.network
        self.theme, self.digits = options.colours, max(options.digits - 1, 1)
        weights = [
            abs(w) for column in self.network.columns for unit in column.units for w, _ in unit.weights
        ]
        lines = sum(len(a) * len(b) for a, b in pairwise(plan.shown))
        self.thickest = THICKEST if lines <= MANY_LINES else THICKEST / 2
        self.largest = max((w for w in weights if w == w and w < float("inf")), default=1.0) or 1.0

    def write(self) -> Digraph:
        theme = self.theme
        g = Digraph("network")
        text = {"fontname": FONT, "fontsize": str(SIZE), "fontcolor": theme.text}
        g.attr(
            "graph",
            layout="neato",
            inputscale="72",
            splines="line",
            bgcolor=theme.background,
            pad="0.08",
            outputorder="edgesfirst",
            **text,
        )
        g.attr(
            "node",
            style="filled",
            color=theme.outline,
            fillcolor=theme.box,
            margin="0",
            width="0",
            height="0",
            **text,
        )
        g.attr("edge", color=theme.outline, arrowsize="0.6", **text)
        for k in range(len(self.network.columns)):
            self.column(g, k)
        for k in range(1, len(self.network.columns)):
            self.connections(g, k)
        if self.network.rest is not None:
            self.rest(g, *self.network.rest)
        self.legend(g)
        return g

    # ------------------------------------------------------------------ units

    def column(self, g: Digraph, k: int) -> None:
        plan, column = self.plan, self.network.columns[k]
        x = plan.middle(k)
        name, _, kind = column.title.partition(": ")
        rows = [row(bold(escape(shorten(name, LONGEST_TITLE))), "CENTER")]
        if kind:
            rows.append(
                row(coloured(escape(shorten(kind, LONGEST_TITLE)), self.theme.muted, SMALL), "CENTER")
            )
        top = plan.y(k, 0) + plan.pitch(k) / 2 + 12
        self.text(g, f"title{k}", rows, x - plan.room(k) / 2, top)
        for place, j in enumerate(plan.shown[k]):
            y = self.y(k, place)
            unit = column.units[j]
            g.node(
                f"u{k}n{j}",
                id=f"u{k}n{j}",
                pos=f"{x:.1f},{y:.1f}!",
                shape="square" if k == 0 else "circle",
                fixedsize="true",
                width=f"{(plan.diameter if k else plan.side) / 72:.3f}",
                label=label(table(self.lines(unit, column.activation if k else None), 'CELLPADDING="0"')),
                tooltip=tooltip(self.hint(unit, column.activation)),
                **{"class": "input" if k == 0 else "unit"},
                **({"penwidth": "2"} if k == len(self.network.columns) - 1 and not self.network.rest else {}),
            )
            if plan.has_rows(k):
                self.weights(g, k, j, unit, y)
        if plan.skips(k):
            hidden = len(column.units) - len(plan.shown[k])
            rows = [row(coloured(f"… {hidden:,} more", self.theme.muted), "CENTER")]
            self.text(g, f"skip{k}", rows, x, self.plan.y(k, len(plan.shown[k]) - 1))

    def y(self, k: int, place: int) -> float:
        """The y of a unit; the last one stands below the mark for the units that are not drawn."""
        last = self.plan.skips(k) and place == len(self.plan.shown[k]) - 1
        return self.plan.y(k, place + last)

    def lines(self, unit: Unit, activation: str | None) -> list[str]:
        lines = unit_lines(unit, activation, self.plan.detail, self.digits)
        return [
            row(coloured(escape(text), getattr(self.theme, role), SMALL), "CENTER") for text, role in lines
        ]

    def weights(self, g: Digraph, k: int, j: int, unit: Unit, y: float) -> None:
        """The list of a unit's weights; each is a place where a line ends."""
        theme = self.theme
        rows = []
        for i, (w, slope) in enumerate(unit.weights):
            name, gradient = weight_texts(i, w, slope, self.digits)
            texts = [coloured(escape(name), theme.parameter, SMALL)]
            if gradient:
                texts.append(coloured(escape(gradient), theme.gradient, SMALL))
            size = f'HEIGHT="{LINE:.0f}" WIDTH="{self.plan.rows - 6:.0f}" FIXEDSIZE="TRUE"'
            rows.append(f'<TR><TD PORT="w{i}" ALIGN="RIGHT" {size}>{"&#160;".join(texts)}</TD></TR>')
        x = self.plan.middle(k) - self.plan.diameter / 2 - self.plan.rows / 2
        self.text(g, f"w{k}n{j}", rows, x, y, ground="transparent")

    def text(self, g: Digraph, name: str, rows: list[str], x: float, y: float, ground: str = "") -> None:
        """Text without a box, with its centre at a place."""
        g.node(
            name,
            id=name,
            pos=f"{x:.1f},{y:.1f}!",
            shape="plaintext",
            style="filled",
            fillcolor=ground or self.theme.background,
            color=ground or self.theme.background,
            label=label(table(rows, 'CELLPADDING="0"')),
            tooltip=" ",
        )

    # ------------------------------------------------------------------ connections

    def connections(self, g: Digraph, k: int) -> None:
        plan, units = self.plan, self.network.columns[k].units
        for j in plan.shown[k]:
            for i in plan.shown[k - 1]:
                w, slope = units[j].weights[i]
                g.edge(
                    f"u{k - 1}n{i}:e",
                    f"w{k}n{j}:w{i}:w" if plan.has_rows(k) else f"u{k}n{j}",
                    id=f"u{k}n{j}in{i}",
                    tooltip=tooltip(
                        f"weight {w!r}\ngradient {'not computed' if slope is None else repr(slope)}"
                    ),
                    **self.line(w),
                )

    def line(self, w: float) -> dict[str, str]:
        """The look of a connection by the size and the sign of its weight."""
        share = min(abs(w) / self.largest, 1.0) if w == w else 1.0
        look = {"penwidth": f"{THINNEST + (self.thickest - THINNEST) * share:.2f}"}
        if w < 0:
            return look | {"color": self.theme.outline, "arrowhead": "tee"}
        return look | {"color": self.theme.value, "arrowhead": "normal" if w > 0 else "none"}

    def rest(self, g: Digraph, name: str, words: str, value: float, gradient: float | None) -> None:
        """One box for all that is computed from the outputs, as a loss is."""
        theme, plan = self.theme, self.plan
        last = len(self.network.columns) - 1
        rows = [
            row(bold(escape(shorten(name, 16))), "CENTER"),
            row(coloured(escape(shorten(words, 26)), theme.muted, SMALL), "CENTER"),
        ]
        rows.append(row(coloured(escape(self.number(value)), theme.value), "CENTER"))
        if gradient is not None:
            rows.append(row(coloured(escape(f"∂ {self.number(gradient)}"), theme.gradient), "CENTER"))
        x = plan.width - plan.diameter * 0.7
        y = (plan.y(last, 0) + plan.y(last, len(plan.shown[last]) + plan.skips(last) - 1)) / 2
        look = {"shape": "box", "style": "rounded,filled", "penwidth": "2", "margin": "0.08,0.05"}
        g.node(
            "rest",
            id="rest",
            pos=f"{x:.1f},{y:.1f}!",
            label=label(table(rows)),
            **{"class": "result"},
            **look,
        )
        for j in plan.shown[last]:
            g.edge(f"u{last}n{j}:e", "rest", id=f"restin{j}")

    # ------------------------------------------------------------------ words

    def legend(self, g: Digraph) -> None:
        theme, network = self.theme, self.network
        units = [unit for column in network.columns for unit in column.units]
        many, full = network.samples > 1, self.plan.detail == 2
        lists = full and any(self.plan.has_rows(k) for k in range(len(network.columns)))
        names = ["w weight"] * lists + ["b bias"] * (full and any(unit.bias is not None for unit in units))
        colours = [coloured("mean value" if many else "value", theme.value)]
        known = self.plan.detail > 0 and any(unit.gradient is not None for unit in units)
        if known or (network.rest is not None and network.rest[3] is not None):
            colours.append(coloured("∂ gradient", theme.gradient))
        elif full:
            colours.append(coloured("∂ – gradient not computed", theme.muted))
        colours.append(coloured(", ".join(names), theme.parameter))
        ranges = full and any(range_text(unit.value) for unit in units)
        words = [f"{network.samples:,} samples: means{' and ranges' * ranges}"] * many
        words += [f"{network.nodes:,} nodes; style='boxes' draws the operations"]
        weights = [w for unit in units for w, _ in unit.weights]
        signs = ["blue →: positive weight"] * any(w > 0 for w in weights)
        signs += [f"grey with a bar: negative{'' if signs else ' weight'}"] * any(w < 0 for w in weights)
        lines = [
            "&#160;&#160; ".join(filter(None, colours)),
            coloured("&#160;&#160; ".join([*signs, "thick: large"]), theme.muted, SMALL),
            coloured(escape(" · ".join(words)), theme.muted, SMALL),
        ]
        rows = [row(line) for line in lines]
        g.node(
            "legend",
            pos=f"{165:.1f},{22:.1f}!",
            shape="plaintext",
            style="",
            label=label(table(rows)),
            tooltip=" ",
        )

    def hint(self, unit: Unit, activation: str) -> str:
        def said(x: Spread | None) -> str:
            if x is None:
                return "not computed"
            return repr(x.mean) if x.low == x.high else f"mean {x.mean!r}, {x.low!r} … {x.high!r}"

        lines = [
            f"{unit.label} {activation}".strip(),
            f"value {said(unit.value)}",
            f"gradient {said(unit.gradient)}",
        ]
        if unit.bias is not None:
            lines.append(f"bias {unit.bias[0]!r}, gradient {unit.bias[1]!r}")
        return "\n".join(lines)

    def number(self, x: float, digits: int | None = None) -> str:
        return typeset(number(x, self.digits if digits is None else digits))
