"""Printed programs, run on their own in a fresh interpreter: the engine's numbers, bit for bit, for every row."""

from __future__ import annotations

import ast
import html
import keyword
import math
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_graphs import LONG, OPERATIONS
from random_graphs import run as random_graph
from table_cases import CASES, ELEMENTWISE

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import (
    TABLE,
    ChainruleError,
    GradientError,
    Primitive,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    elementwise,
    exp,
    gradients,
    sinc,
    softmax,
    structural,
    tanh,
    total,
    where,
)
from chainrule.autograd.program.text import Source, tokens

# A fresh interpreter that knows nothing of chainrule runs the files it is given and pickles their variables.
DRIVER = """
import pickle, runpy, sys
results = []
for path in sys.stdin.read().split():
    found = runpy.run_path(path)
    results.append({k: v for k, v in found.items() if type(v).__module__ in ("numpy", "builtins") and k[0] != "_"
                    and not callable(v) and type(v).__name__ != "module"})
assert "chainrule" not in sys.modules
sys.stdout.buffer.write(pickle.dumps(results))
"""


def run_alone(sources: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """The variables of each program after it ran, all in one new process."""
    paths = []
    for i, source in enumerate(sources):
        paths.append(folder / f"program{i}.py")
        paths[-1].write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-I", "-c", DRIVER],
        input="\n".join(map(str, paths)).encode(), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)  # noqa: S301 (of our own making)


def bits(x: Any) -> Any:
    """Type, shape and bytes; all NaNs are one."""
    if x is None:
        return None
    array = np.array(x)
    array[np.isnan(array)] = np.nan
    return array.dtype, array.shape, array.tobytes()


