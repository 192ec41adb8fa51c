"""Optimisers: what a step of training does to the parameters, once the backward pass has left their gradients.

`step()` is one loop over the parameters; an optimiser is an `_update` for one of them: `p` the parameter, `g` its
gradient, `state` what is remembered about it from step to step. The same lines run on floats (the `data` of a
Value) and on arrays, in place. Formulas and argument names are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..autograd import Node
from ..autograd.errors import KindError, RangeError, ShapeError
from ..autograd.node import describe
from .module import Module

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]


class Optimizer:
    """What all optimisers share: a list of parameters, a learning rate, and a memory for each parameter.

    `parameters` are Values and Tensors that are leaves and require a gradient; one that is named twice is
    updated once. `lr` can be assigned between steps.

    Raises `KindError` for what is not a list of such nodes, `RangeError` for a negative rate.
    """

    def __init__(self, parameters: Iterable[Any], lr: float, **limits: tuple[float, float, float]) -> None:
        self.parameters = _checked(parameters, type(self).__name__)
        if not isinstance(lr, (int, float, np.floating)):
            raise KindError(f"the learning rate lr is a number, such as 0.01; given {describe(lr)}")
        self.lr = float(lr)
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]
        self._rooms: dict[Any, tuple[Any, Any, Any]] = {}  # see _descend
        _check_range("lr", self.lr, 0, float("inf"))
        for name, (value, low, high) in limits.items():
            _check_range(name, value, low, high)

    def step(self) -> None:
        """Change every parameter by what its gradient says; those without a gradient stay as they are."""
        for p, state in zip(self.parameters, self.state):
            g = p.grad
            if g is not None:
                self._update(p, g, state)

    def _descend(self, p: Any, g: Any) -> None:
        """`p -= lr * g`, for arrays in memory that is kept from step to step."""
        data = p.data
        if g.__class__ is not np.ndarray or g.dtype is not data.dtype:
            p.data -= self.lr * g
            return
        lr, rate, room = self._rooms.get(p, (None, None, None))
        if lr != self.lr or room.dtype is not data.dtype:
            rate, room = np.array(self.lr, data.dtype), np.empty_like(data)
            self._rooms[p] = self.lr, rate, room
        np.multiply(g, rate, room)
        np.subtract(data, room, data)
        p.data = data

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} does not say how it changes a parameter: write _update"
        )

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: each `.grad` is `None` again."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """A copy of the settings, and of what is remembered about each parameter: `0.velocity`, `1.velocity`, ...

        >>> from chainrule.autograd import Value
        >>> from chainrule.nn.optim import SGD
        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> optimizer = SGD([x], lr=0.1, momentum=0.9)
        >>> optimizer.step()
        >>> optimizer.state_dict()
        {'lr': 0.1, 'momentum': 0.9, 'nesterov': False, 'weight_decay': 0.0, '0.velocity': 2.0}
        """
        remembered = {
            f"{i}.{name}": value.copy() if isinstance(value, np.ndarray) else value
            for i, state in enumerate(self.state)
            for name, value in state.items()
        }
        return {**self._settings(), **remembered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave; the parameters have to be as many, in the same order.

        Raises `ShapeError` for a state of other parameters or of another optimiser; nothing is loaded then.
        """
        settings = self._settings()
        memory: list[dict[str, Any]] = [{} for _ in self.parameters]
        unknown = []
        for name, value in state.items():
            i, _, slot = name.partition(".")
            if name in settings:
                settings[name] = value
            elif i.isdigit() and slot and int(i) < len(memory):
                shape = np.shape(self.parameters[int(i)].data)
                if np.shape(value) not in ((), shape):
                    unknown.append(f"{name!r} of shape {np.shape(value)} for a parameter of shape {shape}")
                memory[int(i)][slot] = value.copy() if isinstance(value, np.ndarray) else value
            else:
                unknown.append(repr(name))
        if unknown:
            raise ShapeError(
                f"this state does not belong to {self!r} with {len(memory)} parameters, and nothing of it was "
                f"loaded: {', '.join(unknown)}. Make the optimiser as it was when its state was taken"
            )
        vars(self).update(settings)
        self.state = memory

    def _settings(self) -> dict[str, Any]:
        return {
            name: value for name, value in vars(self).items() if name not in ("parameters", "state", "_rooms")
        }

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in self._settings().items())
        return f"{type(self).__name__}({settings})"


