"""`draw`, and what can be made of a drawing: SVG, PNG, PDF, TikZ, and a tree of text.

Read `drawing.py` (`draw` itself), `text.py` (the tree), and `micrograd.py` (micrograd's names). This folder imports
`boxes`, `network`, `circuit`, `explorer`, `graphviz`, `graph`, `folding` and `common`.
"""
