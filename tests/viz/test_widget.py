"""The page in a notebook with a kernel: its numbers come back to Python, and it has the notebook's theme.

JupyterLab and Notebook show the page as HTML, and a widget connects it; elsewhere the widget shows the page. What no
front end would send is tested without one.
"""

from __future__ import annotations

import ast
import html
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
from open_notebook import Notebook

from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import DrawingError, step
from chainrule.viz.stepping import notebook as notebook_module
from chainrule.viz.stepping.page import template

SOURCES = [
    "from chainrule.autograd import Value, tanh\n"
    "from chainrule.viz import step\n"
    "w, b = Value(0.5, name='w'), Value(-0.3, name='b')\n"
    "stepper = step(tanh(w * 2.0 + b))\n"
    "stepper",
    "print(stepper.values)",
    "print(stepper.assign(), w.data, b.data)",
    "stepper.widget",
]
WIDGET = "application/vnd.jupyter.widget-view+json"
DARK, LIGHT = "rgb(22, 25, 29)", "rgb(255, 255, 255)"


@pytest.fixture
def anywidget():
    return pytest.importorskip("anywidget", reason="the widget needs anywidget: pip install '.[notebook]'")


def neuron():
    w, b = Value(0.5, name="w"), Value(-0.3, name="b")
    return tanh(w * 2.0 + b), w, b


# ---------------------------------------------------------------------- in a notebook


def background(frame) -> str:
    return frame.locator("html").evaluate("html => getComputedStyle(html).backgroundColor")


@pytest.mark.parametrize("place", ["doc/tree", "notebooks"])  # JupyterLab, and Notebook
def test_numbers_come_back_and_the_theme_is_the_notebooks(anywidget, browser, jupyter, place) -> None:
    if place == "notebooks":
        pytest.importorskip(
            "notebook", reason="Notebook is tested where it is installed: pip install '.[browser]'"
        )
    notebook = Notebook(browser, jupyter, place, SOURCES)
    notebook.run(0)
    recorded = {"w": 0.5, "b": -0.3, "2": 2.0}
    assert ast.literal_eval(notebook.run(1)) == recorded

    frame = notebook.frame(0)
    frame.locator("#numbers summary").click()
    frame.get_by_label("value of w").fill("0.75")
    typed = recorded | {"w": 0.75}
    assert notebook.values(lambda values: values == typed) == typed

    handle = frame.locator(".item", has=frame.get_by_label("value of b", exact=True)).locator(".handle")
    handle.scroll_into_view_if_needed()
    box, mouse = handle.bounding_box(), notebook.page.mouse
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y, steps=15)
    mouse.up()
    page = notebook.page
    there = notebook.window(0)
    dragged = typed | {
        "b": float(there.evaluate("now.values[nodes.findIndex((node) => node.label === 'b')]"))
    }
    assert dragged["b"] > -0.2
    assert notebook.values(lambda values: values == dragged) == dragged

    for light, colour in (("false", DARK), ("true", LIGHT)):
        page.evaluate("light => { document.body.dataset.jpThemeLight = light; }", light)
        page.wait_for_timeout(100)
        assert background(frame) == colour
    browser.troubles.clear()  # what the notebook itself complains of
    if place == "notebooks":  # the rest is the same
        return

    # only the page sets them
    page.evaluate("name => postMessage({chainrule: name, given: {0: '99'}}, '*')", there.name)
    assert ast.literal_eval(notebook.run(1)) == dragged

    assert notebook.run(2) == f"{ {'w': 0.75, 'b': dragged['b']} } 0.75 {dragged['b']}"

    # the widget itself shows the page with these numbers, and the pages agree
    notebook.run(3)
    notebook.window(3).wait_for_function("given.w === 0.75")
    notebook.frame(3).get_by_role("button", name="Reset").click()
    there.wait_for_function("Object.keys(given).length === 0")
    assert notebook.values(lambda values: values == recorded) == recorded
    browser.troubles.clear()  # what the notebook itself complains of


# ---------------------------------------------------------------------- the messages


