"""Predict, then reveal: a number that is asked for is nowhere on the page, and every answer is judged and explained."""

from __future__ import annotations

import math
import re

import pytest

from chainrule.autograd import Tensor, Value, exp, log, relu, tanh
from chainrule.viz import step
from chainrule.viz.common.notation import typeset
from chainrule.viz.common.numbers import number


def neuron(w=0.5) -> Value:
    w, x = Value(w, name="w"), Value(2.0, name="x", requires_grad=False)
    b = Value(-0.3, name="b")
    loss = (tanh(w * x + b) - 1) ** 2 + w * w
    loss.name = "loss"
    return loss


def shared() -> Value:
    """`a` receives -12, then -12 + 3.5 × 8: every number of the last step is another one."""
    a, b, c = Value(7.0, name="a"), Value(3.5, name="b"), Value(8.0, name="c")
    loss = (a * b) * c + a * Value(-12.0, name="d", requires_grad=False)
    loss.name = "loss"
    return loss


def opened(browser, tmp_path, root, quiz=True, digits=4, **settings):
    stepper = step(root, digits=digits, quiz=quiz)
    return stepper, browser.open(stepper.save(tmp_path / "steps.html").as_uri(), **settings)


def go(page, position: int) -> None:
    page.locator("#slider").fill(str(position))


def last_of(stepper, name: str) -> int:
    """The position after the last step that adds to a gradient."""
    n = stepper.tape.labels.index(name)
    return max(s.index for s in stepper.steps if s.kind == "backward" and s.input == n) + 1


def answer(page, text: str) -> str:
    page.fill("#answer", text)
    page.press("#answer", "Enter")
    return page.inner_text("#verdict")


def equation(page) -> str:
    return page.text_content("#equation").replace("−", "-")


# every text that a reader sees, and every one that a screen reader says
EVERYTHING = """() => {
    const seen = [...document.querySelectorAll("body *")]
        .filter((x) => x.checkVisibility({ visibilityProperty: true }));
    const own = (x) => [...x.childNodes].filter((y) => y.nodeType === 3).map((y) => y.data);
    const said = ["aria-label", "aria-valuetext", "title", "data-caption", "aria-description", "placeholder", "value"];
    const field = (x) => (typeof x.value === "string" ? x.value : "");
    return seen.flatMap((x) => [...own(x), ...said.map((key) => x.getAttribute(key) || ""), field(x)])
        .filter((text) => text.trim());
}"""


def occurrences(page, text: str) -> list[str]:
    """The texts of the page in which a number stands as a word of its own."""
    whole = re.compile(rf"(?<![\w.−-]){re.escape(text)}(?![\w.])")
    return [each for each in page.evaluate(EVERYTHING) if whole.search(each)]


@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize("make", [neuron, shared])
def test_the_number_that_is_asked_for_is_nowhere_on_the_page(browser, tmp_path, make, sign) -> None:
    stepper, page = opened(browser, tmp_path, make(), digits=9)
    if sign:
        page.select_option("#ask-for", "sign")
    for s in stepper.steps[stepper.turn + 1 :]:
        go(page, s.index + 1)
        hidden = {typeset(number(float(x), 9)) for x in (s.total, s.contribution)}
        values = [node.data for node in stepper.tape.nodes]
        before = stepper.steps[stepper.turn : s.index]
        known = {*values, 0.0, s.upstream, s.before or 0.0}
        known |= {x for each in before for x in (each.total, each.contribution)}
        known |= {each.local for each in stepper.steps[stepper.turn + 1 :]}  # on the edges
        hidden -= {typeset(number(float(x), 9)) for x in known if x is not None}
        for text in hidden:
            assert occurrences(page, text) == [], s
        assert equation(page).endswith("= ?")
        page.click("#reveal")
        for text in hidden:
            assert len(occurrences(page, text)) >= 2  # the check finds them now
    assert page.locator("#score").inner_text() == ""  # what is shown does not count


