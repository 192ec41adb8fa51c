"""Engines: what computes the steps of a training. One step is forward, loss, backward, clipping and update.

`step.py` has `Step`, which chooses an engine for each batch: `eager.py` records every step, `replay.py` records once
for each shape of batch, `xla.py` compiles the whole step for XLA. `batch.py` makes leaves of a batch, `before.py` keeps
the state before it. The folder imports `base` and `optim`; `xla.py` imports JAX, and is imported when it is asked for.
"""
