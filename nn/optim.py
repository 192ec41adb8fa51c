"""Optimisers: what a step of training does to the parameters, once the backward pass has left their gradients.

An optimiser is a list of options and an `_update`, a few lines that say how numbers `x` with gradient `g` change.
`memory` is what is remembered about them from step to step (what begins with `_` is not worth saving), `group` the
options that hold for them. The same lines run on a float (the `data` of a Value) and on arrays, in place; large arrays
pass through in pieces that the processor's cache can hold, so that intermediate results cost no memory to speak of.
Formulas, argument names and defaults are PyTorch's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from ..autograd import Node, clip, maximum
from ..autograd.errors import GradientError, KindError, RangeError, ShapeError
from ..autograd.node import describe
from .module import Module

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
]

Memory = dict[str, Any]
Group = dict[str, Any]

# ---------------------------------------------------------------------- options


class Option:
    """An option with its default: reading gives what the first group has, assigning sets it in all groups.

    Dataclasses make constructors out of these, in which a subclass repeats only what it changes.
    """

    def __init__(self, default: Any, check: Callable[[str, Any], Any]) -> None:
        self.default = default
        self.check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Optimizer | None, owner: type) -> Any:
        if optimizer is None:
            return self.default
        groups = vars(optimizer).get("param_groups") or [optimizer.defaults]
        return groups[0][self.name]

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        value = self.check(self.name, value)
        for options in (optimizer.defaults, *vars(optimizer).get("param_groups", ())):
            options[self.name] = value


def _number(name: str, value: Any) -> float:
    """0 or more."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number, np.ndarray))
        or np.ndim(value)
    ):
        what = "the learning rate lr" if name == "lr" else name
        raise KindError(f"{what} is a number, such as 0.01; given {describe(value)}")
    if not 0 <= value < math.inf:
        raise RangeError(f"{name} has to be 0 or more; given {value}")
    return float(value)


def _share(name: str, value: Any) -> float:
    """From 0 up to 1: how much of a running mean is kept."""
    if _number(name, value) >= 1:
        raise RangeError(f"{name} has to be from 0 up to, but not including, 1; given {value}")
    return float(value)


def _shares(name: str, values: Any) -> tuple[float, float]:
    if not isinstance(values, (tuple, list, np.ndarray)) or len(values) != 2:
        raise KindError(f"{name} is a pair of numbers, such as (0.9, 0.999); given {describe(values)}")
    first, second = (_share(f"{name[:-1]}{i}", value) for i, value in enumerate(values, 1))
    return first, second


def _flag(name: str, value: Any) -> bool:
    if np.ndim(value) or np.asarray(value).dtype != bool:
        raise KindError(f"{name} is True or False; given {describe(value)}")
    return bool(value)


def option(default: Any, check: Callable[[str, Any], Any] = _number) -> Any:
    """An `Option`, of a type that lets it stand for its default."""
    return Option(default, check)


# ---------------------------------------------------------------------- the loop


