"""The lectures: each item has its place, with code and figure, and worked examples have the slides' numbers."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    Tensor,
    Value,
    dot,
    exp,
    gradients,
    log,
    log_softmax,
    sigmoid,
    sin,
    tanh,
    total,
)

X = np.array([[1, 0.5, -0.35], [1, -0.1, 0.1], [1, -1.2, 1]])
Y = np.array([0.0, 0.0, 1.0])
W = np.array([0.0, -1.0, 1.0])


def nll_loss(x, y, w):
    p = sigmoid(x @ w)
    return -(y * log(p) + (1 - y) * log(1 - p)).mean()


def test_logistic_regression_by_hand_and_automatically() -> None:
    manual = (1 / (1 + np.exp(-(X @ W))) - Y) @ X / 3
    w = Tensor(W, name="w")
    automatic = gradients(nll_loss(X, Y, w), w)
    np.testing.assert_allclose(automatic, manual, rtol=1e-12)
    before = nll_loss(X, Y, w).item()
    w.data -= 3 * automatic
    assert nll_loss(X, Y, w).item() < before


def test_logistic_regression_on_values_and_per_sample() -> None:
    w = [Value(v, name=f"w{i}") for i, v in enumerate(W)]
    for x, y in zip(X, Y):
        p = sigmoid(dot(w, list(x)))
        likelihood = y * log(p) + (1 - y) * log(1 - p)
        assert gradients(likelihood, w) == pytest.approx(list((y - p.data) * x), rel=1e-12)


def test_softmax_with_cross_entropy_gives_yhat_minus_y_over_n() -> None:
    z = Tensor(np.random.default_rng(0).normal(size=(5, 4)))
    classes = np.array([0, 3, 1, 1, 2])
    loss = -log_softmax(z)[np.arange(5), classes].mean()
    yhat = np.exp(z.data) / np.exp(z.data).sum(1, keepdims=True)
    np.testing.assert_allclose(gradients(loss, z), (yhat - np.eye(4)[classes]) / 5, rtol=1e-12)


def test_two_layers_with_every_gradient_of_the_slide() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 1)), rng.normal(size=(2, 1))
    w1, b1, w2, b2 = (
        Tensor(rng.normal(size=s), name=n)
        for n, s in (("W1", (4, 3)), ("b1", (4, 1)), ("W2", (2, 4)), ("b2", (2, 1)))
    )
    a = w1 @ x + b1
    h = sigmoid(a)
    yhat = w2 @ h + b2
    loss = 0.5 * ((yhat - y) ** 2).sum()
    loss.backward()
    d_yhat = yhat.data - y
    d_h = w2.data.T @ d_yhat
    d_a = d_h * h.data * (1 - h.data)
    for node, expected in [
        (yhat, d_yhat), (w2, d_yhat @ h.data.T), (b2, d_yhat), (h, d_h), (a, d_a), (w1, d_a @ x.T), (b1, d_a),
    ]:  # fmt: skip
        np.testing.assert_allclose(node.grad, expected, rtol=1e-12)


def test_the_deltas_are_the_gradients_at_the_preactivations() -> None:
    rng = np.random.default_rng(2)
    x0, y = rng.normal(size=2), 0.3
    w1 = [[Value(v) for v in row] for row in rng.normal(size=(3, 2))]
    w2 = [Value(v) for v in rng.normal(size=3)]
    s1 = [dot(row, list(x0)) for row in w1]
    x1 = [tanh(s) for s in s1]
    s2 = dot(w2, x1)
    out = tanh(s2)
    ((out - y) ** 2).backward()
    delta = 2 * (out.data - y) * (1 - out.data**2)
    assert s2.grad == pytest.approx(delta, rel=1e-12)
    for i in range(3):
        delta_i = (1 - x1[i].data ** 2) * w2[i].data * delta
        assert s1[i].grad == pytest.approx(delta_i, rel=1e-12)
        assert w2[i].grad == pytest.approx(delta * x1[i].data, rel=1e-12)
        for j in range(2):
            assert w1[i][j].grad == pytest.approx(delta_i * x0[j], rel=1e-12)


def test_one_node_or_four_give_the_same_gradient() -> None:
    x = Value(0.7)
    one, four = sigmoid(x), 1 / (1 + exp(-x))
    assert one.data == pytest.approx(four.data, rel=1e-15)
    assert gradients(one, x) == pytest.approx(gradients(four, x), rel=1e-14)


def test_the_linear_layer() -> None:
    rng = np.random.default_rng(3)
    x, w, b = Tensor(rng.normal(size=(5, 3))), Tensor(rng.normal(size=(3, 2))), Tensor(rng.normal(size=2))
    z = x @ w + b
    g = rng.normal(size=(5, 2))
    dx, dw, db = gradients(z, (x, w, b), g)
    np.testing.assert_allclose(dx, g @ w.data.T)
    np.testing.assert_allclose(dw, x.data.T @ g)
    np.testing.assert_allclose(db, np.ones(5) @ g)


# ---------------------------------------------------------------------- the table of all items

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/lectures.md"
ITEMS = {"UCL-R": 33, "UCL-5": 71, "IMP": 88, "UST": 35, "EDI": 68}
MEASURED = {"results.md#sequences"}  # by `make results`, which takes long; the page has what it printed
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)]+)\)")
HEADING = re.compile(r"^(#+) (?:<a id=\"([^\"]+)\"></a>)?(.+)$", re.MULTILINE)
Section = tuple[bool, bool]  # whether it has code that is executed, and a picture


def rows() -> list[tuple[str, str, list[str]]]:
    """Lecture, item and places of each row."""
    found = []
    sections = re.split(r"^## ", TABLE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:-1]
    for lecture, section in zip(ITEMS, sections, strict=True):
        numbered = ROW.findall(section)
        assert [int(number) for number, *_ in numbered] == list(range(1, ITEMS[lecture] + 1))
        found += [(lecture, item, LINK.findall(places)) for _, item, places in numbered]
    return found


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@lru_cache
def sections(path: Path) -> dict[str, Section]:
    """What each section of a page or a notebook has, with what is below it."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        text = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            text += source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
            shown = [kind for output in cell.get("outputs", ()) for kind in output.get("data", ())]
            text += "\n![](shown)\n" * any(kind.startswith(("image/", "text/html")) for kind in shown)
            text += "\n"
    code = [found.span() for found in re.finditer(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)]
    inside = [found for found in HEADING.finditer(text) if not any(a < found.start() < b for a, b in code)]
    found = {}
    for k, heading in enumerate(inside):
        level = len(heading[1])
        end = next((each.start() for each in inside[k + 1 :] if len(each[1]) <= level), len(text))
        part = text[heading.start() : end]
        found[heading[2] or slug(heading[3])] = "```python" in part, "![" in part
    return found


