"""A network drawn as lecturers draw it: one column of units for each layer, and the connections between them.

Read `reading.py` (which graphs are networks, and what their units and weights are), `columns.py` (how many units and
which numbers are shown, and where they stand), and `dot.py` (the drawing). This folder imports `boxes`, `graphviz`,
`graph`, `folding` and `common`.
"""
