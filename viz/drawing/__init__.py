"""Pictures of graphs: from a snapshot to Graphviz's language, to SVG, PNG, PDF, and to a tree of text.

Read `dot.py` (a graph in Graphviz's language), `sheet.py` and `rows.py` (what is written in a box), `labels.py` (what
operations and edges say), `engines.py` (how Graphviz is run), and `drawing.py` (`draw` itself). This folder imports
`graph`, `folding` and `common`.
"""
