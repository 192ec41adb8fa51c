"""Rows that move, contract or reduce the elements of arrays; they state how a gradient is passed back.

Read `shapes.py` and `indexing.py`, then `reductions.py` and `matrices.py`, then the others in any order. Imports
`elementwise`, `engine` and `errors`.
"""
