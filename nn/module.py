"""A module: an object that holds parameters and other modules, and computes something with them.

Nothing is registered. A module's attributes are walked in the order in which they were set, through lists, tuples
and dicts, and what is found there are its parts; the way to a part is its name, as in `layers.0.weight`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import Node, Tensor, Value
from ..autograd.engine.modes import MODE
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError

__all__ = ["Module", "Parameter", "ScalarParameter"]

Self = TypeVar("Self", bound="Module")


def _in_place(symbol: str, operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The method behind `p += number` and its like.

    Beside a node it computes a new node, as for every other Tensor and Value: `z = self.bias; z += w * x`. Numbers and
    arrays are meant to change the parameter, which is only done where nothing is recorded.
    """

    def change(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float, np.number, np.ndarray, list, tuple)):
            return NotImplemented  # so that Python computes `self + other`
        if MODE.get()[0]:
            raise KindError(
                f"p {symbol} {describe(other)} would make a new node and leave p as it is, {self.describe()}. Write "
                f"p.data {symbol} ... to change the parameter, or do it under no_grad(); and q = p {symbol[:-1]} ... "
                f"to compute with it"
            )
        try:
            new = operate(self.data, np.asarray(other))
        except ValueError:
            raise ShapeError(
                f"{self.describe()} cannot be changed by {symbol} {describe(other)}: the shapes differ"
            ) from None
        self._write(new)
        return self

    return change


class _InPlace:
    """The operators that change a parameter."""

    __slots__ = ()
    __iadd__ = _in_place("+=", operator.add)
    __isub__ = _in_place("-=", operator.sub)
    __imul__ = _in_place("*=", operator.mul)
    __itruediv__ = _in_place("/=", operator.truediv)
    __ifloordiv__ = _in_place("//=", operator.floordiv)
    __imod__ = _in_place("%=", operator.mod)
    __ipow__ = _in_place("**=", operator.pow)
    __imatmul__ = _in_place("@=", operator.matmul)


class Parameter(_InPlace, Tensor):
    """A `Tensor` that a module learns: always a leaf, always differentiable, drawn with a double border.

    `data` is copied; integers become float64, as weights are never whole numbers for long. A module that it is
    assigned to gives it its name. Under `no_grad()`, `p *= 0.1` and its like change the parameter; elsewhere they raise
    `KindError`, which says what to write.

    >>> from chainrule.autograd import no_grad
    >>> from chainrule.nn import Parameter
    >>> p = Parameter([1, 2])
    >>> with no_grad():
    ...     p *= 0.5
    >>> p
    Tensor([0.5, 1. ])
    """

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None, dtype: DTypeLike | None = None) -> None:
        array = np.asarray(data, dtype)
        super().__init__(array if array.dtype.kind == "f" else array.astype(np.float64), name, True)

    def cast(self, dtype: DTypeLike) -> None:
        """Hold the same numbers in another floating dtype, and forget the gradient."""
        self._array = self._array.astype(dtype)
        self.data = self._array  # so that graphs recorded before notice
        self.grad = None

    def _write(self, numbers: Any) -> None:
        """Hold a copy of other numbers, in the same shape and dtype. Raises `ShapeError`, `KindError` for others."""
        self.data = _numeric(numbers, self.describe()).astype(self.dtype)


class ScalarParameter(_InPlace, Value):
    """A `Value` that a module of `chainrule.nn.scalar` learns. In-place operators are those of `Parameter`.

    >>> from chainrule.nn import ScalarParameter
    >>> ScalarParameter(0.5, name="w1")
    Value(0.5, name='w1')
    """

    __slots__ = ()

    def _write(self, number: Any) -> None:
        """Hold another number. Raises `ShapeError`, `KindError` for what is none."""
        array = _numeric(number, self.describe())
        if array.ndim:
            raise ShapeError(f"{self.describe()} holds one number; given {describe(number)}")
        self.data = float(array)


AnyParameter: TypeAlias = Parameter | ScalarParameter


