"""A session as a page uses it: what it asks for is done, and the numbers it is shown are the engine's."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest
from playground_pages import PATIENCE, Page, same_numbers, trained
from playground_runs import CHANGED

from chainrule.viz.playground.lab.lessons import LESSONS
from chainrule.viz.playground.lab.look import LARGE, SMALL
from chainrule.viz.playground.lab.settings import Recipe, Settings
from chainrule.viz.playground.serving.session import MOST_WAITING, Session


def test_every_setting_has_a_control() -> None:
    assert {*CHANGED, "points"} == set(Settings().as_json())


@pytest.mark.parametrize("name", CHANGED)
def test_a_setting_makes_another_training_with_its_numbers(page: Page, name: str) -> None:
    page.ask(type="set", settings={name: CHANGED[name]})
    page.wait("scene", lambda m: m["settings"][name] != getattr(Settings(), name))
    page.ask(type="speed", value=None)
    page.ask(type="play", epochs=3)
    page.wait("frame", lambda m: m["epoch"] >= 3 and not m["playing"])
    frame = page.still()
    assert Recipe.read(frame["address"]).settings == Settings(**{name: CHANGED[name]})
    same_numbers(frame, trained(frame["address"]))


def test_play_pause_step_epoch_and_reset(page: Page) -> None:
    start = page.still()
    assert start["steps"] == 0
    page.ask(type="step")
    assert page.frame()["steps"] == 1
    page.ask(type="epoch")
    frame = page.wait("frame", lambda m: m["steps"] == 25 and not m["playing"])
    same_numbers(frame, trained(frame["address"]))
    page.ask(type="play")
    page.wait("frame", lambda m: m["playing"] and m["steps"] > 60)
    frame = page.still()
    same_numbers(frame, trained(frame["address"]))
    page.ask(type="reset")
    frame = page.wait("frame", lambda m: m["steps"] == 0 and not m["playing"])
    assert frame["weights"] == start["weights"]


def test_a_weight_and_the_rate_are_changed_while_it_runs(page: Page) -> None:
    page.ask(type="speed", value=None)
    page.ask(type="play")
    page.wait("frame", lambda m: m["steps"] > 100)
    page.ask(type="change", name="0.weight", index=[1, 2], value=-3.25)
    page.ask(type="change", name="rate", index=[], value=0.01)
    page.wait("frame", lambda m: m["chosenRate"] == 0.01 and m["steps"] > 200)
    frame = page.still()
    assert len(Recipe.read(frame["address"]).changes) == 2
    same_numbers(frame, trained(frame["address"]))


def test_an_address_is_gone_to_and_shown(page: Page) -> None:
    page.ask(type="open", address="#data=moons&layers=5&rate=0.03&changes=30:rate:0.3&steps=110")
    frame = page.wait("frame", lambda m: m["steps"] == 110 and not m["playing"])
    assert frame["address"] == "data=moons&layers=5&rate=0.03&changes=30:rate:0.3&steps=110"
    same_numbers(frame, trained(frame["address"]))


def test_looking_back_and_going_on_from_there(page: Page) -> None:
    page.ask(type="speed", value=None)
    page.ask(type="play", epochs=12)
    end = page.wait("frame", lambda m: m["epoch"] == 12 and not m["playing"])
    page.ask(type="look", epoch=5)
    back = page.wait("frame", lambda m: m["looking"])
    assert (back["epoch"], back["curve"]) == (5, end["curve"])
    same_numbers(back, trained(back["address"]))
    page.ask(type="look", epoch=None)
    assert page.wait("frame", lambda m: not m["looking"], len(page.messages))["weights"] == end["weights"]
    page.ask(type="look", epoch=5)
    page.ask(type="continue")
    page.ask(type="change", name="rate", index=[], value=0.5)
    page.ask(type="play", epochs=7)
    other = page.wait("frame", lambda m: m["epoch"] == 12 and m["chosenRate"] == 0.5 and not m["playing"])
    assert other["weights"] != end["weights"]
    same_numbers(other, trained(other["address"]))


def test_two_runs_train_side_by_side(page: Page) -> None:
    page.ask(type="keep")
    page.ask(type="set", settings={"seed": 5, "batch": 20})
    scene = page.wait("scene", lambda m: m["kept"] and m["kept"]["differs"])
    assert scene["kept"]["differs"] == {"batch": (10, 20), "seed": (1, 5)}
    page.ask(type="speed", value=None)
    page.ask(type="play", epochs=6)
    frame = page.wait("frame", lambda m: m["epoch"] == 6 and not m["playing"])
    assert frame["kept"]["epoch"] == 6
    run = trained("steps=150")
    assert (frame["kept"]["loss"], frame["kept"]["testLoss"]) == run.losses_of(run.view())
    page.ask(type="open", address=frame["address"])
    again = page.wait("frame", lambda m: m["epoch"] == 6 and not m["playing"], len(page.messages))
    assert again["kept"]["loss"] == frame["kept"]["loss"]
    assert again["weights"] == frame["weights"]


def test_points_of_ones_own_are_trained_on(page: Page) -> None:
    page.ask(type="table", text="x1,x2,class\n" + "".join(f"{i},{-i},{i % 2}\n" for i in range(40)))
    said = page.wait("said")
    assert "40 points; class 0 is 0, class 1 is 1" in said["message"]
    page.ask(type="play", epochs=2)
    frame = page.wait("frame", lambda m: m["epoch"] == 2 and not m["playing"])
    same_numbers(frame, trained(frame["address"]))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "dance"}, "type='dance' is not known"),
        ({}, "type=None is not known"),
        ({"type": "set", "settings": {"layers": [99]}}, "8 at most; given 99"),
        ({"type": "set", "settings": {"__class__": 1}}, "setting='__class__' is not known"),
        ({"type": "set"}, "was not understood"),
        ({"type": "set", "settings": 5}, "was not understood"),
        ({"type": "open", "address": "data=xro"}, "data='xro' is not known"),
        ({"type": "change", "name": "0.weight", "index": [9, 9], "value": 1}, "no element (9, 9)"),
        ({"type": "change", "name": "0.weight", "index": [0, 0], "value": "many"}, "was not understood"),
        ({"type": "change", "name": "0.weight", "index": 3, "value": 1}, "was not understood"),
        ({"type": "table", "text": "1,2,3"}, "in every line"),
        ({"type": "speed", "value": -1}, "a speed is a number of epochs a second"),
        ({"type": "lesson", "id": "cooking"}, "cooking"),
        ({"type": "ask", "what": "password"}, "what='password' is not known"),
        ({"type": "look", "epoch": "then"}, "was not understood"),
        ({"type": "show", "layer": 1e999, "unit": 0}, "was not understood"),
        ({"type": "change", "name": "0.weight", "index": [1e999, 0], "value": 1}, "was not understood"),
        ({"type": ["set"]}, "is not known"),
    ],
)
def test_what_cannot_be_is_answered_and_changes_nothing(page: Page, message: dict, said: str) -> None:
    before = page.still()
    page.ask(**message)
    assert said in page.wait("error")["message"]
    after = page.still()
    assert after["address"] == before["address"]
    assert after["weights"] == before["weights"]


def test_a_training_that_diverges_pauses_and_says_why(page: Page) -> None:
    page.ask(type="set", settings={"data": "plane", "activations": ["relu"], "layers": [8], "rate": 100})
    page.ask(type="speed", value=None)
    page.ask(type="play")
    assert "learning rate" in page.wait("error")["message"]
    frame = page.still()
    assert not frame["playing"]
    assert np.isfinite(frame["weights"]["0.weight"]).all()


def test_a_kept_run_that_diverges_leaves_the_other_running(page: Page) -> None:
    page.ask(type="set", settings={"data": "plane", "activations": ["relu"], "layers": [8], "rate": 100})
    page.ask(type="keep")
    page.ask(type="set", settings={"rate": 0.01})
    page.ask(type="speed", value=None)
    page.ask(type="play", epochs=50)
    frame = page.wait("frame", lambda m: m["epoch"] == 50 and not m["playing"])
    assert page.wait("error")["about"] == "kept"
    same_numbers(frame, trained(frame["address"].partition("&kept")[0]))


def test_a_slow_page_misses_frames_and_the_training_does_not_wait() -> None:
    page = Page(prompt=False)
    try:
        page.ask(type="speed", value=None)
        page.ask(type="play")
        first = page.wait("frame")  # it is never drawn
        for _ in range(3):
            page.ask(type="speed", value=None)
        page.ask(type="play", epochs=40)
        while page.session.run.epoch < 40:
            pass
        page.ask(type="pause")
        page.ask(type="ask", what="script", id=1)  # answered after all of that
        page.wait("answer")
        assert [m["steps"] for m, _ in page.messages if m["type"] == "frame"] == [first["steps"]]
        page.ask(type="seen")
        assert page.frame()["epoch"] >= 40
    finally:
        page.session.close()


def test_frames_have_pictures_of_every_unit_and_a_large_one(page: Page) -> None:
    page.ask(type="set", settings={"inputs": ["x1", "x2", "sin(x1)"], "layers": [8, 5, 2]})
    page.ask(type="show", layer=2, unit=4)
    page.wait("frame", lambda m: m["shown"]["layer"] == 2 and m["shown"]["unit"] == 4)
    frame, blob = [(m, b) for m, b in page.messages if m["type"] == "frame"][-1]
    assert len(frame["scales"]) == 3 + 8 + 5 + 2 + 1
    assert len(blob) == len(frame["scales"]) * SMALL**2 + LARGE**2


def test_the_speed_is_held() -> None:
    session = Session(lambda message, pictures: None)  # not started: its clock is the argument
    session.speed = 2.0
    session._pace()
    assert abs(session._due(session.started) - 1 / 50) < 1e-9  # 25 batches are half a second
    assert session._due(session.started + 0.015) > 0
    assert session._due(session.started + 0.021) == 0


def test_a_fault_pauses_and_is_told(page: Page, monkeypatch, caplog) -> None:
    def fault(self):
        raise RuntimeError("out of luck")

    page.ask(type="play")
    page.wait("frame", lambda m: m["playing"])
    monkeypatch.setattr(type(page.session.run), "advance", fault)
    assert page.wait("error")["message"] == "out of luck"
    monkeypatch.undo()
    page.ask(type="step")
    page.wait("frame", lambda m: not m["playing"])
    assert "the playground has a fault" in caplog.text


def test_a_slow_training_goes_on_after_each_frame(page: Page) -> None:
    page.ask(type="speed", value=2)
    page.ask(type="play")
    for _ in range(3):
        steps = page.frame()["steps"]
        page.frame(lambda m, steps=steps: m["steps"] > steps)


def test_a_flood_of_messages_is_refused() -> None:
    session = Session(lambda message, pictures: None)  # not started: nothing is read
    for _ in range(MOST_WAITING):
        session.receive({"type": "step"})
    with pytest.raises(queue.Full):
        session.receive({"type": "step"})


def test_a_closed_session_ends_its_thread_while_it_trains() -> None:
    page = Page()
    page.ask(type="speed", value=None)
    page.ask(type="play")
    page.wait("frame", lambda m: m["steps"] > 10)
    page.session.close()
    page.session.thread.join(PATIENCE)
    assert not page.session.thread.is_alive()
    assert page.session.thread not in threading.enumerate()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)
def test_a_lesson_plays_to_its_end(page: Page, lesson) -> None:
    page.wait("frame")
    page.ask(type="lesson", id=lesson.id)
    page.wait("scene", lambda m: m["settings"]["data"] == lesson.settings().data, 2)
    page.ask(type="speed", value=None)
    page.wait("frame", lambda m: m["steps"] > 0)
    seen = len(page.messages)
    frame = page.wait("frame", lambda m: not m["playing"], seen)
    if not any(m["type"] == "error" for m, _ in page.messages):
        assert frame["epoch"] == lesson.epochs
    page.ask(type="reset")
    page.wait("frame", lambda m: m["steps"] == 0, seen)
