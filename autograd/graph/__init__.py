"""The recorded graph as one object: `tape.py`, and `memory.py`, the bytes that it holds.

Imports `program`, `replay` and what they import.
"""
