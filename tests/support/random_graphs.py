"""Random programs over 3 by 3 arrays: each operation is written once and runs on chainrule's and on PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# An operation takes the namespace `m` (see `chainrule_names` and `torch_names`) and two (3, 3) arrays, and gives one.
# All are defined and smooth enough everywhere; kinks lie where random numbers do not hit them.
Operation = Callable[[Any, Any, Any], Any]

OPERATIONS: dict[str, Operation] = {
    "add": lambda m, a, b: a + b,
    "subtract": lambda m, a, b: a - b,
    "multiply": lambda m, a, b: a * b,
    "divide": lambda m, a, b: a / (2 + m.sin(b)),
    "negative": lambda m, a, b: -a,
    "power": lambda m, a, b: (1 + m.sigmoid(a)) ** m.tanh(b),
    "square": lambda m, a, b: m.square(m.tanh(a)),
    "sqrt": lambda m, a, b: m.sqrt(1 + m.square(a)),
    "exp": lambda m, a, b: m.exp(m.tanh(a)),
    "expm1": lambda m, a, b: m.expm1(m.sin(a)),
    "log": lambda m, a, b: m.log(1 + m.square(a)),
    "log1p": lambda m, a, b: m.log1p(m.square(a)),
    "log2": lambda m, a, b: m.log2(2 + m.cos(a)),
    "log10": lambda m, a, b: m.log10(2 + m.cos(a)),
    "sin": lambda m, a, b: m.sin(a),
    "cos": lambda m, a, b: m.cos(a),
    "tan": lambda m, a, b: m.tan(m.tanh(a)),
    "arcsin": lambda m, a, b: m.arcsin(0.9 * m.tanh(a)),
    "arccos": lambda m, a, b: m.arccos(0.9 * m.tanh(a)),
    "arctan": lambda m, a, b: m.arctan(a),
    "arctan2": lambda m, a, b: m.arctan2(m.tanh(a), 2 + m.sin(b)),
    "sinh": lambda m, a, b: m.sinh(m.tanh(a)),
    "cosh": lambda m, a, b: m.cosh(m.tanh(a)),
    "tanh": lambda m, a, b: m.tanh(a),
    "arcsinh": lambda m, a, b: m.arcsinh(a),
    "arccosh": lambda m, a, b: m.arccosh(2 + m.sigmoid(a)),
    "arctanh": lambda m, a, b: m.arctanh(0.9 * m.sin(a)),
    "hypot": lambda m, a, b: m.hypot(1 + m.sigmoid(a), b),
    "logaddexp": lambda m, a, b: m.logaddexp(a, b),
    "maximum": lambda m, a, b: m.maximum(a, b + 0.0123),
    "minimum": lambda m, a, b: m.minimum(a, b - 0.0321),
    "where": lambda m, a, b: m.where(a > 0.0123, a, b * b),
    "absolute": lambda m, a, b: m.absolute(a + 0.0123),
    "clip": lambda m, a, b: m.clip(a, -0.5123, 0.7321),
    "sigmoid": lambda m, a, b: m.sigmoid(a),
    "relu": lambda m, a, b: m.relu(a + 0.0123),
    "softplus": lambda m, a, b: m.softplus(a),
    "silu": lambda m, a, b: m.silu(a),
    "gelu": lambda m, a, b: m.gelu(a),
    "erf": lambda m, a, b: m.erf(a),
    "sinc": lambda m, a, b: m.sinc(a),
    "matmul": lambda m, a, b: m.tanh(a) @ b,
    "transpose": lambda m, a, b: a.T * b,
    "reshape": lambda m, a, b: (a.reshape(9, 1) @ m.tanh(b).reshape(1, 9))[2:5, 1:4],
    "index": lambda m, a, b: a[[2, 0, 2]] - b[:, [1, 1, 0]],
    "sum": lambda m, a, b: a * m.sum(m.tanh(b), 0),
    "mean": lambda m, a, b: a - m.mean(b, 1, True),
    "max": lambda m, a, b: a + m.max(b, 1, True),
    "min": lambda m, a, b: a * m.tanh(m.min(b, 0, True)),
    "softmax": lambda m, a, b: m.softmax(a, 1) * b,
    "log_softmax": lambda m, a, b: m.log_softmax(a, 0),
    "logsumexp": lambda m, a, b: m.logsumexp(a, 1, True) + b,
    "concatenate": lambda m, a, b: m.concatenate([a[:1], b[1:]], 0),
    "stack": lambda m, a, b: m.stack([a[0], b[1], a[2]], 1),
}

Program = list[tuple[str, int, int]]
programs: st.SearchStrategy[Program] = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 50), st.integers(0, 50)),
    min_size=3,
    max_size=14,
)
# Twenty rows and more in one graph: each operation works on the result of the one before it.
mixtures: st.SearchStrategy[Program] = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.just(0), st.integers(0, 50)),
    min_size=20,
    max_size=30,
    unique_by=lambda step: step[0],
)
LONG = [(name, 0, 5 * i + 1) for i, name in enumerate(sorted(OPERATIONS))]  # every operation, in one graph


def run(program: Program, m: Any, x: Any, y: Any) -> Any:
    """The sum of the last array; operands are the leaves and earlier results, the newest among them most often."""
    nodes = [x, y]
    for name, i, j in program:
        a, b = nodes[-1 - i % min(len(nodes), 3)], nodes[-1 - j % len(nodes)]
        nodes.append(m.tanh(OPERATIONS[name](m, a, b)) * 1.5)  # kept between -1.5 and 1.5
    return m.sum(nodes[-1] * nodes[-2])