class Module:
    """What layers, activations and whole networks are made of: write `forward`, then call the module.

    A parameter or a module that is set as an attribute, or stands in a list, tuple or dict there, is a part of
    this one. Numbers that are assigned to a parameter's name are written into the parameter; a node that wants a
    gradient is refused there, with `KindError`. Calling a module opens a scope with its name, so that drawings put a
    box around what it computes.

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

    _numbered: ClassVar[dict[str, str]] = {}  # names for the entries of a list: {0} counts from 0, {1} from 1
    _buffers: ClassVar[tuple[str, ...]] = ()  # attributes that hold arrays of the state which are not learnt
    _hooks: tuple[ForwardHook, ...] = ()  # what is called after each call
    _path: str = ""  # the way here from the outermost module
    _title: str | None = None  # what the scope of a call is called, once it has been worked out

    # ------------------------------------------------------------------ computing

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the module computes; every module writes its own."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes: give it a method forward(self, x)"
        )

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        title = self._title
        if title is None:
            title = f"{self._path}: {self._headline()}" if self._path else self._headline()
            vars(self)["_title"] = title
        recording, titles, watch = MODE.get()
        before = MODE.set(
            (recording, (*titles, title), watch)
        )  # as `with scope(title)` does, in half the time
        try:
            output = self.forward(*inputs, **options)
            for hook in self._hooks:
                replaced = hook(self, inputs, output)
                output = output if replaced is None else replaced
            return output
        finally:
            MODE.reset(before)

    def register_forward_hook(self, hook: Callable[[Any, tuple[Any, ...], Any], Any]) -> ForwardHook:
        """Call `hook(module, inputs, output)` after each call; what it returns, if anything, replaces the output.

        Returns a handle: `handle.remove()` takes the hook away again. Raises `KindError` for what cannot be called.

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

    # ------------------------------------------------------------------ parts and their names

    def _parts(self) -> Iterator[tuple[str, Module | AnyParameter]]:
        holders = vars(self).setdefault("_holders", set())
        for name, value in vars(self).items():
            if name in self._numbered:
                called = self._numbered[name].format
                yield from _found_in(
                    ((called(i, i + 1), each) for i, each in enumerate(value)), name, holders
                )
            elif isinstance(value, (Parameter, ScalarParameter, Module)):
                yield name, value
            elif isinstance(value, (list, tuple, dict)):
                yield from _found(value, name, holders)

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        if old is not None and old is not value:
            if name in self._buffers:
                value = self._buffer(name, value, old)
            elif not isinstance(old, Module) and self._written(name, value, old):
                return
        object.__setattr__(self, name, value)
        vars(self)["_title"] = None
        if any(True for _ in _found(value, name)):
            if isinstance(value, (list, tuple, dict)):  # others than were there before
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
        """Whether the attribute is a parameter, and a value that was assigned has been written into it.

        Raises `KindError` where parameters would be lost unnoticed. Other parameters, modules, and `None` (or an empty
        list) take the place of a parameter.
        """
        lost = any(not isinstance(part, Module) for _, part in _found(old, name))
        if not lost or value is None or any(True for _ in _found(value, name)):
            return False
        if not isinstance(old, (Parameter, ScalarParameter)):
            if isinstance(value, (list, tuple, dict)) and not value:
                return False
            raise KindError(
                f"{name} of {self._described('the module')}, holds parameters, which would be learnt no more; given "
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
        """A copy of what was assigned to a buffer, in its shape and dtype."""
        what = f"{name} of {self._described('the module')},"
        array = _numeric(value, what)
        if array.shape != old.shape:
            raise ShapeError(f"{what} has shape {old.shape}; given {describe(value)}")
        return array.astype(old.dtype)

    def _rename(self) -> None:
        """Tell every part its name. The outermost module tells last, so names start from there."""
        for path, module in self.named_modules(self._path):
            vars(module).update(_path=path, _title=None)
        for path, parameter in self.named_parameters(self._path):
            parameter.name = path

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all modules in it with their names, each once; this one comes first.

        >>> from chainrule.nn import MLP
        >>> [name for name, _ in MLP(2, [3, 1]).named_modules()]
        ['', 'layers.0', 'layers.1', 'layers.2']
        """
        seen = set()
        waiting = [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                parts = [
                    (_join(path, name), part) for name, part in module._parts() if isinstance(part, Module)
                ]
                waiting.extend(reversed(parts))

    def modules(self) -> list[Module]:
        """This module and all modules in it, each once."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, AnyParameter]]:
        """All parameters with their names; one that is shared comes once, under its first name."""
        seen = set()
        for path, module in self.named_modules(prefix):
            for name, part in module._parts():
                if not isinstance(part, Module) and part not in seen:
                    seen.add(part)
                    yield _join(path, name), part

    def parameters(self) -> list[AnyParameter]:
        """All parameters, each once: what an optimiser is given.

        >>> from chainrule.nn import Linear
        >>> [p.shape for p in Linear(2, 3).parameters()]
        [(2, 3), (3,)]
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """All arrays that belong to the state and are not learnt, with their names: running means and their like.

        >>> from chainrule.nn import BatchNorm1d
        >>> [name for name, _ in BatchNorm1d(3).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        for path, module in self.named_modules(prefix):
            for name in module._buffers:
                yield _join(path, name), getattr(module, name)

    # ------------------------------------------------------------------ modes

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this module and all in it to training (or, with `False`, to evaluation); returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Switch to evaluation: dropout is off, and batch normalisation uses what it has learnt."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: each `.grad` is `None` again."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self: Self, dtype: DTypeLike) -> Self:
        """Hold all parameters in another floating dtype, and forget their gradients; returns the module.

        An optimiser made before keeps what it has gathered in the old dtype: make it afterwards.
        Raises `KindError` for a dtype that is not floating, and for scalar networks.

        >>> import numpy as np
        >>> from chainrule.nn import Linear
        >>> Linear(2, 3).to(np.float32).weight.dtype
        dtype('float32')
        """
        try:
            dtype = np.dtype(dtype if dtype is not None else "")  # which NumPy takes for float64
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
            parameter.cast(dtype)  # type: ignore[union-attr]  # there are no others, by the check above
        for module in self.modules():
            for name in module._buffers:
                if getattr(module, name).dtype.kind == "f":  # float16 has no room for sums and squares
                    vars(module)[name] = getattr(module, name).astype(np.result_type(dtype, np.float32))
        return self

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all parameters and buffers: their names, each with an array.

        >>> from chainrule.nn import Linear
        >>> {name: array.shape for name, array in Linear(2, 3).state_dict().items()}
        {'weight': (2, 3), 'bias': (3,)}
        """
        parameters = {name: np.array(parameter.data) for name, parameter in self.named_parameters()}
        return parameters | {name: buffer.copy() for name, buffer in self.named_buffers()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Set all parameters and buffers to what `state_dict()` gave, converted to their dtypes.

        With `strict=False` names that only one side has are passed over. Raises `ShapeError` that
        lists every name that is missing, not known, or of another shape; nothing is loaded then.

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
                if _join(path, name) in arrays:
                    setattr(module, name, arrays[_join(path, name)])

    def _checked_state(self, state: Mapping[str, Any], strict: bool = True) -> dict[str, np.ndarray]:
        """The arrays of a state that `load_state_dict` can load, which raises for others."""
        own: dict[str, Any] = dict(self.named_parameters()) | dict(self.named_buffers())
        arrays = {name: _array(value) for name, value in state.items()}
        faults = []
        if strict:
            faults += [f"{name!r} is missing" for name in own if name not in arrays]
            faults += [f"{name!r} is not a parameter here" for name in arrays if name not in own]
        for name in own.keys() & arrays.keys():
            shape, dtype = np.shape(_numbers(own[name])), arrays[name].dtype
            if dtype.kind not in "fiub":
                faults.append(f"{name!r} is of dtype {dtype}, which is no number")
            elif dtype.kind == "f" and isinstance(own[name], np.ndarray) and own[name].dtype.kind != "f":
                faults.append(f"{name!r} is of dtype {dtype}, and {own[name].dtype} here")
            elif arrays[name].shape != shape:
                faults.append(f"{name!r} has shape {arrays[name].shape}, and {shape} here")
        if faults:
            raise ShapeError(
                f"this state does not belong to {self._headline()}, and nothing of it was loaded: "
                + "; ".join(sorted(faults))
                + ". Build the module as it was when its state was taken"
                + (", or write strict=False to load only the names that both have" if strict else "")
            )
        return arrays

    # ------------------------------------------------------------------ showing

    def extra_repr(self) -> str:
        """What stands between the brackets behind the name: `2 -> 8` in `Linear(2 -> 8)`."""
        return ""

    def _headline(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def _described(self, unnamed: str = "the layer") -> str:
        """For messages: `layers.0, a Linear(2 -> 8)`."""
        name = type(self).__name__
        vowel = name[0] in ("AEFHILMNORSX" if name[1:2].isupper() else "AEIOU")  # an LSTM, an Embedding
        return f"{self._path or unnamed}, {'an' if vowel else 'a'} {self._headline()}"

    def __repr__(self) -> str:
        lines: list[str] = []
        around: list[int] = []  # the modules that the next one is in, by their ids
        open_ = set(around)
        waiting: list[tuple[int, str, Module]] = [(0, "", self)]
        while waiting:
            depth, name, module = waiting.pop()
            while len(around) > depth:
                open_.discard(around.pop())
            own = depth > 0 and type(module).__repr__ is not Module.__repr__
            text = name + (repr(module) if own else module._headline())
            lines += ["  " * depth + line for line in text.splitlines()]
            if not own and id(module) not in open_:  # as one is that holds itself
                around.append(id(module))
                open_.add(id(module))
                parts = ((f"{n}: ", part) for n, part in module._parts() if isinstance(part, Module))
                waiting += reversed([(depth + 1, *part) for part in parts])
        return "\n".join(lines)


class ForwardHook:
    """What `register_forward_hook` returns."""

    def __init__(self, module: Module, function: Callable[..., Any]) -> None:
        self.function = function
        self.module = module
        vars(module)["_hooks"] = (*module._hooks, self)

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)

    def remove(self) -> None:
        """Call the hook no more; removing twice does nothing."""
        vars(self.module)["_hooks"] = tuple(hook for hook in self.module._hooks if hook is not self)


def _found(
    value: Any, path: str, holders: set[str] | None = None
) -> Iterator[tuple[str, Module | AnyParameter]]:
    """The parts in a value: itself, or what lists, tuples and dicts in it hold."""
    if isinstance(value, (Parameter, ScalarParameter, Module)):
        yield path, value
    elif isinstance(value, (list, tuple)):
        yield from _found_in(((f"{path}.{i}", each) for i, each in enumerate(value)), path, holders)
    elif isinstance(value, dict):
        yield from _found_in(((f"{path}.{key}", each) for key, each in value.items()), path, holders)


def _found_in(
    entries: Iterable[tuple[str, Any]], path: str, holders: set[str] | None
) -> Iterator[tuple[str, Module | AnyParameter]]:
    """The parts in the entries of a list or dict.

    `holders` are the lists and dicts in which parameters were found before: a number there has taken the place of one.
    """
    parameter = number = None
    for name, each in entries:
        if isinstance(each, (Parameter, ScalarParameter)):
            parameter = name
            yield name, each
        elif isinstance(each, NUMBERS) and each is not True and each is not False:
            number = name
        else:
            yield from _found(each, name, holders)
    if holders is None:
        return
    if number is not None and (parameter is not None or path in holders):
        raise KindError(
            f"{number} is a number, among parameters or where one was, and would not be learnt. Write p.data = ... to "
            f"change a parameter, and keep what is not learnt in another attribute"
        )
    if parameter is not None:
        holders.add(path)


NUMBERS = (Node, float, int, np.number, np.ndarray)


def _numbers(x: Any) -> Any:
    return x.data if isinstance(x, Node) else x


def _numeric(value: Any, what: str) -> np.ndarray:
    """The real numbers in a value, as an array, for what is to hold them."""
    array = _array(value)
    if array.dtype.kind not in "fiub":
        raise KindError(f"{what} holds real numbers; given {describe(value)}")
    return array


def _array(value: Any) -> np.ndarray:
    """An array of whatever a value holds; one of objects for a ragged list."""
    try:
        return np.asarray(_numbers(value))
    except ValueError:
        return np.array(None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def as_input(x: Any, dtype: np.dtype, layer: Module) -> Tensor:
    """What a layer was called with, as a Tensor; plain numbers take the layer's dtype and are constants."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Value) or (isinstance(x, (list, tuple)) and any(isinstance(v, Node) for v in x)):
        raise KindError(
            f"{layer._headline()} works on Tensors and arrays; given {describe(x)}. "
            f"The layers of chainrule.nn.scalar work on Values"
        )
    try:
        array = np.asarray(x)
    except ValueError:  # a ragged list
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise KindError(
            f"{layer._headline()} works on Tensors and arrays of real numbers; given {describe(x)}. "
            f"Write x.astype(float) if they are numbers in another guise"
        )
    return Tensor(np.asarray(array, dtype), requires_grad=False)


def whole_number(n: Any, what: str, least: int = 1) -> int:
    """`n` as an int, if it is a whole number that is not too small."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise KindError(f"{what} is a whole number; given {describe(n)}")
    if n < least:
        raise RangeError(f"{what} is {least} or more; given {n}")
    return int(n)


def one_number(x: Any, what: str) -> float:
    """`x` as a float: a number, or a node or an array of one element."""
    data = np.asarray(x.data if isinstance(x, Node) else x)
    if data.size != 1 or data.dtype.kind not in "biuf":
        raise KindError(f"{what} is one number; given {describe(x)}")
    return float(data.item())


def probability(p: Any, what: str) -> float:
    """`p` as a float, if it is a number from 0 to 1."""
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)):
        raise KindError(f"{what} is a number from 0 to 1; given {describe(p)}")
    if not 0 <= p <= 1:
        raise RangeError(f"{what} is a number from 0 to 1; given {p}")
    return float(p)
