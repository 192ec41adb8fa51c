"""`draw`, what can be made of a drawing (SVG, PNG, PDF, TikZ, a tree of text), and the formulas of a graph.

Read `drawing.py` (`draw` itself), `fitting.py` (how much fits where it is seen), `text.py` (the tree), `names.py` and
`inline.py` (SVG for screen readers and for notebooks), `micrograd.py` (micrograd's names), and `formulas.py` (a graph
as LaTeX). This folder imports `boxes`, `network`, `circuit`, `explorer`, `graphviz`, `graph`, `folding` and `common`.
"""