def look(place: str) -> Section:
    name, _, anchor = place.partition("#")
    found = sections((TABLE.parent / name).resolve())
    return found[anchor or next(iter(found))]


def test_every_item_of_the_lectures_has_its_row() -> None:
    assert Counter(lecture for lecture, *_ in rows()) == ITEMS
    assert all(places for *_, places in rows())


def test_every_place_has_code_that_is_executed() -> None:
    places = {place for *_, found in rows() for place in found} - MEASURED
    assert [place for place in sorted(places) if not look(place)[0]] == []


def test_every_figure_of_the_lectures_has_a_picture_at_its_place() -> None:
    figures = [row for row in rows() if re.search(r"\((figures?|diagram|animation)\)", row[1])]
    assert len(figures) == 24
    assert [row for row in figures if not look(row[2][0])[1]] == []


# ---------------------------------------------------------------------- examples with more than one term


def test_the_chain_of_three_and_the_two_input_sigmoid() -> None:
    a = Value(2.0)
    exp(sin(a**2)).backward()
    assert a.grad == pytest.approx(4 * math.cos(4) * math.exp(math.sin(4)), rel=1e-14)
    w0, x0, w1, x1, w2 = (Value(v) for v in (2.0, -1.0, -3.0, -2.0, -3.0))
    (1 / (1 + exp(-(w0 * x0 + w1 * x1 + w2)))).backward()
    slope = math.e / (1 + math.e) ** 2  # of the sigmoid at 1
    by_hand = [-slope, 2 * slope, -2 * slope, -3 * slope, slope]
    assert [v.grad for v in (w0, x0, w1, x1, w2)] == pytest.approx(by_hand, rel=1e-14)


