"""Replays at their edges: one output several times, leaves as outputs, what is given in place of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    GradientError,
    KindError,
    NonfiniteError,
    RangeError,
    Tape,
    Tensor,
    Value,
    detect_nonfinite,
    jit,
    log,
    sqrt,
)
from chainrule.autograd.extending import javascript_expression, javascript_module, redrawn

BACKENDS = [None, "numpy", "xla"]


def of(outputs: Any, backend: str | None) -> Any:
    """The tape, compiled by a backend if one is given."""
    if backend == "xla":
        pytest.importorskip("jax", reason="XLA comes with JAX")
    return Tape(outputs) if backend is None else Tape(outputs).compile(backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_output_that_is_there_twice_has_both_gradients(backend: str | None) -> None:
    a = Value(2.0, name="a")
    y = a * 3
    tape = of([y, y, a], backend)
    assert tape.forward(a=5.0) == [15.0, 15.0, 5.0]
    tape.backward([1.0, 10.0, 100.0])
    assert a.grad == 3 * 11 + 100

    b = Tensor([2.0], name="b")
    z = b * 3
    tape = of([z, z, b], backend)
    tape.forward(b=[5.0])
    tape.backward([np.ones(1), 10 * np.ones(1), 100 * np.ones(1)])
    assert b.grad is not None
    assert b.grad.tolist() == [133.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_array_of_a_leaf_is_not_given_away(backend: str | None) -> None:
    x, w = Tensor([1.0, 2.0], name="x"), Tensor([3.0, 4.0], name="w")
    tape = of([x, w, x * w], backend)
    found = tape.forward()
    found[1][:] = -5.0  # the caller's own array
    assert w.data.tolist() == [3.0, 4.0]
    w.data[0] = 7.0
    assert found[1].tolist() == [-5.0, -5.0]
    assert [y.tolist() for y in tape.forward(x=[2.0, 2.0])] == [[2.0, 2.0], [7.0, 4.0], [14.0, 8.0]]
    assert found[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_masked_arrays_are_no_numbers(backend: str | None) -> None:
    x = Tensor([1.0, 2.0], name="x")
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(KindError, match=r"forward\(x=\.\.\.\) was given .* with a mask"):
        of(x * 2, backend).forward(x=masked)
    if backend is None:
        v = Value(1.0, name="v")
        with pytest.raises(KindError, match="with a mask"):
            Tape(v * 2).forward(v=masked)


@pytest.mark.parametrize("backend", BACKENDS)
def test_integers_beyond_64_bits_are_numbers(backend: str | None) -> None:
    v = Value(1.0, name="v")
    assert of(v * 2, backend).forward(v=10**20) == 2e20
    with pytest.raises(KindError, match="given int 1000"):
        of(v * 2, backend).forward(v=10**400)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_go_by_the_names_of_leaves(backend: str | None) -> None:
    with pytest.raises(KindError, match="by the name of the leaf"):
        of(Value(1.0, name="v") * 2, backend).forward(3.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_hooks_of_leaves_are_called(backend: str | None) -> None:
    a, b = Value(2.0, name="a"), Tensor([2.0], name="b")
    a.register_hook(lambda g: g * 10)
    b.register_hook(lambda g: g * 10)
    for tape in (of(a * a, backend), of((b * b).sum(), backend)):
        tape.forward()
        tape.backward()
    assert a.grad == 40.0
    assert b.grad is not None
    assert b.grad.tolist() == [40.0]


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_hooks_between_are_refused_where_their_gradient_is_not_known(backend: str | None) -> None:
    a = Value(2.0, name="a")
    y = a * 3
    handle = y.register_hook(lambda g: g * 10)
    tape = of(y * y, backend)
    tape.forward()
    with pytest.raises(GradientError, match="has a hook, but a compiled tape"):
        tape.backward()
    handle.remove()
    tape.backward()
    assert a.grad == 36.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_nonfinite_numbers_are_detected(backend: str | None) -> None:
    x = Value(1.0, name="x")
    tape = of(log(x), backend)
    with detect_nonfinite(), pytest.raises(NonfiniteError):
        tape.forward(x=0.0)
    tape = of(sqrt(x), backend)
    tape.forward(x=0.0)
    with detect_nonfinite(), pytest.raises(NonfiniteError):
        tape.backward()
    tape.forward(x=4.0)
    with detect_nonfinite():
        tape.backward()
    assert x.grad == 0.25


@pytest.mark.parametrize("backend", [None, "numpy"])
def test_an_error_in_a_replay_names_the_operation(backend: str | None) -> None:
    x = Tensor(np.eye(2), name="x")
    tape = of(
        np.linalg.cholesky(x * 1.0), backend
    )  # the matrix is computed, so that it is another one in each replay
    replayed = jit(lambda x: np.linalg.cholesky(x * 1.0))
    for _ in range(2):
        assert tape.forward(x=4 * np.eye(2))[0, 0] == replayed(4 * np.eye(2))[0, 0] == 2.0
        for replay in (lambda: tape.forward(x=-np.eye(2)), lambda: replayed(-np.eye(2))):
            with pytest.raises(RangeError, match="cholesky was given an array .* not positive definite"):
                replay()


def test_what_is_printed_and_redrawn_is_named() -> None:
    with pytest.raises(
        KindError, match=r"javascript_module takes a tape, as Tape\(y\) is one; given a Value"
    ):
        javascript_module(Value(1.0))  # type: ignore[arg-type]
    with pytest.raises(KindError, match="javascript_expression takes a printed module"):
        javascript_expression(Tape(Value(1.0) * 2))  # type: ignore[arg-type]
    with pytest.raises(KindError, match="redrawn takes a function that draws"):
        redrawn(np.random.default_rng(0).random(3))  # type: ignore[arg-type]


def test_a_program_is_saved_under_a_path() -> None:
    with pytest.raises(KindError, match=r'save takes the path of a file, such as "program\.py"; given int 3'):
        Tape(Value(1.0) * 2).source().save(3)  # type: ignore[arg-type]
