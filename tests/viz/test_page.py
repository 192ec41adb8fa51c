"""The page in a real browser: every way to move, every number, no network, readable by everyone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, Value, relu, tanh
from chainrule.viz import Stepper, step
from chainrule.viz.common.numbers import number
from chainrule.viz.common.options import DrawOptions
from chainrule.viz.graph.reading import read

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--",
    "]]>&lt;&amp;",
    "{{script}} {{story}}",
    "a|b{c}<d>\\n\\N",
    "two\nlines\x00",
    "naïve 名前 🙂",
    "'; drop",
    "x" * 500,
    "",
    "  ",
]


def neuron() -> Value:
    w, x, b = Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False), Value(-0.3, name="b")
    loss = (tanh(w * x + b) - 1) ** 2 + w * w
    loss.name = "loss"
    return loss


def layer() -> Tensor:
    x = Tensor([[1.0, 2.0], [-1.0, 0.5]], name="x", requires_grad=False)
    w, b = Tensor([[1.0, -1.0, 0.5], [0.5, 0.25, 2.0]], name="w"), Tensor([0.1, 0.2, 0.3], name="b")
    loss = (relu(x @ w + b) * 2).mean()
    loss.name = "loss"
    return loss


def network() -> Value:
    loss = (nn.scalar.MLP(2, [4, 4, 1], seed=0)([0.5, -1.0]) - 1) ** 2
    loss.name = "loss"
    return loss


def show(browser, tmp_path, stepper: Stepper, **settings):
    path = tmp_path / "steps.html"
    stepper.save(path)
    return browser.open(path.as_uri(), **settings)


def wait(page, condition: str, argument=None) -> None:
    """Until a condition holds; Playwright's own waiting evaluates text, which the page's policy forbids."""
    for _ in range(400):
        if page.evaluate(condition, argument):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def position(page) -> int:
    return int(page.input_value("#slider"))


def plain(text: str) -> str:
    return text.replace("−", "-")


def equation(page) -> str:
    """The sentence of a scalar step, without the captions under its numbers."""
    return plain(page.text_content("#equation"))


def table(page) -> list[list[str]]:
    """Name, value, gradient and rule of each row."""
    read = "rows => rows.map(row => [...row.children].map(cell => (cell.querySelector('.figure') || cell).textContent))"
    return [[plain(text) for text in row] for row in page.eval_on_selector_all("#rows tr", read)]


def graph(page) -> dict[str, tuple[str, str]]:
    """Value and gradient that stand in each box, without what marks a gradient that is not complete or 0."""
    read = """boxes => boxes.map(box => ["value", "grad"].map(part => {
        const text = box.querySelector(`.${part}`);
        return text && getComputedStyle(text).visibility === "visible" ? text.textContent.trim() : "";
    })).map((texts, i) => [boxes[i].id, ...texts])"""
    found = page.eval_on_selector_all("#graph .node:not(.operation)", read)
    figure = re.compile(r"^∂ (.*?)( \+ …|  flat)?$")
    return {id: (plain(value), figure.sub(r"\1", plain(gradient))) for id, value, gradient in found}


@pytest.mark.parametrize("make", [neuron, layer])
def test_every_number_of_both_passes_is_the_engines(browser, tmp_path, make) -> None:
    root = make()
    stepper = step(root, digits=6)
    page = show(browser, tmp_path, stepper)
    nodes, steps = stepper.tape.nodes, stepper.steps
    totals: dict[int, object] = {}
    known = {i for i, node in enumerate(nodes) if not node.inputs}
    for i, s in enumerate(steps):
        page.keyboard.press("ArrowRight")
        assert position(page) == i + 1
        if s.kind == "forward":
            known.add(s.node)
        else:
            totals[s.input] = s.total
        boxes, rows = graph(page), table(page)
        for n, node in enumerate(nodes):
            scalar = np.ndim(node.data) == 0
            if scalar:
                expected = number(float(node.data), 6) if n in known else ""
                assert rows[n][1] == boxes[f"n{n}"][0] == expected
            if scalar and node.requires_grad:
                expected = number(float(totals[n]), 6) if n in totals else "–"
                assert rows[n][2] == boxes[f"n{n}"][1] == expected
        shown = numbers_in(equation_cells(page))
        final = s.value if s.kind == "forward" else s.total
        assert shown[-np.size(final) :] == [float(number(float(v), 6)) for v in np.ravel(final)]
        if s.kind == "backward" and s.local is not None and np.ndim(s.total) == 0:
            before = number(0.0 if s.before is None else float(s.before), 6)
            name = stepper.tape.labels[s.input]
            local, upstream, total = (number(float(v), 6) for v in (s.local, s.upstream, s.total))
            assert equation(page) == f"{name}.grad: {before} + ({local} × {upstream}) = {total}"
    root.backward()
    for n, node in enumerate(nodes):
        if node.requires_grad and np.ndim(node.data) == 0:
            assert table(page)[n][2] == number(float(node.grad), 6)


def equation_cells(page) -> list[str]:
    read = """terms => terms.flatMap(term => {
        const cells = [...term.querySelectorAll(".matrix > span")];
        return (cells.length ? cells : [term]).map(cell => cell.textContent);
    })"""
    return [plain(text) for text in page.eval_on_selector_all("#equation .term", read)]


def numbers_in(texts: list[str]) -> list[float]:
    return [float(text) for text in texts if re.fullmatch(r"-?[\d.e-]+|-?inf|nan", text)]


def test_a_product_of_matrices_shows_its_factors(browser, tmp_path) -> None:
    stepper = step(layer(), digits=6)
    at = next(i for i, s in enumerate(stepper.steps) if s.kind == "backward" and s.op == "matmul")
    stepper.goto(at)
    page = show(browser, tmp_path, stepper)  # opens where the stepper stands
    s = stepper.steps[at]
    x = stepper.tape.nodes[0].data
    shown = numbers_in(equation_cells(page))
    expected = [0.0, *x.T.ravel(), *np.ravel(s.upstream), *(x.T @ s.upstream).ravel()]
    assert shown == pytest.approx(expected, abs=1e-5)
    captions = page.eval_on_selector_all("#equation .term", "terms => terms.map(t => t.dataset.caption)")
    assert captions == ["so far", "x.T\n(2, 2)", "v1.grad\n(2, 3)", "w.grad now\n(2, 3)"]


def test_the_keys(browser, tmp_path) -> None:
    stepper = step(neuron())
    page = show(browser, tmp_path, stepper)
    last, turn = len(stepper), stepper.turn
    assert position(page) == 0
    for key, expected in [
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("End", last),
        ("ArrowRight", last),
        ("f", 1),
        ("b", turn + 1),
        ("ArrowLeft", turn),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        assert position(page) == expected, key
    places = [0]
    while places[-1] < last:
        page.keyboard.press("Shift+ArrowRight")
        places.append(position(page))
    nodes = [(s.kind == "forward", s.node) for s in stepper.steps]
    starts = [i + 1 for i, node in enumerate(nodes) if i == 0 or node != nodes[i - 1]]
    assert [p for p in places if p in starts] == starts
    page.keyboard.press("Shift+ArrowLeft")
    assert position(page) == starts[-1] if starts[-1] != last else starts[-2]
    page.keyboard.press("Home")
    page.select_option("#speed", "20")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    wait(page, f"document.getElementById('slider').value === '{last}'")
    assert page.get_attribute("#play", "aria-label") == "Play"


def test_the_buttons_and_the_slider(browser, tmp_path) -> None:
    stepper = step(neuron())
    page = show(browser, tmp_path, stepper)
    last, turn = len(stepper), stepper.turn
    for name, expected in [
        ("One step on", 1),
        ("Last step", last),
        ("One step back", last - 1),
        ("Forward pass", 1),
        ("Backward pass", turn + 1),
        ("Start", 0),
    ]:
        page.get_by_role("button", name=name, exact=True).click()
        assert position(page) == expected, name
    assert page.is_disabled("#back")
    slider = page.get_by_role("slider")
    slider.fill(str(turn + 2))
    assert page.text_content("#heading") == f"Step {turn + 2} of {last} · Backward pass"
    said = slider.get_attribute("aria-valuetext")
    assert said.startswith(f"step {turn + 2} of {last}, backward pass: ")
    slider.focus()
    page.keyboard.press("ArrowRight")  # one step, not two
    assert position(page) == turn + 3
    page.get_by_role("button", name="Play", exact=True).click()
    wait(page, f"document.getElementById('slider').value > {turn + 3}")
    page.keyboard.press("Space")  # pauses, for a click does not hold the focus
    assert page.get_attribute("#play", "aria-label") == "Play"


def test_a_node_is_visited_in_the_graph_and_in_the_table(browser, tmp_path) -> None:
    stepper = step(neuron())
    w = stepper.tape.labels.index("w")
    arrivals = [i + 1 for i, s in enumerate(stepper.steps) if s.kind != "forward" and s.input == w]
    assert len(arrivals) == 3  # w * x, and w * w twice
    page = show(browser, tmp_path, stepper)
    for expected in [*arrivals, arrivals[0]]:
        page.click(f"#n{w} .value")
        assert position(page) == expected
    page.get_by_role("button", name="v1", exact=True).click()
    first = stepper.steps[position(page) - 1]
    assert stepper.tape.labels[first.input if first.kind != "forward" else first.node] == "v1"


def test_what_takes_part_is_marked(browser, tmp_path) -> None:
    stepper = step(neuron())
    page = show(browser, tmp_path, stepper)
    for i, s in enumerate(stepper.steps):
        page.keyboard.press("ArrowRight")
        marked = set(
            page.eval_on_selector_all("#graph .now-value, #graph .now-gradient", "all => all.map(e => e.id)")
        )
        if s.kind == "forward":
            expected = {f"n{s.node}in{k}" for k in range(len(s.inputs))} | {
                f"n{s.node}{part}" for part in ("", "op", "out")
            }
        elif s.kind == "seed":
            expected = {f"n{s.node}"}
        else:
            expected = {f"n{s.input}", f"n{s.node}in{s.position}", f"n{s.node}op", f"n{s.node}out"}
        assert marked == expected, i


def test_assistive_technology_is_told(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron()))
    assert page.get_by_role("main").count() == page.get_by_role("heading", level=1).count() == 1
    assert page.locator("[aria-live]").count() == 1
    page.keyboard.press("End")
    assert page.get_attribute("[aria-live]", "aria-live") == "polite"
    assert "passes its gradient on to" in page.text_content("[aria-live]")
    assert page.locator("#graph").get_attribute("role") == "group"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("make", [neuron, layer, network])
def test_the_accessibility_checker_finds_nothing(browser, tmp_path, scheme, make) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[browser]'"
    ).Axe()
    stepper = step(make())
    page = show(browser, tmp_path, stepper, color_scheme=scheme, reduced_motion="reduce")
    for at in (0, 2, stepper.turn + 1, len(stepper)):
        page.locator("#slider").fill(str(at))
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_dark_mode_and_reduced_motion(browser, tmp_path) -> None:
    stepper = step(neuron())
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = show(browser, tmp_path, stepper, color_scheme="light")
    dark = show(browser, tmp_path, stepper, color_scheme="dark", reduced_motion="reduce")
    assert light.evaluate(ground) == "rgb(255, 255, 255)"
    assert dark.evaluate(ground) == "rgb(22, 25, 29)"
    moving = "getComputedStyle(document.querySelector('.edge.now-value path')).animationName"
    for page, expected in ((light, "pulse"), (dark, "none")):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(moving) == expected


@pytest.mark.parametrize("width", [360, 900, 1800])
def test_nothing_is_cropped(browser, tmp_path, width) -> None:
    page = show(browser, tmp_path, step(neuron()), viewport={"width": width, "height": 800})
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if page.is_visible("#zoom"):  # a part of the graph, that follows; the button shows all of it
        page.click("#zoom")
    inside = """() => {
        const frame = document.getElementById("stage").getBoundingClientRect();
        return [...document.querySelectorAll("#graph .node")].every(node => {
            const box = node.getBoundingClientRect();
            return box.left >= frame.left - 1 && box.right <= frame.right + 1;
        });
    }"""
    assert page.evaluate(inside)


def test_hostile_names_are_text(browser, tmp_path) -> None:
    x = Value(1.0, name="x")
    for name in HOSTILE:
        x = x * Value(0.5, name=name) + 1.0
    x.name = HOSTILE[0]
    stepper = step(x)
    source = stepper.html()
    tags = Tags()
    tags.feed(source)
    assert tags.count["script"] == 2
    assert tags.count["img"] == tags.count["iframe"] == 0
    page = show(browser, tmp_path, stepper)
    assert HOSTILE[0] in page.text_content("h1")
    page.keyboard.press("End")
    names = [row[0] for row in table(page)]
    assert {
        HOSTILE[0],
        plain(HOSTILE[1]),
        "<!--",
        "]]>&lt;&amp;",
        "{{script}} {{story}}",
        "two\\nlines\\x00",
    } <= set(names)
    assert page.locator("img, iframe").count() == 0


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.count = dict.fromkeys(("script", "img", "iframe"), 0)

    def handle_starttag(self, tag, attrs) -> None:
        if tag in self.count:
            self.count[tag] += 1
        assert not any(key.startswith("on") for key, _ in attrs)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    source = step(neuron()).html()
    assert "default-src 'none'" in source
    assert "unsafe" not in source
    allowed = {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"https?://[^\"'\s<)]+", source)) <= allowed
    assert step(neuron()).html() == source  # the same steps give the same page


def test_a_page_of_two_thousand_steps_is_usable(browser, tmp_path) -> None:
    x = y = Value(1.01, name="x")
    for i in range(500):
        y = y * x if i % 2 else y + x * 0.01
    stepper = step(y)
    assert len(stepper) >= 2000
    page = show(browser, tmp_path, stepper)
    assert (tmp_path / "steps.html").stat().st_size < 2_000_000
    page.keyboard.press("End")
    assert position(page) == len(stepper)
    y.backward()
    assert table(page)[0][2] == number(x.grad)
    assert graph(page)["n0"] == ("1.01", number(x.grad))
    page.keyboard.press("b")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert position(page) == stepper.turn + 6
    s = stepper.steps[stepper.turn + 5]
    wait(
        page,  # the graph follows
        """id => {
            const frame = document.getElementById("stage").getBoundingClientRect();
            const box = document.getElementById(id).getBoundingClientRect();
            return box.left >= frame.left && box.right <= frame.right;
        }""",
        f"n{s.input}",
    )
    assert page.is_visible("#zoom")


def test_a_graph_too_large_to_draw_has_its_steps_all_the_same(browser, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("chainrule.viz.stepping.page.MANY", 5)
    page = show(browser, tmp_path, step(neuron()))
    assert "not drawn" in page.text_content("#stage")
    page.keyboard.press("End")
    assert "loss" in table(page)[-1][0]


def test_a_larger_graph_has_a_map(browser, tmp_path, monkeypatch) -> None:
    """All of it, folded, with the box of the step marked; a click on a box leads to its first step in this pass."""
    stepper = step(network())
    where = read(network(), DrawOptions(max_nodes=24)).where
    page = show(browser, tmp_path, stepper, color_scheme="dark")
    marked = "[...document.querySelectorAll('#map .now-value, #map .now-gradient')].map(box => box.id)"
    for key, at in (("ArrowRight", 0), ("b", stepper.turn), ("ArrowRight", stepper.turn + 1)):
        page.keyboard.press(key)
        s = stepper.steps[at]
        assert page.evaluate(marked) == [f"map-{where[s.node if s.kind != 'backward' else s.input]}"]
    layer = where[next(i for i, node in enumerate(stepper.tape.nodes) if node.name == "layer1.neuron1.w1")]
    page.locator(f"#map-{layer}").click()
    first = next(s for s in stepper.steps[stepper.turn :] if s.kind == "backward" and where[s.input] == layer)
    assert position(page) == first.index + 1
    fills = page.eval_on_selector_all(
        "#map polygon, #map path", "all => all.map(x => getComputedStyle(x).fill)"
    )
    assert "rgb(255, 255, 255)" not in fills  # its colours turn dark, too
    monkeypatch.setattr("chainrule.viz.stepping.page.MANY", 80)
    assert "drawn folded, as above" in stepper.html()


def test_a_small_graph_has_no_map() -> None:
    assert 'id="map"' not in step(neuron()).html()


def test_arrays_of_every_kind_and_numbers_that_are_none(browser, tmp_path) -> None:
    big = Tensor(np.linspace(-1, 1, 60 * 50).reshape(60, 50), name="big")
    odd = Tensor(np.array([[np.nan, np.inf], [-0.0, 1e-300]]), name="odd")
    cube = Tensor(np.ones((2, 3, 4)), name="cube")
    root = (big * 2).sum() + odd.sum() + cube.mean() + Tensor(np.zeros((0, 3)), name="none").sum()
    stepper = step(root)
    page = show(browser, tmp_path, stepper)
    for _ in range(len(stepper)):
        page.keyboard.press("ArrowRight")
        assert page.text_content("#equation")
    assert position(page) == len(stepper)
    page.keyboard.press("f")
    assert page.locator("#equation .heat").count() == 2


def test_modules_stand_in_their_clusters() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    loss = (model(Tensor(np.ones((4, 2)), requires_grad=False)) ** 2).mean()
    source = step(loss).html()
    titles = re.findall(r'class="cluster">.*?<text[^>]*>(.*?)</text>', source)
    assert any("Linear(2 -&gt; 3" in title or "Linear(2" in title for title in titles)
    data = json.loads(re.search(r'id="story">(.*?)</script>', source)[1])
    assert len(data["nodes"]) == len(step(loss).tape.nodes)
