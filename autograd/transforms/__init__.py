"""Functions that take a function: its derivatives, the check of its gradients, the checkpoint that saves its memory.

Read `transforms.py`, `forward.py`, then `check.py` and `checkpoint.py`. Imports `nodes` and what is below it.
"""
