"""NumPy's own functions on nodes: `np.exp(t)`, `np.average(t, weights=w)`, `array * t`.

`elementwise.py`, `products.py`, `reductions.py` and `shapes.py` compose functions that have no row of their own;
`compositions.py` collects them by name, and `dispatch.py` receives NumPy's calls. Imports `functions` and what it
imports.
"""
