"""The page on screens of six sizes: what happens is in sight, nothing is too small, and it can be printed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from expressions import micrograd_expression

from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import step

SIZES = [(390, 844), (768, 1024), (1024, 768), (1280, 720), (1440, 900), (1920, 1080)]


def neuron() -> Value:
    w, x, b = Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False), Value(-0.3, name="b")
    loss = (tanh(w * x + b) - 1) ** 2
    loss.name = "loss"
    return loss


def network(*sizes: int) -> Value:
    loss = (nn.scalar.MLP(2, sizes, seed=0)([0.5, -1.0]) - 1) ** 2
    loss.name = "loss"
    return loss


# for each position with the ids of boxes: those that are not wholly in the window and in the frame of the graph
OUT_OF_SIGHT = """wanted => {
    const slider = document.getElementById("slider"), stage = document.getElementById("stage");
    return wanted.flatMap(([position, ...ids]) => {
        slider.value = position;
        slider.dispatchEvent(new Event("input"));
        const frame = stage.getBoundingClientRect();
        return ids.filter(id => {
            const box = document.getElementById(id).getBoundingClientRect();
            return !(box.left >= Math.max(frame.left, 0) && box.right <= Math.min(frame.right, innerWidth)
                && box.top >= Math.max(frame.top, 0) && box.bottom <= Math.min(frame.bottom, innerHeight));
        }).map(id => [position, id]);
    }).concat(document.documentElement.scrollWidth > innerWidth || scrollY ? ["the page is wider"] : []);
}"""
SMALL_TEXTS = """() => {
    const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const element = walk.currentNode.parentElement, style = getComputedStyle(element);
        if (!walk.currentNode.data.trim() || style.visibility !== "visible") continue;
        if (!element.getClientRects().length) continue;
        const svg = element.closest("svg");
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        if (parseFloat(style.fontSize) * scale < 10.99) found.push(walk.currentNode.data);
    }
    return found;
}"""


@pytest.mark.parametrize(
    ("make", "every", "source"),
    [
        (neuron, 1, False),
        (micrograd_expression, 1, False),
        (micrograd_expression, 1, True),
        (lambda: network(3, 1), 1, False),
        (lambda: network(3, 1), 1, True),
        (lambda: network(16, 16, 1), 29, False),
    ],
    ids=[
        "neuron",
        "expression",
        "expression with code",
        "small network",
        "small network with code",
        "larger network",
    ],
)
def test_the_node_and_the_receiver_of_each_step_are_in_sight_and_texts_can_be_read(
    browser, tmp_path, make, every, source
) -> None:
    stepper = step(make, source=source)
    path = stepper.save(tmp_path / "steps.html")
    page = browser.open(path.as_uri())
    for turn, (width, height) in enumerate(SIZES):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(50)
        wanted = []
        for s in stepper.steps[turn * 5 % every :: every]:
            ends = s.inputs[:4] if s.kind == "forward" else [s.input]
            wanted.append([s.index + 1, f"n{s.node}", *(f"n{x}" for x in ends)])
        assert page.evaluate(OUT_OF_SIGHT, wanted) == [], (width, height)
        assert page.evaluate(SMALL_TEXTS) == [], (width, height)
        if page.is_visible("#zoom"):  # the whole graph, too, has no text that cannot be read
            page.click("#zoom")
            assert page.evaluate(SMALL_TEXTS) == [], (width, height)
            page.click("#zoom")
            page.evaluate("scrollTo(0, 0)")  # where the button is


def test_the_node_and_the_receiver_of_a_question_are_in_sight(browser, tmp_path) -> None:
    stepper = step(network(3, 1), quiz=True)
    page = browser.open(stepper.save(tmp_path / "steps.html").as_uri())
    wanted = [[s.index + 1, f"n{s.node}", f"n{s.input}"] for s in stepper.steps[stepper.turn + 1 :]]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(50)
        assert page.evaluate(OUT_OF_SIGHT, wanted) == [], (width, height)
        assert page.evaluate(SMALL_TEXTS) == [], (width, height)


# for each position with the id of an edge and those of boxes: the texts of the edge that a box covers
COVERED = """wanted => {
    const slider = document.getElementById("slider"), found = [];
    for (const [position, edge, ...boxes] of wanted) {
        slider.value = position;
        slider.dispatchEvent(new Event("input"));
        for (const text of document.getElementById(edge).querySelectorAll("text")) {
            const a = text.getBoundingClientRect();
            for (const id of boxes) {
                const b = document.querySelector(`#${id} > :is(path, polygon, ellipse)`).getBoundingClientRect();
                const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                if (text.textContent && across > 3 && down > 3) found.push([position, text.textContent, id]);
            }
        }
    }
    return found;
}"""


def named_at_length() -> Value:
    a, b = Value(1.0, name="the_weight_of_the_first_neuron"), Value(2.0, name="b")
    c, d = Value(3.0, name="c"), Value(4.0, name="d")
    loss = tanh(a * b + c * d)
    loss.name = "a_loss_with_a_long_name_as_well"
    return loss


def network_of_arrays() -> Tensor:
    X = np.random.default_rng(0).normal(size=(5, 3))
    return nn.mse_loss(nn.MLP(3, [4, 4, 1], seed=0)(X), np.zeros((5, 1)))


@pytest.mark.parametrize("make", [lambda: network(3, 1), named_at_length, network_of_arrays])
def test_the_numbers_on_the_edge_of_a_step_are_beside_the_boxes_of_the_step(browser, tmp_path, make) -> None:
    stepper = step(make())
    page = browser.open(stepper.save(tmp_path / "steps.html").as_uri())
    wanted = [
        [s.index + 1, f"n{s.node}in{s.position}", f"n{s.node}", f"n{s.node}op", f"n{s.input}"]
        for s in stepper.steps[stepper.turn + 1 :]
    ]
    for width, height in ((390, 844), (768, 1024), (1100, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(50)
        assert page.evaluate(COVERED, wanted) == [], (width, height)


def test_the_legend_has_what_is_in_the_graph(browser, tmp_path) -> None:
    seen = "[...document.querySelectorAll('figcaption .key')].filter(e => !e.hidden).map(e => e.textContent)"
    page = browser.open(step(Value(2.0)).save(tmp_path / "steps.html").as_uri())
    assert page.evaluate(seen) == ["input"]
    page = browser.open(step(neuron()).save(tmp_path / "steps.html").as_uri())
    assert {"value, this step", "passed", "input", "constant", "computed"} < set(page.evaluate(seen))


def test_a_box_that_was_moved_goes_back(browser, tmp_path) -> None:
    page = browser.open(step(micrograd_expression()).save(tmp_path / "steps.html").as_uri())
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(50)
    for key in ("End", *["ArrowLeft"] * 40, "End"):  # the panel of the sentence has its height afterwards
        page.keyboard.press(key)
    picture = """Object.fromEntries([...document.querySelectorAll("#graph g[id]")].map(g => [g.id, [
        [...g.classList].sort().join(" "), g.getAttribute("transform"),
        ...[...g.querySelectorAll("path, text")].map(e => ["d", "x", "y"].map(key => e.getAttribute(key)).join()),
    ].join()]))"""
    before, moved = page.evaluate(picture), 0
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
        moved += page.locator("#graph .moved").count()
    page.keyboard.press("End")
    assert moved > 10
    assert page.evaluate(picture) == before
    page.keyboard.press("Home")
    assert page.locator("#graph .moved, #graph .veil, #graph .note").count() == 0


def test_on_a_phone_the_factors_stay_together_and_the_controls_are_low(browser, tmp_path) -> None:
    stepper = step(network(3, 1))
    page = browser.open(
        stepper.save(tmp_path / "steps.html").as_uri(), viewport={"width": 390, "height": 844}
    )
    lines = """() => [...document.querySelectorAll("#equation .group .term")].map(
        term => Math.round(term.getBoundingClientRect().top))"""
    for s in stepper.steps[stepper.turn + 1 :]:
        page.locator("#slider").fill(str(s.index + 1))
        so_far, local, upstream, _ = page.evaluate(lines)
        assert so_far == local == upstream, s
    assert page.locator(".controls").bounding_box()["height"] < 110


def test_names_and_numbers_of_the_table_stand_on_one_line(browser, tmp_path) -> None:
    page = browser.open(step(neuron()).save(tmp_path / "steps.html").as_uri())
    page.keyboard.press("End")
    bottoms = """rows => rows.map(row => ["th", "td.value", "td.rule"].map(cell => {
        const range = document.createRange(), text = document.createTreeWalker(row.querySelector(cell), 4).nextNode();
        range.selectNode(text);
        return range.getBoundingClientRect().bottom;
    }))"""
    for row in page.eval_on_selector_all("#rows tr", bottoms):
        assert max(row) - min(row) < 0.6


# ---------------------------------------------------------------------- notation


def test_sentences_graph_and_table_write_as_mathematicians_do(browser, tmp_path) -> None:
    a, b = Value(-4.0, name="a * b"), Value(2.0, name="b")
    root = (a * b - b) ** 2 / b + a**-1 + a**b + a * -1.0
    page = browser.open(step(root).save(tmp_path / "steps.html").as_uri())
    said = []
    for _ in range(len(step(root))):
        page.keyboard.press("ArrowRight")
        said += [page.inner_text("#what"), page.inner_text("#equation"), page.inner_text("#note")]
        captions = page.eval_on_selector_all(
            "#equation .term", "all => all.map(t => [t.textContent, t.dataset.caption])"
        )
        assert all(number != (caption or "").replace("-", "−") for number, caption in captions)
        said += [caption for _, caption in captions if caption]
    said += page.eval_on_selector_all("#rows tr", "rows => rows.map(row => row.innerText)")
    said += page.eval_on_selector_all("#graph text", "all => all.map(text => text.textContent)")
    text = "\n".join(said)
    assert "a * b" in text  # a name is not translated
    rest = text.replace("a * b", "NAME")
    assert not re.search(r"\*|-[\d(a-z]| - |\w / \w(?<!h / h)", rest)
    for formula in ("NAME × b", "v2²", "v3 ÷ b", "NAME⁻¹", "NAME^b", "(−10)²", "(−4)²"):
        assert formula in rest, formula
    signs = page.eval_on_selector_all("#graph .operation text", "all => all.map(text => text.textContent)")
    assert {"×", "−", "x²", "÷", "x⁻¹", "xⁿ", "+"} == set(signs)


# ---------------------------------------------------------------------- keyboard and paper


def test_the_nodes_of_the_graph_are_reached_by_the_keyboard(browser, tmp_path) -> None:
    stepper = step(neuron())
    page = browser.open(stepper.save(tmp_path / "steps.html").as_uri())
    page.keyboard.press("End")
    page.focus("#stage")
    page.keyboard.press("Tab")
    focused = """["id", "role", "aria-label"].map(key => document.activeElement.getAttribute(key))"""
    w = stepper.tape.labels.index("w")
    assert page.evaluate(focused) == [
        f"n{w}",
        "button",
        "w 0.5 ∂ −1.004 w, input, value 0.5, gradient −1.004",
    ]
    seen = [page.evaluate(focused)[0]]
    for _ in range(len(stepper.tape.nodes)):
        page.keyboard.press("ArrowDown")
        seen.append(page.evaluate(focused)[0])
    assert set(seen) == {f"n{i}" for i in range(len(stepper.tape.nodes))}
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    chosen = int(page.evaluate(focused)[0].removeprefix("n"))
    page.keyboard.press("Enter")
    assert page.evaluate(focused)[0] == f"n{chosen}"  # the focus stays
    s = stepper.steps[int(page.input_value("#slider")) - 1]
    assert (s.node if s.kind == "forward" else s.input) == chosen
    page.keyboard.press("ArrowLeft")  # steps, as everywhere
    assert int(page.input_value("#slider")) == s.index


def until(page, condition: str) -> None:
    """Wait for a condition; the page's policy forbids Playwright's own way, which evaluates text."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def test_printing_prints_all_steps(browser, tmp_path) -> None:
    stepper = step(network(3, 1))
    page = browser.open(stepper.save(tmp_path / "steps.html").as_uri(), color_scheme="dark")
    page.locator("#slider").fill("3")
    page.emulate_media(media="print")
    until(page, "document.querySelectorAll('#printed li').length > 0")
    lines = page.eval_on_selector_all("#printed li", "all => all.map(line => line.innerText)")
    assert len(lines) == len(stepper)
    for s, line in zip(stepper.steps, lines):
        name = stepper.tape.labels[s.node if s.kind == "forward" else s.input]
        assert f"{name}.grad: " in line or f"{name} = " in line
    assert not page.is_visible(".controls")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    until(page, "document.querySelectorAll('#printed li').length === 0")
    until(page, "document.getElementById('slider').value === '3'")
    assert page.locator("#printed li").count() == 0
