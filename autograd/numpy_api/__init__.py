"""NumPy's own functions on nodes: `np.exp(t)`, `np.average(t, weights=w)`, `array * t`.

`elementwise.py`, `products.py`, `reductions.py` and `shapes.py` compose what has no row of its own; `compositions.py`
collects them by name, and `dispatch.py` answers NumPy's calls. Imports `functions` and what is below it.
"""