class SGD(Optimizer):
    """Gradient descent, `p -= lr * g`, with momentum if wanted.

    With momentum the step is along `v = momentum * v + g`, which starts at the first gradient; Nesterov's
    variant goes along `g + momentum * v`. `weight_decay` adds `weight_decay * p` to the gradient (L2, coupled).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import SGD
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> SGD([x], lr=0.1).step()
    >>> x.data
    0.8
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        limits = {"momentum": (momentum, 0, np.inf), "weight_decay": (weight_decay, 0, np.inf)}
        super().__init__(parameters, lr, **limits)
        if nesterov and not momentum:
            raise RangeError("nesterov=True looks ahead along the momentum; give one, as in momentum=0.9")
        self.momentum = float(momentum)
        self.nesterov = bool(nesterov)
        self.weight_decay = float(weight_decay)

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> None:
        if self.weight_decay:
            g = g + self.weight_decay * p.data
        if self.momentum:
            v = state["velocity"] if "velocity" in state else _zeros(p)
            v *= self.momentum
            v += g
            state["velocity"] = v
            g = g + self.momentum * v if self.nesterov else v
        self._descend(p, g)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps along the mean gradient, divided by the root of the mean square.

    `m` and `v` are running means of `g` and `g * g`; both start at zero, which is corrected by the number of
    steps that this parameter has taken. `weight_decay` adds `weight_decay * p` to the gradient (L2,
    coupled); `AdamW` decouples it.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adam
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adam([x], lr=0.1).step()
    >>> round(x.data, 6)
    0.9
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            beta1=(betas[0], 0, _BELOW_1),
            beta2=(betas[1], 0, _BELOW_1),
            eps=(eps, 0, np.inf),
            weight_decay=(weight_decay, 0, np.inf),
        )
        self.betas = (float(betas[0]), float(betas[1]))
        self.eps = float(eps)
        self.weight_decay = float(weight_decay)

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> None:
        if self.weight_decay:
            g = g + self.weight_decay * p.data
        self._adapt(p, g, state)

    def _adapt(self, p: Any, g: Any, state: dict[str, Any]) -> None:
        beta1, beta2 = self.betas
        t, m, v = (state["step"], state["m"], state["v"]) if state else (0, _zeros(p), _zeros(p))
        t += 1
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        state.update(step=t, m=m, v=v)
        root = v**0.5
        root /= (1 - beta2**t) ** 0.5
        root += self.eps
        change = m / root
        change *= self.lr / (1 - beta1**t)
        p.data -= change


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): `p` shrinks by `lr * weight_decay * p` first.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import AdamW
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> AdamW([x], lr=0.1, weight_decay=0.5).step()
    >>> round(x.data, 6)
    0.85
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def _update(self, p: Any, g: Any, state: dict[str, Any]) -> None:
        if self.weight_decay:
            p.data *= 1 - self.lr * self.weight_decay
        self._adapt(p, g, state)


_BELOW_1 = float(np.nextafter(1, 0))


def _zeros(p: Any) -> Any:
    """What a memory of gradients of `p` starts from: a float, or an array of its dtype."""
    return np.zeros_like(p.data) if isinstance(p.data, np.ndarray) else 0.0


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        limit = "0 or more" if high == np.inf else "from 0 up to, but not including, 1"
        raise RangeError(f"{name} has to be {limit}; given {value}")


def _checked(parameters: Any, what: str) -> list[Any]:
    """The parameters, each once."""
    if isinstance(parameters, Module):
        raise KindError(f"{what} takes parameters; given a module. Write {what}(model.parameters(), ...)")
    if isinstance(parameters, (Node, str)) or not isinstance(parameters, Iterable):
        raise KindError(
            f"{what} takes a list of parameters; given {describe(parameters)}. Write [w], or model.parameters()"
        )
    found = list(parameters)
    for p in found:
        if isinstance(p, tuple):
            raise KindError(
                f"{what} takes parameters without names. Write model.parameters(), not .named_parameters()"
            )
        if not isinstance(p, Node) or p.op is not None or not p.requires_grad:
            reason = (
                "not a Value or a Tensor" if not isinstance(p, Node)
                else f"computed by {p.op.name}: only a leaf can be changed" if p.op is not None
                else "a constant: make it with requires_grad=True"
            )  # fmt: skip
            raise KindError(f"{what} changes parameters; {describe(p)} is {reason}")
    if not found:
        raise KindError(
            f"{what} was given no parameters. Has the module any, and are they set as its attributes?"
        )
    return list(dict.fromkeys(found))