@dataclass(eq=False, repr=False)
class Optimizer:
    """What all optimisers share: parameters in groups with their options, and a memory for each parameter.

    `parameters` are Values and Tensors that are leaves and require a gradient; one that is named twice is
    updated once. They can also be a list of dicts, each with `"params"` and the options that differ
    for them. `param_groups` is that list with all options; assigning `optimizer.lr = 0.01` sets it in all groups.

    To write another optimiser, subclass this one as a dataclass, with an `option` for each option.

    Raises `KindError` for what is not a list of such nodes, `RangeError` for a rate that is negative.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import SGD
    >>> slow, fast = Value(1.0), Value(1.0)
    >>> optimizer = SGD([{"params": [slow]}, {"params": [fast], "lr": 0.5}], lr=0.1)
    >>> (slow * fast).backward()
    >>> optimizer.step()
    >>> slow.data, fast.data
    (0.9, 0.5)
    """

    parameters: Any
    lr: float = option(1e-3)

    _piece: ClassVar[int] = 1 << 15  # how many numbers of an array are updated at a time

    def __new__(cls, *args: Any, **options: Any) -> Any:
        optimizer = super().__new__(cls)
        optimizer.defaults = {}  # options find their place in it
        return optimizer

    def __post_init__(self) -> None:
        given = self.parameters
        if isinstance(given, Iterable) and not isinstance(given, (Module, Node, str)):
            given = list(given)
        grouped = isinstance(given, list) and given and all(isinstance(each, dict) for each in given)
        self.defaults: Group
        self.parameters: list[Any] = []
        self.param_groups: list[Group] = []
        self.state: dict[Any, Memory] = {}
        self._spent: list[Any] = []  # gradients that zero_grad has taken away
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimise more parameters, `group["params"]`, with the options in `group` where they differ from the others'.

        Raises `KindError` for an option that there is not, `RangeError` for a parameter that is in a group already.

        >>> from chainrule.autograd import Value
        >>> from chainrule.nn.optim import SGD
        >>> optimizer = SGD([Value(1.0)], lr=0.1)
        >>> optimizer.add_param_group({"params": [Value(2.0)], "lr": 0.01})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        """
        what = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise KindError(
                f"a group is a dict with its parameters, as in {{'params': [w], 'lr': 0.1}}; given {describe(group)}"
            )
        parameters = _checked(group["params"], what)
        known = set(self.parameters)
        for p in parameters:
            if p in known:
                raise RangeError(
                    f"{describe(p)} is in two groups of {what}; a parameter takes one step at a time. "
                    f"Leave it out of one of them"
                )
        options = self._checked_options({k: v for k, v in group.items() if k != "params"})
        self.param_groups.append({"params": parameters, **self.defaults, **options})
        self.parameters += parameters

    def _checked_options(self, given: Mapping[str, Any]) -> Group:
        """The options by their names, or an error that names those there are; and together they make sense."""
        what, options = type(self), {}
        for name, value in given.items():
            if name not in self.defaults:
                raise KindError(f"{what.__name__} has no option {name!r}; it has {', '.join(self.defaults)}")
            declared = next(vars(base)[name] for base in what.__mro__ if name in vars(base))
            options[name] = declared.check(name, value)
        self._check_together({**self.defaults, **options})
        return options

    def _check_together(self, group: Group) -> None:
        """Refuse options that contradict each other."""

    def step(self) -> None:
        """Change every parameter by what its gradient says; those without a gradient stay as they are."""
        self._spent = []
        state, update, piece = self.state, self._update, self._piece
        for group in self.param_groups:
            starts = self._memories(group)
            for p in group["params"]:
                g = p.grad
                if g is not None:
                    data, memory = p.data, state.get(p)
                    if memory is None:
                        memory = state[p] = {}
                    for name in starts:
                        if name not in memory:
                            memory[name] = _start(starts[name], data)
                    if data.__class__ is float or data.size <= piece:
                        p.data = update(data, g, memory, group)
                    else:
                        self._update_in_pieces(data, g, memory, group)
                        p.data = data  # so that graphs recorded before notice

    def _update_in_pieces(self, data: np.ndarray, g: np.ndarray, memory: Memory, group: Group) -> None:
        flat = {name: m for name, m in memory.items() if isinstance(m, np.ndarray)}
        if not all(a.flags.c_contiguous for a in (data, *flat.values())):
            self._update(data, g, memory, group)
            return
        data, g, flat = data.reshape(-1), g.reshape(-1), {name: m.reshape(-1) for name, m in flat.items()}
        for start in range(0, data.size, self._piece):
            part = slice(start, start + self._piece)
            piece = {**memory, **{name: m[part] for name, m in flat.items()}}
            self._update(data[part], g[part], piece, group)
            for name, m in flat.items():
                m[part] = piece[name]  # nothing is copied where it was changed in place
        memory.update((name, m) for name, m in piece.items() if name not in flat)

    def _memories(self, group: Group) -> Memory:
        """What is remembered, and its start: a whole number is one for the parameter, others for each element."""
        return {}

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        """The new `x`; arrays are changed in place, except for `g`."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say how it changes a parameter: write _update"
        )

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: each `.grad` is `None` again."""
        # The arrays themselves go after the next step, when there are new ones: a heap that falls empty in between is
        # given back to the system, and got again page by page. What others hold, too, as a replay its own, is left out.
        alone = 2  # references: by `p`, and as an argument
        self._spent = [p.grad for p in self.parameters if sys.getrefcount(p.grad) == alone]
        for p in self.parameters:
            p.grad = None

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """A copy of the options of each group, and of what is remembered about each parameter, in their order.

        Names lead to plain numbers and arrays: `groups.0.lr`, `state.0.velocity`.

        >>> from chainrule.autograd import Value
        >>> from chainrule.nn.optim import Adagrad
        >>> x = Value(1.0)
        >>> (x * x).backward()
        >>> optimizer = Adagrad([x], lr=0.1)
        >>> optimizer.step()
        >>> {name: value for name, value in optimizer.state_dict().items() if "state" in name}
        {'state.0.step': 1, 'state.0.sum': 4.0}
        """
        options = {
            f"groups.{i}.{name}": value
            for i, group in enumerate(self.param_groups)
            for name, value in group.items()
            if name != "params"
        }
        remembered = {
            f"state.{i}.{name}": value.copy() if isinstance(value, np.ndarray) else value
            for i, p in enumerate(self.parameters)
            for name, value in self.state.get(p, {}).items()
            if name[0] != "_"
        }
        return {**options, **remembered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave; groups and parameters have to be as many, in the same order.

        Raises `ShapeError` for a state of other parameters or of another optimiser; nothing is loaded then.
        """
        groups: list[Group] = [{} for _ in self.param_groups]
        memories: list[Memory] = [{} for _ in self.parameters]
        unknown = []
        for name, value in state.items():
            kind, i, key = (*name.split(".", 2), "", "")[:3]
            places: dict[str, list[dict[str, Any]]] = {"groups": groups, "state": memories}
            known = kind in places and i.isdigit() and int(i) < len(places[kind])
            if not known or (kind == "groups" and key not in self.defaults):
                unknown.append(repr(name))
            elif kind == "groups":
                groups[int(i)][key] = value
            else:
                data = self.parameters[int(i)].data
                whole = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu"
                if not whole and np.shape(value) != np.shape(data):
                    unknown.append(
                        f"{name!r} of shape {np.shape(value)} for a parameter of shape {np.shape(data)}"
                    )
                    continue
                memories[int(i)][key] = (
                    int(value) if whole
                    else np.array(value, data.dtype) if isinstance(data, np.ndarray)
                    else float(value)
                )  # fmt: skip
        if unknown:
            raise ShapeError(
                f"this state does not belong to {self!r} with {len(memories)} parameters in {len(groups)} groups, "
                f"and nothing of it was loaded: {', '.join(unknown)}. "
                f"Make the optimiser as it was when its state was taken"
            )
        for group, options in zip(self.param_groups, [self._checked_options(group) for group in groups]):
            group.update(options)
        self.state = {p: memory for p, memory in zip(self.parameters, memories) if memory}

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"


