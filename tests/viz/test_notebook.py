"""Steps in a real JupyterLab, trusted and not trusted, and in a notebook exported to HTML."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from chainrule.autograd import Tape, Tensor, Value, tanh
from chainrule.viz import draw, step

REASON = "notebooks are tested in JupyterLab: pip install '.[browser]'"


def neuron() -> Value:
    w, b = Value(0.5, name="w"), Value(-0.3, name="<b>")
    return tanh(w * 2.0 + b)


def notebook(bundle: dict, source: str = "step(loss)") -> str:
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": bundle}
    cell = {"cell_type": "code", "execution_count": 1, "id": "cell", "metadata": {}}
    cells = [cell | {"source": source, "outputs": [output]}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def stored(jupyter) -> str:
    """The address of two notebooks with the same output, `trusted.ipynb` and `untrusted.ipynb`."""
    bundle = step(neuron())._repr_mimebundle_()
    for name in ("trusted", "untrusted"):
        (jupyter.folder / f"{name}.ipynb").write_text(notebook(bundle, f"step(loss)  # {name}"))
    jupyter.trust("trusted.ipynb")
    return f"{jupyter.address}/doc/tree"


def test_trusted_the_steps_are_played(browser, stored) -> None:
    page = browser.open(f"{stored}/trusted.ipynb")
    page.get_by_role("dialog").get_by_role("button", name="No Kernel").click()  # what is stored is enough
    frame = page.frame_locator(".jp-OutputArea-output iframe")
    frame.get_by_role("button", name="Last step").click()
    assert "w.grad: 0 + (2 × 0.6347) = 1.269" in frame.locator("#live").text_content().replace("−", "-")
    assert frame.locator("#graph .node").count() == 9
    sandbox = page.locator(".jp-OutputArea-output iframe").get_attribute("sandbox")
    assert sandbox == "allow-scripts"  # it cannot reach the notebook
    covered = """img => {
        const frame = img.parentElement.querySelector("iframe").getBoundingClientRect();
        const box = img.getBoundingClientRect();
        return frame.top <= box.top && frame.bottom >= box.bottom && frame.width > 400;
    }"""
    assert page.locator(".jp-OutputArea-output img").evaluate(covered)
    no_scrolling = "() => document.documentElement.scrollHeight <= innerHeight"
    assert frame.locator("html").evaluate(no_scrolling)  # the height that Python computed is enough
    browser.troubles.clear()  # what JupyterLab itself complains of


def test_not_trusted_the_picture_is_shown(browser, stored) -> None:
    page = browser.open(f"{stored}/untrusted.ipynb")
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    wait = "img => img.decode().then(() => img.naturalWidth > 300 && img.naturalHeight > 100)"
    assert picture.evaluate(wait)
    assert picture.evaluate("img => img.parentElement.offsetHeight") < 400  # no empty place for the frame
    assert page.locator(".jp-OutputArea-output iframe").count() == 0
    browser.troubles.clear()


def test_exported_to_html_without_a_network(browser, tmp_path) -> None:
    nbconvert = pytest.importorskip("nbconvert", reason=REASON)
    import nbformat

    cells = nbformat.reads(notebook(step(neuron())._repr_mimebundle_()), 4)
    body, _ = nbconvert.HTMLExporter().from_notebook_node(cells)
    (tmp_path / "exported.html").write_text(body, encoding="utf-8")
    page = browser.open((tmp_path / "exported.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Last step").click()
    assert "w.grad: 0 + (2 × 0.6347) = 1.269" in frame.locator("#live").text_content()
    browser.troubles.clear()  # nbconvert asks for scripts of its own, which it did not get


def test_the_picture_and_the_page_are_in_one_output() -> None:
    bundle = step(neuron())._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    shown = bundle["text/html"]
    assert shown.count("<img") == shown.count("<iframe") == 1
    assert "<b>" not in shown
    assert not re.search(r"https?://(?!www\.w3\.org)", shown)


@pytest.mark.parametrize(
    "make",
    [
        neuron,
        lambda: Tensor(np.arange(6.0).reshape(2, 3), name="t"),
        lambda: Tape(neuron()),
        lambda: draw(neuron()),
        lambda: step(neuron()),
        lambda: Tape(neuron()).source(),
    ],
)
def test_what_ipython_shows(make) -> None:
    formatters = pytest.importorskip("IPython.core.formatters", reason=REASON)
    shown, _ = formatters.DisplayFormatter().format(make())
    assert shown["text/plain"]
    assert "text/html" in shown or "image/svg+xml" in shown
