"""Functions that take a function: its derivatives, the check of its gradients, the checkpoint that saves its memory.

Read `calls.py` (one recorded call), `derivatives.py` (`grad`, `jacobian` and so on), `forward.py` (what `jvp` runs),
then `check.py` and `checkpoint.py`. Imports `nodes` and what is below it.
"""