def test_hidden_numbers_of_the_last_step_are_as_before_it(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    a = stepper.tape.labels.index("a")
    at = last_of(stepper, "a")
    go(page, at)
    assert page.text_content(f"#n{a} .grad") == "∂ −12 + …"
    assert "1 of 2 arrived" in page.get_attribute(f"#n{a}", "aria-label")
    assert equation(page) == "a.grad: ? + (? × ?) = ?"
    assert page.inner_text("#note") == ""
    assert "= ?" in page.get_attribute("#slider", "aria-valuetext")
    s = stepper.steps[at - 1]
    assert page.text_content(f"#n{s.node}in{s.position} .local") == "× 3.5"
    assert page.text_content(f"#n{s.node}in{s.position} .arrived") == ""
    assert answer(page, "16").startswith("✓ Right at the first try")
    assert equation(page) == "a.grad: -12 + (3.5 × 8) = 16"
    assert page.text_content(f"#n{a} .grad") == "∂ 16"
    assert page.text_content(f"#n{s.node}in{s.position} .arrived") == "← 28"
    assert "2 of 2 arrived: −12 + 28" in page.inner_text("#note")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("28", "only what arrives in this step. It is added to the gradient so far"),
        ("-12", "the gradient so far. What arrives in this step is added to it"),
        ("8", "the upstream gradient, v1.grad. It is multiplied by the local gradient, and added"),
        ("-4", "is multiplied by the local gradient before it is added"),
        ("3,5", "with the local gradient only. It is multiplied by the upstream gradient"),
        ("-8.5", "with the local gradient only"),
        ("−16", "The size is right, the sign is wrong"),
        ("-40", "What arrives has the other sign"),
        ("7", "the value of a. Its gradient is asked for"),
        ("-0.5", "multiplied, not added"),
        ("1e3", "Try again"),
    ],
)
def test_common_mistakes_are_named(browser, tmp_path, text, said) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    go(page, last_of(stepper, "a"))
    verdict = answer(page, text)
    assert verdict.startswith(f"✗ Not {typeset(text)}. ")
    assert said in verdict
    assert verdict.endswith("Try again, or choose Show me.")
    assert equation(page) == "a.grad: -12 + (3.5 × 8) = ?"  # the factors explain it, the number stays hidden
    assert page.locator("#live").text_content() == f"{verdict} a.grad: −12 + (3.5 × 8) = ?"
    assert page.inner_text("#score") == "0 of 1 right at the first try"
    assert answer(page, "16") == "✓ Right."
    assert page.inner_text("#score") == "0 of 1 right at the first try"


@pytest.mark.parametrize(
    ("text", "right"),
    [("16", 1), ("15.9", 1), ("16.1", 1), ("15.8", 0), ("16.2", 0), ("16,0", 1), ("1.6e1", 1), ("inf", 0)],
)
def test_a_prediction_within_a_hundredth_counts(browser, tmp_path, text, right) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    go(page, last_of(stepper, "a"))
    assert answer(page, text).startswith("✓" if right else "✗")


@pytest.mark.parametrize("digits", [1, 2, 4])
def test_what_the_numbers_on_the_page_give_is_right(browser, tmp_path, digits) -> None:
    stepper, page = opened(browser, tmp_path, neuron(), digits=digits)
    for s in stepper.steps[stepper.turn + 1 :]:
        go(page, s.index + 1)
        before, local, upstream = (float(number(x or 0.0, digits)) for x in (s.before, s.local, s.upstream))
        calculated = before + local * upstream
        if calculated * s.total > 0:  # with one digit the last one is 1 + 2 × (−0.5)
            assert answer(page, repr(calculated)).startswith("✓"), s


def test_terms_that_cancel_each_other_are_answered_by_zero(browser, tmp_path) -> None:
    x = Value(0.1, name="x")
    root = (x * 3.0) * 0.1 - x * 0.3  # 3 × 0.1 - 0.3 is 5.6e-17
    stepper, page = opened(browser, tmp_path, root)
    go(page, len(stepper))
    assert 0 < abs(stepper.steps[-1].total) < 1e-15
    assert answer(page, "0").startswith("✓")
    page.click("#again")
    page.select_option("#ask-for", "sign")
    go(page, len(stepper))
    page.keyboard.press("0")
    assert page.inner_text("#verdict").startswith("✓")


def test_infinity_and_nan_are_answered_as_such(browser, tmp_path) -> None:
    x = Value(0.0, name="x")
    stepper, page = opened(browser, tmp_path, log(x) - log(x))
    go(page, len(stepper))  # x.grad is ∞ + (1 ÷ 0) × (−1)
    assert math.isnan(stepper.steps[-1].total)
    assert answer(page, "5").startswith("✗")
    assert answer(page, "NaN").startswith("✓")
    page.click("#again")
    page.select_option("#ask-for", "sign")
    go(page, len(stepper))
    assert page.inner_text("#verdict") == "This step is not asked: NaN has no sign."
    page = opened(browser, tmp_path, log(Value(0.0, name="x")))[1]
    page.keyboard.press("End")
    assert answer(page, "1e300").startswith("✗")
    assert answer(page, "inf").startswith("✓")


