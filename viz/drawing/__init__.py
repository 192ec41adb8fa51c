"""`draw`, what can be made of a drawing (SVG, PNG, PDF, TikZ, a tree of text), and the formulas of a graph.

Read `drawing.py` (`draw` itself), `text.py` (the tree), `micrograd.py` (micrograd's names), and `formulas.py` (a graph
as LaTeX). This folder imports `boxes`, `network`, `circuit`, `explorer`, `graphviz`, `graph`, `folding` and `common`.
"""
