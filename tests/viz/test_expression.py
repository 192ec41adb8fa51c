"""Expressions as text: what can be read, and that everything else is refused with a way out."""

from __future__ import annotations

import io
import math
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.autograd import Tensor, Value, gradients
from chainrule.viz.cli import main
from chainrule.viz.cli.expression import FUNCTIONS, ExpressionError, evaluate, read_assignments

A = ["a=2", "b=-3"]


@pytest.mark.parametrize(
    ("text", "value", "by_a"),
    [
        ("tanh(a*b + 6)", 0.0, -3.0),
        ("a**2 / b - a", -4 / 3 - 2, 4 / -3 - 1),
        ("-a", -2, -1),
        ("+a - -b", -1, 1),
        ("-(a + 2*pi)", -2 - 2 * math.pi, -1),
        ("where(a > b, a, b)", 2, 1),
        ("where(a <= b, a, b)", -3, 0),
        ("abs(b) + absolute(a)", 5, 1),
        ("total([a, b, 1])", 0, 1),
        ("dot([a, b], [a, 2])", -2, 4),
        ("leaky_relu(-a, negative_slope=0.1)", -0.2, -0.1),
        ("maximum(a, e)", math.e, 0),
        ("1e-3 * a", 0.002, 0.001),
    ],
)
def test_what_can_be_read(text: str, value: float, by_a: float) -> None:
    leaves = read_assignments(A)
    y = evaluate(text, leaves)
    assert y.data == pytest.approx(value)
    assert gradients(y, leaves["a"]) == pytest.approx(by_a)


def test_lists_make_tensors() -> None:
    leaves = read_assignments(["w=[[1, 2], [3, 4]]", "x=[1, -1]", "b=0.5"])
    assert all(isinstance(x, Tensor) for x in leaves.values())
    y = evaluate("sum(w @ x + b)", leaves)
    assert y.item() == -1.0
    np.testing.assert_array_equal(gradients(y, leaves["w"]), [[1, -1], [1, -1]])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hypot(sum(take(w, 0, 0)), 4)", 5.0),  # a row of the table, and a function along an axis
        ("sum(clip(w, 2, 3))", 10.0),
        ("norm(w)", math.sqrt(30)),
        ("mean(w) + max(w)", 6.5),
        ("sum(cumsum(w))", 1 + 3 + 6 + 10),
        ("sum(softmax(w, axis=0))", 2.0),
        ("sum(concatenate([w, w]))", 20.0),
        ("trace(reshape(w, (2, 2)))", 5.0),
        ("sum(tril(w))", 8.0),
        ("sum(expand_dims(w, 0))", 10.0),
    ],
)
def test_functions_of_every_family_can_be_called(text: str, value: float) -> None:
    assert evaluate(text, read_assignments(["w=[[1, 2], [3, 4]]"])).item() == pytest.approx(value)


def test_functions_of_functions_cannot_be_called() -> None:
    for name in ("grad", "checkpoint", "check_gradients", "no_grad", "Tensor", "elementwise"):
        with pytest.raises(ExpressionError, match=f"there is no function {name}"):
            evaluate(f"{name}(a)", read_assignments(A))


def test_whole_numbers_stay_whole_as_counts_axes_and_shapes() -> None:
    leaves = read_assignments(["w=[[1, 2], [3, 4]]"])
    for text in (
        "sum(tile(w, 2))",
        "sum(reshape(w, (2, -1)))*2",
        "2*sum(sum(w, -1))",
        "sum(repeat(w, 2, 0))",
    ):
        assert evaluate(text, leaves).item() == 20.0
    assert evaluate("sum(power(w, 2))", leaves).item() == 30.0


def test_remainders() -> None:
    leaves = read_assignments(["a=7.5", "b=-2"])
    y = evaluate("a % b * 2", leaves)
    assert y.item() == -1.0
    assert gradients(y, [leaves["a"], leaves["b"]]) == [2.0, 8.0]


