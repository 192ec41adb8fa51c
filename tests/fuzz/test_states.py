"""A state machine: record, assign, freeze, hook, replay, step, copy, save and load in any order.

Gradients are those of a fresh computation, or an error says that they would not be.
"""

from __future__ import annotations

import copy
import math
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import GradientError, KindError, Tape, Tensor, Value, gradients, no_grad

# each records nodes that use the first input and, if it has two arguments, the second
OPERATIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "subtract": lambda a, b: 1.0 - a * b,
    "tanh": lambda a: ag.tanh(a),
    "maximum": lambda a, b: ag.maximum(a, b),
    "sine times itself": lambda a: ag.sin(a) * a,
    "square": lambda a: ag.tanh(a) ** 2,
    "dot": lambda a, b: ag.dot([a, b], [b, 2.0]) if isinstance(a, Value) else a * b + b * 2.0,
}
VIEWS: dict[str, Any] = {"reversed": lambda a: a[::-1], "reshaped": lambda a: a.reshape(2, 1).reshape(2)}
ARITY = {name: f.__code__.co_argcount for name, f in (OPERATIONS | VIEWS).items()}


class Model:
    """What a node is expected to be: a leaf with its number, or an operation on others."""

    def __init__(self, node: Any, op: str = "", inputs: tuple[Model, ...] = (), time: int = 0) -> None:
        self.node, self.op, self.inputs = node, op, inputs
        self.wants = node.requires_grad
        self.data = np.array(node.data)
        self.grad: Any = None
        self.computed, self.changed = time, 0
        self.hooks: list[float] = []  # by what each multiplies the gradient
        self.lost = False  # computed from constants, and so not recorded, or holds what is

    def newest(self) -> int:
        """When its numbers were last changed, by itself or through what it is a view of."""
        return max([self.changed, *([x.newest() for x in self.inputs] if self.op in VIEWS else [])])

    def order(self) -> list[Model]:
        """The operations and leaves that a pass from here goes through."""
        seen: list[Model] = [self] if self.wants else []
        for m in seen:
            seen += [x for x in dict.fromkeys(m.inputs) if x.wants and x not in seen]
        return seen

    def leads_to(self, leaves: list[Model]) -> bool:
        return not set(leaves).isdisjoint(self.order())

    def is_stale(self, leaves: list[Model] | None = None) -> bool:
        """Whether an input on a way to these leaves, or to any, was changed after its use."""
        order = [m for m in self.order() if leaves is None or m.leads_to(leaves)]
        return any(x.newest() > m.computed for m in order for x in m.inputs)

    def is_outdated(self) -> bool:
        """Whether it was computed from numbers that are others by now, on whatever way."""
        return any(x.newest() > m.computed for m in self.ancestors() for x in m.inputs)

    def ancestors(self) -> list[Model]:
        seen = [self]
        for m in seen:
            seen += [x for x in dict.fromkeys(m.inputs) if x not in seen]
        return seen


class Holder(nn.Module):
    """A module of some leaves, which is saved and loaded."""

    def __init__(self, leaves: list[Any]) -> None:
        super().__init__()
        self.leaves = leaves