def frame_in(browser, tmp_path, name: str):
    """A window that keeps what it hears from a page in a frame of this name."""
    page_html = step(neuron()[0]).html()
    content = html.escape(page_html)
    (tmp_path / "outer.html").write_text(
        "<script>heard = []; addEventListener('message', (event) => heard.push(event.data))</script>"
        f'<iframe name="{name}" sandbox="allow-scripts" width="1000" height="800" srcdoc="{content}"></iframe>',
        encoding="utf-8",
    )
    page = browser.open((tmp_path / "outer.html").as_uri())
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_function("typeof asText === 'function'")
    return page, frame


def heard(page) -> list:
    page.wait_for_timeout(100)
    return page.evaluate("heard")


CHANGE = "(x) => { setLeaf(leaves[0], x); refresh(); }"


def test_a_page_is_silent_unless_its_owner_answers(browser, tmp_path) -> None:
    page, frame = frame_in(browser, tmp_path, "")
    frame.evaluate(CHANGE, 0.6)
    assert heard(page) == []
    page, frame = frame_in(browser, tmp_path, "chainrule-1")
    frame.evaluate(CHANGE, 0.6)
    assert heard(page) == [{"chainrule": "chainrule-1"}]


def test_numbers_go_both_ways_and_no_other_message_counts(browser, tmp_path) -> None:
    page, frame = frame_in(browser, tmp_path, "chainrule-1")

    def send(**data) -> None:
        page.evaluate("data => frames[0].postMessage(data, '*')", data)
        page.wait_for_timeout(50)

    send(chainrule="chainrule-1", given={}, theme="")
    for x, text in (
        (0.6, "0.6"),
        (-0.0, "-0"),
        (math.inf, "Infinity"),
        (math.nan, "NaN"),
        (5e-324, "5e-324"),
    ):
        frame.evaluate(CHANGE, x)
        assert heard(page)[-1] == {"chainrule": "chainrule-1", "given": {"0": text}}
        assert repr(float(text)) == repr(x)
    count = len(heard(page))
    send(chainrule="chainrule-1", given={"0": "2.5", "1": "x", "3": "7", "constructor": "1"}, theme="dark")
    assert frame.evaluate("given") == {"w": 2.5}
    assert background(frame) == DARK
    assert len(heard(page)) == count  # no echo
    send(chainrule="another", given={"0": "9"}, theme="light")
    frame.evaluate("postMessage({chainrule: 'chainrule-1', given: {0: '9'}}, '*')")  # not from the owner
    frame.wait_for_timeout(50)
    assert frame.evaluate("given") == {"w": 2.5}
    send(chainrule="chainrule-1", given={}, theme="light")
    assert frame.evaluate("given") == {}
    assert background(frame) == LIGHT


@pytest.mark.parametrize(
    ("mark", "theme"),
    [
        ("document.body.dataset.vscodeThemeKind = 'vscode-dark'", "dark"),
        ("document.body.dataset.vscodeThemeKind = 'vscode-high-contrast-light'", "light"),
        ("document.documentElement.setAttribute('theme', 'dark')", "dark"),
        ("document.body.className = 'dark dark-theme'", "dark"),
        ("0", ""),
    ],
    ids=["VS Code", "VS Code, light", "Colab", "marimo", "unknown"],
)
def test_the_widget_shows_the_page_in_the_theme_of_other_front_ends(browser, tmp_path, mark, theme) -> None:
    (tmp_path / "empty.html").write_text("<body></body>")
    page = browser.open((tmp_path / "empty.html").as_uri())
    page.evaluate(mark)
    state = {
        "name": "chainrule-1",
        "html": step(neuron()[0]).html(),
        "given": {"0": "0.75"},
        "tall": 700,
        "title": "x",
    }
    page.evaluate(
        """async ([source, state]) => {
            const widget = (await import("data:text/javascript," + encodeURIComponent(source))).default;
            const [get, set] = [(key) => state[key], (key, x) => { state[key] = x; }];
            const model = { get, set, on() {}, off() {}, save_changes() {} };
            widget.render({ model, el: document.body });
        }""",
        [template("widget.js"), state],
    )
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Reset").click()  # there is something to reset
    assert frame.locator("html").get_attribute("data-theme") == theme
    assert background(frame) == (DARK if theme == "dark" else LIGHT)


# ---------------------------------------------------------------------- in Python


