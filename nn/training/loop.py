"""`fit`: the loop over epochs and batches.

It adds to the three lines of the loop validation, a progress bar, a history and callbacks. A training that was killed
continues to the same bits (`checkpoints.py`), Ctrl-C leaves the best model, and NaN is detected before it reaches the
parameters. The steps are in `Run`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from ...autograd import NonfiniteError
from ...autograd.extending import spelt
from ..base.arguments import whole_number
from ..base.module import Module
from ..callbacks.best import EarlyStopping, KeepBest
from ..engines.step import Step
from ..optim.optimizer import Optimizer
from ..saving.arrays import check_path
from .arguments import (
    Data,
    Loss,
    Metrics,
    as_callback,
    as_loader,
    as_stopping,
    check_function,
    check_model_and_loss,
    check_schedules,
    chosen_optimizer,
    each_once,
    listed,
    named_metrics,
)
from .history import History
from .interrupts import ctrl_c_noted
from .progress import progress_bar, show_as_done
from .run import Run

__all__ = ["fit"]


@spelt
def fit(
    model: Module,
    loss: Loss,
    data: Data,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Data | None = None,
    metrics: Metrics = None,
    schedule: Any = None,
    penalty: Callable[[Module], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Sequence[Any] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int | None = 0,
    progress: bool = True,
    engine: str = "auto",
    device: Any = None,
    devices: Any = None,
) -> History:
    """Train a model; returns the history of loss and metrics.

    `loss(prediction, target)` returns one number for a batch, its mean. `data` is `(X, y)`, or several inputs and
    the target, which are divided into batches of `batch_size` in an order that depends on `seed`; or a `DataLoader`. A
    network of Values is called with one row at a time, and the loss is called with the list of its outputs.
    For one step in a loop of your own use `nn.Step`.

    - `optimizer` is Adam unless one is given; `schedule` is one of `nn.schedules`, or a list of them, whose factors
      multiply. Schedules that use a metric get the validation loss (or the quantity that early stopping monitors).
    - `validation` is data to measure loss and metrics on after each epoch, in evaluation mode and with nothing
      recorded; its columns in the history start with `val_`.
    - `metrics` are functions such as `accuracy`, in a list, or in a dict with their names. The loss and metrics of
      training are means over the epoch, while the model changes.
    - `penalty(model)` is added to the loss of each batch, and has a column of its own.
    - `clip_norm` and `clip_value` limit the gradients before each step.
    - `early_stopping` is an `EarlyStopping`, or its patience: the best model is restored at the end.
    - `callbacks` are objects as in `nn.callbacks`, or functions that are called after each epoch.
    - `engine` is that of `nn.Step`: `"auto"` replays recorded steps where that gives the bits of eager mode, and is
      eager elsewhere; `"eager"`, `"replay"`; `"xla"` compiles whole steps for `device`, or divides each batch among
      `devices`, all that JAX sees by default. `history.engine` is the one that ran.
    - `checkpoint` is a file, `.npz` or `.safetensors`, that is written after each epoch. If the file exists, the
      training continues from it, and ends with the bits of an uninterrupted training; delete it to start again.

    A second `fit` continues with the present state of the model, its optimiser, schedules and loader; callbacks start
    again.

    Ctrl-C ends the training after the current batch (pressed twice: at once), restores the best model so far (by
    validation loss, or by loss), and returns the history. Afterwards the model is in evaluation mode.

    Raises `NonfiniteError` when the loss or a gradient becomes NaN or infinite, with the epoch, the batch, the layer
    and the operation in the message; the model is as it was before that batch, and `error.history` is the history.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, fit
    >>> model = MLP(2, [16, 2], seed=0)
    >>> history = fit(model, cross_entropy, datasets.moons(100, seed=0), epochs=3, metrics=[accuracy], progress=False)
    >>> len(history["loss"]), history["loss"][0] > history["loss"][-1]
    (3, True)
    """
    check_model_and_loss(model, loss, "fit", "trains")
    if penalty is not None:
        check_function(
            penalty,
            "the penalty is a function of the model, such as lambda model: nn.l2_penalty(model, 0.01)",
        )
    epochs = whole_number(epochs, "epochs", least=0)
    schedules = listed(schedule)
    optimizer = chosen_optimizer(optimizer, schedules, model)
    stepper = Step(
        model,
        loss,
        optimizer,
        engine=engine,
        penalty=penalty,
        clip_norm=clip_norm,
        clip_value=clip_value,
        device=device,
        devices=devices,
    )
    run = Run(
        model,
        loss,
        as_loader(data, batch_size, True, seed),
        optimizer,
        None if validation is None else as_loader(validation, batch_size, False, seed),
        named_metrics(metrics),
        schedules,
        penalty,
        (clip_norm, clip_value),
        # without early stopping the best model is also kept, for Ctrl-C
        each_once(
            [
                as_stopping(early_stopping) or KeepBest(restore_best=False),
                *map(as_callback, listed(callbacks)),
            ]
        ),
        epochs,
        stepper,
    )
    there = checkpoint is not None and check_path(checkpoint)[0].exists()
    run.tell("on_fit_begin")
    check_schedules(run.schedules, run.keeper.column, run.keeper.direction)
    if checkpoint is not None and there:
        run.load(checkpoint)
    bar = progress_bar(
        total=epochs * len(run.loader),
        initial=run.epoch * len(run.loader),
        desc=f"epoch {min(run.epoch + 1, epochs)}/{epochs}",
        unit="batch",
        disable=not progress,
    )
    with bar, ctrl_c_noted() as asked_to_end:
        try:
            run.tell("on_train_begin")
            while run.epoch < epochs and run.history.ended is None:
                if progress:
                    bar.set_description_str(f"epoch {run.epoch + 1}/{epochs}", refresh=False)
                shown = 0.0
                for _ in run.batches():
                    if progress:
                        if (now := time.monotonic()) > shown + 0.05:
                            bar.set_postfix(run.texts(), refresh=False)
                            shown = now
                        bar.update()
                    if asked_to_end():
                        raise KeyboardInterrupt
                run.end_epoch()
                if checkpoint is not None:
                    run.save(checkpoint)
                if progress:
                    bar.set_postfix(run.texts(), refresh=False)
                if asked_to_end():
                    raise KeyboardInterrupt
            show_as_done(bar)
        except KeyboardInterrupt:
            run.history.ended = "interrupted"
            run.keeper.restore(run)
        except NonfiniteError as error:
            error.history = run.history  # type: ignore[attr-defined]
            raise
        finally:
            model.eval()
            stepper.close()
            run.history.engine, run.history.reason = stepper.engine, stepper.reason
        run.tell("on_train_end")
    return run.history