def _start(start: float, data: Any) -> Any:
    """What a memory starts from: a count, or as many numbers as there are in `data`, of the same dtype."""
    if isinstance(start, int):
        return start
    return np.full_like(data, start) if isinstance(data, np.ndarray) else start


def _slope(x: Any, g: Any, group: Group) -> Any:
    """The gradient of what is minimised: `g`, or `-g` to maximise, and that of the (coupled) weight decay."""
    if group["maximize"]:
        g = -g
    return g + group["weight_decay"] * x if group["weight_decay"] else g


# ---------------------------------------------------------------------- the optimisers


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Gradient descent, `x -= lr * g`, with momentum if wanted.

    With momentum the step is along `v = momentum * v + (1 - dampening) * g`, which starts at the first gradient;
    Nesterov's variant goes along `g + momentum * v`. `weight_decay` adds `weight_decay * x` to the gradient: L2,
    coupled, half of the lectures' `2 lambda x`.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import SGD
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> SGD([x], lr=0.1).step()
    >>> x.data
    0.8
    """

    momentum: float = option(0.0)
    dampening: float = option(0.0)
    weight_decay: float = option(0.0)
    nesterov: bool = option(False, _flag)
    _: KW_ONLY
    maximize: bool = option(False, _flag)

    _piece = sys.maxsize  # its one intermediate result is kept

    def _check_together(self, group: Group) -> None:
        if group["nesterov"] and not (group["momentum"] and not group["dampening"]):
            raise RangeError(
                "nesterov=True looks ahead along the momentum; give one, as in momentum=0.9, and no dampening"
            )

    def _memories(self, group: Group) -> Memory:
        return {"step": 0, "velocity": 0.0} if group["momentum"] else {}

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        lr, momentum = group["lr"], group["momentum"]
        if group["weight_decay"] or group["maximize"]:
            g = _slope(x, g, group)
        if momentum:
            v = memory["velocity"]
            v *= momentum
            v += (1 - group["dampening"]) * g if memory["step"] and group["dampening"] else g
            memory["velocity"] = v
            memory["step"] += 1
            g = g + momentum * v if group["nesterov"] else v
        if x.__class__ is float or g.dtype is not x.dtype:
            x -= lr * g
            return x
        kept, rate, room = memory.get("_room", (None, None, None))  # two allocations less for each array
        if kept != lr or room.dtype is not x.dtype:
            rate, room = np.array(lr, x.dtype), np.empty_like(x)
            memory["_room"] = lr, rate, room
        np.multiply(g, rate, room)
        np.subtract(x, room, x)
        return x


@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): each step is divided by the root of the sum of all squares so far.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adagrad
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adagrad([x], lr=0.1).step()
    >>> round(x.data, 6)
    0.9
    """

    lr: float = option(1e-2)
    lr_decay: float = option(0.0)
    weight_decay: float = option(0.0)
    initial_accumulator_value: float = option(0.0)
    eps: float = option(1e-10)
    _: KW_ONLY
    maximize: bool = option(False, _flag)

    def _memories(self, group: Group) -> Memory:
        return {"step": 0, "sum": group["initial_accumulator_value"]}

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = _slope(x, g, group)
        memory["sum"] += g * g
        root = memory["sum"] ** 0.5
        root += group["eps"]
        x -= group["lr"] / (1 + memory["step"] * group["lr_decay"]) * g / root
        memory["step"] += 1
        return x


