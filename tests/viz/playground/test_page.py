"""The page in a real Chromium: every control changes what it should, by the engine's numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from playground_pages import PATIENCE, Served, same_numbers, trained
from playground_runs import CHANGED

from chainrule.viz import draw, step
from chainrule.viz.playground.inside.batch import batch_loss
from chainrule.viz.playground.inside.derivation import derivation
from chainrule.viz.playground.inside.sample import sample_loss
from chainrule.viz.playground.lab.look import SMALL, Look
from chainrule.viz.playground.lab.settings import Recipe, Settings

APP = "document.querySelector('#playground').playground.app"


class Shown:
    """The playground in a browser."""

    def __init__(self, browser, served: Served, address: str = "", **settings) -> None:
        self.page = browser.open(
            f"{served.address}#{address}", **{"viewport": {"width": 1440, "height": 1000}} | settings
        )
        self.page.set_default_timeout(PATIENCE * 1000)
        steps = Recipe.read(address.partition("&kept")[0]).steps
        self.until(f"{APP}.latest?.steps === {steps} && {APP}.latest?.playing === false")

    def until(self, condition: str) -> None:
        self.page.wait_for_function(f"() => {condition}", timeout=PATIENCE * 1000)

    def frame(self) -> dict:
        return self.page.evaluate(f"{APP}.latest")

    def control(self, name: str):
        return self.page.locator(f"[data-name='{name}']")

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def settled(self, name: str, value) -> dict:
        """The frame of the first training with this setting."""
        self.until(
            f"JSON.stringify({APP}.scene.settings.{name}) === {json.dumps(json.dumps(value, separators=(',', ':')))}"
        )
        self.until(f"{APP}.latest?.playing === false")
        return self.frame()

    def paused(self) -> dict:
        """The frame of the present, after a pause."""
        self.press("Pause")
        self.until(f"{APP}.latest?.playing === false")
        return self.frame()


@pytest.fixture
def shown(browser, served):
    return Shown(browser, served)


def slide(shown: Shown, name: str, value: float) -> None:
    """Move a slider as a reader does with the keyboard, which sends its changes."""
    control = shown.control(name)
    control.evaluate(
        """(input, value) => {
            input.value = value;
            for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }));
        }""",
        value,
    )


@pytest.mark.parametrize("name", ["samples", "noise", "share", "batch"])
def test_each_slider_changes_its_setting(shown: Shown, name: str) -> None:
    slide(shown, name, CHANGED[name])
    shown.settled(name, CHANGED[name])
    shown.press("Train on one batch")
    shown.until(f"{APP}.latest?.steps === 1")
    frame = shown.frame()
    assert Recipe.read(frame["address"]).settings == Settings(**{name: CHANGED[name]})
    same_numbers(frame, trained(frame["address"]))


@pytest.mark.parametrize(
    "name", ["activations", "optimizer", "schedule", "penalty", "initial", "dropout", "rate"]
)
def test_each_list_changes_its_setting(shown: Shown, name: str) -> None:
    value = CHANGED[name][0] if name == "activations" else CHANGED[name]
    shown.control(name).select_option(str(value))
    expected = Settings(**{name: value}, **({"strength": 0.001} if name == "penalty" else {}))
    shown.settled(name, list(expected.activations) if name == "activations" else value)
    shown.press("Train for one epoch")
    shown.until(f"{APP}.latest?.steps === 25 && {APP}.latest?.playing === false")
    frame = shown.frame()
    assert Recipe.read(frame["address"]).settings == expected
    same_numbers(frame, trained(frame["address"]))


def test_strength_seeds_and_regenerate(shown: Shown) -> None:
    shown.control("penalty").select_option("L2")
    shown.settled("penalty", "L2")
    shown.control("strength").select_option("0.1")
    shown.settled("strength", 0.1)
    for name, button in (("seed", "Other weights"), ("data_seed", "Regenerate")):
        before = getattr(Settings(), name)
        shown.press(button)
        shown.settled(name, before + 1)
        shown.control(name).fill("77")
        shown.control(name).press("Enter")
        frame = shown.settled(name, 77)
    settings = Recipe.read(frame["address"]).settings
    assert settings == Settings(penalty="L2", strength=0.1, seed=77, data_seed=77)


@pytest.mark.parametrize("problem", ["classification", "regression"])
def test_every_data_set_can_be_chosen(shown: Shown, problem: str) -> None:
    shown.control("problem").select_option(problem)
    shown.until(f"{APP}.scene.problem === '{problem}' && {APP}.latest?.playing === false")
    buttons = shown.page.locator(".choices button:visible")
    names = [buttons.nth(i).get_attribute("data-name") for i in range(buttons.count())]
    assert len(names) == {"classification": 6, "regression": 2}[problem]
    for name in names[::-1]:
        shown.page.locator(f".choices [data-name={name}]").click()
        shown.settled("data", name)
        assert shown.page.locator(".choices [aria-pressed=true]").get_attribute("data-name") == name


def test_layers_units_inputs_and_activations_of_layers(shown: Shown) -> None:
    shown.press("Add a hidden layer")
    shown.settled("layers", [4, 2, 2])
    shown.press("Add a unit to layer 3")
    shown.settled("layers", [4, 2, 3])
    shown.press("Remove a unit of layer 1")
    shown.settled("layers", [3, 2, 3])
    shown.page.get_by_label("Activation of layer 2", exact=True).select_option("relu")
    shown.settled("activations", ["tanh", "relu", "tanh"])
    shown.press("Remove the last hidden layer")
    shown.settled("layers", [3, 2])
    shown.page.locator("[data-input='sin(x1)']").click()
    shown.settled("inputs", ["x1", "x2", "sin(x1)"])
    shown.page.locator("[data-input='x1']").click()
    frame = shown.settled("inputs", ["x2", "sin(x1)"])
    same_numbers(frame, trained(frame["address"]))
    assert shown.page.locator(".hit").count() == 2 * 3 + 3 * 2 + 2
    shown.page.locator("[data-input='x2']").click()
    shown.settled("inputs", ["sin(x1)"])
    shown.page.locator("[data-input='sin(x1)']").click()
    assert "one input at least" in shown.page.get_by_role("alert").inner_text()


def test_it_plays_at_the_chosen_speed_and_solves_xor(shown: Shown) -> None:
    shown.page.locator("[data-name=xor]").click()
    shown.settled("data", "xor")
    shown.control("speed").select_option("")
    shown.press("Play")
    shown.until(f"{APP}.latest?.epoch >= 300")
    frame = shown.paused()
    same_numbers(frame, trained(frame["address"]))
    assert frame["accuracy"] > 0.95
    assert frame["testAccuracy"] > 0.95
    assert shown.page.get_by_label("Training loss", exact=True).inner_text() == f"{frame['loss']:.3g}"
    shown.press("Start again from the first weights")
    shown.until(f"{APP}.latest?.steps === 0")


def test_pictures_and_lines_show_the_numbers(browser, served) -> None:
    shown = Shown(browser, served, "layers=3&steps=250")
    run = trained("layers=3&steps=250")
    blob, _ = Look(run).pictures()
    pixels = shown.page.evaluate(
        """[...document.querySelectorAll('.columns .row:not(.off) .unit canvas')].map(
            (canvas) => [...canvas.getContext('2d').getImageData(0, 0, 32, 32).data])"""
    )
    assert len(pixels) == 2 + 3 + 1
    for k, picture in enumerate(pixels):
        values = [x - 256 if x > 127 else x for x in blob[k * SMALL**2 : (k + 1) * SMALL**2]]
        for i in range(0, SMALL**2, 37):
            red, _, blue, _ = picture[4 * i : 4 * i + 4]
            if abs(values[i]) > 20:  # blue above 0, orange below
                assert (blue > red) == (values[i] > 0), (k, i)
    weights = run.model[0].weight.data
    lines = shown.page.locator(".lines .line")
    widths = [float(x) for x in lines.evaluate_all("(all) => all.map((x) => x.getAttribute('stroke-width'))")]
    kinds = lines.evaluate_all("(all) => all.map((x) => x.classList.contains('below'))")
    flat = [weights[i, j] for j in range(3) for i in range(2)]
    assert kinds[:6] == [w < 0 for w in flat]
    assert [w for _, w in sorted(zip(map(abs, flat), widths[:6]))] == sorted(widths[:6])


def test_a_unit_is_shown_large_while_it_is_pointed_at(shown: Shown) -> None:
    shown.page.get_by_label("Unit 2 of layer 1", exact=True).hover()
    shown.until(f"{APP}.latest?.shown.layer === 1 && {APP}.latest?.shown.unit === 1")
    assert shown.page.locator(".caption").inner_text() == "Unit 2 of layer 1"
    shown.page.locator("h1").hover()
    shown.until(f"{APP}.latest?.shown.layer === 3")


def test_a_weight_and_a_bias_are_changed_by_hand(shown: Shown) -> None:
    line = shown.page.locator(".hit").first
    line.focus()
    tip = shown.page.locator(".tip").inner_text()
    frame = shown.frame()
    assert f"{frame['weights']['0.weight'][0][0]:.3g}".replace("-", "−") in tip
    line.press("ArrowDown")
    shown.page.keyboard.press("Enter")
    value = shown.page.get_by_label("Value", exact=True)
    assert shown.page.locator(".card h3").inner_text() == "Weight from input x₂ to unit 1 of layer 1"
    value.fill("-1.5")
    value.press("Enter")
    shown.until(f"{APP}.latest?.weights['0.weight'][1][0] === -1.5")
    shown.page.keyboard.press("Escape")
    assert shown.page.locator(".card").is_hidden()
    shown.page.get_by_label("Unit 3 of layer 1", exact=True).click()
    value.fill("0.25")
    value.press("Enter")
    shown.until(f"{APP}.latest?.weights['0.bias'][2] === 0.25")
    frame = shown.frame()
    same_numbers(frame, trained(frame["address"]))
    assert shown.page.url.endswith("#changes=0:0.weight.1.0:-1.5,0:0.bias.2:0.25")


def test_the_rate_is_changed_while_it_trains(shown: Shown) -> None:
    shown.press("Train for one epoch")
    shown.until(f"{APP}.latest?.steps === 25 && {APP}.latest?.playing === false")
    shown.control("rate").select_option("0.3")
    shown.until(f"{APP}.latest?.chosenRate === 0.3")
    assert shown.frame()["steps"] == 25
    assert Recipe.read(shown.frame()["address"]).changes[0].value == 0.3


def test_an_address_gives_the_same_picture(browser, served) -> None:
    address = "data=moons&inputs=x1,x2,sin(x1)&layers=5,3&activations=relu,tanh&seed=4&changes=30:rate:0.3&steps=333"
    one, two = (Shown(browser, served, address) for _ in range(2))
    assert one.frame()["weights"] == two.frame()["weights"]
    same_numbers(one.frame(), trained(address))
    picture = """() => [
        [...document.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()),
        [...document.querySelectorAll('.line')].map((line) => line.outerHTML),
        document.querySelector('.board').innerText]"""
    assert one.page.evaluate(picture) == two.page.evaluate(picture)
    one.page.evaluate("location.hash = 'data=xor&steps=10'")
    one.until(f"{APP}.latest?.steps === 10 && {APP}.scene.settings.data === 'xor'")


def test_test_data_and_the_sign_of_the_output(shown: Shown) -> None:
    dots, heat = (shown.page.locator(f".plane .{name}").first for name in ("dots", "heat"))
    picture = "(canvas) => canvas.toDataURL()"
    before = dots.evaluate(picture), heat.evaluate(picture)
    shown.control("show-test").check()
    assert dots.evaluate(picture) != before[0]
    shown.control("discrete").check()
    colours = heat.evaluate(
        "(c) => [...new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, 100, 100).data.buffer))].length"
    )
    assert colours <= 3
    shown.control("show-test").uncheck()
    shown.control("discrete").uncheck()
    assert (dots.evaluate(picture), heat.evaluate(picture)) == before


def test_looking_back_and_going_on(browser, served) -> None:
    shown = Shown(browser, served, "steps=500")
    shown.control("timeline").evaluate(
        "(input) => { input.value = 5; input.dispatchEvent(new Event('input')); }"
    )
    shown.until(f"{APP}.latest?.looking")
    frame = shown.frame()
    assert frame["epoch"] == 5
    same_numbers(frame, trained("steps=125"))
    shown.press("Back to the present")
    shown.until(f"!{APP}.latest?.looking && {APP}.latest?.steps === 500")
    shown.control("timeline").evaluate(
        "(input) => { input.value = 5; input.dispatchEvent(new Event('input')); }"
    )
    shown.until(f"{APP}.latest?.looking")
    shown.press("Go on from here")
    shown.until(f"{APP}.latest?.steps === 125 && !{APP}.latest?.looking")


def test_two_runs_are_compared(shown: Shown) -> None:
    shown.press("Compare")
    shown.until(f"{APP}.scene.kept !== null")
    shown.control("seed").fill("8")
    shown.control("seed").press("Enter")
    shown.settled("seed", 8)
    assert "Seed of the weights: 1 here, 8 in the other" in shown.page.locator(".differs").inner_text()
    shown.press("Train for one epoch")
    shown.until(f"{APP}.latest?.steps === 25 && {APP}.latest?.playing === false")
    frame, run = shown.frame(), trained("steps=25")
    assert (frame["kept"]["loss"], frame["kept"]["testLoss"]) == run.losses_of(run.view())
    assert "kept=" in shown.page.url
    shown.press("End the comparison")
    shown.until(f"{APP}.scene.kept === null")


def test_points_are_drawn_with_the_mouse_and_trained_on(shown: Shown) -> None:
    shown.press("Draw points")
    box = shown.page.locator(".plane").first.bounding_box()
    for x, y in ((0.2, 0.2), (0.3, 0.25), (0.25, 0.35)):
        shown.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    shown.press("class 0")
    for x, y in ((0.8, 0.7), (0.7, 0.8), (0.75, 0.75)):
        shown.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    shown.until(f"{APP}.scene.settings.points.length === 6 && location.hash.split(';').length === 6")
    points = Recipe.read(shown.page.url.partition("#")[2]).settings.points
    assert [y for *_, y in points] == [1, 1, 1, 0, 0, 0]
    assert max(abs(points[0][0] + 3.6), abs(points[0][1] - 3.6)) < 0.05
    shown.press("Done")
    shown.press("Train for one epoch")
    shown.until(f"{APP}.latest?.epoch === 1 && {APP}.latest?.playing === false")
    same_numbers(shown.frame(), trained(shown.frame()["address"]))


def test_points_are_drawn_with_the_keyboard(shown: Shown) -> None:
    shown.press("Draw points")
    plane = shown.page.locator(".plane").first
    plane.focus()
    for key in ("Enter", "ArrowRight", "Enter"):
        plane.press(key)
    assert shown.page.evaluate(f"{APP}.drawn") == [[0, 0, 1], [0.5, 0, 1]]


def test_a_table_is_opened(shown: Shown, tmp_path) -> None:
    good, huge, text, one = (tmp_path / name for name in ("good.csv", "huge.csv", "text.csv", "one.csv"))
    good.write_text("x1,x2,class\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(30)))
    text.write_text("once upon a time\n")
    one.write_text("1,2,0\n2,3,0\n4,5,0\n")
    with open(huge, "wb") as file:
        file.truncate(100_000_000)
    files, alert = shown.page.locator("input[type=file]"), shown.page.get_by_role("alert")
    for path, said in (
        (huge, "huge.csv has 100 MB; 5 MB are the limit"),
        (text, "1 column"),
        (one, "in every line"),
    ):
        files.set_input_files(path)
        alert.get_by_text(said).wait_for()
    files.set_input_files(good)
    shown.page.get_by_text("30 points; class 0 is 0, class 1 is 1").wait_for()
    assert len(shown.page.evaluate(f"{APP}.scene.train")) == 15


# ---------------------------------------------------------------------- look inside


@pytest.fixture
def stopped(browser, served):
    return Shown(browser, served, "data=xor&dropout=0.1&penalty=L2&strength=0.01&steps=130")


RUN = "data=xor&dropout=0.1&penalty=L2&strength=0.01&steps=130"


def test_the_derivation_of_a_clicked_weight_is_the_engines(stopped: Shown) -> None:
    stopped.page.locator(".hit").nth(3).focus()
    stopped.page.keyboard.press("Enter")
    stopped.press("Derive this gradient")
    panel = stopped.page.locator(".panel")
    panel.locator("tfoot").wait_for()
    found = derivation(trained(RUN), "0.weight", (1, 1))
    assert found["label"] in panel.locator("h3").inner_text()
    assert panel.locator("tbody tr").count() == len(found["rows"]) == 10
    for step_, item in zip(found["steps"], panel.locator(".steps li").all()):
        assert step_["formula"] in item.inner_text()
        assert step_["numbers"] in item.inner_text()
    frame = stopped.frame()
    assert abs(frame["gradients"]["0.weight"][1][1] - found["gradient"]) < 1e-15
    panel.get_by_label("Derive sample 4").click()
    panel.get_by_text("Sample 4 of the batch").wait_for()


def test_the_graph_of_the_batch_is_that_of_draw(stopped: Shown) -> None:
    stopped.page.get_by_role("tab", name="This batch").click()
    frame = stopped.page.frame_locator("iframe.page")
    frame.locator("[data-ready]").wait_for()
    url = stopped.page.locator("iframe.page").get_attribute("src")
    shown = stopped.page.request.get(url).text()
    assert shown == draw(batch_loss(trained(RUN)), style="boxes").html()


def test_one_sample_is_stepped_through_the_present_network(stopped: Shown) -> None:
    stopped.page.get_by_role("tab", name="One sample").click()
    stopped.page.frame_locator("iframe.page").locator("#graph").wait_for()
    url = stopped.page.locator("iframe.page").get_attribute("src")
    assert stopped.page.request.get(url).text() == step(sample_loss(trained(RUN), 0)).html()
    stopped.page.locator(".plane").first.click(position={"x": 30, "y": 30})
    stopped.page.get_by_text(re.compile(r"Training point \d+:")).wait_for()
    assert stopped.page.locator(".marked").count() == 1


def test_layers_surface_and_program(stopped: Shown, tmp_path) -> None:
    page = stopped.page
    page.get_by_role("tab", name="Layers").click()
    assert page.locator(".panel tbody tr").count() == 3
    page.get_by_role("tab", name="Loss surface").click()
    page.locator(".surface-box").wait_for()
    page.get_by_role("tab", name="Program").click()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Keep as playground.py").click()
    kept.value.save_as(tmp_path / "playground.py")
    done = subprocess.run(
        [sys.executable, tmp_path / "playground.py"], capture_output=True, text=True, check=True
    )
    frame = stopped.frame()
    assert f"training loss: {frame['loss']!r}" in done.stdout
    assert f"test loss: {frame['testLoss']!r}" in done.stdout
    with page.expect_download() as kept:
        page.get_by_role("button", name="Keep as a notebook").click()
    kept.value.save_as(tmp_path / "playground.ipynb")
    assert json.loads((tmp_path / "playground.ipynb").read_text())["nbformat"] == 4


def test_what_was_computed_before_is_said_to_be_old(stopped: Shown) -> None:
    stopped.page.get_by_role("tab", name="Loss surface").click()
    stopped.page.locator(".surface-box").wait_for()
    stopped.press("Train on one batch")
    stopped.page.get_by_text("This is the state after 130 batches; the network has seen 131.").wait_for()
    stopped.press("Show the present state")
    stopped.until("document.querySelector('.stale').hidden")


# ---------------------------------------------------------------------- lessons, troubles, readers


def test_every_lesson_starts_with_one_click(shown: Shown) -> None:
    ids = shown.page.evaluate(f"{APP}.hello.lessons.map(({{ id }}) => id)")
    assert len(ids) >= 8
    for lesson in ids:
        shown.page.locator("summary").click()
        shown.page.locator(f"[data-lesson='{lesson}']").click()
        shown.until(f"{APP}.latest?.playing && {APP}.latest?.steps > 0")
        assert shown.page.locator(".told").is_visible()


def test_a_training_that_diverges_says_why(shown: Shown) -> None:
    shown.page.evaluate("location.hash = 'data=plane&layers=8&activations=relu&rate=100'")
    shown.settled("rate", 100)
    shown.press("Play")
    shown.page.get_by_role("alert").get_by_text("learning rate").wait_for()


def test_an_address_that_cannot_be_is_answered_in_the_page(shown: Shown) -> None:
    shown.page.evaluate("location.hash = 'data=xro'")
    shown.page.get_by_role("alert").get_by_text("data='xro' is not known").wait_for()


def test_a_lost_connection_comes_back_with_the_same_state(browser, served) -> None:
    shown = Shown(browser, served, "data=xor&steps=50")
    weights = shown.frame()["weights"]
    shown.page.context.set_offline(True)
    shown.page.evaluate(
        f"{APP}.send({{ type: 'nonsense', more: 'x'.repeat(7e6) }})"
    )  # which the server refuses
    shown.page.context.set_offline(False)
    shown.until(f"{APP}.latest?.steps === 50 && {APP}.latest?.playing === false")
    assert shown.frame()["weights"] == weights


def test_an_ended_server_is_said(browser) -> None:
    own = Served()
    shown = Shown(browser, own)
    own.close()
    shown.page.get_by_role("status").get_by_text("The connection is lost").wait_for()
    browser.troubles.clear()  # the browser writes that it cannot connect
    shown.page.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, served, width: int, scheme: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[browser]'"
    ).Axe()
    shown = Shown(
        browser,
        served,
        "layers=4,3&steps=100",
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    for tab in (None, "derivation", "layers", "surface", "script"):
        if tab:
            shown.page.locator(f"[data-tab={tab}]").click()
            shown.page.locator(".panel").get_by_text(
                re.compile("gradient|loss|program", re.IGNORECASE)
            ).first.wait_for()
        found = axe.run(shown.page, options={"iframes": False}).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_nothing_is_cut_off_at_any_width(shown: Shown) -> None:
    shown.press("Compare")
    shown.until(f"{APP}.scene.kept !== null && {APP}.latest?.kept")
    for tab in ("derivation", "layers", "script"):
        shown.page.locator(f"[data-tab={tab}]").click()
        for width in (390, 520, 768, 901, 1024, 1101, 1280, 1440, 1601, 1920):
            shown.page.set_viewport_size({"width": width, "height": 900})
            assert shown.page.evaluate("document.documentElement.scrollWidth") <= width, (tab, width)


def test_all_controls_are_reached_by_keyboard(shown: Shown) -> None:
    reached = set()
    for _ in range(110):
        shown.page.keyboard.press("Tab")
        reached.add(
            shown.page.evaluate(
                """(() => {
                    const e = document.activeElement;
                    return e.dataset.name ?? e.getAttribute('aria-label') ?? e.textContent.trim().slice(0, 30);
                })()"""
            )
        )
    wanted = {
        *(
            "Play",
            "speed",
            "rate",
            "activations",
            "optimizer",
            "schedule",
            "penalty",
            "problem",
            "rings",
            "share",
        ),
        *(
            "noise",
            "samples",
            "batch",
            "data_seed",
            "Regenerate",
            "Draw points",
            "Show me …",
            "Compare",
            "timeline",
        ),
        *("Unit 1 of layer 1", "Activation of layer 2", "Add a hidden layer", "initial", "dropout", "seed"),
        *("show-test", "discrete", "A gradient", "Input sin x₁"),
    }
    assert wanted <= reached, wanted - reached
