"""The classes that users work with: `Value`, one float in a graph, and `Tensor`, an array in a graph.

Read `node.py`, their common base, `value.py`, then `tensor.py` with `at.py`, its indexed updates; `dual.py`
has the Values of forward mode. Imports `numpy_api`, `debug`, `functions`, `primitives`, `engine` and `errors`.
"""
