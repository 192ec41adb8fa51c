r"""A circuit as TikZ, for LaTeX: a file that compiles alone and that `\input` puts into a paper or a Beamer slide.

Lengths are in `em`, so that the picture grows with the text around it and its text is the document's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ..common.themes import Theme
from ..common.words import printable
from .lettering import GREEK, SIZE, Line, Run
from .scene import Gate, Scene, Text, Wire

__all__ = ["as_tex", "tikz"]

UNIT = 1 / SIZE  # em: a text of the picture is as large as the text of the document
PAGE = 10.0  # points in an em of the page that shows the picture alone
ROLES = ("text", "muted", "value", "gradient", "operation", "background")

# what characters are called in LaTeX; texts are set outside of formulas
CHARACTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': r"{\char34}",
    "`": r"{\char96}", "-": "-{}", "\u00a0": "~", "−": "$-$", "×": r"$\times$", "÷": r"$\div$", "±": r"$\pm$",
    "∞": r"$\infty$", "∂": r"$\partial$", "√": r"$\surd$", "·": r"$\cdot$", "…": r"\ldots{}", "⋯": r"$\cdots$",
    "–": "--", "—": "---", "→": r"$\to$", "≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$",
    "∇": r"$\nabla$", "∑": r"$\sum$", "∏": r"$\prod$", "ℓ": r"$\ell$", "′": "$'$", "°": r"$^{\circ}$",
    "ß": r"\ss{}", "æ": r"\ae{}", "ø": r"\o{}", "å": r"\aa{}", "œ": r"\oe{}", "ł": r"\l{}", "ı": r"\i{}",
}  # fmt: skip
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ʸˣⁿ", "0123456789-+yxn"))
SUNK = dict(zip("₀₁₂₃₄₅₆₇₈₉₋₊", "0123456789-+"))
CAPITALS = ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")
CHARACTERS |= {c: rf"$\{name}$" for name, c in GREEK.items() if name != "omicron"}
CHARACTERS |= {GREEK[name].upper(): rf"$\{name.title()}$" for name in CAPITALS}


def tikz(scene: Scene, theme: Theme, name: str = "circuit") -> str:
    """The picture as a file of LaTeX; `name` is the name of the file, for the comment in it."""
    name = printable(name)
    width, height = (f"{x * UNIT * PAGE + 8:.1f}pt" for x in (scene.width, scene.height))
    margins = f"paperwidth={width},paperheight={height},left=4pt,right=0pt,top=4pt,bottom=0pt"
    return "\n".join(
        [
            "% A circuit drawn by chainrule.",
            f"% Alone: pdflatex {name}.tex. In a document: \\usepackage{{tikz}} in its preamble and \\input{{{name}}}.",
            "% It is as large as the text around it: {\\small\\input{...}} makes it smaller.",
            r"\expandafter\ifx\csname @nodocument\endcsname\relax",
            r"  \let\chainruleend\relax",
            r"\else",
            r"  \documentclass{article}",
            rf"  \usepackage[{margins}]{{geometry}}",
            r"  \usepackage{tikz}",
            r"  \pagestyle{empty}\parindent=0pt\topskip=0pt",
            r"  \begin{document}",
            r"  \def\chainruleend{\end{document}}",
            r"\fi",
            rf"\begin{{tikzpicture}}[x={UNIT:g}em, y=-{UNIT:g}em, line width=.06em,",
            r"    every node/.style={inner sep=0pt, outer sep=0pt, anchor=base}]",
            *(rf"\definecolor{{chainrule{r}}}{{HTML}}{{{getattr(theme, r)[1:].upper()}}}" for r in ROLES),
            rf"\useasboundingbox (0,0) rectangle ({scene.width:.0f},{scene.height:.0f});",
            *([rf"\fill[chainrulebackground] (0,0) rectangle ({scene.width:.0f},{scene.height:.0f});"]
              if theme.background.lower() not in ("#ffffff", "#fff") else []),
            *map(_wire, scene.wires),
            *(line for gate in scene.gates for line in _gate(gate)),
            *map(_text, scene.texts),
            r"\end{tikzpicture}%",
            r"\chainruleend",
            "",
        ]
    )  # fmt: skip


def _wire(wire: Wire) -> str:
    look = [f"chainrule{wire.role}"] + ["dashed"] * wire.dashed + ["line width=.18em"] * wire.thick
    first, *rest = (f"({x:.1f},{y:.1f})" for x, y in wire.points)
    curves = "".join(f" .. controls {a} and {b} .. {c}" for a, b, c in zip(rest[::3], rest[1::3], rest[2::3]))
    if len({round(y, 1) for _, y in wire.points}) == 1:
        curves = f" -- {rest[-1]}"
    return rf"\draw[{', '.join(look)}] {first}{curves};"


def _gate(gate: Gate) -> Iterator[str]:
    look = f"draw=chainrule{gate.role}, fill=chainruleoperation" + ", line width=.15em" * gate.thick
    if gate.width == gate.height:
        yield rf"\path[{look}] ({gate.x:.1f},{gate.y:.1f}) circle[radius={gate.width / 2:.1f}];"
    else:
        w, h = gate.width / 2, gate.height / 2
        corner = f"rounded corners={min(w, h) * UNIT:.3f}em"
        x, y = gate.x, gate.y
        yield rf"\path[{look}, {corner}] ({x - w:.1f},{y - h:.1f}) rectangle ({x + w:.1f},{y + h:.1f});"
    yield _text(Text(gate.x, gate.y + SIZE * 0.3, gate.label))


def _text(text: Text) -> str:
    anchor = {"start": "[anchor=base west] ", "middle": "", "end": "[anchor=base east] "}[text.anchor]
    return rf"\node {anchor}at ({text.x:.1f},{text.y:.1f}) {{{line_as_tex(text.line)}}};"


def line_as_tex(line: Line) -> str:
    """A line of text, in its colours."""
    parts: list[list[str]] = []
    for k, run in enumerate(line):
        words = _run_as_tex(run)
        if k and line[k - 1].role == run.role:
            parts[-1][1] = parts[-1][1] + words
        else:
            parts.append([run.role, words])
    # one formula instead of two, side by side; a command keeps its end
    whole = (
        (role, re.sub(r"(\\[A-Za-z]+)\$\$(?=[A-Za-z])", r"\1 ", words).replace("$$", ""))
        for role, words in parts
    )
    return "".join(rf"\textcolor{{chainrule{role}}}{{{words}}}" for role, words in whole)


def _run_as_tex(run: Run) -> str:
    if run.level:
        words = as_tex(run.text)
        letters = rf"\mathit{{{words}}}" if run.italic and words.isalpha() else rf"\textrm{{{words}}}"
        inside = words if words.isdecimal() else letters
        return f"${'_' if run.level < 0 else '^'}{{{inside}}}$"
    if run.italic:
        if len(run.text) == 1 and run.text.isascii() and run.text.isalpha():
            return f"${run.text}$"
        *start, last = re.split(r"(?<=\.)(?=[A-Za-z]$)", run.text)
        if start and len(last) == 1:
            return rf"\textit{{{as_tex(start[0])}}}${last}$"
        return rf"\textit{{{as_tex(run.text)}}}"
    words = as_tex(run.text)
    return rf"\textbf{{{words}}}" if run.strong else words


def as_tex(text: str) -> str:
    r"""A text as LaTeX shows it, outside of formulas; a character that plain LaTeX does not have as its code.

    >>> print(as_tex("50 % of a_b"))
    50 \% of a\_b
    >>> print(as_tex("−3 × ŷ²"))
    $-$3 $\times$ \^{y}$^{2}$
    >>> print(as_tex("中"))
    \texttt{U+4E2D}
    """
    parts = []
    for word in re.split(f"([{''.join(RAISED)}]+|[{''.join(SUNK)}]+)", printable(text)):
        if word and word[0] in RAISED:
            parts.append(f"$^{{{''.join(map(RAISED.__getitem__, word))}}}$")
        elif word and word[0] in SUNK:
            parts.append(f"$_{{{''.join(map(SUNK.__getitem__, word))}}}$")
        else:
            parts += map(_character, re.findall(r".[\u0300-\u036f]*", unicodedata.normalize("NFC", word)))
    return "".join(parts)


def _character(c: str) -> str:
    """One character, with its combining accents."""
    if c in CHARACTERS:
        return CHARACTERS[c]
    base, *accents = list(unicodedata.normalize("NFD", c))
    if base in CHARACTERS and not accents:
        return CHARACTERS[base]
    if not base.isascii() or not base.isprintable() or any(accent not in ACCENTS for accent in accents):
        return "".join(rf"\texttt{{U+{ord(each):04X}}}" for each in c)
    text = CHARACTERS.get(base, base)
    for accent in accents:
        text = rf"\{ACCENTS[accent]}{{{text}}}"
    return text
