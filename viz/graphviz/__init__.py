"""Graphviz, which lays out and draws: `engines.py` runs the program, `markup.py` writes labels in its language,
`titles.py` the names of things into an SVG; `pdf.py` makes PDF and PNG of SVG. This folder imports `common`.
"""