def test_a_front_end_can_send_anything(anywidget) -> None:
    loss, _, _ = neuron()
    stepper = step(loss)
    recorded = {"w": 0.5, "b": -0.3, "2": 2.0}
    assert stepper.values == recorded
    widget = stepper.widget
    for given in (
        None,
        [3],
        "0",
        {"0": "one"},
        {"0": [1]},
        {"0": None},
        {"w": "1"},
        {"99": "1"},
        {"-1": "1"},
        {"3": "7"},
    ):
        widget.set_state({"given": given})
        assert stepper.values == recorded
    assert stepper.assign() == {}
    widget.set_state({"given": {"0": "-Infinity", "1": "0.25", "x": "1"}})
    assert stepper.values == recorded | {"w": -math.inf, "b": 0.25}


def test_numbers_are_assigned_when_asked(anywidget) -> None:
    loss, w, b = neuron()
    stepper = step(loss)
    before = stepper.html()
    stepper.widget.set_state({"given": {"0": "0.75"}})
    assert (w.data, b.data) == (0.5, -0.3)
    assert stepper.assign() == {"w": 0.75}
    assert (w.data, b.data) == (0.75, -0.3)
    assert stepper.assign() == {}
    stepper.tape.forward()
    assert loss.data == math.tanh(0.75 * 2.0 - 0.3)
    assert stepper.html() == before  # shows what was recorded, and is live
    stepper.widget.set_state({"given": {}})
    assert stepper.assign() == {"w": 0.5}


def test_a_page_made_after_an_assignment_is_that_of_the_recorded_numbers(anywidget) -> None:
    stepper, another = step(neuron()[0]), step(neuron()[0])
    stepper._widget.set_state({"given": {"0": "0.75"}})
    stepper.assign()
    assert stepper.html() == another.html()


def test_leaves_with_one_label() -> None:
    assert step(Value(1.0, name="w") * 2.0 + Value(3.0, name="w") * 2.0).values == {
        "w": 1.0,
        "2": 2.0,
        "w (2)": 3.0,
        "2 (2)": 2.0,
    }
    assert step(Tensor([1.0, 2.0], name="t").sum()).values == {}


@pytest.mark.parametrize(
    ("names", "widget_is_shown"),
    [({}, False), ({"__vsc_ipynb_file__": "x.ipynb"}, True)],
    ids=["Jupyter", "VS Code"],
)
def test_what_a_kernel_sends(anywidget, monkeypatch, names, widget_is_shown) -> None:
    monkeypatch.setattr(notebook_module, "shell", lambda: SimpleNamespace(kernel=object(), user_ns=names))
    stepper = step(neuron()[0])
    sent = stepper._repr_mimebundle_()
    data, metadata = sent if isinstance(sent, tuple) else (sent, {})
    assert set(data) - {WIDGET} == {"text/plain", "text/html"}
    assert (WIDGET in data) == widget_is_shown
    assert metadata == {}
    assert f'name="{stepper._widget.name}"' in data["text/html"]
    assert (
        'id="story"' in stepper._widget.html
    ) == widget_is_shown  # not sent where the page stands in the output


def test_without_anywidget_the_page_is_shown_as_it_is(monkeypatch) -> None:
    monkeypatch.setattr(notebook_module, "widget_class", lambda: None)
    monkeypatch.setattr(notebook_module, "shell", lambda: SimpleNamespace(kernel=object(), user_ns={}))
    stepper = step(neuron()[0])
    shown = stepper._repr_mimebundle_()
    assert set(shown) == {"text/plain", "text/html"}
    assert " name=" not in shown["text/html"].partition("srcdoc")[0]
    assert stepper._display_()._repr_html_() == shown["text/html"]
    assert stepper.values == {"w": 0.5, "b": -0.3, "2": 2.0}
    assert stepper.assign() == {}
    with pytest.raises(DrawingError, match="pip install 'chainrule\\[notebook\\]'"):
        stepper.widget  # noqa: B018


def test_anywidget_is_imported_only_where_it_is_used() -> None:
    code = """
import sys
from chainrule.autograd import Value
from chainrule.viz import step

stepper = step(Value(1.0) * 2)
stepper._repr_mimebundle_(), stepper.values, stepper.assign()
assert not {"anywidget", "traitlets", "IPython"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