class Programs:
    """Graphs with what the engine says of them; `check` compares with what their programs say."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.expected: list[dict[str, Any]] = []

    def add(self, root: Any, leaves: Sequence[Any], gradient: Any = None) -> str:
        root.name = "output"
        for i, leaf in enumerate(leaves):
            leaf.name = f"leaf{i}"
        tape = Tape(root)
        source = tape.source(gradient=gradient)
        for leaf in leaves:
            leaf.zero_grad()
        root.backward(gradient)
        expected = {"output": root.data}
        expected |= {
            f"d_{leaf.name}": leaf.grad for leaf in leaves if leaf in tape.index and leaf.requires_grad
        }
        self.sources.append(source)
        self.expected.append(expected)
        return str(source)

    def check(self, folder: Path) -> None:
        for source in self.sources:
            needed = {"math", "numpy"} | ({"scipy.sparse"} if "sparse_matmul" in source else set())
            for x in ast.walk(ast.parse(source)):
                if isinstance(x, ast.Import):
                    assert {name.name for name in x.names} <= needed
                assert not isinstance(x, ast.ImportFrom)
        for source, expected, found in zip(
            self.sources, self.expected, run_alone(self.sources, folder), strict=True
        ):
            for name, value in expected.items():
                assert bits(found[name]) == bits(value), f"{name}: {found[name]} for {value} in\n{source}"


@pytest.fixture
def programs() -> Programs:
    return Programs()


def run_here(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "program", "exec"), found)
    return found


# ---------------------------------------------------------------------- every row, random graphs


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_every_row_on_arrays(
    programs: Programs, dtype: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    for case in CASES:
        leaves = [Tensor(x, dtype=dtype) for x in case.inputs]
        y = TABLE[case.row](*leaves, **case.params)
        programs.add(y, leaves, rng.normal(size=y.shape).astype(y.dtype))
        one = [Tensor(leaves[0].data), *(x.data for x in leaves[1:])]
        y = TABLE[case.row](*one, **case.params)
        programs.add(y, one[:1], rng.normal(size=y.shape).astype(y.dtype))
    programs.check(tmp_path)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_every_row_broadcasting(
    programs: Programs, dtype: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    for case in ELEMENTWISE:
        if len(case.inputs) < 2:
            continue
        first, *others = case.inputs
        for small in (first[0, 0], first[:1, :1], first[0], first[:, :1]):
            for given in ([small, *others], [*others[:1], small, *others[1:]]):
                leaves = [Tensor(x, dtype=dtype) for x in given]
                y = TABLE[case.row](*leaves, **case.params)
                programs.add(y, leaves, rng.normal(size=y.shape).astype(y.dtype))
        y = TABLE[case.row](
            *(scalars := [Tensor(x[0, 0], dtype=dtype) for x in case.inputs]), **_params(case)
        )
        programs.add(y, scalars)
    programs.check(tmp_path)


def _params(case: Any) -> dict[str, Any]:
    return {k: bool(v.flat[0]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}


SPECIAL = (0.0, -0.0, 1.0, -1.5, 800.0, -800.0, 1e300, math.inf, -math.inf, math.nan)


def test_every_row_on_floats_also_at_poles_and_beyond(programs: Programs, tmp_path: Path) -> None:
    for case in ELEMENTWISE:
        at = [[float(x[0, 0]) for x in case.inputs], [float(x[1, 2]) for x in case.inputs]]
        for k, a in enumerate(SPECIAL):
            others = SPECIAL[k % 3 :: 3] if len(case.inputs) > 1 else (a,)
            at += [[(a, b)[i % 2] for i in range(len(case.inputs))] for b in others]
        for numbers in at:
            leaves = [Value(x) for x in numbers]
            programs.add(TABLE[case.row](*leaves, **_params(case)), leaves, 0.7)
    for a in SPECIAL:
        leaves = [Value(a)]
        programs.add(exp(leaves[0]) * 0.0 + leaves[0] ** 0.5 * 0.0, leaves)
    programs.check(tmp_path)
    assert any("import math\n" in source and "numpy" not in source for source in programs.sources)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_arrays_with_poles_and_a_zero_gradient_that_stays_zero(
    programs: Programs, dtype: Any, tmp_path: Path
) -> None:
    for case in ELEMENTWISE:
        with np.errstate(all="ignore"):
            leaves = [Tensor(np.roll(SPECIAL, 3 * i), dtype=dtype) for i in range(len(case.inputs))]
            y = TABLE[case.row](*leaves, **_params(case))
        programs.add(y, leaves, np.array([0.0, -0.0, 1, -1, 0, 2, 0, 3, -0.0, 0], dtype))
    x = Tensor([0.0, 4.0])
    text = programs.add(where(x.data > 0, ag.sqrt(x), 0.0).sum(), [x])
    assert "times(" in text
    assert x.grad.tolist() == [0.0, 0.25]
    programs.check(tmp_path)


def test_random_graphs(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    names = sorted(OPERATIONS)
    for k in range(40):
        size = int(rng.integers(3, 25))
        operations = [
            (names[rng.integers(len(names))], *map(int, rng.integers(0, 50, 2))) for _ in range(size)
        ]
        dtypes = [(float, float), (np.float32, np.float32), (np.float16, np.float16), (float, np.float32)][
            k % 4
        ]
        order = "CF"[k // 2 % 2]
        leaves = [Tensor(np.asarray(rng.normal(size=(3, 3)), dtype, order=order)) for dtype in dtypes]
        programs.add(random_graph(LONG if k < 4 else operations, ag, *leaves), leaves)
    programs.check(tmp_path)


def test_random_graphs_of_values(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    rows = [TABLE[case.row] for case in ELEMENTWISE if not case.params and TABLE[case.row].arity]
    for _ in range(16):
        leaves = [Value(x) for x in rng.normal(size=3)]
        nodes: list[Value] = [*leaves]
        for _ in range(40):
            row = rows[rng.integers(len(rows))]
            chosen = [nodes[-1 - int(i)] for i in rng.integers(0, min(len(nodes), 6), row.arity)]
            nodes.append(tanh(row(*chosen)) * 1.5 + chosen[0] * 0.25)
        programs.add(ag.dot(nodes[-8:-4], nodes[-4:]) + total(nodes), leaves)
    programs.check(tmp_path)


def test_every_order_in_memory(programs: Programs, tmp_path: Path) -> None:
    """NumPy adds an array up in the order in which it lies; programs lay their leaves out alike."""
    for k in range(24):
        rng = np.random.default_rng(k)
        steps = tuple(slice(None, None, int(s)) for s in rng.choice([1, 2, -1, -2], 3))
        x, w = Tensor(np.zeros((1, 1, 1))), None
        view = rng.normal(size=(11, 10, 9)).transpose(rng.permutation(3))[steps]
        x = Tensor(np.zeros(view.shape))
        x.data = view
        w = Tensor(rng.normal(size=view.shape[-1]))
        z = x * w
        y = (z.T.sum(0) ** 2).sum() + (x @ w).sum() + z.std() + (z.transpose(1, 0, 2) * z.mean()).sum(0).sum()
        programs.add(y, [x, w])
    programs.check(tmp_path)


def test_networks(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    x, labels = rng.normal(size=(20, 8)), rng.integers(0, 3, 20)
    for dtype in (float, np.float32):
        model = nn.MLP(8, [16, 3], seed=0, dtype=dtype)
        loss = nn.cross_entropy(model(x.astype(dtype)), labels) + 0.01 * sum(
            (w**2).sum() for w in model.parameters()
        )
        text = programs.add(loss, list(model.parameters()))
        assert text.count("softmax(") == 2  # one definition, one call
    scalar = nn.scalar.MLP(2, [4, 1], seed=0)
    for activation in (lambda y: y, lambda y: nn.hinge_loss(y, 1.0)):
        programs.add(activation(scalar([0.3, -0.2])), scalar.parameters())
    for loss_function in (nn.binary_cross_entropy_with_logits, nn.mse_loss, nn.l1_loss):
        w = Tensor(rng.normal(size=(8, 1)))
        programs.add(loss_function(x @ w, (labels > 0).astype(float)[:, None]), [w])
    programs.check(tmp_path)


# ---------------------------------------------------------------------- the text


def body_of(source: str) -> list[str]:
    return source.split("# forward pass\n")[1].split("\nif __name__")[0].splitlines()


def test_the_listing_of_the_lectures() -> None:
    x = Value(0.5, name="x")
    out1 = tanh(x)
    out2 = out1 * out1
    loss = exp(out2) + x
    for name, node in (("out1", out1), ("out2", out2), ("loss", loss)):
        node.name = name
    assert body_of(Tape(loss).source()) == [
        "out1 = math.tanh(x)",
        "out2 = out1 * out1",
        "v1 = math.exp(out2)",
        "loss = v1 + x",
        "",
        "# backward pass: the gradient that arrived, times the local gradient",
        "d_loss = 1.0",
        "d_v1 = d_loss",
        "d_x = d_loss",
        "d_out2 = d_v1 * v1",
        "d_out1 = d_out2 * out1",
        "d_out1 += d_out2 * out1",
        "d_x += d_out1 * (1 - out1 * out1)",
    ]


def test_a_linear_layer_with_its_broadcasting_undone() -> None:
    w, b = Tensor([[1.0, 2.0], [3.0, 4.0]], name="W"), Tensor([0.5, -0.5], name="b")
    loss = tanh(Tensor(np.eye(2), name="X", requires_grad=False) @ w + b).sum()
    loss.name = "loss"
    assert body_of(Tape(loss).source()) == [
        "v1 = X @ W",
        "v2 = v1 + b",
        "v3 = np.tanh(v2)",
        "loss = np.sum(v3, axis=(0, 1))",
        "",
        "# backward pass: the gradient that arrived, times the local gradient",
        "d_loss = np.ones_like(loss)",
        "d_v3 = np.broadcast_to(np.reshape(d_loss, (1, 1)), (2, 2))",
        "d_v2 = d_v3 * (1 - v3 * v3)",
        "d_v1 = d_v2",
        "d_b = np.sum(d_v2, axis=0)",
        "d_W = X.T @ d_v1",
    ]


def test_a_sum_never_changes_an_array_with_another_name() -> None:
    x = Tensor([1.0, 2.0], name="x")
    y = x + x  # both inputs are handed one array
    found = run_here(Tape((y + x).sum() + (y * 2.0).sum()).source())
    assert found["d_x"].tolist() == [7.0, 7.0]
    assert found["d_v1"].tolist() == [3.0, 3.0]


def test_long_rules_are_written_in_parts() -> None:
    for kind in (Value, Tensor):
        lines = body_of(Tape(sinc(kind(0.3, name="x"))).source())
        assert max(map(len, lines)) < 110
        assert lines[-1].startswith("d_x = d_v1 * t_")


def test_numbers_that_a_row_wants_as_arrays(programs: Programs, tmp_path: Path) -> None:
    """NumPy makes plain numbers of arrays without axes, which cannot be assigned into."""
    x = Tensor([0.3, 0.4])
    text = programs.add((x.sum().at[...].set(x[0] * 2) ** 2.5).reshape(1).at[0].add(x.mean()).sum(), [x])
    assert "v1 = np.asarray(np.sum(" in text
    programs.check(tmp_path)


def test_the_program_in_the_readme() -> None:
    w, x = Value(0.5, name="w"), Value(2.0, name="x")
    readme = Path(__file__).resolve().parents[2] / "README.md"
    assert f"```text\n{Tape(tanh(w * x) + w).source()}```" in readme.read_text(encoding="utf-8")


def test_as_a_command_it_prints_the_output_and_the_gradients(tmp_path: Path) -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    path = Tape(a * b).source().save(tmp_path / "new" / "program.py")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert done.stdout == "v1 = -6.0\nd_a = -3.0\nd_b = 2.0\n"


def test_large_leaves_stand_below_the_program_which_is_a_function_of_them(programs: Programs) -> None:
    rng = np.random.default_rng(0)
    x, w = Tensor(rng.normal(size=(30, 20)), requires_grad=False), Tensor(rng.normal(size=20))
    text = programs.add(tanh(x @ w).sum(), [x, w])
    assert text.index("def program(leaf0, leaf1):") < text.index("leaf0 = np.frombuffer")
    found = run_here(text)
    output, d_w = found["program"](found["leaf0"], 2 * w.data)  # with other numbers, too
    again = Tensor(2 * w.data)
    y = tanh(x @ again).sum()
    y.backward()
    assert bits(output) == bits(y.data)
    assert bits(d_w) == bits(again.grad)


def test_arrays_of_a_rows_own_reach_its_copy_also_where_the_program_is_a_function(
    programs: Programs, tmp_path: Path
) -> None:
    table = np.arange(20.0) ** 2

    def scaled(x: Any) -> Any:
        y = x * table
        return y

    row = structural("scaled_by_table", scaled, [lambda g, y, x: scaled(g)])
    try:
        for size in (20, 2000):
            x, large = Tensor(np.ones(20)), Tensor(np.linspace(0, 1, size))
            text = programs.add(row(x).sum() * large.sum(), [x, large])
        assert "def program(" in text
        programs.check(tmp_path)
    finally:
        del TABLE["scaled_by_table"]


def test_constants_are_written_with_the_digits_they_were_given() -> None:
    x = Tensor(np.array([1.0, 2.0], np.float32), name="x")
    y = where(np.array([[True, False], [False, True]]), x * 0.1 - 2, x)
    assert [line for line in body_of(Tape(y.sum()).source()) if "d_v" not in line] == [
        "v1 = x * 0.1",
        "v2 = v1 - 2.0",
        "v3 = np.where(constant, v2, x)",
        "v4 = np.sum(v3, axis=(0, 1))",
        "",
        "# backward pass: the gradient that arrived, times the local gradient",
    ]


def test_softmax_is_copied_without_the_numbers_of_this_machine() -> None:
    source = Tape(softmax(Tensor([1.0, 2.0], name="x")) @ np.ones(2)).source()
    assert max(map(len, str(source).splitlines())) < 125
    assert "np.finfo(" in source
    assert "frombuffer" not in source


def test_a_name_that_is_free_is_kept() -> None:
    a, other, third = Value(2.0, name="a"), Value(3.0, name="a"), Value(4.0, name="a_2")
    text = Tape(a * other * third).source()
    assert re.findall(r"^(\w+) = (\d)", text, re.M)[:3] == [("a", "2"), ("a_3", "3"), ("a_2", "4")]


@pytest.mark.parametrize("kind", [Value, lambda x, name: Tensor([x, 1.0], name=name)])
def test_hostile_names_become_variables_and_inject_nothing(kind: Callable[..., Any]) -> None:
    names = [
        "", "w", "w", "def", "None", "a b", "1st", "__name__", "\nraise SystemExit", "'''\"\\", "print", "np", "math",
        "\ufb01", "fi", "d_w", "sum", "ü", "x" * 300, "a\u2028raise SystemExit", "#", "__debug__", "match", "softmax",
        "sigmoid", "_", "v1", "program", "\ud800", "pi\x00", "constant", "times", "\r1/0", "x\x0cy", "t", "float",
    ]  # fmt: skip
    leaves = [kind(0.1 * i, name=name) for i, name in enumerate(names)]
    y: Any = leaves[0]
    for leaf in leaves:
        y = tanh(y * ag.sigmoid(leaf)) + sinc(leaf)
    y = y.sum() if isinstance(y, Tensor) else y
    source = Tape(y).source()
    source.encode("utf-8")
    found = run_here(source)
    y.backward()
    gradients = re.findall(r'print\("(\w+) =', source)[1:]
    assert len(set(gradients)) == len(leaves)
    for leaf, name in zip(leaves, gradients, strict=True):
        assert bits(found[name]) == bits(leaf.grad)
        variable = name.removeprefix("d_")
        assert variable not in ("math", "np", "program", *keyword.kwlist)


def test_what_cannot_be_written_is_a_lesson() -> None:
    x = Tensor([1.0, 2.0], name="x")
    y = x * x
    with pytest.raises(ShapeError, match="Reduce it first"):
        Tape(y).source()
    with pytest.raises(GradientError, match="2"):
        Tape([y, x]).source()
    with pytest.raises(GradientError, match="constant"):
        Tape(Value(1.0, requires_grad=False)).source()
    with pytest.raises(GradientError, match=r"Record f\(x\) in place of checkpoint"):
        Tape(checkpoint(exp, x).sum()).source()
    handle = y.register_hook(lambda g: 2 * g)
    with pytest.raises(GradientError, match=r"handle.remove\(\)"):
        Tape(y.sum()).source()
    handle.remove()
    total = y.sum()
    x.data = np.array([3.0, 4.0])
    with pytest.raises(GradientError, match="was assigned new .data after multiply"):
        Tape(total).source()


def test_a_leaf_that_nothing_reaches() -> None:
    x, keys = Value(1.0, name="x"), Tensor([1.0, 2.0], name="keys")
    assert run_here(Tape(x).source())["d_x"] == 1.0
    y = TABLE["arrange"](Tensor([1.0, 2.0], name="x"), keys, axis=0).sum()
    assert run_here(Tape(y).source())["d_keys"] is None


# ---------------------------------------------------------------------- rows of one's own


def test_rows_of_ones_own(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.autograd.engine.table.TABLE", dict(TABLE))
    monkeypatch.setattr("chainrule.autograd.engine.table.UFUNCS", {})
    scale = 1.25

    def composed_slope(y: Any, x: Any) -> Any:
        return tanh(x) + x * (1 - tanh(x) ** 2)

    def helped(x: float) -> float:
        return scale * math.atan(x)

    rows = [
        elementwise("cube", lambda x: x**3, lambda x: x**3, [lambda y, x: 3 * x * x]),
        elementwise("plain", math.sinh, np.sinh, [lambda y, x: math.cosh(x) if isinstance(x, float) else np.cosh(x)]),
        elementwise("closure", helped, lambda x: scale * np.arctan(x), [lambda y, x: scale / (1 + x * x)]),
        elementwise("composed", lambda x: tanh(x) * x, lambda x: tanh(x) * x, [composed_slope]),
    ]  # fmt: skip
    for row in rows:
        x = Value(0.7)
        programs.add(row(x), [x])
        t = Tensor([0.7, -0.2])
        programs.add(row(t).sum(), [t])
    mirror = structural("mirror", np.fliplr, [lambda g, y, x: mirror(g)])
    t = Tensor([[1.0, 2.0]])
    programs.add((mirror(t) * np.array([[5.0, 7.0]])).sum(), [t])
    programs.check(tmp_path)


def test_a_row_without_a_source_is_traced_or_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.autograd.engine.table.TABLE", dict(TABLE))
    typed: dict[str, Any] = {"math": math, "tanh": tanh}
    exec(
        "traced = lambda x: tanh(x) * x + math.sqrt(2)\n"
        "def loop(x):\n    while x < 9:\n        x = x * 2\n    return x\n"
        "opaque = lambda x: float(f'{x}')",
        typed,
    )
    row = elementwise("traced", typed["traced"], np.tanh, [lambda y, x: tanh(x)])
    x = Value(0.5, name="x")
    assert "v1 = math.tanh(x) * x + math.sqrt(2)\n" in Tape(row(x)).source()
    for name, reason in (("loop", "source cannot be found"), ("opaque", "lambda")):
        opaque = elementwise(name, typed[name], np.tanh, [lambda y, x: tanh(x)])
        with pytest.raises(ChainruleError, match=f"{name!r} .*{reason}.*`def`"):
            Tape(opaque(x)).source()


THIRD = 1 / 3


def softened(x: float) -> float:
    rest = math.exp(-abs(x))
    return max(x, 0.0) + math.log1p(rest)


@pytest.mark.parametrize(
    ("compute", "data", "params", "text"),
    [
        (lambda x: math.log1p(math.exp(x)), (0.75,), {}, "math.log1p(math.exp(x))"),
        (lambda x: np.log1p(np.exp(-x)), ([0.75, -0.5],), {}, "np.log1p(np.exp(-x))"),
        (lambda a, b: (a - b) / b, (0.75, -2.0), {}, "(x - z) / z"),
        (lambda x: THIRD * softened(x) - math.pi, (0.5,), {}, f"{THIRD} * softened(x) - math.pi"),
        (lambda x: x[::2].copy().sum(axis=0), ([0.75, -0.5],), {}, "x[::2].copy().sum(axis=0)"),
        (lambda x: sum(x**k for k in range(3)), (0.75,), {}, "0 + x ** 0 + x ** 1 + x ** 2"),
        (lambda x: min(max(x, -1.0), 1.0), (0.75,), {}, "min(max(x, -1.0), 1.0)"),
        (lambda x: x * x if isinstance(x, float) else np.square(x), (0.75,), {}, "x * x"),
        (lambda x, step: x[step:] * step, ([0.75, -0.5],), {"step": 1}, "x[1:] * 1"),
    ],
)
def test_a_lambda_is_written_out(
    compute: Any, data: Any, params: Any, text: str, programs: Programs, tmp_path: Path
) -> None:
    row = Primitive(
        "written", compute, compute, [lambda y, *xs, **how: 0] * len(data), None, elementwise=True
    )
    leaves = [(Value if type(x) is float else Tensor)(x, name=name) for x, name in zip(data, "xz")]
    y = row(*leaves, **params)
    y = y if np.ndim(y.data) == 0 else y[0]
    assert body_of(Tape(y).source())[0] == f"v1 = {text}"
    programs.add(y, leaves)
    programs.check(tmp_path)


def test_a_lambda_with_branches_is_written_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.autograd.engine.table.TABLE", dict(TABLE))
    bent = lambda x: -1.0 if x == 0 else math.log(x) if 0 < x < 2 or x > 3 else 1 / (x - x)  # noqa: E731
    row = elementwise("bent", bent, np.log, [lambda y, x: 1 / x])
    source = Tape(row(Value(1.5, name="x"))).source()
    for x in (0.0, 0.5, 1.5, 4.0):
        forward = source.replace("x = 1.5", f"x = {x}").split("# backward pass")[0]
        assert run_here(forward)["v1"] == bent(x)
    with pytest.raises(ZeroDivisionError):
        run_here(source.replace("x = 1.5", "x = 2.5"))


def test_every_helper_and_every_module_of_a_program_is_used() -> None:
    options = {"width": 2.0, "kind": object()}

    def half_copied(x: float, soft: bool) -> float:
        if soft:
            return softened(x)  # can be copied
        return x * options["width"]  # type: ignore[operator]

    row = Primitive("half_copied", half_copied, np.tanh, [lambda y, x, soft: 1], None, elementwise=True)
    source = Tape(row(Value(0.5, name="x"), soft=False)).source()
    assert "v1 = x * 2.0\n" in source
    assert "def " not in source
    assert "import " not in source


def test_a_ufunc_that_reduces_without_an_axis_is_not_called_a_sum() -> None:
    """`np.add.reduce(x)` is over the first axis, `np.sum(x)` over all."""
    reduce = np.add.reduce

    def columns(x: Any) -> Any:
        return reduce(x) * 2.0

    x = Tensor([[1.0, 2.0], [3.0, 4.0]], name="x")
    for function in (np.add.reduce, columns):
        row = Primitive("columns", None, function, [lambda g, y, x: g + 0 * x], None, elementwise=False)
        y = row(x)
        np.testing.assert_array_equal(run_here(Tape(y).source(gradient=np.ones(2)))["v1"], y.data)


# ---------------------------------------------------------------------- how it shows itself


def long_source() -> Source:
    y = Value(0.5, name="x")
    for _ in range(100):
        y = tanh(y)
    return Tape(y).source()


def test_a_long_program_shows_its_beginning_and_says_how_to_get_the_rest() -> None:
    source = long_source()
    assert len(str(source).splitlines()) > 200
    lines = repr(source).splitlines()
    assert len(lines) < 70
    assert str(source).startswith("\n".join(lines[:60]))
    assert "print(source) shows all" in lines[-1]
    assert "print(source) shows all" in html.unescape(source._repr_html_())
    short = Tape(tanh(Value(1.0))).source()
    assert repr(short) == str(short).rstrip("\n")


def test_the_beginning_of_a_long_program_is_its_passes_not_its_helpers_or_digits() -> None:
    x = Tensor(np.linspace(-1, 1, 128).reshape(2, 1, 8, 8), requires_grad=False)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    source = Tape(nn.cross_entropy(model(x), np.array([1, 2]))).source()
    shown = repr(source)
    assert str(source).index("# backward pass") > len("\n".join(str(source).splitlines()[:100]))
    assert shown.index("# forward pass") < shown.index("# backward pass") < shown.index("= np.frombuffer(")
    assert "def conv(x, w, stride, padding, dilation, groups): ...\n" in shown
    left = int(re.search(r"# \.\.\. (\d+) more lines", shown)[1])  # type: ignore[index]
    assert left == len(str(source).splitlines()) - len(shown.splitlines()) + 1


def test_of_many_leaves_the_beginning_shows_the_first() -> None:
    model = nn.scalar.MLP(2, [16, 1], seed=0)
    source = Tape(model([1.0, 2.0])).source()
    shown = repr(source).splitlines()
    at = shown.index("# leaves")
    assert shown[at + 7 : at + 10] == ["# ... and 61 more", "", "# forward pass"]
    assert shown[at + 10].startswith("v1 = ")
    left = int(re.search(r"\d+", shown[-1])[0])  # type: ignore[index]
    assert left == len(str(source).splitlines()) - len(shown) + 1


def test_colours_change_no_character() -> None:
    x = Tensor([1.0, 2.0], name="<b>&\"'")
    for source in (long_source(), Tape(softmax(x * x).sum()).source()):
        assert "".join(part for part, _ in tokens(source)) == source
        assert re.sub("\x1b\\[\\d*m", "", source.in_colour()) == source
        page = source._repr_html_()
        assert "<b>" not in page
        shown = html.unescape(re.sub("<[^>]*>", "", page.split("</style>")[1]))
        assert shown == repr(source)
        assert 'class="keyword">import<' in page
    numbers = [part for part, style in tokens("x = 1.5 # 2") if style == "number"]
    assert numbers == ["1.5"]


def executed(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "program"}
    exec(source, names)
    return names


def test_integers_stay_integers_in_a_program() -> None:
    x = Tensor(np.ones((12, 3)), name="x")
    loss = nn.cross_entropy(x, np.zeros(12, int))
    found = executed(Tape(loss).source())
    np.testing.assert_array_equal(found["d_x"], gradients(loss, x))
    many = Tensor(np.arange(20.0), name="many")
    for at in (
        np.zeros(10, int),
        np.full(10, 3),
        np.zeros(20, bool),
        np.full(20, True),
        np.zeros(9, np.int32),
    ):
        y = (many[at] * 2.0).sum()
        names = executed(Tape(y).source())
        np.testing.assert_array_equal(names["d_many"], gradients(y, many))


def test_a_constant_zero_divides_as_arrays_do() -> None:
    x, u = Tensor([1.0, 0.0], name="x"), np.ones(2)
    with np.errstate(all="ignore"):
        for y in (x / 0.0, 1.0 / (x * 0.0), x**-1.0, (x * 0.0) ** 0.0):
            y.name = "y"
            found = executed(Tape(y).source(gradient=u))
            np.testing.assert_array_equal(found["y"], y.data)
            np.testing.assert_array_equal(found["d_x"], gradients(y, x, u))


def test_zeros_have_the_signs_of_the_engine() -> None:
    x, y = Tensor([-0.5], name="x"), Tensor(-0.25, name="y")
    out = (ag.minimum(x, y) * -1.0).sum()
    expected = gradients(out, [x, y])
    recorded = [g.data for g in gradients(out, [x, y], create_graph=True)]
    names = executed(Tape(out).source())
    tape = Tape(out)
    tape.forward()
    tape.backward()
    for found in (recorded, [names["d_x"], names["d_y"]], [x.grad, y.grad]):
        for a, b in zip(found, expected, strict=True):
            assert np.asarray(a).tobytes() == b.tobytes()


def test_a_program_of_an_embedding_reads_its_integers() -> None:
    C, x = Tensor(np.arange(6.0).reshape(3, 2), name="C"), Tensor([0, 2], name="x")
    source = Tape(C[x].sum()).source()
    assert "v1 = C[x]" in source
    assert "at=x" in source
    np.testing.assert_array_equal(executed(source)["d_C"], [[1, 1], [0, 0], [1, 1]])


def test_float16_is_added_up_in_float32_in_a_program() -> None:
    x = Tensor(np.ones(2), dtype=np.float16, name="x")
    y = sum((x * 1.0 for _ in range(2100)), x * 0.0).astype(np.float32).sum()
    found = executed(Tape(y).source())
    assert found["d_x"].dtype == np.float16
    np.testing.assert_array_equal(found["d_x"], gradients(y, x))


@pytest.mark.skipif(
    np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="longdouble is float64 on this machine"
)
@pytest.mark.parametrize("number", ["1e4000", "0.1", "-1e-4000", "0.5", "inf"])
def test_options_in_long_double_keep_all_their_digits(number: str) -> None:
    x = Tensor(np.array([1.0, np.nan], np.longdouble), name="x")
    y = np.nan_to_num(x, nan=np.longdouble(number))
    y.name = "y"
    found = executed(Tape(y).source(gradient=np.ones(2)))["y"]
    assert found.dtype == np.longdouble
    assert found[1] == np.longdouble(number)


@pytest.mark.parametrize("shape", [(), (1,), (2,)])
@pytest.mark.parametrize("upstream", [-3.0, 2.7, 0.75])
def test_slopes_in_float16_are_those_of_the_engine(shape: tuple[int, ...], upstream: float) -> None:
    """0.1 in float16 times 3 is 0.2998, and 0.1 times 3 in float16 is 0.3."""
    x, u = Tensor(np.full(shape, -1.0, np.float16), name="x"), np.full(shape, upstream, np.float16)
    tape = Tape(ag.leaky_relu(x, 0.1))
    expected = (0.1 * u.astype(float)).astype(np.float16)
    assert ag.gradients(tape.nodes[-1], x, u) == pytest.approx(expected, rel=0, abs=0)
    assert executed(tape.source(gradient=u))["d_x"] == pytest.approx(expected, rel=0, abs=0)
    tape.forward()
    tape.backward(u)
    assert x.grad == pytest.approx(expected, rel=0, abs=0)


def test_a_replayed_graph_of_values_is_written_with_the_numbers_of_recording() -> None:
    """A replay may take NumPy's tanh, whose last bit differs from Python's."""
    xs = [0.1 * k for k in range(1, 20)]
    leaf = Value(0.0, name="x")
    y = ag.tanh(leaf) ** 2 + ag.exp(leaf) * leaf
    y.name = "y"
    for x in xs:
        leaf.data = x
        tape = Tape(y)
        tape.forward()
        names = executed(tape.source())
        fresh = Value(x)
        expected = ag.tanh(fresh) ** 2 + ag.exp(fresh) * fresh
        expected.backward()
        assert (names["y"], names["d_x"]) == (expected.data, fresh.grad)
