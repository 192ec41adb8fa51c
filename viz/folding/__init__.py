"""Which nodes of a graph share a box, so that a graph of any size can be read.

Read `outline.py` (a graph as numbers, and a partition of it) and `dividing.py` (which ways of folding are tried, in
which order), then the ways one by one: `stacking.py`, `scopes.py`, `runs.py`; `titles.py` names what is folded. All of
it is counting and sorting. This folder imports `autograd` and `nn`, and nothing of the other folders of `viz`.
"""
