"""The playground in a notebook: the same page, with numbers of the kernel; and without one, what it does."""

from __future__ import annotations

import re
import sys

import pytest
from open_notebook import Notebook
from playground_pages import PATIENCE, same_numbers, trained

from chainrule.viz import playground
from chainrule.viz.playground.serving.launch import ServerError
from chainrule.viz.playground.serving.notebook import bundle
from chainrule.viz.playground.serving.templates import SCRIPTS, template

APP = "document.querySelector('.chainrule-playground').playground.app"


@pytest.fixture
def anywidget():
    return pytest.importorskip("anywidget", reason="the widget needs anywidget: pip install '.[notebook]'")


def test_it_trains_in_a_notebook(anywidget, browser, jupyter) -> None:
    sources = ["from chainrule.viz import playground\nplayground('data=xor&layers=3&steps=50')"]
    notebook = Notebook(browser, jupyter, "doc/tree", sources, "playground")
    notebook.run(0)
    page = notebook.page
    page.locator(".chainrule-playground[data-ready]").wait_for(timeout=PATIENCE * 1000)
    page.wait_for_function(
        f"() => {APP}.latest?.steps === 50 && !{APP}.latest.playing", timeout=PATIENCE * 1000
    )
    same_numbers(page.evaluate(f"{APP}.latest"), trained("data=xor&layers=3&steps=50"))
    page.get_by_role("button", name="Train on one batch").click()
    page.wait_for_function(f"() => {APP}.latest?.steps === 51", timeout=PATIENCE * 1000)
    same_numbers(page.evaluate(f"{APP}.latest"), trained("data=xor&layers=3&steps=51"))
    page.get_by_role("tab", name="This batch").click()
    page.frame_locator("iframe.page").locator("[data-ready]").wait_for(timeout=PATIENCE * 1000)
    # the theme is the notebook's, not the screen's
    root = page.locator(".chainrule-playground")
    background = "(root) => getComputedStyle(root).backgroundColor"
    assert root.evaluate(background) == "rgb(255, 255, 255)"
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_function(
        f"() => ({background})(document.querySelector('.chainrule-playground')) === 'rgb(22, 25, 29)'"
    )


def test_the_widget_is_all_modules_of_the_page_in_one() -> None:
    text = bundle()
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert len(re.findall(r"^export ", text, re.MULTILINE)) == 1
    names = re.findall(r"^(?:async )?(?:const|function|class) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names))  # in one module, two of a name are an error


def test_each_module_stands_after_those_that_it_imports() -> None:
    for i, name in enumerate(SCRIPTS):
        imported = re.findall(r'from "\./(\w+)\.js"', template(f"{name}.js"))
        assert set(imported) <= set(SCRIPTS[:i]), name


def test_the_kernel_keeps_no_thread_of_a_widget_that_is_closed(anywidget) -> None:
    made = playground("data=moons")
    thread = made._session.thread
    assert thread.is_alive()
    made.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_without_anywidget_it_says_what_to_do(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    from chainrule.viz.playground.serving.notebook import widget_class

    widget_class.cache_clear()
    with pytest.raises(
        ServerError, match=r"pip install 'chainrule\[notebook\]'; or run `chainrule playground`"
    ):
        playground()
