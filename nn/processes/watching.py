"""A connection between processes that closes when one of them ends, however it ends: the others learn it at once.

Process 0 listens, the others connect and say their number; when all are there, it tells them. "bye" announces an end in
good order. A connection that closes without it is a process that was killed, ran out of memory, or failed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

__all__ = ["Watch"]

ALL_HERE, BYE, LOST = b"all", b"bye", b"lost"


class Watch:
    """The connections of process `index` of `count`; `lost(k)` is called, once, when process k has ended.

    `meet` begins it, `close` ends it in good order.
    """

    def __init__(self, index: int, count: int, lost: Callable[[int], None]) -> None:
        self.index, self.count = index, count
        self.lost: int | None = None
        self._tell = lost
        self._closed = False
        self._change = threading.Condition()
        self._listener: socket.socket | None = None
        self._peers: dict[int, socket.socket] = {}

    def meet(self, at: tuple[str, int], timeout: float) -> None:
        """Wait until all processes are connected to process 0.

        Raises `OSError` if process 0 cannot listen there, `TimeoutError` if not all come in time, with the reason.
        """
        if self.index == 0:
            self._meet_all(at, timeout)
        else:
            self._meet_first(at, timeout)

    def close(self, in_good_order: bool = True) -> None:
        """Stop; the others learn whether in good order."""
        with self._change:
            self._closed = True
            peers = list(self._peers.values())
        for each in peers:
            if in_good_order:
                _send(each, BYE)
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_WR)
        if self._listener is not None:
            with contextlib.suppress(OSError):  # it wakes the thread that waits in `accept`
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    # ------------------------------------------------------------------ process 0

    def _meet_all(self, at: tuple[str, int], timeout: float) -> None:
        self._listener = socket.create_server(at, family=socket.AF_INET6 if ":" in at[0] else socket.AF_INET)
        _in_thread(self._accept, self._listener)
        with self._change:
            if not self._change.wait_for(lambda: len(self._peers) == self.count - 1, timeout):
                missing = ", ".join(str(k) for k in range(1, self.count) if k not in self._peers)
                raise TimeoutError(f"process {missing} did not connect")
            peers = list(self._peers.values())
        for each in peers:
            _send(each, ALL_HERE)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                _in_thread(self._greet, listener.accept()[0])

    def _greet(self, connection: socket.socket) -> None:
        """Take a connection that says the number of a process that is not there yet; drop any other."""
        connection.settimeout(10)
        words = _words(_line(connection))
        connection.settimeout(None)
        number = words[0] if len(words) == 2 and words[1] == self.count else 0
        with self._change:
            expected = 0 < number < self.count and number not in self._peers and not self._closed
            if expected:
                self._peers[number] = connection
                self._change.notify()
        if expected:
            self._follow(number, connection)
        else:
            connection.close()

    # ------------------------------------------------------------------ the others

    def _meet_first(self, at: tuple[str, int], timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            try:
                connection = socket.create_connection(at, max(end - time.monotonic(), 0.1))
                break
            except OSError as error:
                if time.monotonic() >= end:
                    raise TimeoutError(f"process 0 does not answer there ({error})") from None
                time.sleep(0.1)
        connection.sendall(b"%d %d\n" % (self.index, self.count))
        connection.settimeout(max(end - time.monotonic(), 0.1))
        answer = _line(connection)
        if answer != ALL_HERE:
            connection.close()
            late = time.monotonic() >= end
            raise TimeoutError(
                "process 0 is there, and others are not"
                if late
                else f"process 0 closed the connection: it waited long enough, or it does not expect a process "
                f"{self.index} of {self.count}, or has one already"
            )
        connection.settimeout(None)
        self._peers[0] = connection
        _in_thread(self._follow, 0, connection)

    # ------------------------------------------------------------------ afterwards

    def _follow(self, number: int, connection: socket.socket) -> None:
        """Wait for what process `number` has to say: that it ends, or, if it is the first one, that another has."""
        with connection:
            line = _line(
                connection
            )  # one that is empty, because it closed, is that of a process that is gone
        if line == BYE:
            return
        if number == 0 and line.startswith(LOST):
            number = (*_words(line), 0)[0]
        self._lose(number)

    def _lose(self, number: int) -> None:
        with self._change:
            if self._closed or self.lost is not None:
                return
            self.lost = number
            others = [each for k, each in self._peers.items() if k != number and self.index == 0]
        for each in others:
            _send(each, LOST + b" %d" % number)
        self._tell(number)


def _line(connection: socket.socket) -> bytes:
    """The next line; what came until then if the connection closes, or nothing more comes in time."""
    data = b""
    with contextlib.suppress(OSError):  # it was reset, or timed out
        while len(data) < 64:
            byte = connection.recv(1)
            if byte in (b"", b"\n"):
                break
            data += byte
    return data


def _words(line: bytes) -> list[int]:
    return [int(word) for word in line.split() if word.isdigit()]


def _send(connection: socket.socket, line: bytes) -> None:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        connection.sendall(line + b"\n")


def _in_thread(function: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True, name="chainrule watch").start()
