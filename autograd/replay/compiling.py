"""Compiling: both passes over a graph of `Tensor`s as two Python functions, written once and run many times.

The functions and rules of the rows are traced (see `tracing.py`) to one list of NumPy calls for both passes. It has no
call twice, and no call whose result is not used. Each call writes its result to an array; arrays that are not read any
more are used again. A function or a rule that cannot be traced is one call of the list. The calls are those of eager
mode, so the numbers are the same to the last bit.
"""

from __future__ import annotations

import linecache
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Any
from weakref import finalize

import numpy as np

from ..engine.backward import backward_pass, dependency_order
from ..engine.node import CLOCK
from ..engine.vjp import fitted, pass_back
from ..nodes.node import Node
from ..program.expression import SIGNS
from .tracing import SMALL, Call, Trace, Traced, cast, concrete, copied, item, operands, taken

__all__ = ["Program", "executed", "layout", "live_calls", "operand_dtypes"]


class Program:
    """Both passes as Python functions that compute in the same arrays each time.

    `forward(stamp)` writes `.data` of the computed nodes, or returns True if the data of one of the leaves `checked`
    are now in another array; the data of the leaves `borrowed` are in another one each time. `gradients(upstream)`
    returns an array for each of `ends`, the leaves that a gradient reaches, or `None` if one of them has a NaN.
    `upstream` lists the gradients at the roots if they are `given`; otherwise they are ones.
    """

    def __init__(
        self,
        nodes: list[Any],
        roots: list[Any],
        given: bool,
        arrays: dict[Any, Any],
        keep: set[Node],
        checked: list[Any],
        borrowed: list[Any],
    ) -> None:
        self.nodes, self.keep, self.checked, self.arrays = nodes, keep, checked, arrays
        self.borrowed = borrowed
        self.trace = Trace()
        self.source = ""
        self.squares = [0.0]  # the sum of squares of all gradients, after `gradients`
        self.values: dict[Node, Traced] = {x: self.trace.leaf(array) for x, array in arrays.items()}
        self.upstream: list[Traced] = []
        for node in nodes:
            if node.inputs:
                self.values[node] = self._forward(node)
        self.border = len(self.trace.calls)
        self.ends: Any = {}
        if roots:
            with np.errstate(all="ignore"):
                self._backward(roots, given)
        self.functions = {call.function for call in self.trace.calls}
        self.forward, self.gradients = _Writer(self).functions()
        self.values, self.upstream, self.ends = {}, [], list(self.ends)
        self.trace.clear()  # frees the arrays that tracing made

    def _array(self, x: Any) -> Any:
        """A result as an array: NumPy returns a scalar where no axes are left."""
        if isinstance(x, Traced):
            return self.trace.call(np.asarray, x) if isinstance(x.value, np.generic) else x
        return np.asarray(x)

    def _forward(self, node: Any) -> Traced:
        inputs = tuple(self.values[x] for x in node.inputs)
        y = self._array(self.trace.through(node.op.on_arrays, inputs, node.params))
        return y if isinstance(y, Traced) else self.trace.leaf(y)

    def _backward(self, roots: list[Any], given: bool) -> None:
        """The backward pass on traced arrays."""
        order = dependency_order(roots)
        gradients: dict[Node, Any] = {}
        for root in roots:
            g: Any = np.ones_like(self.values[root].value)
            if given:
                g = self.trace.leaf(g)
                self.upstream.append(g)
            gradients[root] = g if root not in gradients else gradients[root] + g
        for node, i, _ in backward_pass(order, gradients, pass_back=self._pass_back):
            x = node.inputs[i]
            gradients[x] = self._array(gradients[x])
        self.ends = {x: gradients[x] for x in order if not x.inputs and x in gradients}

    def _pass_back(self, node: Any, g: Any, wanted: list[int]) -> Iterator[tuple[int, Any]]:
        y, inputs = self.values[node], [self.values[x] for x in node.inputs]
        for i, c in pass_back(node.op, wanted, g, y, inputs, node.params, call=self.trace.through):
            yield i, fitted(self._array(c), inputs[i].shape, inputs[i].dtype)


# ---------------------------------------------------------------------- writing the two functions


