"""What users hold: `Value`, one float in a graph, and `Tensor`, an array in a graph.

Read `value.py`, then `tensor.py` with `at.py`, its indexed updates. It imports
`numpy_api`, `debug` and what is below them.
"""
