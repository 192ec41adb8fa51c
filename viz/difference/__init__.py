"""`difference`: two states of one graph in one picture, with what changed, the first NaN, and gradients that vanished.

Read `difference.py` (`difference` itself), `matching.py` (which node of one state is which of the other), `changes.py`
(what changed in each box), `findings.py` (what is said of it in words), and `text.py` (the table). This folder imports
`drawing`, `boxes`, `graph` and `common`.
"""
