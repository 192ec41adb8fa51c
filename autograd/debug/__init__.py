"""Displaying, checking and saving nodes: tables in notebooks, lines of source, the search for NaN, copies, files.

Read `lines.py` before `nonfinite.py`, the others in any order. Imports `engine` and `errors`.
"""
