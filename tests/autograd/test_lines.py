"""`record_lines()`: each node recorded inside has the user's own line, and nothing is stored outside."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import linecache
import operator
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    NonfiniteError,
    Tape,
    Tensor,
    Value,
    add,
    checkpoint,
    concatenate,
    detect_nonfinite,
    dot,
    exp,
    gradients,
    log,
    no_grad,
    record_lines,
    scope,
    softplus,
    sqrt,
    tanh,
    total,
    where,
)
from chainrule.autograd.debug.lines import LINES
from chainrule.autograd.engine.modes import mode
from chainrule.autograd.extending import Line, line_of
from chainrule.nn import losses


def marked(function: Any) -> dict[str, int]:
    """The numbers of the lines of a function that end with a comment `# name`."""
    lines, first = inspect.getsourcelines(function)
    parts = ((first + i, line.rstrip().rpartition("  # ")) for i, line in enumerate(lines))
    return {name: number for number, (code, _, name) in parts if code}


def found(node: Any) -> tuple[str, int]:
    line = line_of(node)
    assert line is not None
    return line.file, line.number


# fmt: off
def of_values(x: Any, y: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["operator"] = x * y  # operator
    made["reflected"] = 2 - x  # reflected
    made["power"] = x ** 3  # power
    made["unary"] = -x  # unary
    made["function"] = tanh(x)  # function
    made["row"] = add(x, y)  # row
    made["method"] = x.relu()  # method
    made["numpy"] = np.exp(x)  # numpy
    made["compound"] = dot([x, y], [y, x])  # compound
    made["many"] = total([x, y, x])  # many
    made["chosen"] = where(x > 0, x, y)  # chosen
    made["sum"] = sum([x, y], x)  # sum
    made["reduced"] = functools.reduce(operator.mul, [x, y])  # reduced
    made["later"] = (
        x  # later
        + softplus(y)
    )
    return made


def of_tensors(t: Any, u: Any) -> dict[str, Any]:
    return {
        "matmul": t @ u,  # matmul
        "method": t.sum(axis=0),  # method
        "attribute": t.T,  # attribute
        "index": t[0],  # index
        "numpy": np.concatenate([t, u]),  # numpy
        "function": concatenate([t, u]),  # function
        "ufunc": np.add(t, 1.0),  # ufunc
        "changed": t.at[0].set(1.0),  # changed
        "loss": losses.mse_loss(t, np.ones((2, 2))),  # loss
        "integer": t[Tensor([1, 0])],  # integer
        "checkpoint": checkpoint(lambda t: exp(t), t),  # checkpoint
    }
# fmt: on


def test_operators_functions_and_methods() -> None:
    pairs = [(of_values, Value(2.0), Value(0.5)), (of_tensors, Tensor(np.eye(2)), Tensor(np.ones((2, 2))))]
    for function, a, b in pairs:
        with record_lines():
            made = function(a, b)
        expected = marked(function)
        assert expected.keys() == made.keys()
        for name, node in made.items():
            assert line_of(node) == Line(__file__, expected[name], function.__name__), name


def test_each_operation_of_one_expression_and_of_several_lines() -> None:
    w, x, b = Value(0.5), Value(2.0), Value(1.0)

    def f() -> Value:
        return tanh(
            w * x  # product and sum
            + b
        )

    with record_lines():
        root = f()
    names = {node.op.name: found(node)[1] for node in Tape(root).nodes if node.op}
    here = marked(f)["product and sum"]  # Python gives a sum the line where it starts
    assert names == {"multiply": here, "add": here, "tanh": here - 1}
    assert line_of(w) is None


def test_loops_comprehensions_and_generators() -> None:
    xs = [Value(float(i)) for i in range(3)]

    def f() -> list[Any]:
        squares = [x * x for x in xs]  # list
        cubes = {i: x**3 for i, x in enumerate(xs)}  # dict
        out = []
        for x in squares:
            x = x + 1  # loop
            out.append(x)
        return [*squares, *cubes.values(), *out, sum(x - 2 for x in xs)]  # generator

    with record_lines():
        nodes = f()
    lines = marked(f)
    expected = [lines["list"]] * 3 + [lines["dict"]] * 3 + [lines["loop"]] * 3 + [lines["generator"]]
    assert [found(node) for node in nodes] == [(__file__, number) for number in expected]
    assert [line_of(node).function for node in nodes[:9]] == ["f"] * 9


def test_networks_have_the_line_that_calls_them() -> None:
    def scalar() -> Any:
        model = nn.scalar.MLP(2, [3, 1], seed=0)
        return model([0.5, -1.0])  # call

    def layers() -> Any:
        model = nn.MLP(2, [3, 1], seed=0)
        return model(np.ones((4, 2)))  # call

    class Doubled(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(2, 2, seed=0)

        def forward(self, x: Any) -> Any:
            return self.inner(x) * 2

    for f in (scalar, layers):
        with record_lines():
            root = f()
        computed = [node for node in Tape(root).nodes if node.inputs]
        assert len(computed) > 2
        assert {found(node) for node in computed} == {(__file__, marked(f)["call"])}
    with record_lines():
        y = Doubled()(np.ones((1, 2)))  # a module of the user's: the line inside of it
    assert line_of(y).function == "forward"


def test_cells_whose_source_is_only_in_linecache() -> None:
    name, source = "<ipython-input-3-abc>", "y = x * x\n\nz = y + 1\n"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    x = Value(3.0)
    space: dict[str, Any] = {"x": x}
    try:
        with record_lines():
            exec(compile(source, name, "exec"), space)
        line = line_of(space["z"])
        assert line == Line(name, 3, "<module>")
        assert linecache.getline(line.file, line.number) == "z = y + 1\n"
        assert line_of(space["y"]) == Line(name, 1, "<module>")
    finally:
        del linecache.cache[name]


def test_as_a_decorator_of_every_kind_of_function() -> None:
    x = Value(2.0)

    @record_lines()
    def plain() -> Value:
        return x * x

    @record_lines()
    def generated() -> Iterator[Value]:
        yield x * x

    @record_lines()
    async def awaited() -> Value:
        return x * x

    for node in (plain(), next(generated()), asyncio.run(awaited())):
        assert line_of(node).file == __file__
    with detect_nonfinite():
        assert line_of(plain()) is not None
        with pytest.raises(NonfiniteError):
            record_lines()(lambda: log(Value(0.0)))()
    assert line_of(x * x) is None


def test_nothing_is_stored_outside() -> None:
    gc.collect()
    before = set(LINES)
    with record_lines():
        pass
    x, t = Value(2.0), Tensor([1.0, 2.0])
    y, u = tanh(x * 3 + 1), (exp(t) * t).sum()
    y.backward()
    u.backward()
    assert mode().watch is None
    assert set(LINES) <= before
    assert all(line_of(node) is None for node in Tape(y).nodes + Tape(u).nodes)


def test_constants_and_leaves_have_no_lines() -> None:
    x = Value(2.0)
    with record_lines():
        constant = Value(1.0, requires_grad=False) * 2
        leaf = Value(1.0)
        with no_grad():
            result = x * x
        y = x * x
    assert line_of(constant) is line_of(leaf) is line_of(result) is None
    assert line_of(y) is not None


def test_blocks_nest_with_every_other_mode() -> None:
    x = Value(0.0)
    with record_lines(), scope("a"), record_lines():
        y = x + 1
    assert line_of(y) is not None
    with record_lines(), detect_nonfinite():
        z = x + 1
        with pytest.raises(NonfiniteError):
            log(x)
    with detect_nonfinite():
        with record_lines():
            u = x + 1
            with pytest.raises(NonfiniteError):  # it goes on checking
                log(x)
        with pytest.raises(NonfiniteError):
            log(x)
        v = x + 1
    for node in (z, u, v):
        assert line_of(node).function == "test_blocks_nest_with_every_other_mode"
    assert mode().watch is None
    with record_lines():
        with pytest.raises(ZeroDivisionError), record_lines():
            raise ZeroDivisionError
        assert line_of(x + 1) is not None
    assert line_of(x + 1) is None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_detect_nonfinite_knows_the_lines() -> None:
    def f() -> Tensor:
        return sqrt(Tensor([0.0])).sum()  # here

    with record_lines():
        y = f()
    with (
        pytest.raises(NonfiniteError, match=f"line: .*:{marked(f)['here']}: return sqrt"),
        detect_nonfinite(),
    ):
        y.backward()


@pytest.mark.parametrize("root", [Value(2.0), Tensor([1.0, 2.0])], ids=["Value", "Tensor"])
def test_replays_keep_the_lines(root: Any) -> None:
    with record_lines():
        y = total([exp(root), root]) if isinstance(root, Value) else (exp(root) * root).sum()
    lines = [line_of(node) for node in Tape(y).nodes]
    tape = Tape(y)
    with record_lines():
        tape.forward()
        tape.backward()
    assert [line_of(node) for node in tape.nodes] == lines
    plain = Tape(exp(root).sum() if isinstance(root, Tensor) else exp(root))
    with record_lines():
        plain.forward()
    assert all(line_of(node) is None for node in plain.nodes)


def test_gradients_that_are_recorded_have_the_line_that_asked() -> None:
    x = Tensor([1.0, 2.0])
    y = (x**3).sum()

    def f() -> Any:
        return gradients(y, x, create_graph=True)  # here

    with record_lines():
        slope = f()
    assert found(slope) == (__file__, marked(f)["here"])


def test_each_thread_has_its_own() -> None:
    x, seen = Value(2.0), []

    def work() -> None:
        seen.append(line_of(x * x))
        with record_lines():
            seen.append(line_of(x * x).function)

    with record_lines():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [None, "work"]


def test_lines_go_with_their_nodes_and_are_not_copied() -> None:
    with record_lines():
        y = exp(Tensor([1.0, 2.0])).sum()
    mine = {node.order for node in Tape(y).nodes if node.inputs}
    assert mine <= set(LINES)
    twin = copy.deepcopy(y)
    assert line_of(twin) is None
    del y, twin
    gc.collect()
    assert mine.isdisjoint(LINES)
