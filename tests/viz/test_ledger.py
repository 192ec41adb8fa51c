"""The account of each gradient on the page: where it comes from, what adds up, what is missing, what went wrong."""

from __future__ import annotations

import numpy as np

from chainrule.autograd import Tensor, Value, log, relu, sqrt
from chainrule.viz import step
from chainrule.viz.common.numbers import number


def shared() -> Value:
    """`a` is used five times."""
    a, b = Value(-4.0, name="a"), Value(2.0, name="b")
    return a * b + a * a * 0.5 + relu(a) + (a - b) * 3.0


def opened(browser, tmp_path, root):
    stepper = step(root)
    return stepper, browser.open(stepper.save(tmp_path / "steps.html").as_uri())


def text(page, selector: str) -> str:
    return page.text_content(selector).replace("−", "-")


def test_a_node_that_is_used_five_times_counts_and_lists_what_arrives(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    a = stepper.tape.labels.index("a")
    assert text(page, f"#n{a} .count") == "used 5 times"
    page.keyboard.press("b")
    arrived = []
    for s in stepper.steps[stepper.turn + 1 :]:
        page.keyboard.press("ArrowRight")
        if s.input != a:
            continue
        arrived.append(s.contribution)
        count, more = f"{len(arrived)} of 5 arrived", len(arrived) < 5
        listed = " + ".join(f"({number(x)})" if i and x < 0 else number(x) for i, x in enumerate(arrived))
        assert text(page, f"#n{a} .count") == count
        assert text(page, "#note").endswith(f"{count}: {listed}{' + …' * more}")
        assert text(page, f"#rows tr:nth-child({a + 1}) .list") == f"{count}: {listed}{' + …' * more}"
        assert text(page, f"#n{a} .grad") == f"∂ {number(sum(arrived))}{' + …' * more}"
        assert text(page, f"#rows tr:nth-child({a + 1}) .after") == " + …" * more
        # an incomplete gradient differs from a complete one in its text and in its font style
        style = page.eval_on_selector(f"#n{a} .grad", "text => getComputedStyle(text).fontStyle")
        assert style == ("italic" if more else "normal")
        said = page.get_attribute(f"#n{a}", "aria-label").replace("−", "-")
        assert (f"so far, {count}" in said) == more
    assert len(arrived) == 5
    stepper.tape.outputs[0].backward()
    assert sum(arrived) == stepper.tape.nodes[a].grad


def test_edges_carry_local_gradients_and_keep_contributions(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    first = next(s for s in stepper.steps if s.kind == "backward")
    edge = f"#n{first.node}in{first.position}"
    assert text(page, f"{edge} .local") == ""  # not known yet
    page.keyboard.press("b")
    for s in stepper.steps[stepper.turn + 1 :]:
        assert text(page, f"#n{s.node}in{s.position} .local") == f"× {number(s.local)}"
        assert text(page, f"#n{s.node}in{s.position} .arrived") == ""
        page.keyboard.press("ArrowRight")
        assert text(page, f"#n{s.node}in{s.position} .arrived") == f"← {number(s.contribution)}"
    for s in stepper.steps[stepper.turn + 1 :]:  # they stay
        assert text(page, f"#n{s.node}in{s.position} .arrived") == f"← {number(s.contribution)}"
    orange = page.eval_on_selector(f"{edge} .arrived", "text => getComputedStyle(text).fill")
    assert orange == page.evaluate("getComputedStyle(document.querySelector('#equation .is-gradient')).color")
    page.keyboard.press("Home")
    assert text(page, f"{edge} .arrived") == text(page, f"{edge} .local") == ""


def test_edges_before_in_and_after_their_step_differ_without_colour(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    s = stepper.steps[stepper.turn + 3]
    look = """edge => {
        const path = edge.querySelector("path"), style = getComputedStyle(path);
        return [style.strokeWidth, style.markerStart, getComputedStyle(edge.querySelector("polygon")).display,
            style.strokeDasharray];
    }"""
    looks = []
    for position in (s.index, s.index + 1, s.index + 2):
        page.locator("#slider").fill(str(position))
        looks.append(page.eval_on_selector(f"#n{s.node}in{s.position}", look))
    before, during, after = looks
    assert len({each[0] for each in looks}) == 3  # three widths
    assert before[1] == "none"
    assert len({before[1], during[1], after[1]}) == 3  # and three ends
    assert [each[2] for each in looks] == ["inline", "none", "none"]
    assert {each[3] for each in looks} == {"none"}
    page.locator("#slider").fill(str(s.index + 1))
    dashed = """all => all.filter(e => getComputedStyle(e).strokeDasharray !== "none")
        .map(e => e.closest("g").getAttribute("class").replace(" leaf", "").replace(/^edge.*/, "edge"))"""
    kinds = set(page.eval_on_selector_all("#graph path, #graph polygon", dashed))
    assert kinds == {"node constant", "edge"}  # dashes are for constants, and for the edges from them


def test_where_the_one_at_the_start_comes_from(browser, tmp_path) -> None:
    _, page = opened(browser, tmp_path, shared())
    page.keyboard.press("b")
    assert "h / h = 1" in page.text_content("#note")
    assert page.get_attribute("#equation .term", "data-caption") == "∂v9 / ∂v9"
    stepper = step(Tensor([1.0, 2.0], name="t") * 2, gradient=np.array([3.0, 4.0]))
    page = browser.open(stepper.save(tmp_path / "given.html").as_uri())
    page.keyboard.press("b")
    assert "that was given" in page.text_content("#what")


def badges(page) -> dict[str, str]:
    read = "all => all.filter(e => e.textContent).map(e => [e.parentNode.id, e.textContent])"
    return dict(page.eval_on_selector_all("#graph .badge", read))


def test_the_first_number_that_is_none_is_marked_where_it_is_born(browser, tmp_path) -> None:
    x = Value(0.0, name="x")
    with np.errstate(all="ignore"):
        born = log(x)
        root = born * 0.0 + x
    stepper, page = opened(browser, tmp_path, root)
    at = stepper.tape.index[born]
    assert badges(page) == {}  # before it is computed
    page.keyboard.press("ArrowRight")
    assert badges(page) == {f"n{at}": "first infinity"}
    assert "The first infinity of the forward pass is born here" in page.text_content("#note")
    page.keyboard.press("ArrowRight")
    assert page.text_content("#equation").endswith("= NaN")
    assert badges(page) == {f"n{at}": "first infinity"}  # what follows from it is marked as no number only
    assert page.locator("#graph .bad-value").count() == 2


def test_the_first_gradient_that_is_none_is_marked_where_it_is_born(browser, tmp_path) -> None:
    x = Value(0.0, name="x")
    middle = x * 2.0
    stepper, page = opened(browser, tmp_path, sqrt(middle) + 1.0)
    page.keyboard.press("End")
    assert badges(page) == {f"n{stepper.tape.index[middle]}": "first infinity"}
    page.keyboard.press("ArrowLeft")
    assert "The first infinity of the backward pass is born here" in page.text_content("#note")
    assert page.locator("#graph .bad-gradient").count() == 1


def test_flat_gradients_are_marked_once_they_are_complete(browser, tmp_path) -> None:
    x = Value(-1.0, name="x")
    stepper, page = opened(browser, tmp_path, relu(x) + relu(x * 2.0))
    page.keyboard.press("End")
    n = stepper.tape.index[x]
    assert text(page, f"#n{n} .grad") == "∂ 0  flat"
    page.locator("#slider").fill(
        str(next(s.index for s in stepper.steps if s.kind == "backward" and s.input == n) + 1)
    )
    assert text(page, f"#n{n} .grad") == "∂ 0 + …"


def test_all_that_is_shown_comes_from_one_state(browser, tmp_path) -> None:
    """Another state of the same form, as a page that computes anew makes it, replaces every number."""
    stepper, page = opened(browser, tmp_path, shared())
    other = """() => {
        const other = {
            arrays: [],
            values: state.values.map((_, n) => `7.${n}`),
            steps: state.steps.map((s, i) =>
                Object.fromEntries(Object.entries(s).map(([key, q]) => [key, q && `8.${i}`]))),
        };
        render(other, steps.length);
    }"""
    page.evaluate(other)
    assert page.input_value("#slider") == str(len(stepper))
    for n in range(len(stepper.tape.nodes)):
        assert text(page, f"#n{n} .value") == f"7.{n}"
        assert text(page, f"#rows tr:nth-child({n + 1}) .value") == f"7.{n}"
    for s in stepper.steps[stepper.turn + 1 :]:
        assert text(page, f"#n{s.node}in{s.position} .local") == f"× 8.{s.index}"
        assert text(page, f"#n{s.node}in{s.position} .arrived") == f"← 8.{s.index}"
    last = len(stepper) - 1
    assert text(page, "#equation").endswith(f"8.{last} + (8.{last} × 8.{last}) = 8.{last}")
    page.keyboard.press("Home")  # the reader moves on in it
    page.keyboard.press("ArrowRight")
    assert text(page, "#equation").endswith(f"= 7.{stepper.steps[0].node}")