class Machine(RuleBasedStateMachine):
    kind: Any
    parameter: Any  # the same for leaves that can be saved

    @initialize(a=st.sampled_from([0.5, -1.0, 2.0]), b=st.sampled_from([0.3, 1.5]))
    def start(self, a: float, b: float) -> None:
        self.time = 0
        self.models: list[Model] = []
        self.tapes: list[tuple[Tape, Model, int]] = []
        self.handles: list[tuple[Any, Model, float]] = []
        self.saved: list[tuple[Holder, list[Model], list[Any]]] = []
        self.folder = tempfile.TemporaryDirectory()
        self.keep(self.parameter(self.number(a)))
        self.keep(self.parameter(self.number(b)))

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    # ------------------------------------------------------------------ helpers

    def number(self, x: float) -> Any:
        return x if self.kind is Value else np.array([x, 0.5 - x])

    def one(self) -> Any:
        return None if self.kind is Value else np.ones(2)

    def keep(self, node: Any, op: str = "", inputs: tuple[Model, ...] = ()) -> Model:
        if self.kind is Tensor and node.op is None and op in VIEWS:
            inputs, op = (), ""
        model = Model(
            node, op if node.op is not None else "", inputs if node.op is not None else (), self.now()
        )
        hidden = op == "dot" and self.kind is Tensor and not inputs[1].wants  # its product with a number
        model.lost = bool(op) and (node.op is None or hidden)
        self.models.append(model)
        return model

    def now(self) -> int:
        self.time += 1
        return self.time

    def pick(self, i: int) -> Model:
        return self.models[i % len(self.models)]

    def leaf(self, i: int) -> Model:
        leaves = [m for m in self.models if not m.inputs]
        return leaves[i % len(leaves)]

    def root(self, i: int) -> Model:
        return self.models[-1 - i % min(len(self.models), 6)]

    def fresh(self, root: Model) -> tuple[Any, dict[Model, Any]]:
        """The same computation anew, from the present numbers, flags and hooks."""
        nodes: dict[Model, Any] = {}

        def made(m: Model) -> Any:
            if m not in nodes:
                if not m.inputs:
                    nodes[m] = self.kind(
                        m.data if self.kind is Tensor else float(m.data), requires_grad=m.wants
                    )
                else:
                    nodes[m] = (OPERATIONS | VIEWS)[m.op](*map(made, m.inputs))
                factor = math.prod(m.hooks)
                if m.hooks and nodes[m].requires_grad:
                    nodes[m].register_hook(lambda g, factor=factor: g * factor)
            return nodes[m]

        return made(root), nodes

    def expected(self, root: Model) -> dict[Model, Any]:
        y, nodes = self.fresh(root)
        leaves = [m for m in root.order() if not m.inputs]
        if not y.requires_grad:
            return dict.fromkeys(leaves)
        y.backward(self.one())
        return {m: nodes[m].grad for m in leaves}

    def accumulate(self, root: Model) -> None:
        for m, g in self.expected(root).items():
            if g is not None:
                m.grad = np.array(g) if m.grad is None else m.grad + g

    def check(self, found: Any, expected: Any) -> None:
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)

    # ------------------------------------------------------------------ rules

    @rule(x=st.sampled_from([0.2, -0.7, 1.1]), requires_grad=st.booleans())
    def new_leaf(self, x: float, requires_grad: bool) -> None:
        x = self.number(x)
        self.keep(self.parameter(x) if requires_grad else self.kind(x, requires_grad=False))

    @rule(op=st.sampled_from(sorted(OPERATIONS)), i=st.integers(0, 30), j=st.integers(0, 30))
    def record(self, op: str, i: int, j: int) -> None:
        inputs = (self.pick(-1 - i % 4), self.pick(j))[: ARITY[op]]
        self.keep(OPERATIONS[op](*(m.node for m in inputs)), op, inputs)

    @precondition(lambda self: self.kind is Tensor)
    @rule(op=st.sampled_from(sorted(VIEWS)), i=st.integers(0, 30))
    def record_a_view(self, op: str, i: int) -> None:
        m = self.pick(i)
        self.keep(VIEWS[op](m.node), op, (m,))

    @rule(i=st.integers(0, 30))
    def detach(self, i: int) -> None:
        self.keep(self.pick(i).node.detach())

    @rule(i=st.integers(0, 30), x=st.sampled_from([0.4, -0.2, 1.3]), in_place=st.booleans())
    def assign(self, i: int, x: float, in_place: bool) -> None:
        m = self.leaf(i)
        if in_place:
            m.node.data -= x
            m.data = m.data - x
        else:
            m.node.data = self.number(x)
            m.data = np.array(self.number(x))
        m.changed = self.now()

    @rule(i=st.integers(0, 30))
    def assign_to_what_was_computed(self, i: int) -> None:
        m = self.pick(i)
        if m.inputs:
            with pytest.raises(KindError, match="only the data of a leaf"):
                m.node.data = self.number(1.0)

    @rule()
    def save(self) -> None:
        models = [m for m in self.models if type(m.node) is self.parameter]
        holder = Holder([m.node for m in models])
        nn.save(holder, Path(self.folder.name) / f"{len(self.saved)}.npz")
        self.saved.append((holder, models, [np.array(m.data) for m in models]))

    @precondition(lambda self: self.saved)
    @rule(i=st.integers(0, 30))
    def load(self, i: int) -> None:
        i %= len(self.saved)
        holder, models, numbers = self.saved[i]
        nn.load(Path(self.folder.name) / f"{i}.npz", holder)
        for m, x in zip(models, numbers, strict=True):
            m.data, m.changed = x, self.now()

    @rule(i=st.integers(0, 30), on=st.booleans())
    def freeze_or_thaw(self, i: int, on: bool) -> None:
        m = self.leaf(i)
        m.node.requires_grad = on
        if on and not m.wants:
            m.changed = self.now()
        m.wants = on

    @rule(i=st.integers(0, 30))
    def zero_grad(self, i: int) -> None:
        m = self.leaf(i)
        m.node.zero_grad()
        m.grad = None

    @rule(i=st.integers(0, 30), factor=st.sampled_from([2.0, -0.5]))
    def hook(self, i: int, factor: float) -> None:
        m = self.pick(i)
        if m.wants:
            self.handles.append((m.node.register_hook(lambda g: g * factor), m, factor))
            m.hooks.append(factor)

    @precondition(lambda self: self.handles)
    @rule(i=st.integers(0, 30))
    def remove_a_hook(self, i: int) -> None:
        handle, m, factor = self.handles.pop(i % len(self.handles))
        handle.remove()
        handle.remove()
        m.hooks.remove(factor)

    @rule(i=st.integers(0, 30))
    def backward(self, i: int) -> None:
        m = self.root(i)
        if not m.wants or m.is_stale():
            with pytest.raises(GradientError):
                m.node.backward(self.one())
        else:
            m.node.backward(self.one())
            self.accumulate(m)

    @rule(i=st.integers(0, 30), create_graph=st.booleans(), quiet=st.booleans())
    def gradients(self, i: int, create_graph: bool, quiet: bool) -> None:
        m = self.root(i)
        leaves = [x for x in m.order() if not x.inputs]
        if not leaves or not m.wants:
            return
        upstream = self.one()
        if create_graph:
            upstream = self.kind(1.0 if upstream is None else upstream)

        def run() -> Any:
            if quiet:
                with no_grad():
                    return gradients(m.node, [x.node for x in leaves], upstream, create_graph=create_graph)
            return gradients(m.node, [x.node for x in leaves], upstream, create_graph=create_graph)

        if m.is_stale(leaves):
            with pytest.raises(GradientError):
                run()
        else:
            expected, found = self.expected(m), run()
            for x, g in zip(leaves, () if m.is_outdated() else found, strict=False):
                self.check(getattr(g, "data", g), 0 if expected[x] is None else expected[x])

    @rule(i=st.integers(0, 30))
    def steps(self, i: int) -> None:
        m = self.root(i)
        tape = Tape(m.node)
        if not m.wants or m.is_stale():
            with pytest.raises(GradientError):
                list(tape.steps(self.one()))
            return
        totals = {tape.nodes[s.input]: s.total for s in tape.steps(self.one()) if s.kind != "forward"}
        if any(x.hooks for x in m.order()):
            return  # a hook changes a gradient between two steps
        for x, g in self.expected(m).items():
            if g is not None and x.node in totals:
                self.check(totals[x.node], g)

    @rule(i=st.integers(0, 30), way=st.sampled_from(["deepcopy", "pickle", "copy"]))
    def copies(self, i: int, way: str) -> None:
        m = self.root(i)
        if any(x.hooks for x in m.order()):
            return  # hooks stay behind
        if way == "copy":
            try:
                twin = copy.copy(m.node)
            except GradientError:
                assert m.is_stale()
                return
            assert twin is not m.node
            self.check(twin.data, m.node.data)
            if self.kind is Tensor:
                assert not np.shares_memory(twin.data, m.node.data)
            return
        twin = copy.deepcopy(m.node) if way == "deepcopy" else pickle.loads(pickle.dumps(m.node))  # noqa: S301
        self.check(twin.data, m.node.data)
        if not m.wants:
            return
        if m.is_stale():
            with pytest.raises(GradientError):
                twin.backward(self.one())
            return
        twins = dict(zip(Tape(m.node).nodes, Tape(twin).nodes, strict=True))
        for x in twins.values():
            x.zero_grad()
        twin.backward(self.one())
        for x, g in self.expected(m).items():
            if g is not None:
                self.check(twins[x.node].grad, g)

    @rule(i=st.integers(0, 30))
    def program(self, i: int) -> None:
        m = self.root(i)
        tape = Tape(m.node)
        if not m.wants or m.is_stale() or any(x.hooks for x in m.ancestors()):
            with pytest.raises(GradientError):
                tape.source(gradient=self.one())
            return
        before = {x: x.node.name for x in m.ancestors()}
        for k, x in enumerate(before):
            x.node.name = f"n{k}"
        names: dict[str, Any] = {"__name__": "program"}
        exec(Tape(m.node).source(gradient=self.one()), names)
        expected = self.expected(m)
        self.check(names["n0"], m.node.data)
        for k, x in enumerate(before):
            if expected.get(x) is not None:
                self.check(names[f"d_n{k}"], expected[x])
            x.node.name = before[x]

    # ------------------------------------------------------------------ replays

    @rule(i=st.integers(0, 30))
    def tape(self, i: int) -> None:
        m = self.root(i)
        self.tapes = [*self.tapes[-2:], (Tape(m.node), m, 0)]

    @precondition(lambda self: self.tapes)
    @rule(i=st.integers(0, 30))
    def replay_forward(self, i: int) -> None:
        i %= len(self.tapes)
        tape, m, _ = self.tapes[i]
        try:
            found = tape.forward()
        except GradientError:
            assert any(x.lost for x in m.ancestors())  # which may depend on a constant that was assigned
            return
        self.check(found, self.fresh(m)[0].data)
        now = self.now()
        for x in m.ancestors():
            if x.inputs:
                x.computed = x.changed = now
                x.data = np.array(x.node.data)
        self.tapes[i] = tape, m, now

    @precondition(lambda self: self.tapes)
    @rule(i=st.integers(0, 30))
    def replay_backward(self, i: int) -> None:
        tape, m, latest = self.tapes[i % len(self.tapes)]
        assigned = any(x.changed > latest for x in m.ancestors() if not x.inputs) if latest else m.is_stale()
        stale = bool(latest) and any(x.hooks for x in m.ancestors()) and m.is_stale()
        if not m.wants or assigned or stale:
            with pytest.raises(GradientError):
                tape.backward(self.one())
        else:
            tape.backward(self.one())
            self.accumulate(m)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def leaves_have_their_numbers_and_gradients(self) -> None:
        for m in getattr(self, "models", ()):
            if m.inputs:
                continue
            self.check(m.node.data, m.data)
            assert type(m.node.data) is (float if self.kind is Value else np.ndarray)
            assert m.node.requires_grad is m.wants
            if m.grad is None:
                assert m.node.grad is None
            else:
                self.check(m.node.grad, m.grad)


class ValueMachine(Machine):
    kind, parameter = Value, nn.ScalarParameter


class TensorMachine(Machine):
    kind, parameter = Tensor, nn.Parameter


TestValues = ValueMachine.TestCase
TestTensors = TensorMachine.TestCase
TestValues.settings = TestTensors.settings = settings(
    max_examples=max(settings.default.max_examples // 5, 1), stateful_step_count=40
)
