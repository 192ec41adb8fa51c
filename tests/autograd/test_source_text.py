"""The text of printed programs: what a reader sees, in which order, and how it shows itself."""

from __future__ import annotations

import html
import keyword
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from printed_programs import Programs, bits, body_of, run_here

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import (
    TABLE,
    GradientError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    exp,
    sinc,
    softmax,
    structural,
    tanh,
    where,
)
from chainrule.autograd.program.text import Source, tokens

# ---------------------------------------------------------------------- the text


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
