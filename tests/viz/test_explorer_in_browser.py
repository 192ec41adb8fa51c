"""The explorer in a browser: folding, searching, reading, by mouse and by keyboard."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import time
from collections.abc import Callable

import numpy as np
import pytest
from explored import digits, network, random_operations, sequence
from PIL import Image

from chainrule.autograd import Tape, Value
from chainrule.viz import THEMES, draw

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--",
    "{{script}} {{data}}",
    "a|b{c}<d>\\n\\N",
    "two\nlines\x00",
    "naïve 名前 🙂",
    "'; drop",
    "x" * 500,
    " ",
]
WIDTHS = [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]


# ---------------------------------------------------------------------- in the browser


def explore(browser, tmp_path, drawing, **settings):
    page = browser.open(drawing.save(tmp_path / "graph.html").as_uri(), **settings)
    page.wait_for_selector("html[data-ready]")
    return page


def settled(page) -> None:
    """After a flight of the camera."""
    page.wait_for_timeout(350)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds. (Playwright's own waiting evaluates text, which the policy of the pages forbids.)"""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def part_of(page, label: str) -> int:
    return page.evaluate("label => parts.findIndex(part => part && part.label === label)", label)


def openings(page) -> set[int]:
    return set(page.evaluate("() => [...open]"))


GEOMETRY = """() => {
    const wrong = [], near = (r, [x, y]) => x > r.x - 12 && x < r.x + r.w + 12 && y > r.y - 12 && y < r.y + r.h + 12;
    for (const part of visible()) {
        const { boxes, edges, w, h } = arranged[part], all = [...boxes];
        all.forEach(([id, a], i) => {
            if (a.x < -0.5 || a.y < -0.5 || a.x + a.w > w + 0.5 || a.y + a.h > h + 0.5) wrong.push(`${id} is outside`);
            for (const [other, b] of all.slice(i + 1))
                if (a.x < b.x + b.w - 1 && b.x < a.x + a.w - 1 && a.y < b.y + b.h - 1 && b.y < a.y + a.h - 1)
                    wrong.push(`${id} over ${other}`);
            const inside = open.has(partOf(id)) && arranged[partOf(id)];
            if (inside && (inside.w > a.w || inside.h > a.h)) wrong.push(`${id} does not hold its inside`);
        });
        edges.forEach(({ points, tip }, i) => {
            const [tail, head] = levels[part].edges[i];
            if (!near(boxes.get(tail), points[0])) wrong.push(`${tail} has lost an edge`);
            if (!near(boxes.get(head), tip)) wrong.push(`${head} has lost an edge`);
        });
    }
    return wrong;
}"""


@pytest.mark.parametrize("engine", ["dot", "graphviz-pure"])
@pytest.mark.parametrize(
    "make",
    [digits, lambda: network(5, 3, 1), sequence, lambda: random_operations(700)],
    ids=["digits", "neurons", "sequence", "random"],
)
def test_modules_open_and_close_in_any_order_and_boxes_never_overlap(browser, tmp_path, make, engine) -> None:
    if engine == "dot" and shutil.which("dot") is None:
        pytest.skip("no program 'dot' on the path")
    page = explore(browser, tmp_path, draw(make(), engine=engine))
    assert page.evaluate(GEOMETRY) == []
    rng = random.Random(0)
    for _ in range(25):
        choices = page.evaluate(
            "() => visible().flatMap(p => [...levels[p].nodes.keys()]).map(partOf).filter(opens)"
        )
        if not choices:
            break
        page.evaluate("part => toggle(part)", rng.choice(choices))
        assert page.evaluate(GEOMETRY) == []
    page.get_by_role("button", name="Close all").click()
    assert openings(page) == {0}
    before = page.evaluate("() => [...arranged[0].boxes].map(([id, b]) => [id, b.x, b.y])")
    was = page.evaluate("() => [...levels[0].nodes.values()].map(b => [b.id, b.x, b.y])")
    assert before == [
        [id, pytest.approx(x - was[0][1] + before[0][1]), pytest.approx(y - was[0][2] + before[0][2])]
        for id, x, y in was
    ]


def test_a_click_opens_a_module_where_it_is_and_its_title_closes_it(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(digits(), depth=0))
    model = part_of(page, "MLP(64 -> 64 -> 10)")
    box = page.locator(f"#n{model}")
    before = box.bounding_box()
    box.click(position={"x": 10, "y": 10})
    settled(page)
    assert openings(page) == {0, model}
    title = page.get_by_role("button", name="MLP(64 -> 64 -> 10), open module")
    assert title.get_attribute("aria-expanded") == "true"
    assert page.locator(f"#n{part_of(page, 'v2')}").is_visible()
    assert box.is_hidden()
    after = title.bounding_box()
    assert abs(after["y"] - before["y"]) < 40 or after["y"] < 200  # it stays, or the view moved to show it
    title.click(position={"x": 10, "y": 5})
    assert openings(page) == {0}
    assert box.is_visible()


