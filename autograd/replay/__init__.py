"""Computing a recorded graph again with new numbers.

`scalar_replay.py` and `levels.py` replay Values, a whole level of the graph at once. `tensor_replay.py`, `tracing.py`
and `compiling.py` replay Tensors, as a list of NumPy calls. `in_place.py`, `in_pieces.py`
and `on_floats.py` compile formulas. Imports `program`, `nodes` and what they import.
"""
