"""Training: `fit`, the loop over epochs and batches, and what belongs to it.

The loop itself is three lines, which you can write yourself:

    for X, y in loader:
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()

Read `run.py` (one step, one epoch) and `loop.py` (`fit`), then `evaluation.py`, `history.py` and `checkpoints.py`.
`arguments.py` checks what `fit` is given, `interrupts.py` is for Ctrl-C, `nonfinite.py` for NaN.
`progress.py` is the bar. `repeating.py` and `estimators.py` (scikit-learn's protocol) are independent. It imports all
folders of `nn` except `scalar`, `datasets`, `diagnostics` and `ancestors`.
"""
