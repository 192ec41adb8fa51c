"""Functions of functions: derivatives, gradient checks, and checkpoints that save memory.

Read `calls.py` (one recorded call), `derivatives.py` (`grad`, `jacobian` and so on), `forward.py` (forward mode, for
`jvp`), then `check.py`, `checkpoint.py` and `recomputing.py`; `results.py` has the types of results, for type checkers.
Imports `nodes` and what it imports.
"""