def test_the_loss_is_the_logarithm_of_the_likelihood() -> None:
    yhat, y = np.array([0.9, 0.2, 0.7, 0.8]), np.array([1.0, 0.0, 1.0, 1.0])
    assert nn.binary_cross_entropy(yhat, y).item() == pytest.approx(-math.log(0.9 * 0.8 * 0.7 * 0.8) / 4)
    logits, classes = np.array([[2.0, 1.0, -1.0], [0.0, 0.5, 1.0]]), [0, 1]
    product = math.exp(2) / (math.exp(2) + math.e + 1 / math.e) * math.exp(0.5) / (1 + math.exp(0.5) + math.e)
    assert nn.cross_entropy(logits, classes).item() == pytest.approx(-math.log(product) / 2)


def test_deltas_of_several_layers_and_of_two_outputs() -> None:
    rng = np.random.default_rng(4)
    widths, y = [3, 3, 3, 2], np.array([0.3, -0.6])
    w = [Tensor(rng.normal(size=shape)) for shape in pairwise(widths)]  # w[l][i, j]: from unit i to unit j
    b = [Tensor(rng.normal(size=n)) for n in widths[1:]]
    x, s = [Tensor(rng.normal(size=3))], []
    for weight, bias in zip(w, b):
        s.append(x[-1] @ weight + bias)
        x.append(tanh(s[-1]))
    ((x[-1] - y) ** 2).sum().backward()
    delta = [2 * (x[3].data[j] - y[j]) * (1 - x[3].data[j] ** 2) for j in range(2)]
    for layer in (2, 1, 0):
        np.testing.assert_allclose(s[layer].grad, delta, rtol=1e-12)
        np.testing.assert_allclose(b[layer].grad, delta, rtol=1e-12)
        for i, j in np.ndindex(*w[layer].shape):
            assert w[layer].grad[i, j] == pytest.approx(x[layer].data[i] * delta[j], rel=1e-12)
        delta = [
            (1 - x[layer].data[i] ** 2) * sum(w[layer].data[i, j] * delta[j] for j in range(len(delta)))
            for i in range(3)
        ]


def test_a_linear_layer_element_by_element() -> None:
    x = [[Value(1.0), Value(2.0)], [Value(3.0), Value(-1.0)]]
    w = [[Value(0.5), Value(-1.0), Value(2.0)], [Value(1.5), Value(0.0), Value(-0.5)]]
    b = [Value(0.1), Value(0.2), Value(0.3)]
    z = [[x[i][0] * w[0][j] + x[i][1] * w[1][j] + b[j] for j in range(3)] for i in range(2)]
    assert [v.data for v in z[0]] == pytest.approx([3.6, -0.8, 1.3])
    d = [[1.0, -2.0, 0.5], [0.3, 1.0, -1.0]]
    total([d[i][j] * z[i][j] for i in range(2) for j in range(3)]).backward()
    assert x[0][0].grad == pytest.approx(1 * 0.5 + -2 * -1 + 0.5 * 2)  # three terms
    assert w[1][2].grad == pytest.approx(2 * 0.5 + -1 * -1)  # one for each sample
    assert b[0].grad == pytest.approx(1.3)
