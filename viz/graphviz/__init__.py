"""Graphviz, which lays out and draws: `engines.py` runs the program, `markup.py` writes labels in its language,
`pdf.py` makes PDF of SVG.

This folder imports `common`.
"""