class _Writer:
    """Chooses the memory of each result, and writes the text of the program.

    A result is *static* if it is in the same array in each replay, or is a view of such an array. Other results are
    new objects in each replay. `returned` are the gradients of leaves, which users may keep: a replay writes to their
    arrays again only if nothing else refers to them.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        calls, border = program.trace.calls, program.border
        self.namespace: dict[str, Any] = {
            "known": program.squares,
            "asarray": np.asarray,
            "references": sys.getrefcount,  # see `_references_alone`
            "together": _together,
        }
        self.namespace |= {"errstate": np.errstate}
        self.names: dict[int, str] = {}  # by the id of a constant
        self.reductions: dict[Any, Any] = {}  # one object for each bound method, such as `np.add.reduce`
        self.static: dict[Traced, Any] = {x: x.value for x in program.values.values()}
        for call in calls:
            self.static.pop(call.result, None)
        self.static |= {g: g.value for g in program.upstream}
        self.roots: dict[Traced, Traced] = {}  # the result that a result is a view of, or itself
        self.local = {program.values[x]: f"x{k}" for k, x in enumerate(program.borrowed)}
        for x in self.local:
            del self.static[x]

        self.last: dict[Traced, int] = {}  # the position of the last call that reads a memory
        self.crossing: set[Traced] = set()  # computed in the forward pass, read in the backward pass
        self.free: dict[Any, list[Any]] = {}
        self.text: tuple[list[str], list[str]] = [], []

        self._copy_ends()
        self.returned: list[Traced] = [g for g in program.ends.values() if isinstance(g, Traced)]
        self.local |= {g: f"g{k}" for k, g in enumerate(self.returned, 1)}
        self.packs = _packed(self.returned)
        kept = [program.values[x] for x in program.nodes if x.inputs]
        live = live_calls(calls, {*kept, *self.returned})
        self._follow(live, border)
        self.pinned = {self._root(x) for x in (*kept, *self.crossing, *self.returned)}
        for at, call in live:
            self._place(at, call, self.text[at >= border])

    def _root(self, x: Traced) -> Traced:
        return self.roots.get(x, x)

    def _copy_ends(self) -> None:
        """Copy each gradient of a leaf that is not written to memory of its own, or is that of another leaf, too."""
        program, trace = self.program, self.program.trace
        written = {
            call.result for call in trace.calls[program.border :] if _takes_out(call) and _shown(call) is None
        }
        for leaf, g in [*program.ends.items()]:
            if isinstance(g, Traced) and g in written:
                written.remove(g)
            elif isinstance(g, Traced):
                program.ends[leaf] = Traced(trace, g.value.copy())
                trace.calls.append(Call(copied, (g,), {}, program.ends[leaf]))

    def _follow(self, live: list[tuple[int, Call]], border: int) -> None:
        """Find which results are views, the last call that reads each memory, and the results that both passes use."""
        backward: set[Traced] = set()
        for at, call in live:
            base = _shown(call)
            self.roots[call.result] = self._root(base) if base is not None else call.result
            if at >= border:
                backward.add(call.result)
                self.crossing.update(x for x in call.operands() if x in self.roots and x not in backward)
            for x in call.operands():
                self.last[self._root(x)] = at

    # -------------------------------------------------- memory

    def _place(self, at: int, call: Call, lines: list[str]) -> None:
        result = call.result
        if self.roots[result] is not result and all(x in self.static for x in call.operands()):
            array = call.function(
                *self._bound(call.args), **self._bound(call.kwargs)
            )  # a view of a static array
            self.static[result] = array
        elif result in self.local and _takes_out(call):  # a returned gradient
            lines.append(self._written(call, self.local[result]))
        elif self.roots[result] is result and _takes_out(call):
            self.static[result] = self._memory(at, call)
            lines.append(self._written(call, self._name(self.static[result])))
        else:
            name = self.local.setdefault(result, f"v{len(self.local)}")
            lines.append(f"{name} = {self._called(call)}")
        for root in {self._root(x) for x in call.operands()}:
            if self.last[root] == at and root in self.static and self._is_spare(root):
                array = self.static[root]
                if array is not self.static.get(result):
                    self.free.setdefault(layout(array), []).append(array)

    def _is_spare(self, root: Traced) -> bool:
        return root in self.roots and root not in self.pinned

    def _memory(self, at: int, call: Call) -> Any:
        """An array for the result: that of an operand that is read for the last time, a spare one, or a new one."""
        value, result = call.result.value, call.result
        if (
            isinstance(call.function, np.ufunc)
            and call.function.signature is None
            and result not in self.pinned
        ):
            for x in call.args:
                if (
                    isinstance(x, Traced)
                    and self._root(x) is x
                    and self.last[x] == at
                    and self._is_spare(x)
                    and x in self.static
                    and layout(self.static[x]) == layout(value)
                    and all(self._root(other) is not x or other is x for other in call.operands())
                ):
                    return self.static[x]
        if result in self.pinned:
            return value
        spare = self.free.get(layout(value))
        return spare.pop() if spare else value

    def _bound(self, x: Any) -> Any:
        if isinstance(x, Traced):
            return self.static[x]
        if isinstance(x, (tuple, list)):
            return type(x)(map(self._bound, x))
        if isinstance(x, dict):
            return {k: self._bound(v) for k, v in x.items()}
        return x

    # -------------------------------------------------- text

    def _name(self, x: Any) -> str:
        """The name of an object in the namespace of the functions."""
        if id(x) not in self.names:
            word = getattr(x, "__name__", "")
            name = (
                f"{word}_"
                if word.isidentifier() and f"{word}_" not in self.namespace
                else f"c{len(self.names)}"
            )
            self.names[id(x)] = name
            self.namespace[name] = x
        return self.names[id(x)]

    def _term(self, x: Any) -> str:
        if isinstance(x, Traced):
            return self.local[x] if x in self.local else self._name(self.static[x])
        if isinstance(x, (tuple, list)) and any(True for _ in operands(x)):
            inside = ", ".join(map(self._term, x))
            return f"[{inside}]" if isinstance(x, list) else f"({inside},)"
        if x is None or x.__class__ in (bool, int):
            return repr(x)
        return self._name(x)

    def _arguments(self, args: Iterable[Any], kwargs: dict[str, Any]) -> str:
        return ", ".join([*map(self._term, args), *(f"{k}={self._term(v)}" for k, v in kwargs.items())])

    def _called(self, call: Call) -> str:
        if (
            call.function in ARITHMETIC
            and isinstance(call.result.value, np.generic)
            and all(map(_is_number, concrete(call.args)))
        ):
            return f" {SIGNS[call.function]} ".join(map(self._term, call.args))
        if _is_reduction(call.function) and call.kwargs == {"axis": None}:
            return f"{self._reduction(call.function)}({self._term(call.args[0])}, None)"
        if call.function is item:
            return f"{self._term(call.args[0])}[{self._term(call.args[1])}]"
        if call.function is np.transpose and call.args[1:] == (None,):
            return f"{self._term(call.args[0])}.T"
        if call.function is np.reshape and len(call.args) == 2 and not call.kwargs:
            return f"{self._term(call.args[0])}.reshape({self._term(call.args[1])})"
        if call.function is taken:
            return f"{self._bound_method(call.args[0], 'take')}({self._arguments(call.args[1:], {})})"
        return f"{self._name(call.function)}({self._arguments(call.args, call.kwargs)})"

    def _written(self, call: Call, out: str) -> str:
        function = call.function
        if function in (cast, copied):
            return f"{self._name(np.copyto)}({out}, {self._term(call.args[0])}, 'unsafe')"
        if isinstance(function, np.ufunc):
            if function is np.matmul and _is_plain_product(call):
                return f"{self._bound_method(call.args[0], 'dot')}({self._term(call.args[1])}, {out})"
            args = ", ".join(map(self._term, _typed(function, call.args)))
            named = (
                "out=" if function in (np.maximum, np.minimum) else ""
            )  # whose `out` NumPy takes by name only
            return f"{self._name(function)}({args}, {named}{out})"
        if _is_reduction(function):
            axis = call.kwargs.get("axis", 0)
            axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
            options = f"{self._term(axis)}, None, {out}, {call.kwargs.get('keepdims', False)}"
            return f"{self._reduction(function)}({self._term(call.args[0])}, {options})"
        return f"{self._name(function)}({self._arguments(call.args, call.kwargs)}, out={out})"

    def _reduction(self, function: Any) -> str:
        return self._name(self.reductions.setdefault(function, function))

    def _bound_method(self, x: Any, name: str) -> str:
        if isinstance(x, Traced) and x in self.local:
            return f"{self.local[x]}.{name}"
        key = f"m{len(self.namespace)}"
        self.namespace[key] = getattr(self.static[x] if isinstance(x, Traced) else x, name)
        return key

    def functions(self) -> tuple[Callable[..., Any], ...]:
        program = self.program
        moved = [f"{self._name(x)}._array is not {self._name(program.arrays[x])}" for x in program.checked]
        forward = [*self.text[0], *self._to_nodes()]
        begin, results, squares = self._begin(), self._results(), self._squares()
        given = {self.local[program.values[x]]: f"{self._name(x)}._array" for x in program.borrowed}
        shared = sorted({*given, *(self.local[x] for x in self.crossing if x in self.local)})
        # the names are globals of the two functions: a closure over thousands of names takes long to compile
        globals_ = [f"    global {', '.join(shared)}"] if shared else []
        lines = [
            "def forward(stamp):",
            *globals_,
            *(f"    {name} = {array}" for name, array in given.items()),
            *([f"    if {' or '.join(moved)}: return True"] if moved else []),
            *(f"    {line}" for line in forward),
            "@errstate(all='ignore')",  # a `with` block takes 0.3 us more
            "def gradients(upstream):",
            *globals_,
            *(f"    {line}" for line in [*begin, *self.text[1], *squares]),
            *(["    known[0] = n", "    if n != n: return None"] if squares else []),
            f"    return [{', '.join(results)}]",
        ]
        program.source = "\n".join(lines)
        # a loop over a list of the same calls takes 4 % longer (MLPs of 2-16-16-2 and 64-32-10)
        return tuple(executed(program.source, self.namespace, "forward", "gradients"))

    def _to_nodes(self) -> list[str]:
        """Lines that write the new data to the nodes and delete their gradients."""
        program, lines = self.program, list[str]()
        for node in program.nodes:
            if node.inputs:
                copy = ".copy('K')" if node in program.keep else ""
                lines.append(f"{self._name(node)}._array = {self._term(program.values[node])}{copy}")
        computed = [self._name(node) for node in program.nodes if node.inputs]
        for slot, value in (("_changed", "stamp"), ("_grad", "None")):
            lines.append(" = ".join([*(f"{node}.{slot}" for node in computed), value]))
        return lines

    def _begin(self) -> list[str]:
        """Lines that take memory for the returned gradients, new if the old is in use, and copy the given gradients."""
        lines = []
        self.namespace |= {"memory": [], "layouts": []}
        for k, pack in enumerate(self.packs):
            layouts = [np.empty_like(g.value) for g in pack]
            self.namespace["layouts"].append(layouts)
            self.namespace["memory"].append(_together(layouts))
            names = [self.local[g] for g in pack]
            of_all, of_one = _references_alone(len(pack))
            used = [f"references(f{k}) != {of_all}", *(f"references({name}) != {of_one}" for name in names)]
            taken = f"f{k}, {', '.join(names)} = memory[{k}]"
            lines += [taken, f"if {' or '.join(used)}: {taken} = together(layouts[{k}])"]
        for k, g in enumerate(self.program.upstream):
            lines.append(f"{self._name(np.copyto)}({self._term(g)}, upstream[{k}])")
        return lines

    def _results(self) -> list[str]:
        """The expression that is returned for each leaf: an array of `returned`, or a copy of a constant."""
        ends = self.program.ends.values()
        return [self._term(g) if isinstance(g, Traced) else f"{self._term(g)}.copy()" for g in ends]

    def _squares(self) -> list[str]:
        """Lines that compute `n`, the sum of squares of all gradients: NaN if one of them has a NaN."""
        squares = [f"f{k}.dot(f{k})" for k in range(len(self.packs))]
        return [f"n = {' + '.join(squares)}"] if squares else []


def executed(source: str, namespace: dict[str, Any], *names: str) -> list[Callable[..., Any]]:
    """The functions of these names that the source defines. Tracebacks show its lines while the first one lives."""
    while FREED:
        linecache.cache.pop(FREED.pop(), None)
    file = f"<chainrule replay {CLOCK.tick()}>"
    exec(compile(source, file, "exec"), namespace)  # noqa: S102 (its names are all ours)
    functions = [namespace[name] for name in names]
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    finalize(functions[0], FREED.append, file)
    return functions


# Files of functions that are gone. The collector may run while Python goes through the cache, where a file that is
# missing is an error; so they are removed here when the next one is added.
FREED: deque[str] = deque()


def live_calls(calls: list[Call], wanted: set[Traced]) -> list[tuple[int, Call]]:
    """The calls that the `wanted` results depend on, and their positions."""
    live = []
    for at in range(len(calls) - 1, -1, -1):
        if calls[at].result in wanted:
            wanted.update(calls[at].operands())
            live.append((at, calls[at]))
    return live[::-1]


def layout(array: Any) -> Any:
    """Shape, strides and dtype: arrays that have these in common can replace each other."""
    return array.shape, array.strides, array.dtype


def _shown(call: Call) -> Traced | None:
    """The operand that the result is a view of; `None` if it is no view."""
    value = call.result.value
    if isinstance(value, np.ndarray):
        for x in call.operands():
            if isinstance(x.value, np.ndarray) and np.may_share_memory(x.value, value):
                return x
    return None


ARITHMETIC = (np.add, np.subtract, np.multiply, np.true_divide)


def _is_number(x: Any) -> bool:
    return isinstance(x, (np.generic, float, int))


def _is_reduction(function: Any) -> bool:
    return getattr(function, "__name__", "") == "reduce" and isinstance(
        getattr(function, "__self__", None), np.ufunc
    )


def _takes_out(call: Call) -> bool:
    """Whether the call can write its result to a given array."""
    if not isinstance(call.result.value, np.ndarray) or call.result.value.dtype.kind == "O":
        return False
    function = call.function
    plain = isinstance(function, np.ufunc) or function in (np.concatenate, np.stack, cast, copied)
    return plain or _is_reduction(function)


def _is_plain_product(call: Call) -> bool:
    """Whether `a.dot(b)`, which has less overhead, makes the same call to BLAS as `a @ b`."""
    a, b = concrete(call.args)
    y = call.result.value
    return (
        a.ndim == b.ndim == 2
        and min(*a.shape, *b.shape) > 1
        and a.dtype == b.dtype == y.dtype
        and y.dtype.char in "fd"
        and y.flags.c_contiguous
        and all(x.flags.c_contiguous or x.flags.f_contiguous for x in (a, b))
        and a.dot(b).tobytes() == y.tobytes()
    )


def operand_dtypes(ufunc: np.ufunc, args: tuple[Any, ...]) -> list[Any]:
    """The dtypes of the operands; those that NumPy would convert to in each call for plain numbers."""
    kinds = [type(x) if type(x) in (int, float) else getattr(x, "dtype", None) for x in args]
    if None in kinds or not any(isinstance(k, type) for k in kinds):
        return kinds
    return list(ufunc.resolve_dtypes((*kinds, None))[: len(args)])


def _typed(ufunc: np.ufunc, args: tuple[Any, ...]) -> list[Any]:
    """The operands, with numbers as arrays of the dtype that NumPy would convert them to in each call."""
    dtypes = operand_dtypes(ufunc, args)
    if None in dtypes:
        return list(args)
    return [
        _number(ufunc, np.array(x, d), args) if isinstance(x, (int, float, np.generic)) else x
        for x, d in zip(args, dtypes)
    ]


def _number(ufunc: np.ufunc, number: Any, args: tuple[Any, ...]) -> Any:
    """A number as an array; repeated to the shape of the other operand for ufuncs that are then faster."""
    other = next(x for x in args if isinstance(x, Traced))
    if ufunc in REPEATED and number.dtype == other.dtype and 1 < other.size < SMALL:
        return np.full_like(other.value, number)
    return number


# ufuncs that give the same bits for a number and for an array of that number, with the signs of zeros; tested
REPEATED = {np.maximum, np.minimum}


def _packed(gradients: Iterable[Traced]) -> list[list[Traced]]:
    """The gradients that have their memory together: small ones of one dtype, for one sum of squares of them all."""
    packs: list[list[Traced]] = []
    latest: dict[Any, tuple[list[Traced], int]] = {}
    for g in gradients:
        pack, size = latest.get(g.dtype, ([], SMALL + 1))  # at first one that is full
        if size + g.size > SMALL:
            pack, size = [], 0
            packs.append(pack)
        pack.append(g)
        latest[g.dtype] = pack, size + g.size
    return packs


def _together(layouts: Sequence[Any]) -> tuple[Any, ...]:
    """New memory for arrays of one dtype, with zeros in the gaps; and an array in it for each layout."""
    dtype = layouts[0].dtype
    sizes = [-(-x.nbytes // 64) * 64 for x in layouts]  # multiples of what a cache reads at once
    starts = [0, *accumulate(sizes)]
    memory = np.zeros(max(1, starts[-1] // dtype.itemsize), dtype)
    return memory, *(np.ndarray(x.shape, dtype, memory, at, x.strides) for x, at in zip(layouts, starts))


@cache
def _references_alone(count: int) -> tuple[int | None, int | None]:
    """The numbers of references where a program counts them, if nothing outside of the program refers to gradients.

    They are those to the memory of so many gradients, which each view of one refers to, and to each of them.
    Counting them lets a replay write gradients to the arrays of the replay before, which makes replays of training
    steps 7 to 14 % faster (MLPs of 2-16-16-2 up to 784-256-128-10). Counts are not exact on Pythons without a global
    lock; there the result is `None`, which no count equals, and each replay makes new arrays.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None, None
    arrays = [_together([np.empty(1)] * count)]
    memory, g, *_ = arrays[0]
    assert g[:].base is g.base is memory
    return sys.getrefcount(memory), sys.getrefcount(g)
