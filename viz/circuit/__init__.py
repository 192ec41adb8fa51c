"""A graph as a circuit, for slides and papers: gates and wires, values above the wires, gradients below.

Read `lettering.py` (text in LaTeX type), `parts.py` (what is drawn), `placing.py` (where), `scene.py` (the picture in
points), `circuit.py` (which makes it), and the writers: `svg.py`, `pinned.py` (for Graphviz) and `tikz.py` (for LaTeX).
This folder imports `graphviz`, `graph` and `common`.
"""
