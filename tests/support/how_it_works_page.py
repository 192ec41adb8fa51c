"""Fill in what docs/how-it-works.md quotes from the sources, and draw its picture of the files."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from chainrule.viz.graphviz.engines import layout

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/how-it-works.md"
# a quotation ends at the first line that begins so, or, with ";; last", at the last such line of the function
QUOTE = re.compile(r"(<!-- source: (\S+) \| (.+?) \| (.+?)( ;; last)? -->\n```py\n).*?(```)", re.DOTALL)

PICTURE = """
digraph files {
  rankdir=TB; nodesep=0.25; ranksep=0.35; bgcolor="#ffffff";
  graph [fontname="Helvetica", fontsize=12, fontcolor="#5b6673", style=rounded, color="#9aa5b1", labeljust=l]
  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11, color="#5b6673", fontcolor="#1f2937", height=0.3]
  edge [color="#5b6673", arrowsize=0.6]
  subgraph cluster_autograd {
    label="chainrule.autograd"
    table [label="primitives/\\nthe table", color="#0b5cad", penwidth=2.2]
    operators [label="operators.py\\na * b"]
    recording [label="recording.py, vjp.py\\nrules applied"]
    expression [label="expression.py\\nrules as text"]
    nodes [label="value.py, tensor.py\\nrecord nodes", color="#0b5cad", penwidth=2.2]
    backward [label="backward.py\\nthe loop", color="#b04a00", penwidth=2.2]
    transforms [label="derivatives.py, check.py\\nusers of the loop"]
    tape [label="tape.py\\nthe graph, in order", color="#0b5cad", penwidth=2.2]
    {rank=same; replay; memory; source; xla}
    source [label="source.py\\nas a program"]
    replay [label="levels.py, compiling.py\\nreplayed"]
    memory [label="memory.py\\nin bytes"]
    xla [label="lowered.py\\nby XLA"]
  }
  subgraph cluster_nn {
    label="chainrule.nn"
    layers [label="base/, layers/\\nnetworks"]
    training [label="losses/, optim/,\\ntraining/"]
  }
  subgraph cluster_viz {
    label="chainrule.viz"
    drawing [label="folding/, graph/,\\ndrawing/"]
    step [label="stepping/\\none step at a time"]
    plots [label="plots/"]
  }
  table -> operators -> nodes
  table -> recording -> nodes
  table -> expression
  nodes -> backward -> transforms
  nodes -> tape
  backward -> tape
  expression -> source
  tape -> {source replay memory xla}
  transforms -> layers [style=invis]
  nodes -> layers -> training
  tape -> drawing
  tape -> step
  training -> plots
  replay -> step [style=invis]
  transforms -> plots [style=invis, minlen=2]
}
"""


def page() -> str:
    """The page, with its quotations taken from the sources anew."""

    def quoted(match: re.Match[str]) -> str:
        head, file, first, last, repeated, end = match.groups()
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        start = next(i for i, line in enumerate(lines) if line.strip().startswith(first))
        indent = len(lines[start]) - len(lines[start].lstrip())
        ends = []
        for i, line in enumerate(lines[start:], start):
            if i > start and line.strip() and len(line) - len(line.lstrip()) < indent + (not indent):
                break  # another function
            if line.strip().startswith(last):
                ends.append(i)
        stop = ends[-1] if repeated else ends[0]
        return head + textwrap.dedent("\n".join(lines[start : stop + 1])) + "\n" + end

    return QUOTE.sub(quoted, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    (ROOT / "docs/images/architecture.svg").write_bytes(layout(PICTURE, "svg"))
    print(f"wrote {PAGE} and its picture")