def test_signs_are_chosen_by_keys_and_buttons(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    page.select_option("#ask-for", "sign")
    page.evaluate("document.activeElement.blur()")
    go(page, last_of(stepper, "a"))
    assert page.locator("#answer").is_hidden()
    assert page.locator("#live").text_content().endswith("Press minus, 0 or plus.")
    page.keyboard.press("-")
    verdict = page.inner_text("#verdict")
    assert verdict.startswith(
        "✗ Not negative. That is the sign of the gradient so far. What arrives is positive, and larger."
    )
    assert equation(page) == "a.grad: -12 + (3.5 × 8) = ?"
    page.get_by_role("button", name="zero", exact=True).click()
    assert "Neither factor is 0" in page.inner_text("#verdict")
    page.get_by_role("button", name="positive", exact=True).focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#verdict") == "✓ Right."
    assert equation(page).endswith("= 16")
    x = Value(-2.0, name="x")
    dead, page = opened(browser, tmp_path, relu(x) * -3.0)
    page.select_option("#ask-for", "sign")
    page.evaluate("document.activeElement.blur()")
    go(page, len(dead))
    page.keyboard.press("-")
    assert "One of the factors is 0, so nothing arrives." in page.inner_text("#verdict")
    page.keyboard.press("0")
    assert page.inner_text("#verdict") == "✓ Right."


def test_a_whole_pass_by_keyboard_with_score_summary_and_again(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, neuron(), quiz=False)
    assert page.locator("#quiz").is_hidden()
    page.keyboard.press("p")
    assert page.get_attribute("#predict", "aria-checked") == "true"
    assert page.inner_text("#verdict") == "Predict is on: the numbers of the backward pass are asked for."
    page.keyboard.press("b")
    assert page.inner_text("#verdict") == "Where the backward pass starts is not asked."
    asked = stepper.steps[stepper.turn + 1 :]
    page.keyboard.press("Enter")  # on, with the focus in the field
    for i, s in enumerate(asked):
        assert page.input_value("#slider") == str(s.index + 1)
        assert page.evaluate("document.activeElement.id") == "answer"
        assert page.locator("#live").text_content().endswith("Type the number, then Enter.")
        if i in (1, 2):
            page.keyboard.type("123")
            page.keyboard.press("Enter")
        page.keyboard.type(repr(float(s.total)))  # in place of the wrong one
        page.keyboard.press("Enter")
        assert page.inner_text("#verdict").startswith("✓"), s
        page.keyboard.press(["Enter", "ArrowRight"][i % 2])
    n = len(asked)
    names = [f"{stepper.tape.labels[s.input]}.grad in step {s.index + 1}" for s in asked[1:3]]
    summary = (
        f"The pass is complete: {n - 2} of {n} right at the first try. Look again at {', '.join(names)}."
    )
    assert page.inner_text("#summary") == summary
    assert page.inner_text("#score") == f"{n - 2} of {n} right at the first try"
    assert summary in page.locator("#live").text_content()
    go(page, asked[1].index + 1)  # what was answered stays visible
    assert not equation(page).endswith("?")
    page.keyboard.press("End")
    page.get_by_role("button", name="Again").press("Enter")
    assert page.input_value("#slider") == str(asked[0].index + 1)
    assert page.input_value("#answer") == page.inner_text("#score") == ""
    assert equation(page).endswith("= ?")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert page.locator("#quiz").is_hidden()
    assert not equation(page).endswith("?")


def test_digits_go_to_the_field_and_arrows_go_on(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    go(page, last_of(stepper, "a"))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.type("-1.5")
    assert page.input_value("#answer") == "-1.5"
    page.fill("#answer", "")
    page.keyboard.press("ArrowLeft")  # an empty field does not hold the arrows
    assert page.input_value("#slider") == str(last_of(stepper, "a") - 1)
    page.fill("#answer", "x")
    page.keyboard.press("Enter")
    assert page.get_attribute("#answer", "aria-invalid") == "true"
    assert page.inner_text("#score") == ""  # no number, no answer
    assert (
        page.inner_text("#verdict") == page.text_content("#live") == "Write a number, such as −0.5 or 2e-3."
    )
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    page.get_by_role("button", name="Show me").press("Enter")
    assert page.inner_text("#verdict") == "Shown; it does not count."
    assert not equation(page).endswith("?")
    assert page.inner_text("#score") == ""


def test_the_forward_pass_is_asked_if_the_reader_wants(browser, tmp_path) -> None:
    x = Value(0.5, name="x")
    y = exp(x) * 3.0  # the local gradient of exp is its value
    _, page = opened(browser, tmp_path, y)
    page.get_by_label("forward pass, too").check()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    page.keyboard.press("f")
    value = typeset(number(math.exp(0.5)))
    assert equation(page) == "v1 = exp(0.5) = ?"
    assert occurrences(page, value) == []
    assert answer(page, f"-{math.exp(0.5)}").startswith("✗ Not −1.6487212707001282. The size is right")
    assert answer(page, "1.65").startswith("✓")
    assert equation(page) == f"v1 = exp(0.5) = {value}"


def test_playing_stops_at_a_question(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    page.select_option("#speed", "20")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    for _ in range(200):
        if page.get_attribute("#play", "aria-label") == "Play":
            break
        page.wait_for_timeout(25)
    assert page.input_value("#slider") == str(stepper.turn + 2)
    assert page.locator("#live").text_content().endswith("Type the number, then Enter.")


def test_other_numbers_at_the_leaves_are_other_questions(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, neuron())
    go(page, len(stepper) - 1)
    last = len(stepper)
    page.evaluate("n => setLeaf(n, 1.25)", stepper.tape.labels.index("w"))
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => setTimeout(go, 50)))")
    go(page, last)
    other = step(neuron(w=1.25))
    right = other.steps[-1].total
    assert occurrences(page, typeset(number(right))) == []
    for hidden in (".item .grad", "#descend", ".nudge", "#forget", ".ghost"):
        assert not any(each.is_visible() for each in page.locator(hidden).all()), hidden
    assert answer(page, repr(stepper.steps[-1].total)).startswith("✗")  # with the numbers that were recorded
    assert answer(page, repr(right)).startswith("✓")
    page.evaluate("() => reset()")
    page.evaluate("() => new Promise((go) => requestAnimationFrame(() => setTimeout(go, 50)))")
    assert page.inner_text("#verdict") == ""  # it was said of other numbers
    assert page.inner_text("#score") == "0 of 1 right at the first try"
    page.locator("#predict").click()
    assert page.locator("#descend").is_visible()


def test_steps_on_arrays_are_not_asked(browser, tmp_path) -> None:
    t = Tensor([[1.0, 2.0], [3.0, 4.0]], name="t")
    loss = (t * 2.0).mean() * 5.0
    stepper, page = opened(browser, tmp_path, loss)
    asked = []
    for s in stepper.steps[stepper.turn + 1 :]:
        go(page, s.index + 1)
        asked.append(equation(page).endswith("?"))
        assert asked[-1] == page.locator("#answer").is_visible()
        assert asked[-1] == ("on arrays" not in page.inner_text("#verdict"))
    assert asked == [True, False, False]
    assert "t.grad now" in page.locator("#equation .is-new").get_attribute("data-caption")


def test_printed_pages_have_all_numbers(browser, tmp_path) -> None:
    stepper, page = opened(browser, tmp_path, shared())
    page.keyboard.press("End")
    page.emulate_media(media="print")
    page.wait_for_timeout(50)
    assert "16" in page.inner_text(f"#rows tr:nth-child({stepper.tape.labels.index('a') + 1})")
    assert "= ?" not in page.inner_text("#printed")
    page.emulate_media(media="screen")
    page.wait_for_timeout(50)
    assert equation(page).endswith("= ?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_quiz_can_be_used_by_everyone(browser, tmp_path, scheme, width) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[browser]'"
    ).Axe()
    settings = {
        "color_scheme": scheme,
        "viewport": {"width": width, "height": 844},
        "reduced_motion": "reduce",
    }
    stepper, page = opened(browser, tmp_path, neuron(), **settings)
    assert page.get_by_role("switch", name="Predict").get_attribute("aria-checked") == "true"

    def looked_at() -> None:
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        sizes = page.evaluate(
            """() => [...document.querySelectorAll("#quiz *, #predict")]
                .filter((x) => x.textContent.trim() && x.checkVisibility())
                .map((x) => parseFloat(getComputedStyle(x).fontSize))"""
        )
        assert min(sizes) >= 11
        for control in page.locator("#quiz :is(button, input, select), #predict").all():
            if control.is_visible():
                assert control.bounding_box()["height"] >= 18

    looked_at()
    go(page, stepper.turn + 2)
    looked_at()
    name = f"{stepper.tape.labels[stepper.steps[stepper.turn + 1].input]}.grad ="
    assert page.get_by_role("textbox", name=name).get_attribute("id") == "answer"
    answer(page, "123")
    looked_at()
    page.select_option("#ask-for", "sign")
    looked_at()
    assert page.get_by_role("group", name="Sign").is_visible()
    page.locator("#reveal").click()
    page.keyboard.press("End")
    page.locator("#reveal").click()
    assert page.inner_text("#summary").startswith("The pass is complete: 0 of 1 right")
    looked_at()


def test_a_quiz_is_one_page_under_the_same_policy_and_its_print_does_not_tell() -> None:
    stepper = step(shared(), quiz=True)
    assert stepper.quiz
    assert not step(shared()).quiz
    for source in (stepper.html(), stepper._repr_mimebundle_()["text/html"]):
        assert '"quiz":true' in source.replace("&quot;", '"')
    assert '"quiz":false' in step(shared()).html()
    assert re.sub('"quiz":(true|false)', "", stepper.html()) == re.sub(
        '"quiz":(true|false)', "", step(shared()).html()
    )
    assert stepper.html().count("sha256-") == 2
    printed = str(stepper)
    assert "v1 = a * b" in printed
    assert ".grad" not in printed
    assert stepper.log() == step(shared()).log()
