"""`draw`, and what can be made of a drawing: SVG, PNG, PDF, and a tree of text.

Read `drawing.py` (`draw` itself), `text.py` (the tree), and `micrograd.py` (micrograd's names). This folder imports
`explorer`, `boxes`, `graphviz`, `graph`, `folding` and `common`.
"""
