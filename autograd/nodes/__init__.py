"""What users hold: `Value`, one float in a graph, and `Tensor`, an array in a graph.

Read `node.py`, what they share, `value.py`, then `tensor.py` with `at.py`, its indexed updates. Imports `numpy_api`,
`debug`, `functions`, `primitives`, `engine` and `errors`.
"""
