"""Make exercise sheets, one for each lecture: as a page, a PDF and a notebook, without solutions and with them.

    python tests/support/exercise_sheets.py --seed 7 --out out/sheets

Beside them it writes the cheat sheet, docs/cheat-sheet.md, as a PDF of one page.

A sheet is made from `notebooks/sheets/NAME.py`, in the form of the sources of the notebooks. Its code draws the numbers
from `rng`, a generator with the seed, and the text has them in braces. A cell with the tag `solution` is executed, and
its code and what it prints are the solution, so it is always that of these numbers. The same seed gives the same sheet.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jupytext
import nbformat
import numpy as np
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "notebooks/sheets").glob("*.py"))
CHEAT_SHEET = ROOT / "docs/cheat-sheet.md"
MARKDOWN = MarkdownIt("commonmark").enable("table")
ROOM = "3.2cm"  # below an exercise without its solution

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1f2937; background: #ffffff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
code, pre { font: 0.9em/1.45 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px }
code { padding: 0 0.2em } pre { padding: 0.7em 1em; overflow-x: auto } pre code { padding: 0; background: none }
.solution { border-left: 4px solid #0b5cad; padding-left: 1rem; margin: 1rem 0 }
@media (prefers-color-scheme: dark) {
  body { color: #e5e7eb; background: #16191d } code, pre { background: #242a31 } .solution { border-color: #7cc4ff }
}
"""
HEAD = """
#set document(title: "TITLE", date: none)
#set page(paper: "a4", margin: (x: 2.2cm, y: 2cm), numbering: "1")
#set text(size: 10.5pt, lang: "en")
#set par(leading: 0.7em, justify: false)
#show heading.where(level: 1): set block(below: 1.2em)
#show heading.where(level: 2): set block(above: 1.6em, below: 0.8em)
#show raw.where(block: true): it => block(fill: luma(245), inset: 7pt, radius: 3pt, width: 100%, text(size: 8.5pt, it))
#let line = (left: 2pt + rgb("#0b5cad"))
#let solution(body) = block(stroke: line, inset: (left: 9pt, y: 3pt), width: 100%, breakable: false, body)
"""


ONE_PAGE = """
#set document(title: "TITLE", date: none)
#set page(paper: "a4", flipped: true, margin: 0.8cm)
#set text(size: 8.2pt, lang: "en")
#set par(leading: 0.5em, spacing: 0.7em)
#show heading.where(level: 1): it => text(size: 13pt, it)
#show heading.where(level: 2): it => block(above: 1.1em, below: 0.6em, text(size: 9.5pt, it))
#let code(it) = block(fill: luma(245), inset: 5pt, radius: 2pt, width: 100%, text(size: 6.5pt, it))
#show raw.where(block: true): code
#set table(inset: 3pt, stroke: 0.4pt + luma(200))
#show: columns.with(2, gutter: 0.6cm)
"""


@dataclass(frozen=True)
class Part:
    """A piece of a sheet: a text in Markdown, code that draws numbers, or a solution: code and what it printed."""

    kind: Literal["text", "numbers", "solution"]
    text: str
    printed: str = ""


def parts(source: Path, seed: int) -> list[Part]:
    """The pieces of a sheet with the numbers of a seed. Raises what its code raises."""
    names: dict[str, Any] = {"SEED": seed, "rng": np.random.default_rng(seed), "__name__": source.stem}
    found = []
    for cell in jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells:
        if cell.cell_type == "markdown":
            found.append(Part("text", filled(cell.source, names)))
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cell.source, source.name, "exec"), names)
        solves = "solution" in cell.metadata.get("tags", ())
        found.append(Part("solution" if solves else "numbers", cell.source, printed.getvalue().rstrip()))
    return found


def filled(text: str, names: dict[str, Any]) -> str:
    """The text with the values of names in braces."""
    return re.sub(r"\{([A-Za-z_]\w*)\}", lambda name: str(names[name[1]]), text)


def title(sheet: list[Part]) -> str:
    return sheet[0].text.strip().splitlines()[0].lstrip("# ")


# ---------------------------------------------------------------------- as a page


def page(sheet: list[Part], solutions: bool) -> str:
    """A sheet as one HTML file, which needs nothing else."""
    body = []
    for part in sheet:
        if part.kind == "text":
            body.append(MARKDOWN.render(part.text))
        elif part.kind == "solution" and solutions:
            printed, code = (
                f"<pre><code>{html.escape(text)}</code></pre>" for text in (part.printed, part.text)
            )
            shown = f"<p><b>Solution</b></p>\n{printed}\n<p>computed by</p>\n{code}"
            body.append(f'<div class="solution">\n{shown}\n</div>')
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title(sheet))}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{''.join(body)}\n</main>\n</body>\n</html>\n"
    )


# ---------------------------------------------------------------------- as a PDF