@dataclass(eq=False, repr=False)
class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): steps as large as the root mean square of the last ones; `lr` only scales them.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adadelta
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adadelta([x]).step()
    >>> round(x.data, 6)
    0.996838
    """

    lr: float = option(1.0)
    rho: float = option(0.9, _share)
    eps: float = option(1e-6)
    weight_decay: float = option(0.0)
    _: KW_ONLY
    maximize: bool = option(False, _flag)

    def _memories(self, group: Group) -> Memory:
        return {"squares": 0.0, "changes": 0.0}

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = _slope(x, g, group)
        rho, eps = group["rho"], group["eps"]
        memory["squares"] *= rho
        memory["squares"] += (1 - rho) * (g * g)
        change = ((memory["changes"] + eps) / (memory["squares"] + eps)) ** 0.5 * g
        memory["changes"] *= rho
        memory["changes"] += (1 - rho) * (change * change)
        x -= group["lr"] * change
        return x


@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): steps divided by the root of a running mean of the squares.

    `centered` takes the square of the running mean off first, which leaves the variance.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import RMSprop
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> RMSprop([x], lr=0.1, alpha=0.75).step()
    >>> round(x.data, 6)
    0.8
    """

    lr: float = option(1e-2)
    alpha: float = option(0.99, _share)
    eps: float = option(1e-8)
    weight_decay: float = option(0.0)
    momentum: float = option(0.0)
    centered: bool = option(False, _flag)
    _: KW_ONLY
    maximize: bool = option(False, _flag)

    def _memories(self, group: Group) -> Memory:
        return {
            "squares": 0.0,
            **({"mean": 0.0} if group["centered"] else {}),
            **({"velocity": 0.0} if group["momentum"] else {}),
        }

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = _slope(x, g, group)
        alpha, momentum = group["alpha"], group["momentum"]
        memory["squares"] *= alpha
        memory["squares"] += (1 - alpha) * (g * g)
        if group["centered"]:
            memory["mean"] *= alpha
            memory["mean"] += (1 - alpha) * g
            root = (memory["squares"] - memory["mean"] * memory["mean"]) ** 0.5
        else:
            root = memory["squares"] ** 0.5
        root += group["eps"]
        change = g / root
        if momentum:
            memory["velocity"] *= momentum
            memory["velocity"] += change
            change = memory["velocity"]
        x -= group["lr"] * change
        return x


