"""The recorded graph as one object: `tape.py`, and `memory.py`, what it holds in bytes.

Imports `program`, `replay` and what is below them.
"""
