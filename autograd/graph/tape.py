"""The tape: the recorded graph in dependency order, from which steps, programs and replays are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..debug.display import tape_html
from ..engine.backward import backward_pass, dependency_order, refuse_stale
from ..engine.node import CLOCK, describe
from ..errors import GradientError, KindError, RangeError
from ..errors.spelling import Answering, spelt
from ..functions.arguments import is_iterable
from ..nodes.node import Node
from ..nodes.value import Value
from ..program.lecture import lecture_of
from ..program.module import javascript_module
from ..program.source import program_of
from ..program.text import Source
from ..replay.scalar_replay import ScalarReplay
from ..replay.tensor_replay import TensorReplay
from .compiled import CompiledTape
from .memory import Memory, memory
from .rules import LABELS, rule_texts
from .steps import BackwardStep, ForwardStep

__all__ = ["Tape"]

# what writes a program, by the language and the style
PROGRAMS: dict[tuple[str, str], Callable[[Any, Any], Source]] = {
    ("python", "plain"): program_of,
    ("python", "lecture"): lecture_of,
    ("javascript", "plain"): javascript_module,
}


class Tape(Answering):
    """The graph behind one output or several, inputs before outputs.

    Attributes:
        outputs: the nodes the tape was made from.
        nodes: every node that the outputs depend on, constants too, in dependency order.
        leaves: the nodes that were not computed.
        labels: one text per node: its name (in quotes if it is empty), a constant's number, otherwise v1, v2, ...
        index: the position of each node.

    Raises `KindError` for what is not a node.

    >>> from chainrule.autograd import Tape, Value
    >>> a, b = Value(2.0, name="a"), Value(3.0, name="b")
    >>> tape = Tape(a * b + a)
    >>> tape.labels
    ['a', 'b', 'v1', 'v2']
    >>> [step.rule for step in tape.steps() if step.kind == "forward"]
    ['a * b', 'v1 + a']
    """

    def __init__(self, outputs: Node | Iterable[Node]) -> None:
        several = is_iterable(outputs) and not isinstance(outputs, Node)
        self.outputs: list[Node] = list(outputs) if several else [outputs]  # type: ignore[arg-type, list-item]
        for x in self.outputs:
            if not isinstance(x, Node):
                raise KindError(f"Tape(...) takes a Value or a Tensor that was computed; given {describe(x)}")
        if not self.outputs:
            raise KindError("Tape(...) was given no output; pass the node whose graph you want to see")
        self.nodes = dependency_order(self.outputs, constants=True)
        self.leaves = [node for node in self.nodes if not node.inputs]
        self.index = {node: i for i, node in enumerate(self.nodes)}
        self._replay: Any = None

    @cached_property
    def labels(self) -> list[str]:
        """One text per node, in the order of `nodes`."""
        return _labels(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"<Tape of {len(self.nodes)} nodes, {len(self.leaves)} of them leaves>"

    def _repr_html_(self) -> str:
        return tape_html(self)

    def memory(self) -> Memory:
        """The bytes that the graph holds: values, gradients and Python objects, by operation and by scope.

        Shared arrays, and arrays with views, are counted once. `Memory` describes the report.

        >>> from chainrule.autograd import Tape, Tensor, exp
        >>> x = Tensor(np.zeros((1000, 100)))
        >>> held = Tape((exp(x).T * 2).sum()).memory()
        >>> held.leaves.data, held.by_operation["exp"].data, held.by_operation["transpose"].data
        (800000, 800000, 0)
        """
        return memory(self.nodes, self._replay)

    def steps(self, gradient: Any = None) -> Iterator[ForwardStep | BackwardStep]:
        """Both passes, one step at a time: forward as recorded, then backward from the only output.

        `gradient` is as in `backward(gradient)`. Nothing is written to `.grad`.

        Raises `GradientError` for several outputs or a constant, `ShapeError` as `backward()` does.
        """
        root = self.single_output("step through")
        upstream = root._upstream(gradient)
        count = 0
        for node in self.nodes:
            if node.inputs:
                assert node.op is not None
                inputs = tuple(self.index[x] for x in node.inputs)
                yield ForwardStep(
                    "forward",
                    count,
                    self.index[node],
                    inputs,
                    node.op.name,
                    self.forward_rule(node),
                    node.data,
                )
                count += 1
        yield from self._backward_steps(root, upstream, count)

    def single_output(self, use: str) -> Node:
        """The output that a backward pass starts from; raises if there are several, or if it is a constant."""
        root = self.outputs[0]
        if len(self.outputs) > 1:
            raise GradientError(
                f"a backward pass starts at one output and this tape has {len(self.outputs)}. "
                f"Make a tape of one of them, or of their sum"
            )
        if not root.requires_grad:
            raise GradientError(f"{root.describe()} is a constant: there is no backward pass to {use}")
        return root

    def source(self, language: str = "python", gradient: Any = None, *, style: str = "plain") -> Source:
        """Both passes as a program in Python or in JavaScript, statement by statement.

        With "python" it is a complete module that needs math or NumPy only.

        Variables have the names of the nodes, and `d_w` is the gradient of the output with respect to `w`. Each line of
        the backward pass multiplies the upstream gradient by the local gradient, written out as in the table. The
        program computes the numbers of the engine bit for bit (with the same Python and NumPy). At its end it prints
        the output and the gradients of the leaves, which are variables of the module. If an array is large, the program
        is a function of its leaves, and their numbers are below it.

        With `style="lecture"` a graph of Values is listed as on slides: each operation is a function, `out1 = f1(x)`,
        each local gradient is one, too, and a line of the backward pass is `dloss_x = df1(x) * dloss_out1`, the local
        gradient times the one that arrived. The functions are defined above. An operation with several inputs has a
        derivative for each, `df3_1` and `df3_2`. It is a complete module as well.

        The result is a `str` with the whole text. A prompt and a notebook show the beginning of a long one;
        `print(source)` and `source.save("program.py")` give everything. `gradient` is as in `backward(gradient)`.

        With "javascript" it is a module of a graph of Values that computes with other numbers as well. It exports
        `leaves`, their numbers by name; `run(given)`, which computes both passes where the leaves in `given` have other
        numbers, and returns `values` and `gradients` by name, in the order of `nodes`, and `locals`, the local
        gradients; `edges`, the pairs of names that the locals belong to, in the order of `steps()`; and
        `steps(locals)`, the backward pass edge by edge. Its numbers are the engine's, except that functions of
        JavaScript's `Math` may differ from Python's by 2 units in the last place. It repeats what was recorded, as
        `forward` does.

        Raises `RangeError` for another language or style; `KindError` for JavaScript or a lecture's list of Tensors;
        `GradientError` for several outputs, a constant, hooks, checkpoints, and data assigned after recording;
        `ShapeError` as `backward()` does; `ChainruleError` for a row of your own that cannot be written: in Python
        where its functions have no source, in JavaScript where they are not made of operators and other rows.

        >>> from chainrule.autograd import Tape, Value
        >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
        >>> print(Tape(a * b + a).source())  # doctest: +ELLIPSIS
        \"\"\"The forward and the backward pass of v2, written by chainrule.
        ...
        # leaves
        a = 2.0
        b = -3.0
        <BLANKLINE>
        # forward pass
        v1 = a * b
        v2 = v1 + a
        <BLANKLINE>
        # backward pass: the gradient that arrived, times the local gradient
        d_v2 = 1.0
        d_v1 = d_v2
        d_a = d_v2
        d_a += d_v1 * b
        d_b = d_v1 * a
        ...
        >>> print(Tape((a * 3) ** 2).source(style="lecture"))  # doctest: +ELLIPSIS
        \"\"\"The forward and the backward pass of loss, written by chainrule.
        ...
        # forward pass
        out1 = f1(a)
        loss = f2(out1)
        <BLANKLINE>
        # backward pass: the local gradient, times the gradient that arrived
        dloss_out1 = df2(out1)
        dloss_a = df1(a) * dloss_out1
        ...
        >>> print(Tape(a * b + a).source("javascript"))  # doctest: +ELLIPSIS
        // The forward and the backward pass of v2, written by chainrule.
        ...
        export const leaves = {
          a: 2,
          b: -3,
        };
        <BLANKLINE>
        export function run(given = {}) {
          const { a, b } = { ...leaves, ...given };
        <BLANKLINE>
          // forward pass
          const v1 = a * b;
          const v2 = v1 + a;
        <BLANKLINE>
          // backward pass: the gradient that arrived, times the local gradient
          const d_v2 = 1;
          const d_v1 = d_v2;
          let d_a = d_v2;
          d_a += d_v1 * b;
          const d_b = d_v1 * a;
        ...
        """
        if isinstance(language, str) and isinstance(style, str):
            write = PROGRAMS.get((language, style))
            if write is not None:
                return write(self, gradient)
        if not isinstance(language, str) or language not in ("python", "javascript"):
            raise RangeError(
                f'source(language) is "python" or "javascript"; given {language!r:.60}. A gradient to start from goes '
                f"by its name: source(gradient=2.0)"
            )
        raise RangeError(
            f"source(style=...) is 'plain' or, in Python, 'lecture'; given {style!r:.60} in {language!r:.60}"
        )

    def _backward_steps(self, root: Node, upstream: Any, count: int) -> Iterator[BackwardStep]:
        refuse_stale(self.nodes)
        at = self.index[root]
        yield BackwardStep("seed", count, at, 0, at, "", upstream, None, upstream, None, upstream, "")
        totals: dict[Node, Any] = {root: upstream}
        before: dict[Node, Any] = {}
        steps = backward_pass([x for x in self.nodes if x.requires_grad], totals, zero_safe=True)
        latest: Node | None = None  # a node may have many inputs; what they share is computed once
        while True:
            with np.errstate(all="ignore"):
                step = next(steps, None)
            if step is None:
                return
            count += 1
            node, i, contribution = step
            assert node.op is not None
            if node is not latest:
                latest, inputs = node, node.inputs
                locals_, rule = node.local_gradients(), self.backward_rules(node)
            x = inputs[i]
            yield BackwardStep(
                kind="backward",
                index=count,
                node=self.index[node],
                position=i,
                input=self.index[x],
                op=node.op.name,
                upstream=totals[node],
                local=locals_[i],
                contribution=contribution,
                before=before.get(x),
                total=totals[x],
                rule=rule(i),
            )
            before[x] = totals[x]

    @spelt
    def forward(self, /, **leaves: Any) -> Any:
        """Compute the graph again from its leaves: record once, replay many times. Returns the value of the output.

        Assign to the `.data` of leaves first (an optimiser does), or give new values by the names of leaves. Afterwards
        all nodes hold the new numbers, as after recording the graph again. Several outputs give a list. Both passes
        over tens of thousands of Values take a millisecond, because they run on whole levels of the graph at once (sums
        and functions may round differently in the last bits). A graph of Tensors computes in the memory it has.

        On a tape of Values, arrays given by name are a batch: a graph recorded for one sample runs for all samples at
        once and returns arrays of their shape. The nodes keep their numbers; `backward` describes the gradients. On a
        tape of Tensors, arrays with one more axis in front are a batch, too, but it runs sample by sample: recording
        with that axis is many times as fast.

        A replay repeats the recorded operations, and nothing else of the Python program: an `if x > 0` keeps the branch
        that was recorded, and so does `where(x > 0, a, b)`, whose condition is not a node (`maximum`, `relu` and `clip`
        choose again). Numbers that were read from nodes by `.data` stay the same, and layers update nothing beside the
        graph: batch normalisation leaves its running statistics as they are. Dropout draws a new mask.

        Raises `KindError` for a name that no leaf or more than one leaf has, `ShapeError` for arrays of different
        shapes, `GradientError` for a graph with operations that cannot be replayed, such as a `checkpoint`.

        >>> from chainrule.autograd import Tape, Value, tanh
        >>> w, b, x = Value(0.5, name="w"), Value(0.1), Value(2.0, name="x", requires_grad=False)
        >>> tape = Tape(tanh(w * x + b))
        >>> w.data = -0.05
        >>> tape.forward()
        0.0
        >>> tape.backward()
        >>> w.grad, b.grad
        (2.0, 1.0)
        >>> tape.forward(x=np.array([2.0, 0.0, -2.0])).round(3)
        array([0.   , 0.1  , 0.197])
        """
        self.__dict__.pop("labels", None)  # the labels of constants are their numbers
        if self._replay is not None and CLOCK.thawed > self._replay.made:
            self._replay = None  # a constant may require a gradient now
        return self._replayed().forward(**leaves)

    def backward(self, gradient: Any = None) -> Any:
        """Differentiate the latest `forward()`: the same as `output.backward(gradient)` after recording again.

        The new gradient is added to the `.grad` of leaves, so a loop of `tape.forward()`, `optimizer.zero_grad()`,
        `tape.backward()` and `optimizer.step()` trains as with a new graph in each step. Before the first `forward()`
        it is the gradient at the recorded numbers. With several outputs, `gradient` is a list with one for each.

        After a batch, leaves that all samples share get the sum of the gradients of the samples (give `1 / n` as
        `gradient` for their mean). Leaves that were given arrays keep their `.grad`, which is one number. Their
        gradients, one number for each sample, are returned as a dict of arrays by name.

        Raises `GradientError` for a constant, and `ShapeError` or `KindError` for a wrong `gradient`.

        >>> from chainrule.autograd import Tape, Value
        >>> w, x, y = Value(1.0), Value(0.0, name="x"), Value(0.0, name="y", requires_grad=False)
        >>> tape = Tape((w * x - y) ** 2)  # written for one sample
        >>> x_data, y_data = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])
        >>> for _ in range(20):  # trained on all
        ...     losses = tape.forward(x=x_data, y=y_data)
        ...     w.zero_grad()
        ...     by_name = tape.backward(1 / 3)
        ...     w.data -= 0.1 * w.grad
        >>> round(w.data, 6)
        2.0
        >>> sorted(by_name), by_name["x"].shape
        (['x'], (3,))
        """
        return self._replayed().backward(gradient)

    def compile(self, backend: str = "numpy", device: Any = None) -> CompiledTape:
        """Both passes compiled: `forward(**leaves)` and `backward(gradient)`, with the leaves read anew in each call.

        `backend` is "numpy", or "xla", which compiles the whole graph for `device` ("cpu", "gpu", "cpu:1", a device of
        JAX) when a pass first runs; `report()` says what that took. Only the outputs and the gradients of leaves get
        new numbers. Results agree with the engine's to rounding.

        Raises `RangeError` for another backend or a device that there is not, `ChainruleError` without JAX,
        `GradientError` and `KindError` for graphs that cannot be computed anew.

        >>> from chainrule.autograd import Tape, Tensor
        >>> w, x = Tensor([1.0, 2.0], name="w"), Tensor([3.0, 4.0], name="x", requires_grad=False)
        >>> compiled = Tape((w * x).sum() ** 2).compile()
        >>> float(compiled.forward(x=[1.0, 1.0]))
        9.0
        >>> compiled.backward()
        >>> w.grad
        array([6., 6.])
        """
        return CompiledTape(self, backend, device)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_replay": None}  # a copy makes a replay of its own

    def _replayed(self) -> Any:
        """The replay of this tape, made when it is first needed."""
        if self._replay is None:
            if isinstance(self.outputs[0], Value):
                self._replay = ScalarReplay(self)
            else:
                self._replay = TensorReplay(self)
        return self._replay

    def forward_rule(self, node: Node, inputs: Sequence[str] | None = None) -> str:
        """The operation that computed `node`, as text in the labels of the tape or in `inputs`; empty for a leaf."""
        if node.op is None:
            return ""
        names = inputs or [self.labels[self.index[x]] for x in node.inputs]
        given = [LABELS.name(name, x.data) for name, x in zip(names, node.inputs, strict=True)]
        return LABELS.applied(node.op, given, node.params, node.data).text

    def backward_rules(self, node: Node) -> Callable[[int], str]:
        """The rule for each input of `node` as text: a local gradient, or for a structural row the contribution."""
        return rule_texts(
            node, self.labels[self.index[node]], [self.labels[self.index[x]] for x in node.inputs]
        )


def _labels(nodes: Sequence[Node]) -> list[str]:
    taken = {node.name for node in nodes}
    labels, count = [], 0
    for node in nodes:
        if node.name is not None:
            name = str(node.name)
            labels.append(name if name.strip() else f'"{name}"')  # so that an empty name is visible
        elif not node.requires_grad and np.size(node.data) == 1:
            labels.append(f"{float(np.asarray(node.data).item()):g}")
        else:
            count += 1
            while f"v{count}" in taken:
                count += 1
            labels.append(f"v{count}")
    return labels