def test_the_panel_shows_the_engines_numbers(browser, tmp_path) -> None:
    loss = digits()
    weight = next(node for node in Tape(loss).nodes if node.name == "layers.2.weight")
    page = explore(browser, tmp_path, draw(loss))
    page.evaluate("i => reveal(i)", part_of(page, "layers.2.weight"))
    settled(page)
    for kind, array in (("value", weight.data), ("gradient", weight.grad)):
        section = page.locator(f"#panel .array.{kind}")
        cells = section.locator("table td:not(:empty)").all_inner_texts()
        found = np.array([float(text.replace("−", "-")) for text in cells]).reshape(array.shape)
        np.testing.assert_allclose(found, array, rtol=1e-4)
        negative = section.locator("td[class^=n]").evaluate_all(
            "cells => cells.map(cell => cell.textContent[0])"
        )
        assert set(negative) <= {"−"}
        strong = section.locator("td[class$='5']").all_inner_texts()
        assert max(abs(found.ravel())) == max(abs(float(text.replace("−", "-"))) for text in strong)
        painted = section.locator("canvas").evaluate("c => c.width > 0 && c.height > 0")
        assert painted
    linked = page.locator("#panel .links button").all_inner_texts()
    assert linked[:2] == ["MLP(64 -> 64 -> 10)", "layers.2"]
    assert linked[-1] == "v3"
    page.locator("#panel").get_by_role("button", name="v3").click()
    settled(page)
    assert page.locator("#panel h2").inner_text() == "v3: linear"


def test_pointing_shows_a_box_and_leaving_it_shows_the_chosen_one(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(network(2, 1)))
    page.get_by_role("button", name="Fit").click()
    settled(page)
    page.evaluate("i => choose(`n${i}`)", part_of(page, "loss"))
    page.locator(f"#n{part_of(page, 'x1')}").hover()
    until(lambda: page.evaluate("() => document.querySelector('#panel h2').textContent").startswith("x1"))
    page.mouse.move(700, 5)
    until(lambda: page.evaluate("() => document.querySelector('#panel h2').textContent").startswith("loss"))


def test_the_wheel_zooms_where_the_mouse_is_and_dragging_moves(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(network(2, 1)))
    box = page.locator(f"#n{part_of(page, 'loss')}")
    start = box.bounding_box()
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    settled(page)
    zoomed = box.bounding_box()
    assert zoomed["width"] > 1.2 * start["width"]
    assert zoomed["x"] + zoomed["width"] / 2 == pytest.approx(x, abs=2)
    assert zoomed["y"] + zoomed["height"] / 2 == pytest.approx(y, abs=2)
    selected = page.evaluate("() => current")
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=5)
    page.mouse.up()
    settled(page)
    moved = box.bounding_box()
    assert moved["x"] == pytest.approx(zoomed["x"] - 60, abs=2)
    assert moved["y"] == pytest.approx(zoomed["y"] - 40, abs=2)
    assert page.evaluate("() => current") == selected  # the end of a drag is no click


def test_everything_by_keyboard(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(digits(), depth=0))
    model = part_of(page, "MLP(64 -> 64 -> 10)")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => Boolean(document.activeElement.closest('#graph'))"):
            break
    focused = "() => document.activeElement.dataset.id || document.activeElement.id"
    assert page.evaluate(focused) == f"n{part_of(page, 'loss')}"
    seen = set()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
        seen.add(page.evaluate(focused))
    assert {f"n{model}", f"n{part_of(page, 'images')}"} & seen
    page.evaluate("id => choose(id)", f"n{model}")
    page.keyboard.press("Enter")
    settled(page)
    assert model in openings(page)
    assert page.evaluate(focused) == f"n{model}"  # the title of the open module has the keys now
    page.keyboard.press("ArrowDown")
    inside = page.evaluate(
        "() => inPicture.get(document.activeElement.dataset.id || document.activeElement.id).part"
    )
    assert inside == model
    page.keyboard.press("Escape")
    assert openings(page) == {0}
    before = page.evaluate("() => camera.k")
    page.keyboard.press("+")
    assert page.evaluate("() => camera.k") > before
    page.keyboard.press("0")
    settled(page)
    was = page.evaluate("() => camera.x")
    page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("() => camera.x") < was
    page.keyboard.press("o")
    assert model in openings(page)
    page.keyboard.press("c")
    assert openings(page) == {0}
    page.keyboard.press("/")
    assert page.evaluate("() => document.activeElement.id") == "search"
    page.keyboard.type("layers.0.bias")
    assert page.get_by_role("option").first.inner_text().startswith("layers.0.bias: parameter")
    page.keyboard.press("Enter")
    settled(page)
    assert page.evaluate(focused) == f"n{part_of(page, 'layers.0.bias')}"
    assert page.locator("#panel h2").inner_text() == "layers.0.bias: parameter"


