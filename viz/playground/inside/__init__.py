"""Inside a paused training: the graph of a batch, one sample step by step, derivations, the surface of the loss.

Nothing here changes a run. Read `names.py` (how weights and units are called), `batch.py` (the graph of what the next
step minimises), `sample.py` (one sample, number by number), `derivation.py` (where the gradient of one weight comes
from), `surface.py` (the loss around the parameters), `answers.py` (what a page asks, by name). This folder imports
`lab` beside it, and `drawing`, `stepping`, `plots` and `common` of `viz`.
"""
