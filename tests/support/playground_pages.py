"""A page of the playground without a browser: a session whose messages are kept; and a running server."""

from __future__ import annotations

import json
import struct
import threading

import numpy as np

from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.settings import Recipe
from chainrule.viz.playground.serving.launch import serve
from chainrule.viz.playground.serving.session import Session

PATIENCE = 60  # seconds that a busy machine may take


class Page:
    """The other side of a session: it asks, and it keeps what it is sent."""

    def __init__(self, prompt: bool = True) -> None:
        self.prompt = prompt  # whether it has drawn each frame at once
        self.messages: list[tuple[dict, bytes]] = []
        self.news = threading.Condition()
        self.session = Session(self.take)
        self.session.start()
        self.ask(type="hello")
        self.ask(type="seen")

    def take(self, message: dict, pictures: bytes) -> None:
        json.dumps(message, allow_nan=False)
        with self.news:
            self.messages.append((message, pictures))
            self.news.notify_all()
        if message["type"] == "frame" and self.prompt:
            self.ask(type="seen")

    def ask(self, **message) -> None:
        self.session.receive(message)

    def wait(self, kind: str, such=lambda message: True, after: int = 0) -> dict:
        """The latest message of a kind that is such as asked for, when it has come."""

        def found():
            return [m for m, _ in self.messages[after:] if m["type"] == kind and such(m)]

        with self.news:
            assert self.news.wait_for(found, PATIENCE), [m["type"] for m, _ in self.messages]
            return found()[-1]

    def frame(self, such=lambda message: True) -> dict:
        """The next frame such as asked for."""
        return self.wait("frame", such, len(self.messages))

    def still(self) -> dict:
        """The latest frame, of a training that is paused."""
        self.ask(type="pause")
        self.ask(type="show")  # makes a frame in any case
        return self.frame(lambda m: not m["playing"])


def trained(address: str) -> Run:
    """The run of an address, trained to its step: what a page has to show."""
    recipe = Recipe.read(address)
    run = Run(recipe)
    run.train(recipe.steps)
    return run


def same_numbers(shown: dict, run: Run) -> None:
    """The weights and losses that a page shows are those of the run, bit for bit."""
    assert shown["weights"] == {name: p.data.tolist() for name, p in run.model.named_parameters()}
    assert (shown["loss"], shown["testLoss"]) == run.losses_of(run.view())


class Served:
    """A running server: its address, and a way to end it."""

    def __init__(self, **options) -> None:
        self.said: list[str] = []
        self.server = None
        ready = threading.Event()

        def say(text: str) -> None:
            self.said.append(text)
            ready.set()

        def started(server) -> None:
            self.server = server

        self.thread = threading.Thread(
            target=serve, args=(0,), kwargs={"browser": False, "say": say, "started": started, **options}
        )
        self.thread.start()
        assert ready.wait(PATIENCE)
        self.address = self.said[0].split()[4]

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def unpacked(data: bytes) -> tuple[dict, np.ndarray]:
    """A message as it goes over the socket."""
    (length,) = struct.unpack("<I", data[:4])
    return json.loads(data[4 : 4 + length]), np.frombuffer(data[4 + length :], np.int8)
