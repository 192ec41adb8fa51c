"""Start the server, say where it is, open a browser, and end at once with Ctrl-C."""

from __future__ import annotations

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ....autograd import ChainruleError
from ...common.errors import OptionError

__all__ = ["PORT", "ServerError", "serve"]

PORT = 8765
HOST = "127.0.0.1"


class ServerError(ChainruleError, RuntimeError):
    """The server cannot start; the message says why."""


def listening(port: int | None) -> socket.socket:
    """A socket that listens on loopback: on this port, or without one on the usual port or the next free one."""
    if port is not None and not 0 <= port < 65536:
        raise OptionError(f"a port is a number from 1 to 65535, or 0 for any free one; given {port}")
    wanted = [*range(PORT, PORT + 20), 0] if port is None else [port]
    for each in wanted:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, each))
            made.listen(128)
            return made
        except OSError as error:
            made.close()
            reason = error.strerror or error
    raise ServerError(
        f"port {port} of this machine cannot be used: {reason}. Write --port 0 for any free one"
    )


def serve(
    port: int | None = None,
    *,
    browser: bool = True,
    say: Callable[[str], Any] = print,
    started: Callable[[Any], Any] | None = None,
) -> None:
    """Serve the playground until it is interrupted.

    `started` is called with the server.
    """
    try:
        import uvicorn

        from .server import LARGEST_MESSAGE, MOST_CONNECTIONS, application
    except ImportError as error:
        raise ServerError(
            f"the playground is served by Starlette, uvicorn and websockets; {error.name} is not installed. Install "
            f"them with: pip install 'chainrule[playground]'"
        ) from error

    with listening(port) as listener:
        number, token = listener.getsockname()[1], secrets.token_urlsafe(16)
        address = f"http://{HOST}:{number}/{token}/"
        config = uvicorn.Config(
            application(number, token),
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=5,
        )
        server = uvicorn.Server(config)
        if started is not None:
            started(server)
        say(f"The playground is at {address}\nCtrl-C ends it.")
        if browser:
            threading.Thread(target=_open, args=(address, say), daemon=True).start()
        with suppress(SystemExit):
            server.run(sockets=[listener])


def _open(address: str, say: Callable[[str], Any]) -> None:
    if not webbrowser.open(address):
        say("No browser was found; open the address in one.")