def test_marks_lead_through_closed_modules(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(digits(), depth=2))
    page.get_by_role("button", name="Fit").click()
    settled(page)
    page.locator(".mark", has_text="→ loss").first.click()
    settled(page)
    assert page.locator("#panel h2").inner_text() == "loss: cross_entropy(reduction=mean)"


def touch(page, *steps) -> None:
    """Fingers on the screen: each step is the kind of event and the points."""
    session = page.context.new_cdp_session(page)
    for kind, *points in steps:
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]},
        )


def test_by_touch_one_finger_moves_two_zoom_and_a_tap_opens(browser, tmp_path) -> None:
    page = explore(
        browser, tmp_path, draw(digits(), depth=0), viewport={"width": 390, "height": 844}, has_touch=True
    )
    model = part_of(page, "MLP(64 -> 64 -> 10)")
    start = page.evaluate("() => ({ ...camera })")
    touch(
        page, ("touchStart", (200, 400)), ("touchMove", (190, 380)), ("touchMove", (160, 340)), ("touchEnd",)
    )
    moved = page.evaluate("() => ({ ...camera })")
    assert moved["y"] == pytest.approx(start["y"] - 60, abs=12)
    assert moved["k"] == start["k"]
    touch(
        page,
        ("touchStart", (180, 400), (220, 400)),
        ("touchMove", (160, 400), (240, 400)),
        ("touchMove", (140, 400), (260, 400)),
        ("touchEnd",),
    )
    assert page.evaluate("() => camera.k") > 1.5 * start["k"]
    page.get_by_role("button", name="Fit").click()
    settled(page)
    page.locator(f"#n{model} text").first.tap()
    settled(page)
    assert openings(page) == {0, model}
    page.evaluate("i => reveal(i)", part_of(page, "v2"))
    settled(page)
    page.locator(f"#n{part_of(page, 'v2')} text").first.tap()
    assert page.locator("#panel h2").inner_text() == "v2: relu"
    assert page.locator("#panel .numbers").first.is_visible()


def test_the_map_shows_the_window_and_moves_it(browser, tmp_path) -> None:
    page = explore(browser, tmp_path, draw(random_operations(1000)))
    page.evaluate("() => { zoomMiddle(3); }")
    settled(page)
    before = page.locator("#view").bounding_box()
    chart = page.locator("#map").bounding_box()
    assert before["width"] < 0.9 * chart["width"]
    page.mouse.click(chart["x"] + chart["width"] - 4, chart["y"] + chart["height"] / 2)
    settled(page)
    assert page.locator("#view").bounding_box()["x"] > before["x"]
    page.locator("#map").focus()
    was = page.locator("#view").bounding_box()["x"]
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.locator("#view").bounding_box()["x"] < was


def test_ten_thousand_operations_open_few_boxes_and_any_of_them_is_found(browser, tmp_path) -> None:
    root = random_operations(10_000)
    labels = Tape(root).labels
    page = explore(browser, tmp_path, draw(root))
    assert page.locator(".box").count() < 200
    wanted = labels[Tape(root).nodes.index(next(n for n in Tape(root).nodes[5000:] if n.op is not None))]
    page.get_by_role("combobox").fill(wanted)
    page.keyboard.press("Enter")
    settled(page)
    assert page.locator("#panel h2").inner_text().startswith(f"{wanted}: ")
    assert page.locator(".box").count() < 700
    assert page.evaluate(GEOMETRY) == []
    box = page.evaluate(
        "() => { const r = document.activeElement.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; }"
    )
    assert 0 <= box[0] < box[2] <= 1200
    assert 0 <= box[1] < box[3] <= 900


def test_names_of_users_stay_text(browser, tmp_path) -> None:
    values = [Value(float(i), name=name) for i, name in enumerate(HOSTILE)]
    total = values[0]
    for value in values[1:]:
        total = total * value
    page = explore(browser, tmp_path, draw(total))
    assert page.evaluate("() => document.querySelectorAll('img, iframe').length") == 0
    page.get_by_role("combobox").fill("alert")
    assert page.get_by_role("option").count() == 2
    page.get_by_role("option").first.click()
    assert "alert(1)" in page.locator("#panel h2").inner_text()