def pdf(sheet: list[Part], solutions: bool) -> bytes:
    """A sheet as a PDF, set by Typst (extra `pdf`)."""
    import typst

    body = []
    for part in sheet:
        if part.kind == "text":
            body.append(typeset(part.text))
        elif part.kind == "solution":
            shown = f"{raw(part.printed, True)}\ncomputed by\n{raw(part.text, True)}"
            body.append(f"#solution[*Solution*\n\n{shown}]" if solutions else f"#v({ROOM}, weak: false)")
    text = HEAD.replace("TITLE", title(sheet)) + "\n\n".join(body)
    written: bytes = typst.compile(text.encode(), format="pdf")
    return written


def cheat_sheet() -> bytes:
    """The cheat sheet as a PDF of one page."""
    import typst

    text = CHEAT_SHEET.read_text(encoding="utf-8")
    head = ONE_PAGE.replace("TITLE", "chainrule: cheat sheet")
    written: bytes = typst.compile((head + typeset(text)).encode(), format="pdf")
    return written


def typeset(text: str) -> str:
    """Markdown in Typst's language; every text is a string there, so that no sign of it has a meaning."""
    return "".join(_blocks(SyntaxTreeNode(MARKDOWN.parse(text))))


def raw(text: str, block: bool) -> str:
    return f"#raw({json.dumps(text, ensure_ascii=False)}, block: {'true' if block else 'false'});"


def _blocks(tree: SyntaxTreeNode) -> Iterator[str]:
    for node in tree.children:
        if node.type == "heading":
            yield f"\n{'=' * int(node.tag[1])} {_inline(node.children[0])}\n\n"
        elif node.type == "paragraph":
            yield f"{_inline(node.children[0])}\n\n"
        elif node.type == "bullet_list":
            for item in node.children:
                yield f"- {''.join(_blocks(item)).strip()}\n"
            yield "\n"
        elif node.type == "table":
            rows = [row.children for part in node.children for row in part.children]
            rows = [row for row in rows if any(cell.children[0].content for cell in row)]
            cells = ", ".join(f"[{_inline(cell.children[0])}]" for row in rows for cell in row)
            yield f"#table(columns: {len(rows[0])}, {cells})\n\n"
        elif node.type == "fence":
            yield raw(node.content.rstrip(), True) + "\n\n"
        else:
            raise ValueError(
                f"a sheet has headings, paragraphs, lists, tables and code; this one has {node.type}"
            )


def _inline(tree: SyntaxTreeNode) -> str:
    found = []
    for node in tree.children:
        if node.type == "text":
            found.append(f"#{json.dumps(node.content, ensure_ascii=False)};")
        elif node.type == "code_inline":
            found.append(raw(node.content, False))
        elif node.type in ("softbreak", "hardbreak"):
            found.append("\n")
        elif node.type == "link":  # to another page of the documentation
            found.append(_inline(node))
        elif node.type in ("strong", "em"):
            found.append(f"#{'strong' if node.type == 'strong' else 'emph'}[{_inline(node)}];")
        else:
            raise ValueError(f"a sheet has text, code and emphasis; this one has {node.type}")
    return "".join(found)


# ---------------------------------------------------------------------- as a notebook


def notebook(sheet: list[Part], seed: int, solutions: bool) -> Any:
    """A sheet as a notebook that can be run: in place of a solution there may be an empty cell to work in."""
    start = f"import numpy as np\n\nrng = np.random.default_rng({seed})"
    cells = [nbformat.v4.new_code_cell(start)]
    for part in sheet:
        if part.kind == "text":
            cells.append(nbformat.v4.new_markdown_cell(part.text))
            continue
        cell = nbformat.v4.new_code_cell(part.text if part.kind == "numbers" or solutions else "")
        if cell.source and part.printed:
            cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=part.printed + "\n"))
        cells.append(cell)
    made = nbformat.v4.new_notebook(cells=cells)
    for k, cell in enumerate(made.cells):
        cell.id = f"cell-{k}"
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return made


def write(source: Path, seed: int, folder: Path) -> list[Path]:
    """All forms of one sheet; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet, written = parts(source, seed), []
    for solutions in (False, True):
        name = f"{source.stem}-{seed}{'-solutions' * solutions}"
        for suffix, data in (
            ("html", page(sheet, solutions).encode()),
            ("pdf", pdf(sheet, solutions)),
            ("ipynb", nbformat.writes(notebook(sheet, seed, solutions)).encode()),
        ):
            written.append(folder / f"{name}.{suffix}")
            written[-1].write_bytes(data)
    return written


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help=f"some of {', '.join(source.stem for source in SOURCES)}; all without one"
    )
    parser.add_argument("--seed", type=int, default=1, help="other numbers (default: 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("out/sheets"), help="the folder (default: out/sheets)"
    )
    given = parser.parse_args(arguments)
    chosen = [source for source in SOURCES if not given.names or source.stem in given.names]
    for source in chosen:
        for path in write(source, given.seed, given.out):
            print(f"wrote {path}")
    if not given.names:
        path = given.out / "cheat-sheet.pdf"
        path.write_bytes(cheat_sheet())
        print(f"wrote {path}")
    return 0 if chosen else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
