"""Printed programs of rows of one's own: their functions, lambdas and helpers are written out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from printed_programs import Programs, body_of, run_here

from chainrule.autograd import (
    TABLE,
    ChainruleError,
    Primitive,
    Tape,
    Tensor,
    Value,
    elementwise,
    structural,
    tanh,
)


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