@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps along the mean gradient, divided by the root of the mean square.

    `m` and `v` are running means of `g` and `g * g`; both start at zero, which is corrected by the number of
    steps that this parameter has taken. `weight_decay` adds `weight_decay * x` to the gradient (L2,
    coupled); `AdamW` decouples it. `amsgrad` divides by the largest `v` so far (Reddi et al., 2018).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adam
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adam([x], lr=0.1).step()
    >>> round(x.data, 6)
    0.9
    """

    betas: tuple[float, float] = option((0.9, 0.999), _shares)
    eps: float = option(1e-8)
    weight_decay: float = option(0.0)
    amsgrad: bool = option(False, _flag)
    _: KW_ONLY
    maximize: bool = option(False, _flag)

    def _memories(self, group: Group) -> Memory:
        start = {"step": 0, "m": 0.0, "v": 0.0}
        return {**start, "v_max": 0.0} if group["amsgrad"] else start

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        (beta1, beta2), lr = group["betas"], group["lr"]
        memory["step"] = t = memory["step"] + 1
        x, g = self._decayed(x, g, group)
        m, v = memory["m"], memory["v"]
        m *= beta1
        m += (1 - beta1) * g
        square = g * g
        square *= 1 - beta2
        v *= beta2
        v += square
        memory["m"], memory["v"] = m, v
        if group["amsgrad"]:
            v = memory["v_max"] = maximum(memory["v_max"], v)
        root = v**0.5
        correction = (1 - beta2**t) ** 0.5  # of m / (root / correction + eps), with one division less
        root += group["eps"] * correction
        change = m / root
        change *= lr * correction / (1 - beta1**t)
        x -= change
        return x

    def _decayed(self, x: Any, g: Any, group: Group) -> tuple[Any, Any]:
        return x, _slope(x, g, group)


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): `x` shrinks by `lr * weight_decay * x` first.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import AdamW
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> AdamW([x], lr=0.1, weight_decay=0.5).step()
    >>> round(x.data, 6)
    0.85
    """

    weight_decay: float = option(1e-2)

    def _decayed(self, x: Any, g: Any, group: Group) -> tuple[Any, Any]:
        if group["weight_decay"]:
            x *= 1 - group["lr"] * group["weight_decay"]
        return x, -g if group["maximize"] else g


# ---------------------------------------------------------------------- clipping


def clip_grad_norm_(
    parameters: Iterable[Any], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients together, so that their norm, as of one long vector, is at most `max_norm`.

    Returns the norm before. `norm_type` is the order, `math.inf` for the largest absolute value. Call it between
    `backward()` and `step()`. Parameters without a gradient are passed over.

    Raises `GradientError` for a norm that is NaN or infinite, if `error_if_nonfinite`.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn.optim import clip_grad_norm_
    >>> w = Tensor([3.0, 4.0])
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    10.0
    >>> w.grad.round(3)
    array([0.6, 0.8])
    """
    max_norm, order = _number("max_norm", max_norm), float(norm_type)
    found = [p for p in _checked(parameters, "clip_grad_norm_") if p.grad is not None]
    norms = [np.linalg.norm(np.ravel(p.grad), order) for p in found]
    norm = float(np.linalg.norm(np.array(norms, np.float64), order)) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(norm):
        raise GradientError(
            f"the norm of the gradients is {norm}, which no factor makes {max_norm:g}. "
            f"detect_nonfinite() shows where it comes from"
        )
    factor = max_norm / (norm + 1e-6)  # PyTorch's, which keeps 0 / 0 away
    if not factor >= 1:
        for p in found:
            p.grad = p.grad * factor
    return norm


def clip_grad_value_(parameters: Iterable[Any], clip_value: float) -> None:
    """Bring every element of every gradient into the range from `-clip_value` to `clip_value`.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn.optim import clip_grad_value_
    >>> w = Tensor([3.0, -0.25])
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5])
    """
    limit = _number("clip_value", clip_value)
    for p in _checked(parameters, "clip_grad_value_"):
        if p.grad is not None:
            p.grad = clip(p.grad, -limit, limit)


# ---------------------------------------------------------------------- what can be optimised


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