FITS = """() => document.documentElement.scrollWidth <= innerWidth
    && document.documentElement.scrollHeight <= innerHeight"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS, ids=[f"{width}" for width, _ in WIDTHS])
def test_axe_finds_nothing_and_the_page_fits(browser, tmp_path, size, scheme) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[browser]'"
    ).Axe()
    viewport = {"width": size[0], "height": size[1]}
    page = explore(browser, tmp_path, draw(digits()), viewport=viewport, color_scheme=scheme)
    for prepare in (
        "() => { openMore(); openMore(); }",
        "() => reveal(parts.findIndex(part => part && part.label === 'layers.2.bias'))",
        "() => { search.value = 'v'; list(); }",
    ):
        page.evaluate(prepare)
        settled(page)
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate(FITS)
    small = page.evaluate("""() => [...document.querySelectorAll('button, input, #panel p, #legend span')]
        .filter(e => e.offsetParent && parseFloat(getComputedStyle(e).fontSize) < 11).length""")
    assert small == 0


def test_the_frame_in_a_notebook_has_its_theme_and_leaves_the_wheel_to_it(browser, tmp_path) -> None:
    shown = draw(network(16, 16, 1), style="boxes")._repr_mimebundle_()["text/html"]
    head = '<!doctype html><meta charset="utf-8"><body data-jp-theme-light="false">'
    notebook = f'{head}{shown}<p style="height:3000px">'
    (tmp_path / "notebook.html").write_text(notebook, encoding="utf-8")
    page = browser.open((tmp_path / "notebook.html").as_uri(), color_scheme="light")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for()
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    inner = page.frames[1]
    until(lambda: inner.evaluate(ground) == "rgb(22, 25, 29)")
    page.evaluate("() => { document.body.dataset.jpThemeLight = 'true'; }")
    until(lambda: inner.evaluate(ground) == "rgb(255, 255, 255)")
    assert page.locator("iframe").evaluate("f => f.offsetHeight") == 560
    before = inner.evaluate("() => camera.k")
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 200)
    page.wait_for_function("() => scrollY > 100")  # not the graph, which was not clicked
    assert inner.evaluate("() => camera.k") == before
    page.evaluate("() => scrollTo(0, 0)")
    page.mouse.click(60, 300)  # the ground of the picture
    page.mouse.wheel(0, -200)
    until(lambda: inner.evaluate("() => camera.k") > before)
    assert page.evaluate("() => scrollY") == 0


def test_a_picture_in_a_notebook_has_its_theme(browser, tmp_path) -> None:
    loss = (Value(2.0, name="w") * 3.0 - 1.0) ** 2
    shown = draw(loss)._repr_mimebundle_()["text/html"]
    (tmp_path / "notebook.html").write_text(f"<!doctype html><body>{shown}", encoding="utf-8")
    for scheme in ("light", "dark"):  # of the screen, which the notebook need not follow
        page = browser.open((tmp_path / "notebook.html").as_uri(), color_scheme=scheme)
        for light, theme in (("true", "light"), ("false", "dark")):
            page.evaluate("light => { document.body.dataset.jpThemeLight = light; }", light)
            with Image.open(io.BytesIO(page.locator("img").screenshot())) as picture:
                corner = picture.convert("RGB").getpixel((3, 3))
            assert f"#{bytes(corner).hex()}" == THEMES[theme].background


def test_a_drawing_in_jupyterlab(browser, jupyter) -> None:
    bundle = draw(network(16, 16, 1), style="boxes")._repr_mimebundle_()
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": bundle}
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "cell",
        "metadata": {},
        "source": "draw(x)",
        "outputs": [output],
    }
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    for name in ("explored", "unexplored"):
        (jupyter.folder / f"{name}.ipynb").write_text(text.replace("draw(x)", f"draw({name})"))
    jupyter.trust("explored.ipynb")
    page = browser.open(f"{jupyter.address}/doc/tree/explored.ipynb")
    page.get_by_role("dialog").get_by_role("button", name="No Kernel").click()
    frame = page.frame_locator(".jp-OutputArea-output iframe")
    frame.get_by_role("button", name="Open more").click()
    assert frame.locator(".frame").count() >= 1
    page.evaluate("() => { document.body.dataset.jpThemeLight = 'false'; }")
    frame.locator("html[data-theme=dark]").wait_for()
    page = browser.open(f"{jupyter.address}/doc/tree/unexplored.ipynb")
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    assert picture.evaluate("img => img.decode().then(() => img.naturalWidth > 300)")
    assert page.locator(".jp-OutputArea-output iframe").count() == 0
    browser.troubles.clear()  # what JupyterLab itself complains of


def test_the_legend_of_the_page_has_what_is_in_its_pictures() -> None:
    keys = r'<p id="legend">(.*?)<span class="about">\d'
    one = re.search(keys, draw(Value(2.0)).html())
    assert re.findall(">([^< ][^<]*)<", one[1]) == ["value", "∂ – gradient not computed"]
    product = Value(2.0) * 3
    product.backward()
    found = re.search(keys, draw(product).html())
    assert re.findall(">([^< ][^<]*)<", found[1]) == ["value", "∂ gradient", "× local gradient"]
