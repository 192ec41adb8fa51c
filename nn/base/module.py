"""A module: an object that holds parameters and other modules, and computes something with them.

Nothing is registered. The parts of a module are found in its attributes, in the order in which these were set, through
lists, tuples and dicts. The path to a part is its name, such as `layers.0.weight`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, Node, ShapeError, Value
from ...autograd.extending import (
    absent,
    describe,
    enter_scope,
    habit,
    leave_scope,
    nearest,
    refuse_keywords,
    refused_call,
    spelt,
)
from .arguments import numeric
from .copying import copy_modules
from .hooks import ForwardHook
from .parameter import AnyParameter, Parameter, ScalarParameter
from .parts import Part, found_in_entries, found_in_value, joined
from .state import checked_state

__all__ = ["Module"]

Self = TypeVar("Self", bound="Module")


class Module(Part):
    """The base class of layers, activations and whole networks: write `forward`, then call the module.

    A parameter or a module that is assigned to an attribute, or is in a list, tuple or dict there, is a part of this
    module. Numbers that are assigned to the name of a parameter are written into the parameter; a node that requires a
    gradient raises `KindError` there. A call of a module opens a scope with its name: drawings show the nodes of the
    call in a box.

    >>> import numpy as np
    >>> from chainrule.nn import Linear, Module, ReLU
    >>> class Net(Module):
    ...     def __init__(self):
    ...         self.layers = [Linear(2, 3, seed=0), ReLU(), Linear(3, 1, seed=1)]
    ...
    ...     def forward(self, x):
    ...         for layer in self.layers:
    ...             x = layer(x)
    ...         return x
    >>> net = Net()
    >>> net
    Net()
      layers.0: Linear(2 -> 3)
      layers.1: ReLU()
      layers.2: Linear(3 -> 1)
    >>> [name for name, _ in net.named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.2.weight', 'layers.2.bias']
    >>> net(np.ones((5, 2))).shape
    (5, 1)
    """

    training: bool = True
    """Whether the module is being trained; see `train` and `eval`."""

    _numbered: ClassVar[dict[str, str]] = {}  # names of the entries of a list: {0} counts from 0, {1} from 1
    _buffers: ClassVar[
        tuple[str, ...]
    ] = ()  # attributes with arrays that belong to the state and are not learnt
    _hooks: tuple[ForwardHook, ...] = ()  # called after each call
    _path: str = ""  # from the outermost module to this one
    _title: str | None = None  # the title of the scope of a call; None until it is first needed

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = spelt(vars(cls)["__init__"])  # type: ignore[method-assign]

    if not TYPE_CHECKING:  # for type checkers, names that are not listed here do not exist

        def __getattr__(self, name: str) -> Any:
            row = habit(name, "Module") if not name.startswith("_") else None
            if row is None or row.takes is None:
                raise absent(f"the module {type(self).__name__}", name, lambda: dir(self), "Module")
            return partial(row.takes, self)

    # ------------------------------------------------------------------ computing

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output of the module; every module defines its own."""
        own = [name for kind in type(self).__mro__ if kind not in Module.__mro__ for name in vars(kind)]
        meant = ["call", "__call__", *nearest("forward", own, 1)]
        found = [name for name in own if name in meant]
        hint = f"; is {found[0]!r} meant to be it?" if found else ""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes: give it a method forward(self, x){hint}"
        )

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        title = self._title
        if title is None:
            title = f"{self._path}: {self._headline()}" if self._path else self._headline()
            vars(self)["_title"] = title
        before = enter_scope(title)
        try:
            output = self.forward(*inputs, **options)
            for hook in self._hooks:
                replaced = hook(self, inputs, output)
                output = output if replaced is None else replaced
            return output
        except TypeError as error:
            if getattr(error.__traceback__, "tb_next", None) is not None:
                raise  # from inside of forward
            raise KindError(self._refused_call(inputs, options)) from None
        finally:
            leave_scope(before)

    def _refused_call(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> str:
        """What is wrong with a call whose arguments `forward` does not take."""
        own = dict(inspect.signature(self.forward).parameters)
        name = type(self).__name__
        for option in options.keys() - own.keys():
            refuse_keywords(name, [option], own)
        text = refused_call(f"a call of {self._described('the module')},", own, len(inputs), options)
        if len(inputs) > 1 and all(isinstance(x, (int, float)) for x in inputs):
            text += ". A sample is one argument, a list or a row of an array: model([[1.0, 2.0]])"
        if any(isinstance(x, Value) for x in inputs):
            text += ". Networks of Values are in nn.scalar: nn.scalar.MLP(2, [4, 1])([a, b])"
        return text

    def register_forward_hook(self, hook: Callable[[Any, tuple[Any, ...], Any], Any]) -> ForwardHook:
        """Call `hook(module, inputs, output)` after each call; if the hook returns something, it replaces the output.

        Returns a handle: `handle.remove()` removes the hook. Raises `KindError` for what cannot be called.

        >>> import numpy as np
        >>> from chainrule.nn import Linear
        >>> layer, shapes = Linear(2, 3), []
        >>> handle = layer.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape))
        >>> y = layer(np.ones((5, 2)))
        >>> handle.remove()
        >>> shapes
        [(5, 3)]
        """
        if not callable(hook):
            raise KindError(
                f"a forward hook is a function of module, inputs, and output; given {describe(hook)}"
            )
        return ForwardHook(self, hook)

    def apply(self: Self, function: Callable[[Module], Any]) -> Self:
        """Call `function` with every module inside this one and then with this one, as for initial weights.

        >>> from chainrule.nn import MLP, Linear, init
        >>> def small(module):
        ...     if isinstance(module, Linear):
        ...         module.weight = init.normal(module.weight.shape, std=0.01, seed=0)
        >>> float(abs(MLP(2, [3, 1]).apply(small).layers[0].weight.data).max().round(4))
        0.0064
        """
        if not callable(function):
            raise KindError(f"apply takes a function of a module; given {describe(function)}")
        for module in reversed(self.modules()):
            function(module)
        return self

    # ------------------------------------------------------------------ parts and their names

    def _parts(self) -> Iterator[tuple[str, Module | AnyParameter]]:
        holders, numbered = vars(self).setdefault("_holders", set()), self._numbered
        for name, value in vars(self).items():
            if isinstance(value, Part):
                yield name, value  # type: ignore[misc]  # all are modules or parameters
            elif not isinstance(value, (list, tuple, dict)) or not value:
                continue
            elif name in numbered:
                called = numbered[name].format
                yield from found_in_entries(
                    ((called(i, i + 1), each) for i, each in enumerate(value)), name, holders
                )
            else:
                yield from found_in_value(value, name, holders)

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        if old is not None and old is not value:
            if name in self._buffers:
                value = self._buffer(name, value, old)
            elif not isinstance(old, Module) and self._written(name, value, old):
                return
        object.__setattr__(self, name, value)
        vars(self)["_title"] = None
        if any(True for _ in found_in_value(value, name)):
            if isinstance(value, (list, tuple, dict)):  # its entries are new
                holders = vars(self).get("_holders", set())
                vars(self)["_holders"] = {each for each in holders if each.partition(".")[0] != name}
            self._rename()

    def __delattr__(self, name: str) -> None:
        if name in self._buffers:
            raise KindError(
                f"{name} belongs to the state of {self._described('the module')}, and stays with it; it can be assigned"
            )
        object.__delattr__(self, name)

    def _written(self, name: str, value: Any, old: Any) -> bool:
        """Write an assigned value into the parameter that the attribute is; `False` if the attribute is none.

        Raises `KindError` where parameters would be lost without notice. Other parameters, modules, and `None` (or an
        empty list) replace a parameter.
        """
        lost = any(not isinstance(part, Module) for _, part in found_in_value(old, name))
        if not lost or value is None or any(True for _ in found_in_value(value, name)):
            return False
        if not isinstance(old, (Parameter, ScalarParameter)):
            if isinstance(value, (list, tuple, dict)) and not value:
                return False
            raise KindError(
                f"{name} of {self._described('the module')}, holds parameters, which would no longer be trained; given "
                f"{describe(value)}. Write p.data = ... for each of them, or assign Parameters; None takes them away"
            )
        if isinstance(value, Node) and value.requires_grad:
            raise KindError(
                f"{name} of {self._described('the module')}, is a parameter, which is learnt; given {describe(value)}"
                f"{f', computed by {value.op.name}' if value.op else ''}. Write {name}.data = t.data to give it these "
                f"numbers, or keep the node under another name"
            )
        old._write(value)
        return True

    def _buffer(self, name: str, value: Any, old: np.ndarray) -> np.ndarray:
        """A copy of the value that was assigned to a buffer, in the shape and dtype of the buffer."""
        what = f"{name} of {self._described('the module')},"
        array = numeric(value, what)
        if array.shape != old.shape:
            raise ShapeError(f"{what} has shape {old.shape}; given {describe(value)}")
        return array.astype(old.dtype)

    def _rename(self) -> None:
        """Give every part its name. The outermost module does so last, so names start there."""
        seen = set()
        waiting = [(self._path, self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            vars(module).update(_path=path, _title=None)
            inside = []
            for name, part in module._parts():
                if isinstance(part, Module):
                    inside.append((joined(path, name), part))
                elif id(part) not in seen:  # a shared parameter keeps its first name
                    seen.add(id(part))
                    part.name = joined(path, name)
            waiting.extend(reversed(inside))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all modules in it with their names, each once; this module comes first.

        >>> from chainrule.nn import MLP
        >>> [name for name, _ in MLP(2, [3, 1]).named_modules()]
        ['', 'layers.0', 'layers.1', 'layers.2']
        """
        for path, module, _ in self._walk(prefix):
            yield path, module

    def _walk(self, prefix: str = "") -> Walk:
        """This module and all modules in it, each once, with their names and their parts."""
        seen = set()
        waiting = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                parts = list(module._parts())
                yield path, module, parts
                inside = [(joined(path, name), part) for name, part in parts if isinstance(part, Module)]
                waiting.extend(reversed(inside))

    def modules(self) -> list[Module]:
        """This module and all modules in it, each once."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, AnyParameter]]:
        """All parameters with their names; a shared parameter comes once, under its first name."""
        yield from _parameters(self._walk(prefix))

    def parameters(self) -> list[AnyParameter]:
        """All parameters, each once: the argument of an optimiser.

        >>> from chainrule.nn import Linear
        >>> [p.shape for p in Linear(2, 3).parameters()]
        [(2, 3), (3,)]
        """
        return [parameter for _, parameter in self.named_parameters()]

    def register_buffer(self, name: str, array: Any) -> None:
        """Add an array that belongs to the state and is not learnt, such as a mask or a running mean.

        It is copied, is an attribute of this name, and is saved, loaded and converted with the parameters. What is
        assigned to it later has to have its shape. (An array that is not to be saved is an attribute like any other.)

        Raises `KindError` for what is not an array of numbers, and for a name that is taken.

        >>> import numpy as np
        >>> from chainrule.nn import Linear
        >>> layer = Linear(2, 3)
        >>> layer.register_buffer("scale", np.ones(3))
        >>> list(layer.state_dict())
        ['weight', 'bias', 'scale']
        """
        if not isinstance(name, str) or not name.isidentifier():
            raise KindError(f"the name of a buffer is a word, as of an attribute; given {describe(name)}")
        if name not in self._buffers and hasattr(self, name):
            raise KindError(f"{self._described('the module')} has an attribute {name!r} already")
        array = np.array(numeric(array, f"the buffer {name}"))
        vars(self)[name] = array
        if name not in self._buffers:
            vars(self)["_buffers"] = (*self._buffers, name)

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """All arrays that belong to the state and are not learnt, with their names, such as running means.

        >>> from chainrule.nn import BatchNorm1d
        >>> [name for name, _ in BatchNorm1d(3).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        yield from _buffers(self._walk(prefix))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        own = [module for module in self.modules() if type(module).__deepcopy__ is Module.__deepcopy__]
        copy_modules([self, *own], memo)
        return memo[id(self)]

    # ------------------------------------------------------------------ modes

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this module and all modules in it to training (with `False` to evaluation); returns the module."""
        for module in self.modules():
            if module.training is not mode:
                module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation: dropout is off, and batch normalisation uses its running statistics."""
        return self.train(False)

    def _unwatched(self) -> tuple[str, ...]:
        """The attributes that may change while a recording holds: buffers are read anew, names are for people."""
        return ("_holders", "_numbered", "_path", "_title", "_buffers", *self._buffers)

    @spelt
    def zero_grad(self) -> None:
        """Delete the gradients of all parameters: each `.grad` is `None` again."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self: Self, dtype: DTypeLike) -> Self:
        """Convert all parameters to another floating dtype, and delete their gradients; returns the module.

        The memories of an existing optimiser stay in the old dtype: make the optimiser afterwards.
        Raises `KindError` for a dtype that is not floating, and for scalar networks.

        >>> import numpy as np
        >>> from chainrule.nn import Linear
        >>> Linear(2, 3).to(np.float32).weight.dtype
        dtype('float32')
        """
        try:
            dtype = np.dtype(dtype if dtype is not None else "")  # NumPy takes None for float64
        except TypeError:
            raise KindError(f"a dtype is np.float32 or np.float64; given {describe(dtype)}") from None
        parameters = self.parameters()
        if dtype.kind != "f":
            raise KindError(
                f"{self._headline()} cannot be held in {dtype}: weights change a little at a time, which takes a "
                f"floating dtype. Write np.float32 or np.float64"
            )
        for parameter in parameters:
            if isinstance(parameter, ScalarParameter):
                raise KindError(
                    f"{self._headline()} is made of Values, which are Python floats of 64 bits. "
                    f"Use chainrule.nn.MLP, which is made of Tensors, for other dtypes"
                )
        for parameter in parameters:
            parameter.cast(dtype)  # type: ignore[union-attr]  # all are Parameters, by the check above
        for module in self.modules():
            for name in module._buffers:
                if getattr(module, name).dtype.kind == "f":  # float16 has no room for sums and squares
                    vars(module)[name] = getattr(module, name).astype(np.result_type(dtype, np.float32))
        return self

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers: a dict of arrays by their names.

        >>> from chainrule.nn import Linear
        >>> {name: array.shape for name, array in Linear(2, 3).state_dict().items()}
        {'weight': (2, 3), 'bias': (3,)}
        """
        walk = list(self._walk())
        parameters = {name: np.array(parameter.data) for name, parameter in _parameters(walk)}
        return parameters | {name: buffer.copy() for name, buffer in _buffers(walk)}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Set all parameters and buffers to the arrays of a `state_dict()`, converted to their dtypes.

        With `strict=False`, names that only one side has are ignored. Raises `ShapeError` that lists every name that is
        missing, unknown, or of another shape; then nothing is loaded.

        >>> from chainrule.nn import Linear
        >>> a, b = Linear(2, 3, seed=0), Linear(2, 3, seed=1)
        >>> b.load_state_dict(a.state_dict())
        >>> bool((a.weight.data == b.weight.data).all())
        True
        """
        arrays = self._checked_state(state, strict)
        for name, part in self.named_parameters():
            if name in arrays:
                part._write(arrays[name])
        for path, module in self.named_modules():
            for name in module._buffers:
                if joined(path, name) in arrays:
                    setattr(module, name, arrays[joined(path, name)])

    def _checked_state(self, state: Mapping[str, Any], strict: bool = True) -> dict[str, np.ndarray]:
        """The arrays of a state that `load_state_dict` can load; raises `ShapeError` for others."""
        own: dict[str, Any] = dict(self.named_parameters()) | dict(self.named_buffers())
        return checked_state(own, state, self._headline(), strict)

    # ------------------------------------------------------------------ showing

    def extra_repr(self) -> str:
        """The text in the brackets after the name: `2 -> 8` in `Linear(2 -> 8)`."""
        return ""

    def _headline(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _described(self, unnamed: str = "the layer") -> str:
        """The module in error messages: `layers.0, a Linear(2 -> 8)`."""
        name = type(self).__name__
        vowel = name[0] in ("AEFHILMNORSX" if name[1:2].isupper() else "AEIOU")  # an LSTM, an Embedding
        return f"{self._path or unnamed}, {'an' if vowel else 'a'} {self._headline()}"

    def __repr__(self) -> str:
        lines: list[str] = []
        around: list[int] = []  # ids of the modules that contain the next one
        open_ = set(around)
        waiting: list[tuple[int, str, Module]] = [(0, "", self)]
        while waiting:
            depth, name, module = waiting.pop()
            while len(around) > depth:
                open_.discard(around.pop())
            own = depth > 0 and type(module).__repr__ is not Module.__repr__
            text = name + (repr(module) if own else module._headline())
            lines += ["  " * depth + line for line in text.splitlines()]
            if not own and id(module) not in open_:  # not a module that holds itself
                around.append(id(module))
                open_.add(id(module))
                parts = ((f"{n}: ", part) for n, part in module._parts() if isinstance(part, Module))
                waiting += reversed([(depth + 1, *part) for part in parts])
        return "\n".join(lines)


# modules with their paths and their parts
Walk: TypeAlias = Iterable[tuple[str, Module, list[tuple[str, Module | AnyParameter]]]]


def _parameters(walk: Walk) -> Iterator[tuple[str, AnyParameter]]:
    """The parameters of modules with their paths; a shared parameter comes once, under its first name."""
    seen = set()
    for path, _, parts in walk:
        for name, part in parts:
            if not isinstance(part, Module) and part not in seen:
                seen.add(part)
                yield joined(path, name), part


def _buffers(walk: Walk) -> Iterator[tuple[str, np.ndarray]]:
    for path, module, _ in walk:
        for name in module._buffers:
            yield joined(path, name), getattr(module, name)
