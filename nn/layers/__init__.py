"""Layers of Tensors: each is a `Module` with a `forward`, one family to a file.

Read `linear.py`, `activations.py`, `functions.py` and `stacks.py` (layers one after the other); then any of
`convolution.py`, `normalisation.py`, `dropout.py`, `embedding.py`, `cells.py` and `recurrent.py`, `attention.py` and
`transformer.py`. It imports `base` and `init`.
"""
