"""The live page in a real browser: after every change its numbers are the engine's, and it says what changed."""

from __future__ import annotations

import ast
import math
import random

import pytest
from expressions import micrograd_expression

from chainrule import nn
from chainrule.autograd import TABLE, Tape, Tensor, Value, elementwise, tanh
from chainrule.viz import step
from chainrule.viz.common.notation import typeset
from chainrule.viz.common.numbers import number
from chainrule.viz.stepping import live as live_module

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--",
    "`${alert(1)}`",
    "*/ alert(1) /*",
    "two\nlines\x00",
    "naïve 名前 🙂",
    "x" * 500,
    "constructor",
    "__proto__",
]


def show(browser, tmp_path, stepper, **settings):
    return browser.open(stepper.save(tmp_path / "steps.html").as_uri(), **settings)


def neuron(w=0.5, x=2.0, b=-0.3, target=1.0):
    w, x = Value(w, name="w"), Value(x, name="x", requires_grad=False)
    b, target = Value(b, name="b"), Value(target, name="target", requires_grad=False)
    loss = (tanh(w * x + b) - target) ** 2
    loss.name = "loss"
    return loss


def leaf(root: Value, name: str) -> int:
    """The position of a leaf in the tape."""
    tape = Tape(root)
    return next(n for n, node in enumerate(tape.nodes) if node.name == name)


def settled(page) -> None:
    """After the next frame, and after the numbers that are not in sight were written."""
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => setTimeout(go, 350)))")


def test_every_leaf_over_many_values_gives_the_engines_numbers(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(micrograd_expression()))
    rng = random.Random(0)
    nodes = Tape(micrograd_expression()).nodes
    leaves = [n for n, node in enumerate(nodes) if node.op is None]
    for at in leaves:
        given = [rng.uniform(-5, 5) for _ in range(100)]
        found = page.evaluate(
            """([n, given]) => given.map((x) => {
                const recorded = now.values[n];
                setLeaf(n, x);
                const found = [now.values, nodes.map((_, n) => gradientOf(n) ?? null)];
                setLeaf(n, recorded);
                return found;
            })""",
            [at, given],
        )
        for x, (values, gradients) in zip(given, found, strict=True):
            root = micrograd_expression()
            tape = Tape(root)
            tape.nodes[at].data = x
            tape.forward()
            for node in tape.nodes:
                node.zero_grad()
            tape.backward()
            assert values == pytest.approx([node.data for node in tape.nodes], rel=1e-12, nan_ok=True)
            engine = [node.grad if node.requires_grad else None for node in tape.nodes]
            for mine, its in zip(gradients, engine, strict=True):
                assert (mine is None) == (its is None)
                assert mine is None or mine == pytest.approx(its, rel=1e-11, nan_ok=True)


