"""Graphviz, which lays out and draws: `engines.py` runs the program, `markup.py` writes labels in its language.

This folder imports `common`.
"""
