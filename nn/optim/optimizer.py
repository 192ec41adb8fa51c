"""What all optimisers share: options in groups, memories for each parameter, and the loop over all parameters.

An optimiser is a list of options and a formula, written once and read by eager mode, by replays and by XLA:

    _memories(group)                the quantities that are kept from step to step, with their first values: an int
                                    is a count of steps, a float is one number for each element of the parameter
    _numbers(group, step)           the numbers of one step, by name, from the options and the count `step`, from 1
                                    on; computed on Python floats, they are inputs of the compiled formula
    _form(group)                    what the formula may branch on: flags, and whether a number is not 0; a formula
                                    has to be compiled again when this dict is another
    _formula(x, g, memory, n, form) the new `x`, and a dict of the memories that change, from the gradient `g`:
                                    operators and rows of the table (sqrt, maximum, where, ...), nothing in place

`memory` in a formula has no counts, and `n` has the numbers by name. The same lines run on floats (the `data` of a
Value), on arrays and on traced arrays. Eager mode compiles them to NumPy calls in place (`plans.py`), and updates large
arrays in pieces that fit into the processor's cache. Parameters in float16 are updated in float32, with memories in
float32, and written back in float16.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from ...autograd import ChainruleWarning, KindError, Node, RangeError, ShapeError
from ...autograd.extending import Answering, absent, describe, is_withheld, like, refuse_keywords, spelt
from ..base.module import Module
from .memories import memory_from, memory_start
from .options import Form, Group, Memory, Numbers, Option, OptionGroup, option
from .parameters import checked
from .plans import Plan
from .rates import Rates

__all__ = ["Optimizer"]

NOTHING = 1e-30  # smaller numbers can be 0 in float32
COUNTED = getattr(sys, "_is_gil_enabled", lambda: True)()  # whether counts of references are exact


@dataclass(eq=False, repr=False)
class Optimizer(Answering):
    """The base class of optimisers: parameters in groups with their options, and memories for each parameter.

    `parameters` are Values and Tensors that are leaves and require a gradient; duplicates are updated once.
    They can also be a list of dicts, each with `"params"` and the options that differ for these. `param_groups` is that
    list with all options; the assignment `optimizer.lr = 0.01` sets an option in all groups.

    To write another optimiser, subclass this one as a dataclass, with an `option` for each option and a `_formula`.

    Raises `KindError` for what is not a list of such nodes, `RangeError` for a negative rate.

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
        known = [field.name for field in fields(cls)]
        refuse_keywords(cls.__name__, options.keys() - known, known)
        optimizer = super().__new__(cls)
        optimizer.defaults = {}  # the options of the constructor are assigned to it
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
        self._plans: list[Plan] = []  # one for each group, made by `step`
        self._waits = True  # for a first gradient
        self._spent: list[Any] = []  # gradients that zero_grad has deleted
        for group in given if grouped else [{"params": given}]:
            self.add_param_group(group)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self) and "_plans" in vars(self) and not hasattr(type(self), name):
            options = [
                field.name for field in fields(self)
            ]  # an attribute of your own is not like one of them
            if name == "learning_rate" or like(name, options):
                raise absent(type(self).__name__, name, lambda: options, "Optimizer")
        super().__setattr__(name, value)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Optimise more parameters, `group["params"]`; options in `group` replace the defaults.

        Schedules of the optimiser change the `lr` of the new group like that of the others, at once.

        Raises `KindError` for an unknown option, `RangeError` for a parameter that is in a group already.

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
            OptionGroup({"params": parameters, **self.defaults, **options}, type(self)._checked)
        )
        self.parameters += parameters
        self._rates.write(self.param_groups)

    def _checked_options(self, given: Mapping[str, Any]) -> Group:
        """The options by their names, each checked, and checked together."""
        options = {name: self._checked(name, value) for name, value in given.items()}
        self._check_together({**self.defaults, **options})
        return options

    @classmethod
    def _checked(cls, name: str, value: Any) -> Any:
        """The value of an option, checked by its declaration. Raises `KindError` for an unknown option."""
        for base in cls.__mro__:
            declared = vars(base).get(name)
            if isinstance(declared, Option):
                return declared.check(name, value)
        options = [field.name for field in fields(cls) if field.name != "parameters"]
        raise KindError(
            f"{cls.__name__} has no option {name!r}; it has {', '.join(options)}{like(name, options)}"
        )

    def _check_together(self, group: Group) -> None:
        """Raise `RangeError` for options that contradict each other."""

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        self._spent.clear()
        if self._waits:  # no parameter had a gradient in any step so far
            self._waits = all(not is_withheld(p) and p.grad is None for p in self.parameters)
        if self._waits:
            warnings.warn(
                f"{type(self).__name__}.step() changed nothing: none of its {len(self.parameters)} parameters has a "
                f"gradient. Call loss.backward() before it, and zero_grad() before that, of a loss that is computed "
                f"from these parameters",
                ChainruleWarning,
                stacklevel=2,
            )
        for i, group in enumerate(self.param_groups):
            if i == len(self._plans) or self._plans[i].options != group:
                form = self._form(group)
                if i == len(self._plans) or self._plans[i].form != form:
                    self._plans[i : i + 1] = [Plan(self, form)]
                self._plans[i].follow(group)
            self._plans[i].update(self.state)

    def _memories(self, group: Group) -> Memory:
        """The memories with their first values: an int is a count, a float is one number for each element."""
        return {}

    def _numbers(self, group: Group, step: int) -> Numbers:
        """The numbers of a step: here the options that are numbers; a pair `betas` is `beta1` and `beta2`."""
        numbers: Numbers = {}
        for name, value in group.items():
            if isinstance(value, float):
                numbers[name] = value
            elif isinstance(value, tuple):
                numbers.update((f"{name[:-1]}{i}", each) for i, each in enumerate(value, 1))
        return numbers

    def _form(self, group: Group) -> Form:
        """What the formula may branch on: each option but `lr` and pairs; of a number, whether it is not 0."""
        return {
            name: value > NOTHING if isinstance(value, float) else value
            for name, value in group.items()
            if name not in ("params", "lr") and not isinstance(value, tuple)
        }

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        """The new `x`, and the memories that change."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say how it changes a parameter: write _formula(x, g, memory, n, form)"
        )

    @spelt
    def zero_grad(self) -> None:
        """Delete the gradients of all parameters: each `.grad` is `None` again."""
        # The arrays are freed by the next step, when there are new ones. Memory that is freed at once goes back to the
        # system and has to be got again page by page: steps of 784-1024-1024-10 on 512 samples take a quarter longer.
        # Arrays that others hold, such as a replay, stay theirs.
        self._spent.clear()
        alone = 2  # references: by `p`, and as an argument
        if COUNTED:
            self._spent.extend([p._grad for p in self.parameters if sys.getrefcount(p._grad) == alone])
        for p in self.parameters:
            p._grad = None

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """Copies of the options of each group, and of the memories of each parameter, in their order.

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
        }
        return {**options, **remembered}

    def _complete(self, p: Any, starts: Memory) -> Memory:
        """The memories of a parameter, also those of options that were switched on after its latest step."""
        return {**{name: memory_start(start, p.data) for name, start in starts.items()}, **self.state[p]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`; the numbers and the order of groups and parameters have to be the same.

        Raises `ShapeError` for a state of other parameters or of another optimiser; then nothing is loaded.
        """
        if not isinstance(state, Mapping):
            raise KindError(f"a state is a dict, as state_dict() returns it; given {describe(state)}")
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
                    name: memory_from(value, starts[p].get(name), p.data) for name, value in memory.items()
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
        self.state = {p: memory for p, memory in zip(self.parameters, memories) if memory}
        self._plans = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_plans": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy or a pickle; its arrays may be mapped from a file, and are then copied to be writeable."""
        for memory in state["state"].values():
            for name, value in memory.items():
                if isinstance(value, np.ndarray) and not value.flags.writeable:
                    memory[name] = np.array(value)
        vars(self).update(state)

    def __repr__(self) -> str:
        groups = [
            ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"