def test_the_page_shows_a_change_everywhere_and_what_was_there_before(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.keyboard.press("End")
    w = leaf(neuron(), "w")
    field = page.get_by_label("value of w", exact=True)
    field.fill("1,25")
    settled(page)
    other = neuron(w=1.25)
    other.backward()
    nodes = Tape(other).nodes
    for n, node in enumerate(nodes):
        cells = page.locator("#rows tr").nth(n).locator("td")
        assert cells.nth(0).inner_text().split("\n")[0] == typeset(number(node.data))
        if node.requires_grad:
            assert cells.nth(1).locator(".figure").inner_text() == typeset(number(node.grad))
    assert page.locator(f"#n{w} .ghost").text_content() == "was 0.5"
    assert "was 0.5, +0.75" in page.locator("#rows tr").nth(w).inner_text()
    s = step(other).steps[-1]  # where the page is
    shown = [typeset(number(x)) for x in (s.local, s.upstream, s.total)]
    assert all(text in page.locator("#equation").inner_text() for text in shown)
    page.get_by_text("Forget old numbers").click()
    settled(page)
    assert page.locator(".ghost").count() == 0
    page.get_by_text("Reset").click()
    settled(page)
    assert field.input_value() == "0.5"
    assert page.evaluate("() => shown === state")


def test_keys_and_dragging_change_a_leaf(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.keyboard.press("ArrowRight")
    page.get_by_label("value of w", exact=True).focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("n => now.values[n]", leaf(neuron(), "w")) == pytest.approx(0.6)
    page.keyboard.press("Shift+ArrowDown")
    assert page.evaluate("n => now.values[n]", leaf(neuron(), "w")) == pytest.approx(-0.4)
    assert page.input_value("#slider") == "1"  # the keys were the field's
    page.keyboard.press("Escape")
    for target in (f"#n{leaf(neuron(), 'b')}", "#leaves .item:has(input[aria-label='value of b']) .handle"):
        box = page.locator(target).bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = page.evaluate("n => now.values[n]", leaf(neuron(), "b"))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y, steps=5)
        page.mouse.up()
        assert page.evaluate("n => now.values[n]", leaf(neuron(), "b")) > before + 0.05
        assert page.input_value("#slider") == "1"  # the end of a drag is no click


def test_a_change_before_the_first_step_leads_to_the_last_where_all_is_seen(browser, tmp_path) -> None:
    stepper = step(neuron())
    page = show(browser, tmp_path, stepper)
    page.get_by_label("value of w", exact=True).fill("2")
    settled(page)
    assert page.input_value("#slider") == str(len(stepper))


def test_what_is_no_number_changes_nothing(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    field = page.get_by_label("value of w", exact=True)
    for text in ("", "abc", "1e", "1;alert(1)", "0x10", "--1"):
        field.fill(text)
        assert field.get_attribute("aria-invalid") == "true"
        assert page.evaluate("n => now.values[n]", leaf(neuron(), "w")) == 0.5
    field.fill("-inf")
    assert page.evaluate("n => now.values[n]", leaf(neuron(), "w")) == -math.inf


def test_fifty_steps_of_descent_are_the_engines(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.get_by_label("Learning rate").fill("0.25")
    button = page.get_by_text("One step of gradient descent")
    for _ in range(50):
        button.click()
    w, b = 0.5, -0.3
    first = neuron().data
    for _ in range(50):
        loss = neuron(w=w, b=b)
        loss.backward()
        grads = {node.name: node.grad for node in Tape(loss).leaves}
        w, b = w - 0.25 * grads["w"], b - 0.25 * grads["b"]
    last = neuron(w=w, b=b).data
    found = page.evaluate("ns => ns.map((n) => now.values[n])", [leaf(neuron(), "w"), leaf(neuron(), "b")])
    assert found == pytest.approx([w, b], rel=1e-12)
    assert page.locator("#course").inner_text() == (
        f"loss: {typeset(number(first))} → {typeset(number(last))} after 50 steps"
    )
    assert page.locator("#curve polyline").get_attribute("points").count(",") == 51


def test_a_leaf_without_its_tick_is_not_descended(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.get_by_label("gradient descent changes b").uncheck()
    page.get_by_text("One step of gradient descent").click()
    found = page.evaluate("ns => ns.map((n) => now.values[n])", [leaf(neuron(), "w"), leaf(neuron(), "b")])
    assert found[1] == -0.3
    assert found[0] != 0.5


def test_a_nudge_shows_the_slope_beside_the_gradient(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.get_by_label("nudge w").click()
    loss = neuron()
    loss.backward()
    gradient = typeset(number(Tape(loss).nodes[leaf(loss, "w")].grad))
    text = page.locator("#nudged").inner_text()
    assert text.endswith(f"The gradient of loss with respect to w is {gradient}.")
    slope = (neuron(w=0.5001).data - neuron().data) / 1e-4
    assert f"= {typeset(number(slope))}." in text


def test_the_state_as_python(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    page.get_by_label("value of w", exact=True).fill("1e-7")
    page.get_by_label("value of b", exact=True).fill("3")
    page.get_by_text("Copy as Python").click()
    found = ast.literal_eval(page.input_value("#copied"))
    assert found == {"w": 1e-7, "x": 2.0, "b": 3.0, "target": 1.0, "2": 2.0}
    assert all(type(x) is float for x in found.values())


def test_numbers_among_the_leaves_change_the_rules(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    two = next(n for n, node in enumerate(Tape(neuron()).nodes) if node.op is None and node.name is None)
    page.keyboard.press("End")
    page.evaluate("n => setLeaf(n, 3)", two)
    settled(page)
    assert page.locator("#rows tr").last.inner_text().endswith("³")
    page.evaluate("() => reset()")
    assert page.locator("#rows tr").last.inner_text().endswith("²")


@pytest.mark.parametrize("digits", [1, 4, 17])
def test_numbers_are_written_as_in_python(browser, tmp_path, digits) -> None:
    page = show(browser, tmp_path, step(neuron(), digits=digits))
    rng = random.Random(1)
    given = [rng.uniform(-1, 1) * 10 ** rng.uniform(-12, 12) for _ in range(2000)]
    given += [0.0, -0.0, 1.0, -7.0, 1e7, 9999999.0, 1e300, 5e-324, 0.1, 123456.7, 999999.9, 1e-5, 0.00012345]
    found = page.evaluate("(given) => given.map(written)", given)
    python = [typeset(number(x, digits)) if x else "0" for x in given]
    assert found == python
    assert page.evaluate("() => [NaN, Infinity, -Infinity].map(written)") == ["NaN", "∞", "−∞"]


def test_a_network_is_live_and_its_parameters_are_descended(browser, tmp_path) -> None:
    model = nn.scalar.MLP(2, [16, 16, 1], seed=0)
    loss = (model([0.5, -1.0]) - 1) ** 2
    loss.name = "loss"
    page = show(browser, tmp_path, step(loss))
    page.get_by_text("One step of gradient descent").click()
    page.keyboard.press("End")
    settled(page)
    loss.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
    expected = (model([0.5, -1.0]) - 1) ** 2
    assert page.evaluate("() => result()") == pytest.approx(expected.data, rel=1e-9)
    tape = Tape(loss)
    inputs = [n for n, node in enumerate(tape.nodes) if node.name in ("x1", "x2")]
    assert page.evaluate("ns => ns.map((n) => now.values[n])", inputs) == [0.5, -1.0]  # parameters only
    rows = page.eval_on_selector_all(
        "#rows tr .value", "cells => cells.map((cell) => cell.firstChild.textContent)"
    )
    values = page.evaluate("() => now.values.map(written)")
    assert rows == values  # also of those that are out of sight


def test_a_page_says_why_it_is_not_live(browser, tmp_path, monkeypatch) -> None:
    def why(root) -> str:
        page = show(browser, tmp_path, step(root))
        assert page.locator("#experiment").is_hidden()
        return page.locator("#why").inner_text()

    assert "Pages of Values" in why((Tensor([1.0, 2.0]) * 2).sum())

    def one_or_two(x):
        return 1.0 if x > 0 else 2.0

    opaque = elementwise("opaque", one_or_two, one_or_two, [lambda y, x: 0])
    try:
        assert "opaque" in why(opaque(Value(1.0)))
    finally:
        del TABLE["opaque"]
    monkeypatch.setattr(live_module, "MOST_OPERATIONS", 4)
    assert "the graph has 6 operations, and pages of up to 4" in why(neuron() + 0.0)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_texts_and_the_page_is_live(browser, tmp_path, name) -> None:
    x = Value(2.0, name=name or None)
    y = x * 3
    page = show(browser, tmp_path, step(y))
    page.evaluate("n => setLeaf(n, 5)", Tape(y).index[x])
    settled(page)
    assert page.evaluate("() => result()") == 15.0
    page.get_by_text("Copy as Python").click()
    assert ast.literal_eval(page.input_value("#copied"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_an_experiment_can_be_used_by_everyone(browser, tmp_path, scheme, width) -> None:
    page = show(
        browser, tmp_path, step(neuron()), color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    page.locator("#numbers").evaluate("(details) => { details.open = true; }")
    page.get_by_label("value of w", exact=True).fill("1")
    settled(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("#experiment *")]
            .filter((x) => x.textContent.trim() && x.checkVisibility())
            .map((x) => parseFloat(getComputedStyle(x).fontSize))"""
    )
    assert min(sizes) >= 11
    for control in page.locator("#experiment :is(button, input)").all():
        if control.is_visible():
            box = control.bounding_box()
            name = control.evaluate(
                "(x) => x.getAttribute('aria-label') || x.textContent || x.labels?.[0]?.textContent"
            )
            assert name.strip()
            assert box["height"] >= 18
