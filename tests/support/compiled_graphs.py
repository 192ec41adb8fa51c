"""Graphs compiled by XLA, many in one program, compared with the engine: values, first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.autograd import Tensor, gradients
from chainrule.autograd.xla import Compiled, program_of


@dataclass
class Graph:
    """A result, the leaves that it was computed from, and a text for messages."""

    name: str
    leaves: list[Tensor]
    output: Tensor


def graph_of(name: str, function: Callable[..., Any], *arrays: Any) -> Graph:
    """The graph of a function of arrays; those of integers and booleans are constants."""
    leaves = [Tensor(x) for x in arrays]
    return Graph(name, leaves, function(*leaves))


def close(found: Any, expected: Any, rtol: float, name: str) -> None:
    """The same shape, dtype and NaNs; numbers to `rtol`, relative to each or to 1, denormal ones may be 0."""
    expected = np.asarray(expected)
    if found is None:  # no gradient arrives
        found = np.zeros_like(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
    with np.errstate(all="ignore"):
        finite = np.isfinite(expected) & np.isfinite(found)
        error = np.abs(np.where(finite, found - expected, 0))
        wrong = error > rtol * np.maximum(1, np.abs(expected))
        wrong |= ~finite & ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    assert not wrong.any(), f"{name}: {found[wrong][:3]} instead of {expected[wrong][:3]}"


def upstream_of(graphs: Sequence[Graph], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.5, 1.5, g.output.shape).astype(g.output.dtype) for g in graphs]


def quick_options() -> dict[str, Any]:
    """Options of XLA with which programs are compiled three times as fast, and run more slowly."""
    options: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(jnp.negative, compiler_options=options)(1.0)
    except jax.errors.JaxRuntimeError:  # from JAX 0.12 on there is no such option
        del options["xla_cpu_use_fusion_emitters"]
    return options


QUICK = quick_options()


def check_first_order(graphs: Sequence[Graph], rtol: float, quick: bool = False) -> None:
    """Values and gradients of all graphs, compiled as one program."""
    leaves = [x for graph in graphs for x in graph.leaves]
    upstream = upstream_of(graphs, 0)
    program = program_of([graph.output for graph in graphs], leaves)
    compiled = Compiled(program, device="cpu", options=QUICK if quick else {})
    outputs, found = compiled.passes([x.data for x in leaves], upstream)
    rest = iter(found)
    for graph, y, u in zip(graphs, outputs, upstream, strict=True):
        close(y, graph.output.data, rtol, f"{graph.name}, value")
        wanted = [x for x in graph.leaves if x.requires_grad]
        for x, g in zip(wanted, gradients(graph.output, wanted, u), strict=True):
            close(next(rest), g, rtol, f"{graph.name}, gradient of shape {x.shape}")


def check_second_order(graphs: Sequence[Graph], rtol: float, quick: bool = False) -> None:
    """The gradients of a projection of each graph's gradient, which is recorded and compiled."""
    projected = []
    for graph, u in zip(graphs, upstream_of(graphs, 0), strict=True):
        wanted = [x for x in graph.leaves if x.requires_grad]
        for k, g in enumerate(gradients(graph.output, wanted, u, create_graph=True)):
            if g.requires_grad:
                projected.append(Graph(f"{graph.name}, gradient {k}, again", wanted, g))
    if not projected:
        return
    leaves = [x for graph in graphs for x in graph.leaves]
    upstream = upstream_of(projected, 1)
    compiled = Compiled(
        program_of([graph.output for graph in projected], leaves),
        device="cpu",
        options=QUICK if quick else {},
    )
    outputs, found = compiled.passes([x.data for x in leaves], upstream)
    totals: dict[Tensor, Any] = {}
    for graph, y, u in zip(projected, outputs, upstream, strict=True):
        close(y, graph.output.data, rtol, f"{graph.name}, value")
        for x, g in zip(graph.leaves, gradients(graph.output, graph.leaves, u), strict=True):
            totals[x] = g if x not in totals else totals[x] + g
    by_leaf = dict(zip([x for x in leaves if x.requires_grad], found, strict=True))
    for graph in projected:
        for x in graph.leaves:
            close(by_leaf[x], totals[x], rtol, graph.name)
