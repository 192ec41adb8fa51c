"""`Step`: one step of a training, by the engine that fits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ...autograd import KindError, RangeError, RecordingError, Tensor
from ...autograd.extending import Answering, GivenUp, describe, is_watched, is_withheld, numbers, spelt
from ..base.extras import ExtraError
from ..base.module import Module
from ..base.parameter import ScalarParameter
from ..optim.optimizer import Optimizer
from .batch import on_batches
from .before import Before, nonfinite_error
from .eager import Eager, Found, Nonfinite, Task
from .replay import Replay, why

__all__ = ["ENGINES", "Step"]

ENGINES = ("auto", "eager", "replay", "xla")


class Step(Answering):
    """One step of a training, for a loop of your own: forward, loss, backward, clipping, update. Returns the loss.

    `nn.fit` is the whole loop; `viz.step` walks through both passes of one graph.

    `step(X, y)`, or `step(*inputs, y)`, computes `loss(model(X), y)`, plus `penalty(model)` if there is one, updates
    the parameters by the `optimizer`, and returns the loss as a float. `engine` says how:

    - `"eager"` records every step anew;
    - `"replay"` records once for each shape of batch and then computes in the same memory, with the same bits;
    - `"xla"` compiles the whole step, with clipping and the update, into one program for `device`, through JAX. Losses
      agree with those of eager mode to rounding. Parameters stay on the device; `step.synchronise()` writes them
      to the model, as `fit` does before callbacks;
    - `"auto"` replays where that gives the bits of eager mode, and is eager elsewhere: `step.engine` is the name of
      the engine that runs, and `step.reason` says why it is not `"replay"`.

    The first step is eager, and its recording has to give the same loss. A replay repeats operations, and nothing else
    that the model and the loss do: where they change what they read, such as a count of steps, each step is eager.
    Settings, modes, frozen layers, and arrays that are changed between steps are noticed, and the step is
    recorded again. What a replay cannot follow (numbers taken out of the graph, random numbers other than dropout's)
    is a `RecordingError` with the line of your source, for `"replay"` and `"xla"`.

    `step.output` is the output of the model for the latest batch, before the update. Raises `NonfiniteError` if the
    loss or a gradient is NaN or infinite; the model is as it was before that step. `engine="xla"` raises `ExtraError`
    without JAX.

    >>> from chainrule import nn
    >>> X, y = nn.datasets.moons(200, seed=0)
    >>> model = nn.MLP(2, [16, 2], seed=0)
    >>> step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.5))
    >>> losses = [step(*batch) for _ in range(20) for batch in nn.DataLoader(X, y, batch_size=50, seed=0)]
    >>> losses[-1] < losses[0] / 2, step.engine
    (True, 'replay')
    """

    @spelt
    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Any],
        optimizer: Optimizer,
        *,
        engine: str = "auto",
        penalty: Callable[[Module], Any] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        device: Any = None,
        devices: Any = None,
    ) -> None:
        if not isinstance(model, Module):
            raise KindError(f"Step trains a module, such as nn.MLP(2, [16, 2]); given {describe(model)}")
        if not callable(loss):
            raise KindError(
                f"the loss is a function of prediction and target, such as nn.mse_loss; given {describe(loss)}"
            )
        if engine not in ENGINES:
            raise RangeError(
                f"engine is {', '.join(map(repr, ENGINES[:-1]))} or {ENGINES[-1]!r}; given {engine!r:.60}"
            )
        if engine != "xla" and (device is not None or devices is not None):
            raise RangeError(
                f"device and devices are for engine='xla'; the engine {engine!r} computes in NumPy, on the processor"
            )
        self.task = Task(model, on_batches(model), loss, optimizer, penalty, clip_norm, clip_value)
        self.asked = engine
        self.reason = ""
        self.eager = Eager(self.task)
        self.runs: Any = self.eager
        scalars = isinstance(next(iter(model.parameters()), None), ScalarParameter)
        if engine in ("replay", "xla") and scalars:
            raise RecordingError(
                f"the engine {engine!r} is for Tensors; {model._headline()} is made of Values. Write engine='eager', "
                f"or 'auto', which is eager for it; or take nn.MLP, a network of Tensors; or record its loss as a "
                f"Tape, which replays and compiles Values, too"
            )
        if engine == "xla":
            try:
                from .xla import Xla
            except ImportError as error:
                raise ExtraError(
                    "engine='xla' compiles through", "JAX", "xla", ". engine='auto' needs nothing else"
                ) from error
            self.runs = Xla(self.task, device, devices)
        elif engine == "replay":
            self.runs = Replay(self.task)
        elif engine == "auto":
            if scalars:
                self.reason = "a replay of Values adds in another order, and differs in the last bits"
            else:
                self.runs = Replay(self.task, verify=True)
        self.count = 0
        self.latest: Found | None = None

    @property
    def engine(self) -> str:
        """The name of the engine that runs: `"eager"`, `"replay"` or `"xla"`."""
        return str(self.runs.name)

    @property
    def output(self) -> Any:
        """The output of the model for the latest batch, before its update; of a replay, as constants."""
        output = None if self.latest is None else self.latest.output
        return output if self.runs is self.eager else _own(output)

    def __call__(self, *batch: Any) -> float:
        return self.run(batch).loss

    def run(
        self,
        batch: Sequence[Any],
        want_output: bool = True,
        look: bool = True,
        place: Callable[[], str] | None = None,
    ) -> Found:
        """One step, with all that it found; `place()` says in an error which step it was.

        Without `look`, a recording is not compared with what the model and the loss read now: in a loop in which no
        code of the user's has run since the step before.
        """
        if len(batch) < 2:
            raise KindError("a step takes the inputs and the target of a batch, as in step(X, y)")
        self.count += 1
        before = self.task.before()
        try:
            self.latest = found = self._run(batch, want_output, before, look)
        except Nonfinite as error:
            self._refuse(error, batch, before, f"step {self.count}" if place is None else place())
        return found

    def _run(self, batch: Sequence[Any], want_output: bool, before: Before, look: bool) -> Found:
        try:
            if not is_watched():  # inside detect_nonfinite(), every operation is looked at
                found: Found = self.runs.step(batch, want_output, look)
                if self.runs.refused:
                    self._fall_back(self.runs.refused)
                return found
        except GivenUp:  # the recording holds for other numbers
            pass
        except (Nonfinite, KeyboardInterrupt, SystemExit):
            raise
        except Exception as error:
            if self.asked != "auto" or self.runs is self.eager:
                raise
            if not isinstance(error, RecordingError):  # is it because of the recording?
                return self._try_eagerly(batch, want_output, before, error)
            self._fall_back(str(error))
        before.restore()
        self.synchronise()
        return self.eager.step(batch, want_output)

    def _try_eagerly(
        self, batch: Sequence[Any], want_output: bool, before: Before, error: Exception
    ) -> Found:
        """The step in eager mode, after an error in a recording or a replay: the user's code may be the reason."""
        before.restore()
        found = self.eager.step(batch, want_output)  # raises the same error for the same mistake
        self._fall_back(why(error))
        return found

    def _fall_back(self, reason: str) -> None:
        """Be eager from now on, and say so once."""
        self.runs, self.reason = self.eager, reason
        LOG.warning("each step records anew, as engine='eager' does: %s", reason)

    def synchronise(self) -> None:
        """Write parameters and the state of the optimiser to their objects, where an engine keeps them elsewhere."""
        write = getattr(self.runs, "synchronise", None)
        if write is not None:
            write()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files: the only one, or the first of several that train together."""
        return bool(getattr(self.runs, "is_main", True))

    def means(self, numbers: dict[str, float]) -> dict[str, float]:
        """The means of numbers over the processes that train together."""
        average = getattr(self.runs, "means", None)
        return numbers if average is None else dict(zip(numbers, average([*numbers.values()])))

    def close(self) -> None:
        """Synchronise, and delete the marks that an engine has left in the place of gradients."""
        self.synchronise()
        for p in self.task.optimizer.parameters:
            if is_withheld(p):
                p.grad = None

    def report(self) -> str:
        """The engine that runs, why, and what it has compiled."""
        said = getattr(self.runs, "report", lambda: "")()
        because = f", because {self.reason}" if self.reason else ""
        return f"{self.engine}{because}" + (f"\n{said}" if said else "")

    def _refuse(self, error: Nonfinite, batch: Sequence[Any], before: Before, place: str) -> NoReturn:
        """Raise `NonfiniteError`; the model is restored first."""
        self.synchronise()
        task = self.task
        try:
            raise nonfinite_error(
                error.what, error.value, place, task.optimizer.lr, lambda: task.losses(batch)[3], before
            ) from None
        finally:
            task.optimizer.zero_grad()

    def __repr__(self) -> str:
        return f"Step(engine={self.engine!r}, steps={self.count})"


def _own(output: Any) -> Any:
    """What a model returned, with copies in the place of nodes, whose memory later steps use."""
    if isinstance(output, Tensor):
        return Tensor(numbers(output), requires_grad=False)
    if isinstance(output, dict):
        return {name: _own(x) for name, x in output.items()}
    if isinstance(output, (list, tuple)):
        parts = map(_own, output)
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    return output


LOG = logging.getLogger(__name__)
