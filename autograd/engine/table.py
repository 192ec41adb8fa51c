"""The rows of the table: primitives that run on numbers, arrays, nodes and text.

A primitive is declared once, by `elementwise` or by `structural`. Called on plain numbers or arrays it computes.
Called on an object with an `_apply` method (a Value, a Tensor, an Expression) it calls that method, which records a
node or writes text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ChainruleError, KindError
from ..errors.lessons import MISTAKES, checked_rules, lesson
from ..kinds import Calls

__all__ = ["TABLE", "Primitive", "beside_numbers", "elementwise", "structural"]

TABLE: dict[str, Primitive] = {}  # every row by its name
UFUNCS: dict[np.ufunc, Primitive] = {}  # the row of a NumPy ufunc
Rule = Callable[..., Any] | int  # a number if the local gradient is constant
PYTHON_NUMBERS = (float, int, bool)


class Primitive(Calls):
    """One row of the table: an operation with its forward and one backward rule for each input.

    Rows are made by `elementwise` and `structural` and are in `TABLE` under their names. A row is a
    function: it takes numbers, arrays, `Value`s or `Tensor`s.

    >>> from chainrule.autograd import TABLE, Value
    >>> TABLE["tanh"](0.0)
    0.0
    >>> TABLE["multiply"](Value(2.0), 3)
    Value(6.0)
    """

    __slots__ = (
        "arity",
        "elementwise",
        "every",
        "keeping",
        "linear",
        "name",
        "on_arrays",
        "on_floats",
        "pull",
        "recorders",
        "recorders_with_options",
        "rules",
        "symbol",
    )

    def __init__(
        self,
        name: str,
        on_floats: Callable[..., float] | None,
        on_arrays: Callable[..., Any],
        rules: Sequence[Rule] | Callable[..., Any],
        symbol: str | None,
        elementwise: bool,
        linear: str | None = None,
        keeping: Callable[..., tuple[Any, Any]] | None = None,
    ) -> None:
        self.name = name
        self.on_floats = on_floats
        self.on_arrays = on_arrays
        self.arity = None if callable(rules) else len(rules)
        self.rules = rules  # one for each input; or one function `rule(i, ...)`, for any number of inputs
        # such a function may have an attribute `every`, a function that gives the results for all inputs at once
        self.every: Callable[..., Sequence[Any]] | None = getattr(rules, "every", None)
        self.symbol = symbol
        self.elementwise = elementwise
        self.linear = linear
        self.keeping = keeping
        # the functions that recording.py makes for the row when it is first used, by the class of node
        self.recorders: dict[type, Callable[..., Any]] = {}
        self.recorders_with_options: dict[type, Callable[..., Any]] = {}
        self.pull: Callable[..., None] | None = None  # of Tensors

    if not TYPE_CHECKING:  # for type checkers the kinds of results are in Calls

        def __call__(self, *inputs: Any, **params: Any) -> Any:
            if inputs and (len(inputs) == self.arity or self.arity is None):
                x = inputs[0]
                record = (self.recorders_with_options if params else self.recorders).get(x.__class__)
                if record is not None:
                    return record(*inputs, **params)
                if self.arity == 1:  # as in most rules
                    if x.__class__ is np.ndarray and x.dtype.kind in "fiub":
                        try:
                            return self.on_arrays(x, **params)
                        except (TypeError, ValueError, LookupError) as error:
                            raise lesson(self, (x,), params, error) from None
                    if x.__class__ is float and self.on_floats is not None:
                        return self.at_floats(x, **params)
            elif self.arity is not None:
                raise KindError(
                    f"{self.name} takes {self.arity} input{'s' * (self.arity > 1)}; given {len(inputs)}. "
                    f"Options are keyword arguments, such as axis=0"
                )
            for x in inputs:
                apply = getattr(x.__class__, "_apply", None)
                if apply is not None:
                    return apply(self, inputs, params)
            return self.evaluate(*inputs, **params)

    def evaluate(self, *inputs: Any, **params: Any) -> Any:
        """The value of the row at plain numbers or arrays, with nothing recorded."""
        if self.on_floats is not None and all(type(x) in PYTHON_NUMBERS for x in inputs):
            return self.at_floats(*inputs, **params)
        try:
            arrays = [x if isinstance(x, np.ndarray) else np.asarray(x) for x in inputs]
        except MISTAKES as error:
            if isinstance(error, ChainruleError):
                raise
            raise KindError(
                f"{self.name} takes numbers, arrays and nodes; NumPy makes none of {inputs!r:.60}: {error}"
            ) from None
        for x, array in zip(inputs, arrays):
            if array.dtype.kind not in "fiub":
                raise KindError(
                    f"{self.name} takes numbers, arrays and nodes; given {type(x).__name__} {x!r:.60}"
                )
        try:
            return self.on_arrays(*beside_numbers(inputs, arrays), **params)
        except (TypeError, ValueError, LookupError) as error:
            raise lesson(self, arrays, params, error) from None

    def at_floats(self, *inputs: float, **params: Any) -> float:
        """The value at Python floats; where `math` raises (a pole, an overflow), IEEE's inf or nan."""
        assert self.on_floats is not None
        try:
            return self.on_floats(*inputs, **params)
        except TypeError as error:
            raise lesson(self, list(map(np.asarray, inputs)), params, error) from None
        except (ValueError, ArithmeticError):
            try:
                numbers = [np.float64(x) for x in inputs]
            except OverflowError:
                raise KindError(f"{self.name} was given an integer that is too large for a float") from None
            with np.errstate(all="ignore"):
                return float(self.on_arrays(*numbers, **params))

    def rule_for(self, i: int) -> Callable[..., Any]:
        """The rule for input `i`: a local gradient from `(y, *inputs)`, or a gradient from `(g, y, *inputs)`."""
        if callable(self.rules):
            return partial(self.rules, i)
        rule = self.rules[i]
        return rule if callable(rule) else lambda *arguments, **params: rule

    def rule(self, i: int, *arguments: Any, **params: Any) -> Any:
        """The result of the rule for input `i`."""
        return dict(self.each_rule([i], arguments, params))[i]

    def each_rule(
        self,
        wanted: Iterable[int],
        arguments: Sequence[Any],
        params: dict[str, Any],
        call: Callable[[Any, Sequence[Any], dict[str, Any]], Any] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """The results of the rules for the inputs that are wanted, each with its position.

        `arguments` are `(y, *inputs)`, or `(g, y, *inputs)` of a structural row. `call(rule, arguments, params)` calls
        a rule in another way than directly; for all inputs at once it may return `None`, if it cannot.
        """
        if self.every is not None:
            found = call(self.every, arguments, params) if call else self.every(*arguments, **params)
            if found is not None:
                for i in wanted:
                    yield i, found[i]
                return
        for i in wanted:
            rule: Any = partial(self.rules, i) if callable(self.rules) else self.rules[i]
            if rule.__class__ is int:
                yield i, rule
            else:
                yield i, call(rule, arguments, params) if call else rule(*arguments, **params)

    def slopes_at_floats(
        self, y: float, xs: Sequence[float], params: dict[str, Any], wanted: Sequence[bool]
    ) -> tuple[float | None, ...]:
        """The local gradients at floats for the inputs that are wanted; `None` for the others.

        At a pole they are those of IEEE arithmetic, without a warning.
        """
        found: list[float | None] = [None] * len(xs)
        places = [i for i, want in enumerate(wanted) if want]
        for i, slope in self.each_rule(places, (y, *xs), params, _rule_at_floats):
            found[i] = float(slope)
        return tuple(found)

    def __repr__(self) -> str:
        kind = "elementwise" if self.elementwise else "structural"
        return f"<{kind} primitive {self.name}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return (_named, (self.name,))

    def __deepcopy__(self, memo: object) -> Primitive:
        return self


def beside_numbers(inputs: Sequence[Any], arrays: list[Any]) -> list[Any]:
    """The arrays of a call, where Python numbers have the dtype of the floating arrays beside them, as in NumPy."""
    dtypes = [array.dtype for x, array in zip(inputs, arrays) if type(x) not in PYTHON_NUMBERS]
    dtype = np.result_type(*dtypes) if dtypes else None
    if dtype is None or dtype.kind != "f":
        return arrays
    return [array.astype(dtype) if type(x) in PYTHON_NUMBERS else array for x, array in zip(inputs, arrays)]


def _rule_at_floats(rule: Any, arguments: Sequence[Any], params: dict[str, Any]) -> Any:
    """The result of a rule at floats, or of the rule for all inputs at once."""
    try:
        return _as_floats(rule(*arguments, **params))
    except (ValueError, ArithmeticError, TypeError):  # TypeError: Python's root of -1 is complex
        with np.errstate(all="ignore"):
            return _as_floats(rule(*map(np.float64, arguments), **params))


def _as_floats(x: Any) -> Any:
    return list(map(float, x)) if isinstance(x, (list, tuple)) else float(x)


def first(y: Any, a: Any, b: Any) -> Any:
    """The local gradient that is the first of two inputs."""
    return a


def second(y: Any, a: Any, b: Any) -> Any:
    """The local gradient that is the second of two inputs."""
    return b


def _named(name: str) -> Primitive:
    """The row of this name, for pickles, which hold no functions."""
    if name not in TABLE:
        raise ChainruleError(
            f"the pickle was made with a primitive {name!r} that is not in the table; import what declares it first"
        )
    return TABLE[name]


def _declare(row: Primitive) -> Primitive:
    if row.name in TABLE:
        raise ChainruleError(
            f"a primitive named {row.name!r} is in the table already; rows are declared once, so give the "
            f"new one another name"
        )
    TABLE[row.name] = row
    if keeps_dtype(row.on_arrays):  # a comparison stays NumPy's, with booleans
        UFUNCS.setdefault(row.on_arrays, row)  # type: ignore[arg-type]
    return row


def keeps_dtype(function: Any) -> bool:
    """Whether `function` is a ufunc whose result has the floating dtype of its inputs."""
    if not isinstance(function, np.ufunc):
        return False
    return all(f"{c * function.nin}->{c}" in function.types for c in "fdg")


def elementwise(
    name: str,
    on_floats: Callable[..., float],
    on_arrays: Callable[..., Any],
    local_gradients: Sequence[Rule] | Callable[..., Any],
    symbol: str | None = None,
) -> Primitive:
    """Add an elementwise row: each output element depends on one element of each input.

    `on_floats` and `on_arrays` compute the value on Python floats and on arrays (broadcasting as NumPy does).
    `local_gradients` has one rule per input, `rule(y, *inputs) -> dy/dinput`, written with operators and other rows,
    or a number if it is constant. The engine multiplies it by the gradient of the output and undoes the broadcasting.
    `symbol` is the sign between the inputs in drawings and printed programs.

    Raises `ChainruleError` if the name is taken, `KindError` for a rule that cannot take its arguments.

    >>> import math, numpy as np
    >>> from chainrule.autograd import TABLE, Value, elementwise
    >>> cube = elementwise("cube", lambda x: x**3, lambda x: x**3, [lambda y, x: 3 * x * x])
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> x.grad
    12.0
    >>> del TABLE["cube"]
    """
    rules = checked_rules(name, local_gradients, 1)
    return _declare(Primitive(name, on_floats, on_arrays, rules, symbol, elementwise=True))


def structural(
    name: str,
    on_arrays: Callable[..., Any],
    rules: Sequence[Rule] | Callable[..., Any],
    symbol: str | None = None,
    linear: str | None = None,
    keeping: Callable[..., tuple[Any, Any]] | None = None,
) -> Primitive:
    """Add a structural row: one that moves, contracts or reduces elements, such as a sum or a product of matrices.

    `rules` has one rule per input, `rule(g, y, *inputs) -> gradient for that input`, where `g` is the gradient at the
    output `y`; a single function is for any number of inputs and gets the position first, `rule(i, g, y, *inputs)`.
    Parameters (an axis, a shape) are keyword arguments of the forward and of every rule. A result of a broadcast shape
    is summed back by the engine; `None` means that this input gets no gradient.

    `linear` may say that the row is linear in all its inputs together (`"together"`, as a concatenation is), in
    each of them (`"each"`, as a product of matrices is), or in each but the last, which is added (`"affine"`); that
    makes `jvp` cheaper and changes nothing else.

    `keeping`, called as `on_arrays` is, may return the output and, beside it, a result on the way that the rules need
    again. Then each rule takes an argument `kept=None`: the result in a backward pass over arrays, and `None` wherever
    there is none, as for higher derivatives, in replays, and in printed programs.

    Raises `ChainruleError` if the name is taken, `KindError` for a rule that cannot take its arguments.

    >>> import numpy as np
    >>> from chainrule.autograd import TABLE, Tensor, structural
    >>> mirror = structural("mirror", np.fliplr, [lambda g, y, x: mirror(g)])
    >>> t = Tensor([[1.0, 2.0]])
    >>> (mirror(t) * np.array([[5.0, 7.0]])).sum().backward()
    >>> t.grad
    array([[7., 5.]])
    >>> del TABLE["mirror"]
    """
    rules = checked_rules(name, rules, 2)
    return _declare(
        Primitive(name, None, on_arrays, rules, symbol, elementwise=False, linear=linear, keeping=keeping)
    )
