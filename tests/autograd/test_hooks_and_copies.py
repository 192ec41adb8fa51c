"""Hooks on gradients; threads and blocks; copies and pickles of graphs, also of very deep ones."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    GradientError,
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    exp,
    gradients,
    no_grad,
    scope,
    tanh,
)


class TestHooks:
    def test_sees_the_complete_gradient_once(self) -> None:
        x = Tensor([1.0, 2.0])
        h = x * x
        seen: list[Any] = []
        h.register_hook(seen.append)
        (h * 3 + h * 4).sum().backward()
        assert len(seen) == 1
        np.testing.assert_array_equal(seen[0], [7, 7])
        np.testing.assert_array_equal(x.grad, [14, 28])
        with pytest.raises(ValueError, match="read-only"):
            seen[0] *= 2

    def test_replaces_the_gradient(self) -> None:
        x = Tensor([1.0, 2.0], dtype=np.float32)
        h = x * 3
        h.register_hook(lambda g: g * np.array([0.0, 1.0]))
        x.register_hook(lambda g: g + 1)
        for _ in range(2):  # a leaf adds what its hooks have made of each pass
            h.sum().backward()
        np.testing.assert_array_equal(h.grad, [0, 1])
        np.testing.assert_array_equal(x.grad, [2, 8])
        assert x.grad.dtype == h.grad.dtype == np.float32

    def test_of_values_in_order_and_removed(self) -> None:
        v = Value(2.0)
        y = v * v
        first = y.register_hook(lambda g: g + 1)
        second = y.register_hook(lambda g: g * 10)
        y.backward()
        assert (y.grad, v.grad) == (20.0, 80.0)
        first.remove()
        first.remove()
        assert gradients(y, v) == 40.0
        second.remove()
        assert gradients(y, v) == 4.0

    def test_in_gradients_and_higher_orders(self) -> None:
        x = Tensor([1.0, 2.0])
        y = (x**3).sum()
        x.register_hook(lambda g: g * 2)
        np.testing.assert_array_equal(gradients(y, x), [6, 24])
        slope = gradients(y, x, create_graph=True)
        assert slope.requires_grad
        np.testing.assert_array_equal(slope.data, [6, 24])
        np.testing.assert_array_equal(gradients(slope.sum(), x), [24, 48])

    def test_outside_of_a_checkpoint_are_called_once(self) -> None:
        x, w, seen = Tensor([1.0]), Tensor([2.0]), []
        w.register_hook(seen.append)
        checkpoint(lambda x: x * w * w, x).backward()
        assert len(seen) == 1
        assert w.grad == seen[0] == 4

    def test_are_freed_with_their_node_and_when_removed(self) -> None:
        def hook(g: Any) -> None: ...

        def registered(node: Value) -> tuple[Any, weakref.ref[Any]]:
            own = FunctionType(hook.__code__, {})  # nothing else refers to it
            return node.register_hook(own), weakref.ref(own)

        x = Value(1.0)
        y = x * 2
        handle, of_node = registered(y)
        removed, of_handle = registered(x)
        del handle
        assert of_node() is not None
        del y
        assert of_node() is None
        removed.remove()
        del removed
        assert of_handle() is None

    def test_lessons(self) -> None:
        x = Tensor([1.0, 2.0])
        with pytest.raises(KindError, match="is a constant"):
            x.detach().register_hook(print)
        with pytest.raises(KindError, match="takes a function"):
            x.register_hook(3)  # type: ignore[arg-type]
        handle = x.register_hook(lambda g: g[:1])
        with pytest.raises(ShapeError, match="has to have its shape"):
            (x * 2).sum().backward()
        assert x.grad is None
        handle.remove()


class TestThreadsAndGenerators:
    def test_threads_share_parameters_and_nothing_else(self) -> None:
        w = Tensor(np.linspace(-1, 1, 9).reshape(3, 3))
        results: dict[int, Any] = {}
        barrier = threading.Barrier(4)

        def work(k: int) -> None:
            x = np.full((2, 3), k + 1.0)
            barrier.wait()
            found = []
            for _ in range(50):
                if k % 2:
                    with no_grad(), scope(f"thread {k}"):
                        assert not tanh(x @ w).requires_grad
                y = tanh(x @ w)
                assert (y.requires_grad, y.scope) == (True, ())
                found.append(gradients(y.sum(), w))
            results[k] = found

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for k in range(4):
            expected = gradients(tanh(np.full((2, 3), k + 1.0) @ w).sum(), w)
            for g in results[k]:
                np.testing.assert_array_equal(g, expected)

    def test_modes_are_left_after_an_exception(self) -> None:
        for block in (no_grad(), scope("a")):
            with pytest.raises(ZeroDivisionError), block:
                raise ZeroDivisionError
        y = Value(1.0) * 2
        assert (y.requires_grad, y.scope) == (True, ())

    def test_one_block_used_again_and_nested_in_itself(self) -> None:
        block, x = no_grad(), Value(1.0)
        with block, block:
            pass
        assert (x * x).requires_grad

        @block
        def f(depth: int) -> bool:
            return f(depth - 1) if depth else (x * x).requires_grad

        assert f(3) is False
        assert (x * x).requires_grad

    def test_a_decorated_generator_runs_its_body_in_the_mode_and_leaves_it(self) -> None:
        x, log = Value(1.0), []

        @no_grad()
        def f() -> Iterator[Any]:
            try:
                given = yield (x * x).requires_grad
                yield given, (x * x).requires_grad
            except KeyError:
                yield "caught", (x * x).requires_grad
            finally:
                log.append((x * x).requires_grad)

        generator: Any = f()
        assert next(generator) is False
        assert (x * x).requires_grad
        assert generator.send("sent") == ("sent", False)
        assert generator.throw(KeyError()) == ("caught", False)
        assert list(generator) == []
        assert list(f()) == [False, (None, False)]
        unfinished: Any = f()
        next(unfinished)
        unfinished.close()
        assert log == [False] * 3
        assert (x * x).requires_grad

    def test_a_decorated_asynchronous_generator_does_so_too(self) -> None:
        x, log = Value(1.0), []

        @no_grad()
        async def f() -> AsyncIterator[Any]:
            try:
                given = yield (x * x).requires_grad
                yield given, (x * x).requires_grad
            except KeyError:
                await asyncio.sleep(0)
                yield "caught", (x * x).requires_grad
            finally:
                log.append((x * x).requires_grad)

        async def drive() -> None:
            generator: Any = f()
            assert await anext(generator) is False
            assert (x * x).requires_grad
            assert await generator.asend("sent") == ("sent", False)
            assert await generator.athrow(KeyError()) == ("caught", False)
            assert [item async for item in generator] == []
            assert [(item, (x * x).requires_grad) async for item in f()] == [
                (False, True),
                ((None, False), True),
            ]
            unfinished: Any = f()
            await anext(unfinished)
            await unfinished.aclose()

        with ThreadPoolExecutor(1) as elsewhere:  # other tests may have left a loop running in this thread
            elsewhere.submit(lambda: asyncio.run(drive())).result()
        assert log == [False] * 3
        assert (x * x).requires_grad

    def test_a_block_inside_of_what_is_interrupted(self) -> None:
        x = Value(1.0)

        def generator() -> Iterator[Any]:
            for _ in range(2):
                with no_grad():
                    y = x * x
                yield y

        async def asynchronous() -> bool:
            with no_grad():
                await asyncio.sleep(0)
                return (x * x).requires_grad

        async def recorded() -> bool:
            await asyncio.sleep(0)
            return (x * x).requires_grad

        async def both() -> list[bool]:
            return await asyncio.gather(asynchronous(), recorded())

        assert [(y.requires_grad, (x * x).requires_grad) for y in generator()] == [(False, True)] * 2
        with ThreadPoolExecutor(1) as elsewhere:  # other tests may have left a loop running in this thread
            assert elsewhere.submit(lambda: asyncio.run(both())).result() == [False, True]


def pickled(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))  # noqa: S301 (our own pickle)


each_copy = pytest.mark.parametrize("duplicate", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])


@each_copy
class TestCopies:
    def test_everything_is_kept(self, duplicate: Any) -> None:
        x = Tensor([[1.0, 2.0]], name="x", dtype=np.float32)
        with scope("block"):
            y = (x[:, [0, 0, 1]] * Tensor([2.0, 3.0, 4.0], requires_grad=False)).sum(axis=1)
        y.name = "y"
        y.backward()
        twin = duplicate(y)
        before, after = Tape(y), Tape(twin)
        assert len(before) == len(after)
        for a, b in zip(before.nodes, after.nodes, strict=True):
            assert a is not b
            assert type(a) is type(b)
            assert (a.op, a.name, a.scope, a.requires_grad) == (b.op, b.name, b.scope, b.requires_grad)
            assert a.data.dtype == b.data.dtype
            np.testing.assert_array_equal(a.data, b.data)
            assert not np.shares_memory(a.data, b.data)
            assert (a.grad is None) == (b.grad is None)
            if a.grad is not None:
                np.testing.assert_array_equal(a.grad, b.grad)
        leaf = after.leaves[0]
        np.testing.assert_array_equal(gradients(twin, leaf), gradients(y, x))
        twin.backward()
        np.testing.assert_array_equal(leaf.grad, 2 * x.grad)
        z = (exp(twin) * leaf).sum()  # new nodes on old ones
        np.testing.assert_array_equal(gradients(z, leaf), gradients((exp(y) * x).sum(), x))

    def test_values_and_what_is_shared(self, duplicate: Any) -> None:
        a = Value(2.0, name="a")
        b = a * a + a
        c, d, (e, f) = duplicate([b, a, (b, b * a)])
        assert c is e
        assert c.inputs[1] is d
        assert f.inputs[0] is c
        assert c.inputs[0].inputs == (d, d)
        f.backward()
        assert (f.data, d.grad, d.name, a.grad) == (12.0, 16.0, "a", None)

    def test_diamonds(self, duplicate: Any) -> None:
        y = Value(1.0)
        for _ in range(60):
            y = y + y
        twin = duplicate(y)
        assert twin.data == 2.0**60
        assert len(Tape(twin)) == 61

    @pytest.mark.parametrize("kind", [Value, Tensor])
    def test_a_chain_of_100000(self, duplicate: Any, kind: Any) -> None:
        n = 100_000 if kind is Value else 20_000
        x = y = kind(1.0, name="x")
        for _ in range(n):
            y = -y
        twin = duplicate({"y": y, "x": x})
        assert len(Tape(twin["y"])) == n + 1
        twin["y"].backward()
        assert twin["x"].grad == 1
        assert twin["x"].name == "x"

    def test_data_assigned_after_use_is_still_noticed(self, duplicate: Any) -> None:
        x = Tensor([1.0])
        old = x * x
        x.data = np.array([5.0])
        new = x * x
        twin_old, twin_new = duplicate((old, new))
        with pytest.raises(GradientError, match="assigned new .data"):
            twin_old.backward()
        twin_new.backward()
        assert twin_new.inputs[0].grad == 10

    def test_a_model_keeps_its_parameters(self, duplicate: Any) -> None:
        from chainrule.nn import MLP, Parameter  # here, for it adds rows to the table

        model = MLP(2, [3, 1], seed=0)
        loss = model(np.ones((1, 2))).sum()
        twin, twin_loss = duplicate((model, loss))
        twin_loss.backward()
        loss.backward()
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            assert type(q) is Parameter
            assert p.name == q.name
            np.testing.assert_array_equal(p.grad, q.grad)

    @pytest.mark.parametrize(
        "make", [lambda: Tensor([1.0, 2.0]), lambda: Value(1.5)], ids=["Tensor", "Value"]
    )
    def test_a_checkpoint_becomes_the_graph_of_a_second_run(self, duplicate: Any, make: Any) -> None:
        x, w = make(), make()
        half = make()  # a constant that only the function knows
        half.requires_grad = False

        def f(h: Any) -> Any:
            return checkpoint(exp, h * w) * half + w  # one checkpoint in another

        h = checkpoint(f, x)
        y = checkpoint(f, h) + h * 3
        twin = duplicate(y)
        assert "checkpoint" not in {node.op.name for node in Tape(twin).nodes if node.op}
        np.testing.assert_array_equal(twin.data, y.data)
        y.backward(y.data)
        twin.backward(y.data)
        inputs = [leaf for leaf in Tape(twin).leaves if leaf.requires_grad]
        assert {x, w}.isdisjoint(inputs)
        found = [np.sum(leaf.grad) for leaf in inputs]
        assert sorted(found) == sorted([np.sum(x.grad), np.sum(w.grad)])

    def test_many_checkpoints_in_linear_time(self, duplicate: Any) -> None:
        x = y = Value(1.0)
        for _ in range(3000):
            y = checkpoint(lambda y: y * 0.5 + 1, y)
        twin = duplicate(y)
        assert gradients(twin, Tape(twin).leaves[0]) == gradients(y, x)

    def test_a_checkpoint_of_numbers_that_changed(self, duplicate: Any) -> None:
        x = Tensor([1.0])
        y = checkpoint(exp, x)
        x.data = np.array([2.0])
        with pytest.raises(GradientError, match="other numbers"):
            duplicate(y)


def test_pickles_stay_small() -> None:
    x = y = Value(1.0)
    for _ in range(1000):
        y = y + x
    assert len(pickle.dumps(y)) < 150_000
    many = [y * k for k in range(50)]
    assert len(pickle.dumps(many)) < 400_000


def test_a_shallow_copy_has_the_same_inputs() -> None:
    x = Value(3.0)
    y = x * x
    twin = copy.copy(y)
    assert twin is not y
    assert twin.inputs == (x, x)
    assert gradients(twin, x) == 6


@pytest.mark.parametrize("make", [Value, lambda x: Tensor([x])], ids=["Value", "Tensor"])
def test_copies_after_a_replay_are_those_of_the_new_numbers(make: Any) -> None:
    x = make(2.0)
    y = x * x * x
    tape = Tape(y)
    x.data = x.data + 1.0
    tape.forward()
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301 (our own pickle)
        twin.backward()
        assert (twin.data, Tape(twin).leaves[0].grad) == (27.0, 27.0)