@pytest.mark.parametrize(
    ("text", "lesson"),
    [
        ("2a + 1", r"A product needs its \*"),
        ("tanh(a*b", "brackets do not match"),
        ("a=3", "Values come after the expression"),
        ("a^2", r"a power is written \*\*"),
        ("a // b", r"floor\(a / b\)"),
        ("", "It is empty"),
        ("   ", "It is empty"),
        ("c + 1", "c has no value; add c=NUMBER"),
        ("sigmod(a)", "did you mean sigmoid"),
        ("qqq(a)", "There are: .*tanh"),
        ("tanh", r"tanh is a function; write tanh\(\.\.\.\)"),
        ("tanh(a, b)", "takes 1 input; given 2"),
        ("softmax(a)", "one number"),
        ("2 + 3", "nothing to differentiate"),
        ("a.real", "not allowed"),
        ("a[0]", "not allowed"),
        ("lambda: a", "not allowed"),
        ("[a for a in b]", "not allowed"),
        ("a if a else b", "not allowed"),
        ("a and b", "not allowed"),
        ("'text' * a", "not allowed"),
        ("1j * a", "not allowed"),
        ("(a := 3)", "not allowed"),
        ("f'{a}'", "not allowed"),
        ("__import__('os')", "no function __import__"),
        ("a.__class__()", "cannot be called"),
        ("eval('1')", "no function eval"),
        ("reshape(a, **a)", "not allowed"),
        ("leaky_relu(a, negative_slope=b)", "plain number"),
        ("leaky_relu(a, slopes=1)", "slopes"),
        ("(" * 5000 + "a" + ")" * 5000, "nested|cannot be read"),
        ("-" * 5000 + "a", "nested"),
        ("a" + "+a" * 20000, "40001 characters"),
        ("a\0b", "cannot be read"),
        ("9" * 6000 + "* a", r"larger than a float can be, 1\.8e308"),
        ("a*1" + "0" * 400, r"larger than a float can be, 1\.8e308"),
        ("total([a, " + "1" * 400 + "])", "larger than a float"),
        ("a" + "+a" * 5000, "too many operations in a row"),
        ("sum(a, axis={[]: 1})", "the option axis has to be a plain number"),
        ("sum(a, axis={})", "the option axis has to be a plain number"),
        ("sum(a, axis=[0])", "the option axis has to be a plain number"),
        ("[a] < 1", r"'\[a\] < 1' cannot be computed"),
        ("a * \ud800", "cannot be read"),
        ("x" * 300, "xxx... has no value"),
    ],
)
def test_what_is_refused(text: str, lesson: str) -> None:
    from chainrule.autograd import ChainruleError

    with pytest.raises(ChainruleError, match=lesson):
        evaluate(text, read_assignments(A))


@given(st.text(alphabet="ab+-*/()., 0123456789tanhexp<>=[]'\"_\n", max_size=30))
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::SyntaxWarning")
def test_nothing_but_a_lesson_comes_of_any_text(text: str) -> None:
    from chainrule.autograd import ChainruleError, Node

    try:
        result = evaluate(text, read_assignments(A))
    except ChainruleError:
        return
    assert isinstance(result, Node)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a=",
        "1=2",
        "a=x",
        "a=[1,'x']",
        "a=[1,'2']",
        "a=[[1],[1,2]]",
        "a=True",
        "a=[True]",
        "a=[None]",
        "a=1,2",
    ]
    + ["a=1j", "a=[1j]", "=2", "a\0=2", "\ud800=2", "a=" + "[" * 500 + "]" * 500, "a=" + "[" * 50_000],
)
def test_assignments_that_are_none(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"as in a=2|write a number"):
        read_assignments([text])


def test_a_name_twice() -> None:
    with pytest.raises(ExpressionError, match="a is given twice"):
        read_assignments(["a=2", "a=3"])


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-" + "9" * 400, "9" * 6000, "[1, 1" + "0" * 400 + "]"])
def test_whole_numbers_that_no_float_can_hold_are_a_lesson(number: str) -> None:
    with pytest.raises(ExpressionError, match=r"larger than a float can be, 1\.8e308"):
        read_assignments([f"a={number}"])


@pytest.mark.parametrize("name", ["if", "lambda", "None", "not"])
def test_words_of_python_are_no_names(name: str) -> None:
    with pytest.raises(ExpressionError, match=f"{name} is a word of Python"):
        read_assignments([f"{name}=2"])


