"""Rows where each output element depends on one element of each input; they state local gradients.

Read `arithmetic.py`, then `choosing.py`, `rounding.py`, `elementary.py`, `activations.py`; `compound.py` has rows of
any number of inputs. Imports `engine` and `errors`.
"""
