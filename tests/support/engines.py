"""Training by an engine, compared to the last bit with eager mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jitted import bits

from chainrule import nn


def trained(
    make: Callable[[], Any], loss: Any, batches: list[Any], engine: str, optimizer: Any = None, **options: Any
) -> Any:
    """All that a training leaves behind, as bits; and the step."""
    model = make()
    chosen = nn.Adam(model.parameters(), lr=0.02) if optimizer is None else optimizer(model.parameters())
    step = nn.Step(model, loss, chosen, engine=engine, **options)
    losses = [step(*batch) for batch in batches]
    gradients = [p.grad for p in model.parameters()]
    memory = [list(chosen.state.get(p, {}).items()) for p in model.parameters()]
    left = {"losses": losses, "model": model.state_dict(), "gradients": gradients, "memory": memory}
    left["drawn"] = [g.bit_generator.state for g in step.task.generators]
    return {k: bits(v) if k != "drawn" else v for k, v in left.items()}, step


def same_as_eager(make: Any, loss: Any, batches: list[Any], what: str = "", **options: Any) -> None:
    eager, _ = trained(make, loss, batches, "eager", **options)
    for engine in ("replay", "auto"):
        found, step = trained(make, loss, batches, engine, **options)
        for part, expected in eager.items():
            assert found[part] == expected, f"{what}: {part} of {engine}"
        assert (step.engine, step.reason) == ("replay", ""), what
        assert step.runs.recordings, what


class First(nn.Module):
    """A layer that returns several things, of which the first is used."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def forward(self, *inputs: Any) -> Any:
        y = self.layer(*inputs)
        return y[0] if isinstance(y, tuple) else y


TOKENS = np.array([[1, 2, 0], [4, 1, 1], [3, 3, 3], [0, 4, 2]])


R = np.random.default_rng(0)
X, Y = R.normal(size=(40, 3)), R.integers(0, 4, 40)
BATCHES = [(X[i : i + 12], Y[i : i + 12]) for i in (0, 12, 24, 36)] * 2  # the last one is short


def network() -> Any:
    return nn.MLP(3, [5, 4], "tanh", seed=0)


class Counting(nn.Module):
    def __init__(self) -> None:
        self.layer, self.calls, self.seen = nn.Linear(3, 4, seed=0), 0, []  # type: ignore[var-annotated]
        self.rng = np.random.default_rng(0)


class ByBranch(Counting):
    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return y * 2 if y.max() > 0.5 else y
