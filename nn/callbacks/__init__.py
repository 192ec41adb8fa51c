"""Callbacks: functions of your own that `fit` calls while it trains.

A callback is an object with any of these methods. Each gets the state of the training, `run`:

    on_fit_begin(run)     at the start of each `fit`, before a checkpoint is loaded: reset counts of an earlier `fit`
    on_train_begin(run)   before the first epoch, also of a training that continues from a checkpoint
    on_epoch_begin(run)   before the first batch
    on_batch_end(run)     after each step of the optimiser
    on_epoch_end(run)     after validation, with the epoch's numbers in `run.row`
    on_train_end(run)     at the end, also after Ctrl-C

`run` has `model`, `optimizer`, `loader`, `history`, `epoch` (counted from 1), `epochs`, `batch`, `row`, and
`run.stop(reason)`, which ends the training after this epoch. A function is called as `on_epoch_end`. A callback whose
state belongs to a checkpoint returns it from `state_dict()` and restores it in `load_state_dict(state)`.

One callback can be given to several calls of `fit`, if `on_fit_begin` resets all that it counts or keeps.

Read `callback.py`, then `best.py` (early stopping) and `printing.py`. It imports `base` and `optim`.
"""

from ...autograd.extending import named_in as _named_in
from .best import EarlyStopping, KeepBest
from .callback import Callback
from .printing import PrintEpochs

__all__ = ["Callback", "EarlyStopping", "KeepBest", "PrintEpochs"]

__getattr__ = _named_in(globals(), "callbacks")
