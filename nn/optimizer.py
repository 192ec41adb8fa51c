"""What every optimiser is: options in groups, a memory for each parameter, and the loop that updates them all.

An optimiser is a list of options and an `_update`, a few lines that say how numbers `x` with gradient `g` change.
`memory` is what is remembered about them from step to step (what begins with `_` is not worth saving), `group` the
options that hold for them. The same lines run on a float (the `data` of a Value) and on arrays, in place; large arrays
pass through in pieces that the processor's cache can hold, so that intermediate results cost no memory to speak of.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..autograd import Node
from ..autograd.errors import KindError, RangeError, ShapeError
from ..autograd.node import describe
from .module import Module

__all__ = ["Group", "Memory", "Optimizer", "checked", "flag", "number", "option", "share", "shares"]

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


def number(name: str, value: Any) -> float:
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


def share(name: str, value: Any) -> float:
    """From 0 up to 1: how much of a running mean is kept."""
    if number(name, value) >= 1:
        raise RangeError(f"{name} has to be from 0 up to, but not including, 1; given {value}")
    return float(value)


def shares(name: str, values: Any) -> tuple[float, float]:
    """Two of them."""
    if not isinstance(values, (tuple, list, np.ndarray)) or len(values) != 2:
        raise KindError(f"{name} is a pair of numbers, such as (0.9, 0.999); given {describe(values)}")
    first, second = (share(f"{name[:-1]}{i}", value) for i, value in enumerate(values, 1))
    return first, second


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if np.ndim(value) or np.asarray(value).dtype != bool:
        raise KindError(f"{name} is True or False; given {describe(value)}")
    return bool(value)


def option(default: Any, check: Callable[[str, Any], Any] = number) -> Any:
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
        parameters = checked(group["params"], what)
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


# ---------------------------------------------------------------------- what can be optimised


def checked(parameters: Any, what: str) -> list[Any]:
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
