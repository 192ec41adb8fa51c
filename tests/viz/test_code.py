"""The code beside the graph: the line of each step is marked in both passes, and lines and nodes light each other."""

from __future__ import annotations

import inspect
import json
import linecache
import re
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, Tensor, Value, record_lines, tanh
from chainrule.autograd.extending import Line, line_of
from chainrule.viz import OptionError, Stepper, step
from chainrule.viz.common import excerpts as excerpts_module
from chainrule.viz.common.excerpts import excerpts, names_of

HOSTILE = [
    "x = x * 2  # </script><script>alert(1)</script>",
    "x = x + 1  # <img src=y onerror=alert(1)>",
    "x = x * 3  # <!-- {{script}} `${alert(1)}` &lt; \\n \u202e\x07",
    "\tx = x + 1".strip() + "  # " + "long" * 100,
]


def layer(w: Any, x: Any) -> Any:
    return tanh(w * x)


def loss_of(w: Any, x: Any) -> Any:
    h = layer(w, x)
    out = h * 3 + w

    return out**2


def neuron() -> Value:
    return loss_of(Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False))


def number_of(function: Any, text: str) -> int:
    """The number of the line of a function that contains a text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(i for i, line in enumerate(lines) if text in line)


def run(source: str, name: str, known: bool = True) -> Value:
    """What a cell called `name` leaves in `x`, recorded with its lines."""
    if known:
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space: dict[str, Any] = {"x": Value(1.0, name="x")}
    with record_lines():
        exec(compile(source, name, "exec"), space)
    return space["x"]


def show(browser: Any, tmp_path: Path, stepper: Stepper, **settings: Any) -> Any:
    return browser.open(stepper.save(tmp_path / "steps.html").as_uri(), **settings)


def lines_shown(page: Any, which: str = ".line") -> list[tuple[int, str]]:
    """Number and text of the lines that are shown, or of those with a class."""
    read = "lines => lines.map(line => [...line.children].map(part => part.textContent))"
    return [(int(number), text) for number, text in page.eval_on_selector_all(f"#source {which}", read)]


def lit(page: Any) -> tuple[set[str], set[int], list[int]]:
    """The ids of the boxes that are lit, the rows of the table, and the numbers of the lines."""
    boxes = page.eval_on_selector_all("#graph .lit", "all => all.map(e => e.id)")
    rows = page.eval_on_selector_all("#rows tr", "all => all.flatMap((e, n) => e.matches('.lit') ? [n] : [])")
    return set(boxes), set(rows), [number for number, _ in lines_shown(page, ".lit")]


def position(page: Any) -> int:
    return int(page.input_value("#slider"))


def parts(n: int) -> set[str]:
    return {f"n{n}", f"n{n}op", f"n{n}out"}


def test_the_line_of_each_step_is_marked_in_both_passes(browser, tmp_path) -> None:
    stepper = step(neuron, source=True)
    page = show(browser, tmp_path, stepper)
    assert lines_shown(page, ".now-value, .now-gradient") == []
    hidden, sum_, square = number_of(layer, "tanh"), number_of(loss_of, "* 3"), number_of(loss_of, "**2")
    computed = [n for n, node in enumerate(stepper.tape.nodes) if node.inputs]
    expected = dict(zip(computed, [hidden, hidden, sum_, sum_, square], strict=True))
    for s in stepper.steps:
        page.keyboard.press("ArrowRight")
        name = ".now-value" if s.kind == "forward" else ".now-gradient"
        assert [number for number, _ in lines_shown(page, name)] == [expected[s.node]], s
        assert page.locator("#source :is(.now-value, .now-gradient)").count() == 1
        assert page.locator("#source [aria-current]").count() == 1
    page.keyboard.press("Home")
    assert page.locator("#source :is(.now-value, .now-gradient)").count() == 0


def test_the_text_is_the_source(browser, tmp_path) -> None:
    stepper = step(neuron, source=True)
    page = show(browser, tmp_path, stepper)
    file = Path(__file__).read_text(encoding="utf-8").splitlines()
    shown = lines_shown(page)
    assert [text.strip() for _, text in shown] == [file[number - 1].strip() for number, _ in shown]
    assert lines_shown(page)[0] == (number_of(layer, "def layer"), "def layer(w: Any, x: Any) -> Any:")
    made = {line_of(node).number for node in stepper.tape.nodes if node.inputs}
    assert {number for number, _ in lines_shown(page, ".made")} == made
    assert page.text_content("#source .file") == "test_code.py"
    assert str(Path(__file__).parent) not in stepper.html()


def test_a_line_lights_its_nodes_and_a_node_its_line(browser, tmp_path) -> None:
    stepper = step(neuron, source=True)
    page = show(browser, tmp_path, stepper)
    nodes = stepper.tape.nodes
    by_line: dict[int, set[int]] = {}
    for n, node in enumerate(nodes):
        if node.inputs:
            by_line.setdefault(line_of(node).number, set()).add(n)
    for number, made in by_line.items():
        page.locator("#source .made", has=page.get_by_text(str(number), exact=True)).hover()
        assert lit(page) == (set().union(*map(parts, made)), made, [number])
    for n, node in enumerate(nodes):
        page.locator("#rows tr").nth(n).hover()
        expected = (parts(n), {n}, [line_of(node).number]) if node.inputs else (set(), set(), [])
        assert lit(page) == expected
    page.keyboard.press("End")
    n = len(nodes) - 1
    page.hover(f"#n{n} .value")
    assert lit(page) == (parts(n), {n}, [line_of(nodes[n]).number])
    page.hover("h1")
    assert lit(page) == (set(), set(), [])


def test_lines_by_keyboard_and_click(browser, tmp_path) -> None:
    stepper = step(neuron, source=True)
    page = show(browser, tmp_path, stepper)
    focused = "document.activeElement.querySelector('.number')?.textContent"
    page.locator("#code summary").focus()
    page.keyboard.press("Tab")
    first, second, _ = (number for number, _ in lines_shown(page, ".made"))
    assert int(page.evaluate(focused)) == first
    assert lit(page)[2] == [first]
    page.keyboard.press("ArrowDown")
    assert int(page.evaluate(focused)) == second
    assert position(page) == 0  # arrows up and down move among the lines
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith(f"line {second}: out = h * 3 + w; makes v")
    here = [
        s.index + 1
        for s in stepper.steps
        if line_of(stepper.tape.nodes[s.node]) == Line(__file__, second, "loss_of")
    ]
    forward = [place for place in here if place <= stepper.turn]
    backward = [place for place in here if place > stepper.turn]
    assert len(forward) == 2
    assert len(backward) == 4 - 1  # h and w of the sum, h of the product; 3 is a constant
    for expected in [*forward, forward[0]]:
        page.keyboard.press("Enter")
        assert position(page) == expected
    page.keyboard.press("b")
    for expected in [*backward, backward[0]]:
        page.locator("#source .made").nth(1).click()
        assert position(page) == expected


def test_hostile_source_is_text(browser, tmp_path) -> None:
    name = "<script>alert(1)</script>.py"
    try:
        root = run("\n".join(HOSTILE), name)
        stepper = step(root, source=True)
        assert stepper.html().count("<script") == 2
        page = show(browser, tmp_path, stepper)
        texts = [text for _, text in lines_shown(page)]
        assert texts[:2] == HOSTILE[:2]
        assert texts[2] == HOSTILE[2].replace("\u202e\x07", "\\u202e\\x07")
        assert len(texts[3]) == 200
        assert page.text_content("#source .file") == "<script>.py"
        assert page.locator("#source :is(script, img)").count() == 0
        page.keyboard.press("End")
        assert page.locator("#source .now-gradient").count() == 1
    finally:
        del linecache.cache[name]


def test_without_source_there_is_no_code(browser, tmp_path) -> None:
    with record_lines():
        root = neuron()
    stepper = step(root)
    assert json.loads(re.search(r'id="story">(.*?)</script>', stepper.html())[1])["code"] is None
    page = show(browser, tmp_path, stepper)
    page.keyboard.press("End")
    assert page.is_hidden("#code")


def test_where_no_line_is_known_there_is_a_lesson() -> None:
    with pytest.raises(OptionError, match=r"(?s)none were stored.*with record_lines\(\):\n        loss = "):
        step(neuron(), source=True)


def test_a_function_that_computes_the_root() -> None:
    assert str(step(neuron)) == str(step(neuron()))
    network = nn.scalar.MLP(2, [2, 1], seed=0)
    assert len(step(lambda: network([1.0, 2.0]))) > 10
    with pytest.raises(
        KindError, match=r"calls f\(\) and was given loss_of\(w.*missing a required argument: 'w'"
    ):
        step(loss_of, source=True)
    with pytest.raises(KindError, match="takes the Value or Tensor"):
        step(lambda: 3.0)
    with pytest.raises(ZeroDivisionError):
        step(lambda: Value(1.0) * (1 / 0), source=True)


def test_what_was_recorded_in_part(browser, tmp_path) -> None:
    """A step without a line marks none; the others are marked."""
    w = Value(0.5, name="w")
    h = w * 2
    with record_lines():
        root = tanh(h)  # here
    stepper = step(root, source=True)
    page = show(browser, tmp_path, stepper)
    marked = []
    for _ in stepper.steps:
        page.keyboard.press("ArrowRight")
        marked.append(page.locator("#source :is(.now-value, .now-gradient)").count())
    assert (
        marked == [int(bool(line_of(stepper.tape.nodes[s.node]))) for s in stepper.steps] == [0, 1, 1, 1, 0]
    )


def test_networks_and_tensors(browser, tmp_path) -> None:
    """All nodes of a model are lit by the line that calls it, those of arrays as well."""

    def f() -> Tensor:
        model = nn.MLP(2, [3, 1], seed=0)
        y = model(np.ones((4, 2)))
        return (y**2).mean()

    stepper = step(f, source=True)
    page = show(browser, tmp_path, stepper)
    assert lines_shown(page)[0][1] == "def f() -> Tensor:"  # without the indentation
    number = number_of(f, "model(np")
    made = {n for n, node in enumerate(stepper.tape.nodes) if node.inputs and line_of(node).number == number}
    assert len(made) >= 3
    page.locator("#source .made").first.hover()
    assert lit(page)[1:] == (made, [number])
    label = page.locator("#source .made").first.get_attribute("title")
    assert label == "makes " + ", ".join(stepper.tape.labels[n] for n in sorted(made))


def test_a_change_of_a_leaf_keeps_the_line(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron, source=True))
    page.keyboard.press("b")
    page.get_by_label("value of w", exact=True).fill("2")
    page.wait_for_timeout(100)
    assert [number for number, _ in lines_shown(page, ".now-gradient")] == [number_of(loss_of, "**2")]


def test_open_where_there_is_room_and_one_line_on_phones(browser, tmp_path) -> None:
    stepper = step(neuron, source=True)
    for width, is_open in ((390, False), (768, True), (1280, True)):
        page = show(browser, tmp_path, stepper, viewport={"width": width, "height": 844})
        assert page.evaluate("document.getElementById('code').open") == is_open
        page.keyboard.press("f")
        assert page.text_content("#code-now") == f"{number_of(layer, 'tanh')}  return tanh(w * x)"
        assert page.is_visible("#code-now") != is_open
        if not is_open:
            page.click("#code summary")
        assert page.is_visible("#source .now-value")
        page.keyboard.press("End")  # the line of the step is scrolled into view
        frame, line = (page.locator(each).bounding_box() for each in ("#source", "#source .now-gradient"))
        assert frame["y"] <= line["y"]
        assert line["y"] + line["height"] <= frame["y"] + frame["height"] + 1
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_accessibility_checker_finds_nothing(browser, tmp_path, scheme, width) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[browser]'"
    ).Axe()
    stepper = step(neuron, source=True)
    page = show(
        browser,
        tmp_path,
        stepper,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 844},
    )
    page.evaluate("document.getElementById('code').open = true")
    for at in (0, 2, len(stepper)):
        page.locator("#slider").fill(str(at))
        page.locator("#source .made").last.hover()
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_printed_code_is_whole(browser, tmp_path) -> None:
    page = show(browser, tmp_path, step(neuron, source=True))
    page.emulate_media(media="print")
    inside = """() => {
        const bottom = (element) => element.getBoundingClientRect().bottom;
        const frame = bottom(document.getElementById("source"));
        return [...document.querySelectorAll("#source .line")].every((line) => bottom(line) <= frame + 1);
    }"""
    assert page.evaluate(inside)
    assert page.is_hidden(".step")


# ---------------------------------------------------------------------- excerpts


def test_cells_have_their_numbers(monkeypatch) -> None:
    compiler = types.SimpleNamespace(
        format_code_name=lambda name: ("Cell", "In[12]") if name == "/tmp/ipykernel_1/7.py" else None
    )
    shell = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(compile=compiler))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    files = [
        "/tmp/ipykernel_1/7.py",
        "<ipython-input-3-0a1b>",
        "/tmp/ipython-input-4-12.py",
        "/home/me/model.py",
    ]
    assert names_of(files) == ["cell [12]", "cell [3]", "cell [4]", "model.py"]
    assert names_of(
        ["/tmp/marimo_1/__marimo__cell_Hbol_.py", "<doctest docs/a/b.md[3]>", "C:\\me\\a.py"]
    ) == [
        "cell",
        "<b.md[3]>",
        "a.py",
    ]
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    assert names_of(files[:1]) == ["7.py"]


def test_a_real_cell() -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shell.user_ns["x"] = Value(2.0)
    assert shell.run_cell(
        "from chainrule.autograd import record_lines\nwith record_lines():\n    y = x * x", store_history=True
    ).success
    found = excerpts([shell.user_ns["y"]])
    assert found["files"][0]["parts"][0]["lines"][2] == "    y = x * x"
    assert found["of"] == [2]


def test_lines_far_apart_are_parts_of_their_own() -> None:
    source = "a = 1\nb = 2\nx = x * 2\n\nc = 3\n\n\nd = 4\nx = x + 1\ne = 5\nf = 6\ng = 7\nh = 8\ni = 9\nx = x * 3\n"
    try:
        root = run(source, "<cell a>")
        (file,) = excerpts([root, root.inputs[0]])["files"]
        assert [(part["first"], part["lines"]) for part in file["parts"]] == [
            (8, ["d = 4", "x = x + 1", "e = 5", "f = 6", "g = 7", "h = 8", "i = 9", "x = x * 3"]),
        ]
        (file,) = excerpts([root, root.inputs[0].inputs[0]])["files"]
        assert [(part["first"], part["lines"]) for part in file["parts"]] == [
            (1, ["a = 1", "b = 2", "x = x * 2"]),
            (13, ["h = 8", "i = 9", "x = x * 3"]),
        ]
    finally:
        del linecache.cache["<cell a>"]


def test_a_function_is_named_where_its_head_is_not_shown() -> None:
    body = "\n".join(f"    a{i} = {i}" for i in range(9))
    source = f"def double(x):\n{body}\n    return x * 2\n\n\nx = double(x)\n"
    try:
        (file,) = excerpts([run(source, "<cell b>")])["files"]
        assert file["parts"] == [{"first": 9, "lines": ["a7 = 7", "a8 = 8", "return x * 2"], "in": "double"}]
        (file,) = excerpts([run("def double(x):\n    return x * 2\nx = double(x)\n", "<cell b>")])["files"]
        assert "in" not in file["parts"][0]
    finally:
        del linecache.cache["<cell b>"]


def test_source_that_cannot_be_read(browser, tmp_path) -> None:
    root = run("x = x * 2\nx = x + 1\n", "<nowhere>", known=False)
    page = show(browser, tmp_path, step(root, source=True))
    assert lines_shown(page) == [(1, excerpts_module.MISSING), (2, excerpts_module.MISSING)]
    page.keyboard.press("ArrowRight")
    assert [number for number, _ in lines_shown(page, ".now-value")] == [1]


def test_files_of_one_name_are_told_apart(tmp_path) -> None:
    x = Value(1.0, name="x")
    for folder in ("a", "b"):
        path = tmp_path / folder / "model.py"
        path.parent.mkdir()
        path.write_text("x = x * 2\n")
        space = {"x": x}
        with record_lines():
            exec(compile(path.read_text(), str(path), "exec"), space)
        x = space["x"]
    found = excerpts([x.inputs[0], x])
    assert [file["name"] for file in found["files"]] == ["a/model.py", "b/model.py"]
    assert found["of"] == [0, 1]
