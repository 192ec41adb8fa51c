"""Graphs are freed by counting references alone: nothing is left when the last name goes, with the collector off."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import TABLE, Tape, Tensor, Value, check_gradients, gradients
from chainrule.autograd.engine.backward import dependency_order
from chainrule.autograd.nodes.node import Node


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def nothing_is_left(make: Callable[[], Any]) -> None:
    """All nodes behind what `make` returns are gone as soon as it is."""
    made = make()
    roots = [x for x in made if isinstance(x, Node)]
    alive = [weakref.ref(node) for node in dependency_order(roots, constants=True)]
    assert alive
    made.clear()
    del roots
    assert [r() for r in alive if r() is not None] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_after_both_orders(case: Case) -> None:
    def make() -> list[Any]:
        xs = [Tensor(x) for x in case.inputs]
        y = TABLE[case.row](*xs, **case.params)
        if y.requires_grad:
            y.backward(np.ones(y.shape))
            first = gradients(y * y, xs, np.ones(y.shape), create_graph=True)
            for g in first:
                if g.requires_grad:
                    g.backward(np.ones(g.shape))
            return [y, *xs, *first]
        return [y, *xs]

    nothing_is_left(make)


def readers(x: Any) -> list[Any]:
    """A graph that was looked at in every way."""
    y = ag.tanh(x * x) + ag.where(x > 0, ag.sqrt(x), 0.0)
    y.register_hook(lambda g: None)
    y.backward()
    tape = Tape(y)
    list(tape.steps())
    repr(y)
    y.local_gradients()
    with ag.no_grad(), ag.scope("a"):
        y + 1
    with ag.detect_nonfinite():
        z = ag.exp(y)
        z.backward()
    again = ag.checkpoint(lambda u: ag.sin(u) * u, z)
    again.backward()
    return [again, z, y, x]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_every_reader_of_a_graph(kind: Any) -> None:
    nothing_is_left(lambda: readers(kind(0.5)))


def test_an_error_keeps_nothing() -> None:
    alive = []

    def fail() -> None:
        x = Tensor([1.0, 2.0])
        y = x * x
        alive.extend([weakref.ref(x), weakref.ref(y)])
        with pytest.raises(ag.ShapeError):
            y.backward()
        with pytest.raises(ag.ShapeError):
            y @ np.ones((3, 3))

    fail()
    gc.collect()  # pytest's own report of the error is a cycle
    assert [r() for r in alive] == [None, None]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_memory_falls_to_where_it_started(kind: Any) -> None:
    def work() -> None:
        x = kind(0.5) if kind is Value else kind(np.full(100, 0.5))
        y = x
        for _ in range(300):
            y = ag.tanh(y * x) + x
        y = y if kind is Value else y.sum()
        y.backward()
        g = gradients(y, x, create_graph=True)
        (g if kind is Value else g.sum()).backward()
        check_gradients(ag.tanh, 0.5)

    work()  # what is kept for later calls is kept once
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        _, peak = tracemalloc.get_traced_memory()
        assert gc.collect() == 0  # nothing to find; Python gives back its spare tuples here, too
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before > 500_000
    assert after - before < 0.05 * (peak - before)


def test_the_collector_finds_nothing() -> None:
    readers(Value(0.5))
    gc.collect()
    readers(Value(0.5))
    readers(Tensor(0.5))
    assert gc.collect() == 0
