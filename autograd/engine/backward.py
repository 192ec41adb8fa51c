"""The backward pass: reverse dependency order, one multiplication per edge.

It is written twice. `backward_pass` is a generator, for the stepper, hooks and other kinds of numbers. `sweep` is the
loop that `backward()` and `gradients()` run over numbers and arrays: the same nodes in the same order, with the
closures that pulling.py makes of the rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GradientError, KindError
from .hooks import HOOKS, hooked
from .modes import MODE
from .node import CLOCK, BaseNode, describe, numbers
from .pulling import ABSENT, pull_any
from .table import TABLE

if TYPE_CHECKING:
    from ..nodes.node import Node

__all__ = ["backward", "backward_pass", "gradients"]

Step = tuple["Node", int, Any]  # a node, the index of an input, and the contribution to its gradient


def dependency_order(roots: Iterable[Node], constants: bool = False, since: int = 0) -> list[Node]:
    """Every node that the roots depend on and that is not older than `since`, inputs before outputs; with `constants`,
    nodes that require no gradient, too."""
    return _in_order(_ancestry(roots, constants, since))


def _in_order(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=attrgetter("order"))


def _ancestry(roots: Iterable[Node], constants: bool = False, since: int = 0) -> dict[Node, None]:
    """The same nodes without order, as the keys of a dictionary."""
    seen: dict[Node, None] = dict.fromkeys(roots)
    stack = list(seen)
    push, pop = stack.append, stack.pop
    general = constants or since > 0
    while stack:
        node = pop()
        while True:
            x = node._a
            if general:
                for x in node.inputs:
                    if x not in seen and (constants or x._requires_grad) and x.order >= since:
                        seen[x] = None
                        push(x)
                break
            if x.__class__ is tuple:
                for each in x:
                    if each._requires_grad and each not in seen:
                        seen[each] = None
                        if each._a is not None:  # a leaf leads to no others
                            push(each)
                break
            # the same for two inputs, written out for speed: one is put on the stack, the other is followed at once
            if node._b is not None:
                if x not in seen and x._requires_grad:
                    seen[x] = None
                    push(x)
                x = node._b
            if x is None or x in seen or not x._requires_grad:
                break
            seen[x] = None
            node = x
    return seen


def backward_pass(
    order: Sequence[Node],
    gradients: dict[Node, Any],
    recorded: bool = False,
    zero_safe: bool = False,
    members: set[Node] | None = None,
    pass_back: Callable[[Any, Any, list[int]], Iterable[tuple[int, Any]]] | None = None,
) -> Iterator[Step]:
    """Pass the gradients of the roots back to all nodes in `order`, one input of one node per step.

    `gradients` holds the gradient at each root and, after each step, the sum of the contributions to each node so far.
    A node is processed after all of its consumers, so its sum is complete then. With `recorded` the gradients are
    nodes; with `zero_safe` a zero stays zero beside an infinite factor. `members` are the nodes that receive a
    gradient, by default those in `order`. `pass_back(node, g, wanted)` gives the contributions in another kind of
    numbers, such as traced arrays.
    """
    members = set(order) if members is None else members
    wide: dict[Node, Any] = {}
    for node in hooked(order, gradients) if HOOKS and pass_back is None else reversed(order):
        g, inputs = gradients.get(node), node.inputs
        if g is None or not inputs:
            continue  # no gradient here, or a leaf
        wanted = [i for i, x in enumerate(inputs) if x in members]
        if pass_back is not None:
            found = pass_back(node, g, wanted)
        else:
            found = (node._pass_back_recorded if recorded else node._pass_back)(g, wanted, zero_safe)
        for i, contribution in found:
            x = inputs[i]
            accumulate(gradients, wide, x, contribution)
            yield node, i, contribution


def sweep(order: Sequence[Node], totals: dict[Any, Any]) -> None:
    """A whole pass over numbers or arrays: the same as `backward_pass`, without stopping between two steps.

    `totals` has the gradients at the roots, and `None` for all other nodes that receive one, which is replaced.
    """
    get = totals.get
    node: Any
    for node in reversed(order):
        g, x = totals[node], node._a
        if g is None or x is None:
            continue  # no gradient here, or a leaf
        if not node.keeps_local_gradients:
            (node.op.pull or pull_any)(node, g, totals, get)
            continue
        slope = node._slope_a
        if slope.__class__ is tuple:
            for each, local in zip(x, slope):
                if local is not None:
                    try:
                        total = totals[each]
                    except KeyError:
                        continue  # it receives no gradient in this pass
                    totals[each] = g * local if total is None else total + g * local
            continue
        if slope is not None:
            total = get(x, ABSENT)
            if total is not ABSENT:
                totals[x] = g * slope if total is None else total + g * slope
        slope = node._slope_b
        if slope is not None:
            x = node._b
            total = get(x, ABSENT)
            if total is not ABSENT:
                totals[x] = g * slope if total is None else total + g * slope


def accumulate(gradients: dict[Node, Any], wide: dict[Node, Any], x: Node, contribution: Any) -> None:
    """Add a contribution to the gradient at `x`.

    In float16, where 2048 + 1 is 2048, the sum so far is kept in float32, too, in `wide`.
    """
    total = gradients.get(x)
    if total is None:
        gradients[x] = contribution
    elif not is_float16(contribution):
        gradients[x] = plus(total, contribution)
    else:
        sum_so_far = wide.get(x)
        if sum_so_far is None:
            sum_so_far = TABLE["astype"](total, dtype=FLOAT32)
        wide[x] = plus(sum_so_far, TABLE["astype"](contribution, dtype=FLOAT32))
        gradients[x] = TABLE["astype"](wide[x], dtype=FLOAT16)


FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


def is_float16(x: Any) -> bool:
    """Whether the dtype of an array or a node is float16."""
    return getattr(x, "dtype", None) == FLOAT16


def _has_float16(order: Sequence[Any]) -> bool:
    """Whether there is a Tensor of float16 among the nodes, which are all Tensors or all Values."""
    return order[-1].kind == "Tensor" and "e" in [node._spec[1] for node in order]


def plus(total: Any, contribution: Any) -> Any:
    """The sum as a new object, never in place: the old one may be in use."""
    new = total + contribution
    return np.asarray(new) if isinstance(new, np.generic) else new  # without axes NumPy returns a scalar


def run(
    order: Sequence[Node],
    roots: dict[Node, Any],
    ends: Iterable[Node],
    recorded: bool = False,
    totals: dict[Node, Any] | None = None,
) -> dict[Node, Any]:
    """The gradient at every node in `order`, given those at the roots; missing or `None` for a node that gets none.

    `totals`, if it exists already, has the nodes as keys and `None` as values, and is filled.

    Zero times infinity is NaN in floating point, but a zero gradient stays zero here. That needs a test of every
    product, so the pass is only repeated with it if the gradient at one of the `ends` has a NaN.
    """
    _, _, watch = MODE.get()
    if watch is not None and (watch.values or (watch.follows and not recorded)):
        return watch.run(order, roots, ends, recorded)
    refuse_stale(order)
    quick = bool(order) and not recorded and not HOOKS and not _has_float16(order)
    gradients: dict[Node, Any] = (totals or dict.fromkeys(order)) if quick else {}
    gradients.update(roots)
    with np.errstate(all="ignore"):
        if quick:
            sweep(order, gradients)
        else:
            exhaust(backward_pass(order, gradients, recorded))
        if has_nan(*map(gradients.get, ends)):
            if watch is not None and watch.follows and recorded:
                watch.give_up("a gradient that is NaN, so that zero times infinity has to be found")
            gradients = dict(roots)
            exhaust(backward_pass(order, gradients, recorded, zero_safe=True))
    return gradients


exhaust: Callable[[Iterator[Any]], Any] = deque(maxlen=0).extend


def refuse_stale(order: Sequence[Node]) -> None:
    """Raise if an input has changed since a node was computed from it.

    A leaf may have been assigned, or a replay may have computed an input again and not the node.
    """
    if CLOCK.assigned <= next((node.order for node in order if node._a is not None), CLOCK.assigned):
        return  # nothing was assigned since the oldest operation
    newest: dict[Node, Node] = {}
    for node in order:
        computed = node._changed if node._changed > node.order else node.order
        for x in node.inputs:
            changed = _newest(x, newest)
            if changed._changed > computed:
                assert node.op is not None
                raise GradientError(
                    f"{changed.describe()} was assigned new .data after {node.op.name} had used it (or its "
                    f"requires_grad was), so the gradient would mix old and new numbers. Compute the output again, "
                    f"then call backward()"
                )


def _newest(x: Node, found: dict[Node, Node]) -> Node:
    """Of `x` and the nodes that it is a view of, the one that was changed last; `found` has the results so far."""
    stack = [x]
    while stack:
        node = stack[-1]
        sources = node.inputs if node._shows_inputs() else ()
        unknown = [source for source in sources if source not in found]
        if unknown:
            stack += unknown
        else:
            found[node] = max((node, *(found[source] for source in sources)), key=attrgetter("_changed"))
            stack.pop()
    return found[x]


def has_nan(*gradients: Any) -> bool:
    """Whether one of these gradients, plain or nodes or `None`, has a NaN in it."""
    for g in gradients:
        if g.__class__ is not float and g is not None:
            g = g if g.__class__ is np.ndarray else numbers(g)
            g = np.vdot(g, g)  # one NaN spoils the sum of squares
        if g != g:
            return True
    return False


def backward(root: Node, gradient: Any = None) -> None:
    """`node.backward()`: run the pass, then write every `.grad`."""
    if not root._requires_grad:
        raise GradientError(
            f"backward() was called on {root.describe()}, a constant: nothing that requires a gradient led to it. "
            f"Was it computed under no_grad(), from .data or .item(), or from constants and integers only?"
        )
    totals = _ancestry([root])
    order = _in_order(totals)
    leaves = [node for node in order if node._a is None]
    root._receive(run(order, {root: root._upstream(gradient)}, leaves, totals=totals))


def gradients(output: Node, inputs: Any, gradient: Any = None, create_graph: bool = False) -> Any:
    """The gradients of `output` with respect to `inputs`, returned; no `.grad` is written.

    `inputs` is a node or a list or tuple of nodes, leaves or not; the result has the same form. Each gradient has the
    shape and dtype of its input: a float for a `Value`, an ndarray for a `Tensor`, zero if the output does not depend
    on it. With `create_graph=True` the gradients are nodes that can be differentiated again. `gradient` is the gradient
    at the output, needed unless it is one number. Of a function use `grad`; `backward()` writes `.grad`.

    Raises `KindError` for inputs that are not nodes, `GradientError` for constants.

    >>> from chainrule.autograd import Value, gradients
    >>> x = Value(2.0)
    >>> slope = gradients(x**3, x, create_graph=True)
    >>> slope
    Value(12.0)
    >>> gradients(slope, x)
    12.0
    """
    if not isinstance(inputs, (BaseNode, list, tuple)):
        raise KindError(
            f"gradients(output, inputs) takes a node, or a list of nodes; given {describe(inputs)}"
        )
    wanted: list[Any] = [inputs] if isinstance(inputs, BaseNode) else list(inputs)
    if not isinstance(output, BaseNode):
        raise KindError(f"gradients(output, inputs) differentiates a node; output is {describe(output)}")
    for x in wanted:
        if not isinstance(x, BaseNode):
            raise KindError(f"gradients(output, inputs) takes nodes as inputs; given {describe(x)}")
        if not x._requires_grad:
            if np.asarray(x.data).dtype.kind != "f":
                raise KindError(
                    f"gradients(output, inputs) was given {x.describe()} as an input; integers and booleans are "
                    f"constants: a derivative needs numbers that can change a little. Write Tensor(..., dtype=float)"
                )
            raise GradientError(
                f"gradients(output, inputs) was given {x.describe()} as an input, which is a constant. Make it "
                f"with requires_grad=True before the output is computed from it"
            )
    upstream: Any = output._upstream(gradient)
    if create_graph:
        upstream = gradient if isinstance(gradient, BaseNode) else output._constant(upstream)
    results = pull_back({output: upstream}, wanted, between([output], wanted), create_graph)
    return results[0] if isinstance(inputs, BaseNode) else type(inputs)(results)


def pull_back(
    upstream: dict[Node, Any], wanted: Sequence[Node], order: Sequence[Node], recorded: bool = False
) -> list[Any]:
    """The gradient at each of `wanted`, given those at the outputs and the nodes `between`; zero if there is none."""
    found = run(order, upstream, wanted, recorded)
    results = [zero(x, recorded) if found.get(x) is None else x._own(found[x]) for x in wanted]
    if len(set(wanted)) < len(wanted):  # duplicates are copied
        return [g.copy() if isinstance(g, np.ndarray) else g for g in results]
    return results


def zero(x: Node, recorded: bool) -> Any:
    """The gradient with respect to `x` of an output that does not depend on it."""
    return x._constant(x._zero()) if recorded else x._zero()


def between(outputs: Iterable[Node], wanted: Sequence[Node]) -> list[Node]:
    """The nodes on a path from `wanted` to the outputs, in dependency order."""
    useful = set(wanted)
    order = []
    for node in dependency_order(outputs, since=min((x.order for x in wanted), default=0)):
        if node in useful or not useful.isdisjoint(node.inputs):
            useful.add(node)
            order.append(node)
    return order
