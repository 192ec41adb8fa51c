"""A session: one page, and the thread that trains for it.

The page asks (`receive`), the thread answers (`send`). Everything that touches the training runs in the thread, between
two batches, so that a page never waits for an epoch. A frame, the picture of the present state, is made only when the
page has drawn the frame before (`seen`), at most 25 times a second: what a slow page misses is never computed, and
never waits in a queue.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote

from ....autograd import ChainruleError
from ...common.errors import OptionError, check_option
from ..inside.answers import ANSWERS
from ..lab.data import Data, points_of_table
from ..lab.lessons import LESSONS, lesson_named
from ..lab.look import LARGE, SMALL, Look, pictures_of_inputs
from ..lab.run import Moment, Run
from ..lab.settings import CHOICES, MOST_LAYERS, MOST_UNITS, REACH, Recipe, Settings, controls, recipes

__all__ = ["MOST_WAITING", "Session", "Send"]

Send = Callable[[dict[str, Any], bytes], None]  # a message for the page, and the bytes of its pictures

FRAME = 1 / 25  # seconds from one frame to the next at least, so that 20 a second arrive
SLICE = 0.02  # seconds of training between two looks at what the page asks
MOST_WAITING = 500  # messages of a page that have not been read
SPEED = 20.0  # epochs a second


class Session:
    """The training of one page. `start` begins the thread, `close` ends it."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.inbox: queue.Queue[dict[str, Any] | None] = queue.Queue(MOST_WAITING)
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._work, name="playground", daemon=True)
        self.run = Run(Recipe())
        self.kept: Run | None = None  # the run to compare with
        self.kept_ended = False  # whether its numbers are no longer finite
        self.moment: Moment | None = None  # what is looked at, if not the present
        self.shown: tuple[int, int] | None = None  # layer and unit of the large picture; the output
        self.playing = False
        self.speed: float | None = SPEED  # epochs a second; as many as possible
        self.until: int | None = None  # the step at which to pause
        self.hurry = False  # whether `until` comes first, at full speed
        self.changed = True  # since the latest frame
        self.page_ready = False
        self.next_frame = 0.0
        self._pace()

    # ------------------------------------------------------------------ from other threads

    def start(self) -> Session:
        """Begin to work."""
        self.thread.start()
        return self

    def receive(self, message: dict[str, Any]) -> None:
        """Take a message of the page. Raises `queue.Full` if too many wait."""
        self.inbox.put_nowait(message)

    def close(self) -> None:
        """End the thread; it stops after the batch at hand."""
        self.closed.set()
        with suppress(queue.Full):
            self.inbox.put_nowait(None)  # wakes it

    # ------------------------------------------------------------------ the loop of the thread

    def _work(self) -> None:
        while not self.closed.is_set():
            self._turn()

    def _turn(self) -> None:
        """What the page asks for, some batches, and a frame if it is time for one."""
        try:
            self._listen()
            if self.playing:
                self._train()
            if self._frame_is_due(time.monotonic()):
                self._frame()
        except Exception as error:  # a page must not wait for a thread that has ended
            LOG.exception("the playground has a fault")
            self._pause()
            self.changed = False
            self._tell(error, "fault")

    def _listen(self) -> None:
        """Do what the page has asked for; while there is nothing else to do, wait for it."""
        now, timeout = time.monotonic(), None
        if self.changed and self.page_ready:
            timeout = max(0.0, self.next_frame - now)
        if self.playing:
            wait = self._due(now)
            timeout = wait if timeout is None else min(wait, timeout)
        try:
            message = self.inbox.get(timeout > 0, timeout) if timeout is not None else self.inbox.get()
            while message is not None and not self.closed.is_set():
                self._do(message)
                message = self.inbox.get_nowait()
        except queue.Empty:
            pass

    def _due(self, now: float) -> float:
        """Seconds until the next batch at the chosen speed."""
        if self.speed is None or self.hurry:
            return 0.0
        per_second = self.speed * self.run.per_epoch
        return max(0.0, self.started + (self.run.steps + 1 - self.first) / per_second - now)

    def _frame_is_due(self, now: float) -> bool:
        """Whether there is something new, and the page waits for it."""
        return self.changed and self.page_ready and now >= self.next_frame

    def _pace(self) -> None:
        """Count the speed from here."""
        self.started, self.first = time.monotonic(), self.run.steps

    def _train(self) -> None:
        now = time.monotonic()
        end = now + SLICE
        try:
            while self._due(now) <= 0 and now < end and self.inbox.empty() and not self._frame_is_due(now):
                if self.until is not None and self.run.steps >= self.until:
                    self._pause()
                    break
                self._advance()
                now = time.monotonic()
            if now - self.started > 1:
                self._pace()  # what a busy machine has missed is not caught up with
        except ChainruleError as error:
            self._pause()
            self._tell(error, "training")

    def _advance(self) -> None:
        self.run.advance()
        self.changed = True
        if self.kept is not None and not self.kept_ended:
            try:
                self._follow(self.kept)
            except ChainruleError as error:
                self.kept_ended = True
                self._tell(error, "kept")

    def _follow(self, kept: Run) -> None:
        """Train the kept run as far as the present one, in epochs."""
        share = self.run.steps / self.run.per_epoch
        kept.train(round(share * kept.per_epoch) - kept.steps)

    def _pause(self) -> None:
        self.playing, self.until, self.hurry = False, None, False
        self.changed = True

    # ------------------------------------------------------------------ what the page asks for

    def _do(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type") if isinstance(message, Mapping) else None
        try:
            check_option("type", kind, DO)
            DO[str(kind)](self, message)
        except ChainruleError as error:
            self._tell(error, str(kind), message.get("id"))
        except Exception as error:  # a page can send anything
            LOG.warning("a message of the page was not understood: %r", error)
            refused = OptionError(f"the message {kind!r:.40} was not understood")
            self._tell(refused, str(kind), message.get("id") if isinstance(message, Mapping) else None)

    def _tell(self, error: Exception, about: str, id: Any = None) -> None:
        self.send({"type": "error", "about": about, "id": id, "message": str(error)}, b"")

    def _begin(self, recipe: Recipe, kept: Recipe | None = None) -> None:
        """A new training; it goes at once to the step of the recipe."""
        run = Run(recipe)
        other = None if kept is None else Run(kept)
        self.run, self.kept, self.moment, self.shown = run, other, None, None
        self.kept_ended = False
        self.until, self.hurry = None, False
        if recipe.steps:
            self.playing, self.until, self.hurry = True, recipe.steps, True
        self._pace()
        self._scene()

    def _hello(self, message: Mapping[str, Any]) -> None:
        """A page has come, or has come back."""
        self.send(*hello())
        self._scene()

    def _open(self, message: Mapping[str, Any]) -> None:
        recipe, kept = recipes(str(message.get("address", "")))
        self.playing = False
        self._begin(recipe, kept)

    def _set(self, message: Mapping[str, Any]) -> None:
        given = dict(message["settings"])
        self._begin(Recipe(self.run.settings.but(**given)), self._kept_from_start())

    def _kept_from_start(self) -> Recipe | None:
        return None if self.kept is None else Recipe(self.kept.settings)

    def _reset(self, message: Mapping[str, Any]) -> None:
        self.playing = False
        self._begin(Recipe(self.run.settings), self._kept_from_start())

    def _change(self, message: Mapping[str, Any]) -> None:
        self._now()
        index = tuple(int(i) for i in message.get("index", ()))
        self.run.change(str(message["name"]), index, float(message["value"]))
        self.changed = True

    def _now(self) -> None:
        """Look at the present again."""
        self.moment = None
        self.changed = True

    def _play(self, message: Mapping[str, Any]) -> None:
        self._now()
        epochs = message.get("epochs")
        self.until = None if epochs is None else (self.run.epoch + max(1, int(epochs))) * self.run.per_epoch
        self.playing, self.hurry = True, False
        self._pace()

    def _pause_now(self, message: Mapping[str, Any]) -> None:
        self._pause()

    def _one_step(self, message: Mapping[str, Any]) -> None:
        self._pause()
        self._now()
        self._advance()

    def _one_epoch(self, message: Mapping[str, Any]) -> None:
        self._now()
        self.playing, self.hurry = True, True
        self.until = (self.run.epoch + 1) * self.run.per_epoch

    def _at_speed(self, message: Mapping[str, Any]) -> None:
        given = message.get("value")
        if given is not None and not 0 < float(given) <= 1e6:
            raise OptionError(f"a speed is a number of epochs a second; given {given!r:.40}")
        self.speed = None if given is None else float(given)
        self._pace()
        self.changed = True

    def _look(self, message: Mapping[str, Any]) -> None:
        """Look at the kept moment that is nearest to an epoch; without one at the present."""
        epoch = message.get("epoch")
        if epoch is None:
            return self._now()
        self._pause()
        wanted = float(epoch) * self.run.per_epoch
        self.moment = min(self.run.moments, key=lambda each: abs(each.steps - wanted))
        self.changed = True

    def _continue(self, message: Mapping[str, Any]) -> None:
        """Go on from the moment that is looked at; what came after it is dropped."""
        if self.moment is not None:
            self.run.restore(self.moment)
            if self.kept is not None:
                self.kept = Run(Recipe(self.kept.settings, tuple(self.kept.changes)))
                self._follow(self.kept)
            self._pace()
        self._now()

    def _show(self, message: Mapping[str, Any]) -> None:
        layer, unit = message.get("layer"), message.get("unit")
        widths = (len(self.run.settings.inputs), *self.run.settings.layers, 1)
        if layer is None or unit is None:
            self.shown = None
        elif 0 <= int(layer) < len(widths) and 0 <= int(unit) < widths[int(layer)]:
            self.shown = (int(layer), int(unit))
        self.changed = True

    def _table(self, message: Mapping[str, Any]) -> None:
        points, said = points_of_table(str(message["text"]))
        self._begin(Recipe(self.run.settings.but(data="own", points=points)), self._kept_from_start())
        self.send({"type": "said", "about": "table", "message": said}, b"")

    def _lesson(self, message: Mapping[str, Any]) -> None:
        lesson = lesson_named(str(message["id"]))
        self.playing = False
        self._begin(Recipe(lesson.settings()), lesson.recipe_beside())
        self.speed = lesson.speed
        self.until = lesson.epochs * self.run.per_epoch
        self.playing = bool(message.get("play", True))
        self._pace()

    def _keep_run(self, message: Mapping[str, Any]) -> None:
        """Keep the present run beside the next ones."""
        self._begin(
            Recipe(self.run.settings), Recipe(self.run.settings, tuple(self.run.changes[: self.run.made]))
        )

    def _drop(self, message: Mapping[str, Any]) -> None:
        self.kept = None
        self._scene()

    def _seen(self, message: Mapping[str, Any]) -> None:
        self.page_ready = True

    def _ask(self, message: Mapping[str, Any]) -> None:
        """Answer a question about the inside of the network."""
        what = str(message.get("what"))
        check_option("what", what, ANSWERS)
        answer = ANSWERS[what](self.run, self.moment, message)
        steps = self.run.steps if self.moment is None else self.moment.steps
        self.send({"type": "answer", "what": what, "id": message.get("id"), "at": steps, **answer}, b"")

    # ------------------------------------------------------------------ what the page is told

    def _scene(self) -> None:
        """All that stays as it is while the network trains."""
        run = self.run
        data = run.data
        self.changed = True
        self.send(
            {
                "type": "scene",
                "settings": run.settings.as_json(),
                "problem": run.settings.problem,
                "train": points(data.X, data.y),
                "test": points(data.X_test, data.y_test),
                "reach": REACH,
                "small": SMALL,
                "large": LARGE,
                "kept": self.kept and self._about_kept(self.kept),
            },
            b"",
        )

    def _about_kept(self, kept: Run) -> dict[str, Any]:
        differences = kept.recipe().differences(self.run.recipe())
        return {"settings": kept.settings.as_json(), "differs": differences}

    def _frame(self) -> None:
        self.next_frame = time.monotonic() + FRAME
        look = Look(self.run, self.moment)
        blob, scales = look.pictures()
        layer, unit = self.shown or (len(self.run.settings.layers) + 1, 0)
        large, scale = look.picture(layer, unit)
        kept = None
        if self.kept is not None:
            beside = Look(self.kept)
            other, kept_scale = beside.picture(len(self.kept.settings.layers) + 1, 0)
            numbers = beside.numbers()
            names = ("steps", "epoch", "loss", "testLoss", "accuracy", "testAccuracy")
            kept = {name: numbers[name] for name in names} | {"curve": curve(self.kept), "scale": kept_scale}
            large += other
        self.send(
            {
                "type": "frame",
                **look.numbers(),
                "chosenRate": self._chosen_rate(),
                "playing": self.playing,
                "speed": self.speed,
                "hurry": self.until if self.hurry else None,
                "curve": curve(self.run),
                "moments": [each.steps / self.run.per_epoch for each in self.run.moments],
                "looking": self.moment is not None,
                "address": self._address(),
                "scales": scales,
                "shown": {"layer": layer, "unit": unit, "scale": scale},
                "kept": kept,
            },
            blob + large,
        )
        self.changed, self.page_ready = False, False

    def _chosen_rate(self) -> float:
        """The learning rate as it was set last, without the schedule."""
        rates = [each.value for each in self.run.changes[: self.run.made] if each.name == "rate"]
        return rates[-1] if rates else self.run.settings.rate

    def _address(self) -> str:
        address = self.run.recipe(self.moment).address()
        if self.kept is not None:
            kept = Recipe(self.kept.settings, tuple(self.kept.changes[: self.kept.made]))
            address += f"{'&' * bool(address)}kept={quote(kept.address())}"
        return address


@cache
def hello() -> tuple[dict[str, Any], bytes]:
    """What a page needs to build itself; with it the pictures of all inputs."""
    thumbnails = {}
    for name in CHOICES["data"]:
        data = Data.of(Settings(data=name, samples=160, noise=2, share=80))
        shown = 2 * data.y - 1 if name in CHOICES["classes"] else data.y
        thumbnails[name] = points(data.X, shown)
    kinds = dict.fromkeys(CHOICES["classes"], "classification") | dict.fromkeys(
        CHOICES["numbers"], "regression"
    )
    message = {
        "type": "hello",
        "controls": controls(),
        "lessons": [lesson.about() for lesson in LESSONS],
        "thumbnails": thumbnails,
        "kinds": kinds,
        "most": {"layers": MOST_LAYERS, "units": MOST_UNITS},
        "small": SMALL,
    }
    return message, pictures_of_inputs(CHOICES["inputs"])


def points(X: Any, y: Any) -> list[list[float]]:
    """Points and their targets as rows of numbers."""
    return [[round(a, 4), round(b, 4), round(t, 4)] for (a, b), (t,) in zip(X.tolist(), y.tolist())]


def curve(run: Run) -> list[list[float | None]]:
    """The losses so far: epoch, of the training data, of the test data."""
    return [[x if abs(x) < 1e300 else None for x in row] for row in run.losses]


DO: dict[str, Callable[[Session, Mapping[str, Any]], None]] = {
    "hello": Session._hello,
    "open": Session._open,
    "set": Session._set,
    "change": Session._change,
    "play": Session._play,
    "pause": Session._pause_now,
    "step": Session._one_step,
    "epoch": Session._one_epoch,
    "reset": Session._reset,
    "speed": Session._at_speed,
    "look": Session._look,
    "continue": Session._continue,
    "show": Session._show,
    "table": Session._table,
    "lesson": Session._lesson,
    "keep": Session._keep_run,
    "drop": Session._drop,
    "seen": Session._seen,
    "ask": Session._ask,
}

LOG = logging.getLogger(__name__)
