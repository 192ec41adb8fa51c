"""What every optimiser is: options in groups, a memory for each parameter, and the loop that updates them all.

An optimiser is a list of options and an `_update`, a few lines that say how numbers `x` with gradient `g` change.
`memory` is what is remembered about them from step to step (what begins with `_` is not worth saving), `group` the
options that hold for them. The same lines run on a float (the `data` of a Value) and on arrays, in place; large arrays
pass through in pieces that the processor's cache can hold, so that intermediate results cost no memory to speak of.
Parameters in float16 are changed in float32, in which their memory is kept, and written back in float16.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from ..autograd import Node
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from .module import Module
from .rates import Rates

__all__ = ["Group", "Memory", "Optimizer", "checked", "flag", "number", "option", "share", "shares"]

Memory = dict[str, Any]
Group = dict[str, Any]

# ---------------------------------------------------------------------- options


class _Group(dict[str, Any]):
    """A group's parameters and options, which are checked when they are assigned: `group["lr"] = 0.1`."""

    def __init__(self, items: Mapping[str, Any], check: Callable[[str, Any], Any]) -> None:
        super().__init__(items)
        self.check = check

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value if name == "params" else self.check(name, value))

    def __reduce__(self) -> Any:
        return _Group, (dict(self), self.check)


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
    values = list(values) if isinstance(values, np.ndarray) and values.ndim else values
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise KindError(f"{name} is a pair of numbers, such as (0.9, 0.999); given {describe(values)}")
    first, second = (share(f"{name[:-1]}{i}", value) for i, value in enumerate(values, 1))
    return first, second


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if not isinstance(value, (bool, np.bool_)):
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
        self._rates = Rates()  # for schedules
        self._spent: list[Any] = []  # gradients that zero_grad has taken away
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimise more parameters, `group["params"]`, with the options in `group` where they differ from the others'.

        Where the optimiser has schedules, they change the `lr` of the new group as that of the others, at once.

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
        self.param_groups.append(
            _Group({"params": parameters, **self.defaults, **options}, type(self)._checked)
        )
        self.parameters += parameters
        self._rates.write(self.param_groups)

    def _checked_options(self, given: Mapping[str, Any]) -> Group:
        """The options by their names, or an error that names those there are; and together they make sense."""
        options = {name: self._checked(name, value) for name, value in given.items()}
        self._check_together({**self.defaults, **options})
        return options

    @classmethod
    def _checked(cls, name: str, value: Any) -> Any:
        """An option, as its declaration wants it."""
        for base in cls.__mro__:
            declared = vars(base).get(name)
            if isinstance(declared, Option):
                return declared.check(name, value)
        options = [field.name for field in fields(cls) if field.name != "parameters"]
        raise KindError(f"{cls.__name__} has no option {name!r}; it has {', '.join(options)}")

    def _check_together(self, group: Group) -> None:
        """Refuse options that contradict each other."""

    def step(self) -> None:
        """Change every parameter by what its gradient says; those without a gradient stay as they are."""
        self._spent = []
        state, update, piece = self.state, self._update, self._piece
        for group in map(dict, self.param_groups):  # plain dicts, which are read faster
            starts = self._memories(group)
            for p in group["params"]:
                g = p.grad
                if g is not None:
                    x: Any = p.data
                    memory: Any = state.get(p)
                    if memory is None:
                        memory = state[p] = {"_known": None}
                    for name in starts:
                        if name not in memory:
                            memory[name] = _start(starts[name], x)
                    if x.__class__ is float:
                        p.data = update(x, g, memory, group)
                    elif memory["_known"] is not x:
                        self._update_another(p, x, g, memory, group)
                    elif x.size <= piece:
                        p.data = update(x, g, memory, group)
                    else:
                        self._update_in_pieces(x, g, memory, group)
                        p.data = x  # so that graphs recorded before notice

    def _update_another(self, p: Any, x: Any, g: Any, memory: Memory, group: Group) -> None:
        """Update what is in another array than in the step before: one that cannot be changed is copied."""
        if not isinstance(x, np.ndarray):
            p.data = self._update(float(x), float(g), memory, group)
            return
        half = x.dtype.char == "e"
        if half:
            x, g = x.astype(np.float32), g.astype(np.float32)
        elif not x.flags.writeable:
            x = np.array(x)
        if x.size <= self._piece:
            x = self._update(x, g, memory, group)
        else:
            self._update_in_pieces(x, g, memory, group)
        p.data = x.astype(np.float16) if half else x
        memory["_known"] = None if half else x

    def _update_in_pieces(self, data: np.ndarray, g: np.ndarray, memory: Memory, group: Group) -> None:
        flat = {name: m for name, m in memory.items() if isinstance(m, np.ndarray) and name[0] != "_"}
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
        starts = {p: self._memories(group) for group in self.param_groups for p in group["params"]}
        remembered = {
            f"state.{i}.{name}": value.copy() if isinstance(value, np.ndarray) else value
            for i, p in enumerate(self.parameters)
            if p in self.state
            for name, value in self._complete(p, starts[p]).items()
            if name[0] != "_"
        }
        return {**options, **remembered}

    def _complete(self, p: Any, starts: Memory) -> Memory:
        """What is remembered about a parameter, also by options that were switched on after its latest step."""
        return {**{name: _start(start, p.data) for name, start in starts.items()}, **self.state[p]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave; groups and parameters have to be as many, in the same order.

        Raises `ShapeError` for a state of other parameters or of another optimiser; nothing is loaded then.
        """
        groups: list[Group] = [{} for _ in self.param_groups]
        memories: list[Memory] = [{} for _ in self.parameters]
        places = {f"groups.{i}": group for i, group in enumerate(groups)}
        places |= {f"state.{i}": memory for i, memory in enumerate(memories)}
        wrong = []
        for name, value in state.items():
            place, _, key = name.rpartition(".")
            if place not in places or not key or (place[0] == "g" and key not in self.defaults):
                wrong.append(repr(name))
            else:
                places[place][key] = value
        if not wrong:
            options = [
                {**own, **self._checked_options(group)} for own, group in zip(self.param_groups, groups)
            ]
            starts = {p: self._memories(group) for group in options for p in group["params"]}
            wrong += [
                f"'groups.{i}.{name}' is missing"
                for i, group in enumerate(groups)
                for name in self.defaults
                if name not in group
            ]
            for i, (p, memory) in enumerate(zip(self.parameters, memories)):
                found = {
                    name: _remembered(value, starts[p].get(name), p.data) for name, value in memory.items()
                }
                wrong += [
                    f"'state.{i}.{name}' is {memory[name]!r:.40}" for name in found if found[name] is None
                ]
                wrong += [
                    f"'state.{i}.{name}' is missing" for name in starts[p] if found and name not in found
                ]
                memories[i] = found
        if wrong:
            raise ShapeError(
                f"this state does not belong to {self!r} with {len(memories)} parameters in {len(groups)} groups, "
                f"and nothing of it was loaded: {', '.join(wrong)}. "
                f"Make the optimiser as it was when its state was taken"
            )
        for own, group in zip(self.param_groups, options):
            own.update(group)
        self.state = {p: {"_known": None, **memory} for p, memory in zip(self.parameters, memories) if memory}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a copy or a pickle, whose arrays may be mapped from a file and so not be writeable."""
        for memory in state["state"].values():
            for name, value in [*memory.items()]:
                if name[0] == "_":
                    del memory[name]
                elif isinstance(value, np.ndarray) and not value.flags.writeable:
                    memory[name] = np.array(value)
            memory["_known"] = None
        vars(self).update(state)

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"


def _start(start: float, x: Any) -> Any:
    """What a memory starts from: a count, or as many numbers as `x` has, of its dtype (float32 for float16)."""
    if isinstance(start, int):
        return start
    return np.full_like(x, start, np.result_type(x, np.float32)) if isinstance(x, np.ndarray) else start


def _remembered(value: Any, start: float | None, x: Any) -> Any:
    """A memory out of a state, in the form in which steps keep it; `None` if it cannot be one.

    `start` says whether it is a count or one number for each of `x`, if that is known.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    if array.ndim == 0 and array.dtype.kind in "iu" and not isinstance(start, float):
        return int(array) if array >= 0 else None
    if isinstance(start, int) or array.dtype.kind not in "fiu" or array.shape != np.shape(x):
        return None
    return np.array(array, np.result_type(x, np.float32)) if isinstance(x, np.ndarray) else float(array)


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
