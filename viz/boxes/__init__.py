"""A graph as boxes and arrows in Graphviz's language.

Read `look.py` (how much is shown), `dot.py` (the statements), `sheet.py` and `rows.py` (what is written in a box),
`changes.py` (the same of two states), `labels.py` (what operations and edges say), and `legend.py` and `tooltips.py`.
This folder imports `graphviz`, `graph`, `folding` and `common`.
"""