@pytest.mark.parametrize(("given", "used"), [("µ", "μ"), ("μ", "µ"), ("ﬁ", "fi"), ("ª", "a"), ("K", "K")])
def test_names_are_the_same_where_they_are_for_python(given: str, used: str) -> None:
    leaves = read_assignments([f"{given}=2", "x=3"])
    assert evaluate(f"{used} * x", leaves).data == 6.0
    assert evaluate(f"{given} * x", leaves).data == 6.0
    with pytest.raises(ExpressionError, match="given twice"):
        read_assignments([f"{given}=2", f"{used}=3"])


def test_a_name_may_be_that_of_a_function_or_of_a_constant() -> None:
    leaves = read_assignments(["sin=0", "e=5"])
    assert evaluate("sin(sin) + 2*sin + e", leaves).data == 5.0


def test_not_enough_memory_is_not_told_as_something_else() -> None:
    for text in ("sum(tile(a, 1000000000000000))", "sum(repeat(a, 1000000000000000))"):
        with pytest.raises(MemoryError):
            evaluate(text, read_assignments(["a=[1, 2]"]))


# ---------------------------------------------------------------------- texts of every kind

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "w",
        "0",
        "1",
        "-1",
        "2",
        "0.5",
        "1e400",
        "pi",
        "(1, 2)",
        "()",
        "[]",
        "[a, b]",
        "[[1, 2], [3, 4]]",
        "a < b",
    ]
    + [
        "True",
        "None",
        "'s'",
        "1j",
        "...",
        "a.T",
        "a[0]",
        "{}",
        "{1: 2}",
        "lambda: a",
        "not a",
        "*a",
        "a := 1",
        "µ",
        "x",
    ]
    + [
        "1" + "0" * 400,
        "\ud800",
        "\0",
        "[i for i in a]",
        "f'{a}'",
        "sin",
        "e",
        "--2",
        "a if b else 1",
        "_",
        "a,",
    ]
)
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "**", "@", "<", "==", ",", "^", "//", "%", "and", "|", " ", "="]
)
OPTIONS = st.sampled_from(
    ["axis", "keepdims", "shape", "ord", "repeats", "ddof", "decimals", "negative_slope", "zz"]
)
CALLED = st.sampled_from([*sorted(FUNCTIONS), "nothing", "a", "a.T", "__import__"])


def extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    call = st.builds(
        lambda name, given, option, value: (
            f"{name}({', '.join([*given, *([f'{option}={value}'] if option else [])])})"
        ),
        *(CALLED, st.lists(inner, max_size=3), st.none() | OPTIONS, inner),
    )
    return (
        st.builds("({} {} {})".format, inner, OPERATORS, inner)
        | call
        | st.builds("{}{}".format, inner, OPERATORS)
    )


VALUES = st.sampled_from(
    [["a=2", "b=-3", "w=0"], ["a=[1,2]", "b=[]", "w=[[1,2],[3,4]]"], ["a=nan", "b=inf", "w=-0.0"]]
)


@given(
    st.recursive(ATOMS, extended, max_leaves=6),
    VALUES,
    st.sampled_from([["draw"], ["step", "--log"], ["program"]]),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::SyntaxWarning")
def test_the_command_answers_every_expression_with_a_result_or_a_lesson(text, values, command) -> None:
    printed, told = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(told):
        try:
            status = main([*command, text, *values])
        except SystemExit as stop:  # what begins with -- is taken for an option
            status = stop.code
    assert status in (0, 2)
    if status == 2:
        assert told.getvalue()
        assert printed.getvalue() == ""
        assert len(told.getvalue()) < 5000
    else:
        assert printed.getvalue()


def test_values_keep_their_names_and_special_numbers() -> None:
    leaves = read_assignments(["x=1e-300", "y=inf", "z = -0.5"])
    assert [(v.name, v.data) for v in leaves.values()] == [("x", 1e-300), ("y", math.inf), ("z", -0.5)]
    assert all(isinstance(v, Value) for v in leaves.values())
