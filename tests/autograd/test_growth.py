"""Every walk over a graph is linear: twice as large a graph takes about twice as many operations, and memory.

Operations are counted, not timed: calls of functions, each with the number of arguments that it is given in a `*args`
and of the elements it returns in a list, a tuple, a dict or a set; so that copying n inputs n times counts n * n.
"""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import Tape, Tensor, Value, gradients, jvp

VARARGS = 0x04
SIZED = (list, tuple, dict, set, str)


def operations(run: Callable[[], Any]) -> int:
    """How many operations `run()` takes."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if event == "call":
            code = frame.f_code
            count += 1
            if code.co_flags & VARARGS:
                names = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :]
                count += len(frame.f_locals.get(names[0], ()))
        elif event == "c_call":
            count += 1
        elif event == "return" and isinstance(argument, SIZED):
            count += len(argument)

    gc.disable()  # what a collection calls is not counted
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


# ---------------------------------------------------------------------- graphs of size n


def chain(x: Any, n: int) -> Any:
    for _ in range(n):
        x = x * 0.999 + 0.001
    return x


def fan_out(x: Any, n: int) -> Any:
    """One node that is used n times."""
    y = ag.tanh(x)
    total = y
    for _ in range(n):
        total = total + y * x
    return total


def diamonds(x: Any, n: int) -> Any:
    for _ in range(n):
        x = (x + x) * 0.5
    return x


def fan_in(combine: Callable[[list[Any]], Any]) -> Callable[[Any, int], Any]:
    """One node with n inputs."""
    return lambda x, n: combine([x * (1.0 + k / n) for k in range(n)])


def views(x: Any, n: int) -> Any:
    for _ in range(n):
        x = x[::-1]
    return x * 2.0


def diamonds_of_views(x: Any, n: int) -> Any:
    for _ in range(n):
        x = ag.einsum("ii,jj->ij", x, x) * 0.1
    return x


GRAPHS: dict[str, tuple[Any, Callable[[Any, int], Any]]] = {
    "chain of Values": (0.5, chain),
    "chain of Tensors": (np.array([0.5]), chain),
    "fan-out of a Value": (0.5, fan_out),
    "fan-out of a Tensor": (np.array([0.5]), fan_out),
    "diamonds of Values": (0.5, diamonds),
    "diamonds of Tensors": (np.array([0.5]), diamonds),
    "total of Values": (0.5, fan_in(ag.total)),
    "dot of Values": (0.5, fan_in(lambda xs: ag.dot(xs, xs[::-1]))),
    "largest of Values": (0.5, fan_in(ag.max)),
    "smallest of equal Values": (0.0, fan_in(ag.min)),
    "softmax of Values": (0.5, fan_in(lambda xs: ag.softmax(xs)[0])),
    "concatenation": (np.array([0.5]), fan_in(ag.concatenate)),
    "stack": (np.array([0.5]), fan_in(ag.stack)),
    "views": (np.array([0.5, 0.25]), views),
    "diamonds of views": (np.eye(2), diamonds_of_views),
}


def leaf_of(x: Any) -> Any:
    return Value(x) if isinstance(x, float) else Tensor(x)


def one(y: Any) -> Any:
    return 1.0 if isinstance(y, Value) else np.ones(y.shape)


def assigned_elsewhere() -> None:
    other = Tensor(1.0)
    other.data = 2.0  # after which every pass looks whether its own leaves were


def prepared(name: str, n: int) -> tuple[Any, Any]:
    x, build = GRAPHS[name]
    leaf = leaf_of(x)
    y = build(leaf, n)
    assigned_elsewhere()
    return leaf, y


def replay(y: Any, times: int) -> Callable[[], Any]:
    tape = Tape(y)
    for _ in range(times):
        tape.forward()

    def run() -> None:
        tape.forward()
        tape.backward(one(y))

    return run


# what is done with a graph: makes, from the leaf and the last node, what is counted
WALKS: dict[str, Callable[[Any, Any], Callable[[], Any]]] = {
    "backward": lambda x, y: lambda: y.backward(one(y)),
    "gradients": lambda x, y: lambda: gradients(y, x, one(y)),
    "create_graph": lambda x, y: lambda: gradients(y, x, one(y), create_graph=True),
    "first replay": lambda x, y: replay(y, 0),
    "later replay": lambda x, y: replay(y, 1),
    "steps": lambda x, y: lambda: list(Tape(y).steps(one(y))),
    "tape": lambda x, y: lambda: Tape(y).labels,
    "memory": lambda x, y: lambda: Tape(y).memory(),
    "deepcopy": lambda x, y: lambda: copy.deepcopy(y),
    "pickle": lambda x, y: lambda: pickle.loads(pickle.dumps(y)),  # noqa: S301
}
SIZE = 100


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_walk_is_linear_in_the_size_of_the_graph(name: str, walk: str) -> None:
    counts = []
    for n in (SIZE, 2 * SIZE):
        WALKS[walk](*prepared(name, n))()  # what is prepared once for each row is not counted
        counts.append(operations(WALKS[walk](*prepared(name, n))))
    assert counts[1] <= 2.3 * counts[0] + 200, f"{counts[0]} operations, and {counts[1]} for twice the size"


@pytest.mark.parametrize("name", GRAPHS)
def test_recording_is_linear(name: str) -> None:
    x, build = GRAPHS[name]
    build(leaf_of(x), 4)
    counts = [operations(lambda n=n: build(leaf_of(x), n)) for n in (SIZE, 2 * SIZE)]
    assert counts[1] <= 2.3 * counts[0] + 200


@pytest.mark.parametrize("name", GRAPHS)
def test_forward_mode_is_linear(name: str) -> None:
    x, build = GRAPHS[name]
    jvp(lambda x: build(x, 4), x, x)
    counts = [operations(lambda n=n: jvp(lambda x: build(x, n), x, x)) for n in (SIZE, 2 * SIZE)]
    assert counts[1] <= 2.3 * counts[0] + 200


@pytest.mark.parametrize(
    "name", [name for name in GRAPHS if name.startswith(("chain", "diamonds of Values"))]
)
def test_forward_mode_takes_a_few_times_the_operations_of_recording(name: str) -> None:
    x, build = GRAPHS[name]
    jvp(lambda x: build(x, 4), x, x)
    recording = operations(lambda: build(leaf_of(x), SIZE))
    assert operations(lambda: jvp(lambda x: build(x, SIZE), x, x)) <= 3 * recording + 300


@pytest.mark.parametrize("name", [name for name in GRAPHS if "diamonds of views" not in name])
def test_a_program_is_linear(name: str) -> None:
    counts = []
    for n in (SIZE // 2, SIZE):
        _, y = prepared(name, n)
        counts.append(
            (operations(lambda y=y: Tape(y).source(gradient=one(y))), len(Tape(y).source(gradient=one(y))))
        )
    (few, short), (many, long) = counts
    assert many <= 2.4 * few + 200
    assert long <= 2.4 * short
