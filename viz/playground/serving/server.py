"""The server: a small ASGI application for one machine, and the addresses that it answers.

It listens on loopback only. The address of the page has a secret token in its path, so that everything the page loads,
and its socket, have it as well. Requests with another host name (a page elsewhere whose name leads to this machine) or
from another origin are refused. The content security policy allows the page's own files and nothing else; the pages
about the inside of a network come with their own policies.
"""

from __future__ import annotations

import asyncio
import json
import queue
import secrets
import struct
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from .session import Session
from .templates import known, template

__all__ = ["LARGEST_MESSAGE", "MOST_CONNECTIONS", "MOST_SESSIONS", "application"]

MOST_SESSIONS = 12  # pages that train at the same time
MOST_CONNECTIONS = 100
MOST_PAGES = 24  # pages about the inside of networks that are kept
LARGEST_MESSAGE = 6_000_000  # bytes of a message of a page; a table of one's own is the largest
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self' {sockets}",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
# a page about the inside has a policy of its own, by hashes; the header adds that it is a frame without an origin
INSIDE = "sandbox allow-scripts; frame-ancestors 'self'"

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """The pages about the inside of networks, each by a name that cannot be guessed."""

    def __init__(self) -> None:
        self.pages: OrderedDict[str, str] = OrderedDict()

    def add(self, page: str) -> str:
        """Keep a page, and forget the oldest; returns its name."""
        name = secrets.token_urlsafe(12)
        self.pages[name] = page
        while len(self.pages) > MOST_PAGES:
            self.pages.popitem(last=False)
        return name


class Guard:
    """Lets requests pass that come from the page itself: the right host name and origin, and the token."""

    def __init__(self, app: ASGIApp, hosts: list[str], token: str) -> None:
        self.app = app
        self.hosts = set(hosts)
        self.origins = {f"http://{host}" for host in hosts}
        self.token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        why = self._why_not(scope)
        if not why:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            await receive()
            # answered with status 403
            return await send({"type": "websocket.close", "code": 1008, "reason": why})
        await PlainTextResponse(f"{why}\n", status_code=403, headers=HEADERS)(scope, receive, send)

    def _why_not(self, scope: Scope) -> str:
        named: dict[str, list[str]] = {"host": [], "origin": []}
        for name, value in scope["headers"]:
            if name in (b"host", b"origin"):
                named[name.decode()].append(value.decode("latin-1"))
        if len(named["host"]) != 1 or named["host"][0] not in self.hosts:
            return "this server answers under its own name only"
        if not set(named["origin"]) <= self.origins or (scope["type"] == "websocket" and not named["origin"]):
            return "this server answers its own pages only"
        token, _, _rest = scope["path"].lstrip("/").partition("/")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.token):
            return "the address is not complete: copy it from the terminal, with the part behind the port"
        return ""


def application(port: int, token: str) -> ASGIApp:
    """The application for a server on this port of loopback."""
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    policy = POLICY.format(sockets=" ".join(f"ws://{host}" for host in hosts[:2]))
    pages, sessions = Pages(), set[Session]()

    async def part(request: Request) -> Response:
        name = request.path_params["name"] or "playground.html"
        kind = KINDS.get(name[name.rfind(".") :])
        if name not in known() or kind is None:
            return PlainTextResponse("there is no such file\n", status_code=404, headers=HEADERS)
        return Response(
            template(name), media_type=kind, headers=HEADERS | {"Content-Security-Policy": policy}
        )

    async def inside(request: Request) -> Response:
        page = pages.pages.get(request.path_params["name"])
        if page is None:
            return PlainTextResponse(
                "this page is no longer kept; ask for it again\n", status_code=404, headers=HEADERS
            )
        headers = {name: value for name, value in HEADERS.items() if name != "Cross-Origin-Resource-Policy"}
        return Response(page, media_type="text/html", headers=headers | {"Content-Security-Policy": INSIDE})

    async def socket(connection: WebSocket) -> None:
        if len(sessions) >= MOST_SESSIONS:
            await connection.accept()
            return await connection.close(1013, f"{MOST_SESSIONS} pages train already; close one of them")
        await connection.accept()
        await _serve(connection, pages, sessions)

    routes = [
        Route(f"/{token}/page/{{name}}", inside),
        WebSocketRoute(f"/{token}/socket", socket),
        Route(f"/{token}/{{name:path}}", part),
    ]
    return Guard(Starlette(routes=routes), hosts, token)


async def _serve(connection: WebSocket, pages: Pages, sessions: set[Session]) -> None:
    """One page, from its first message to its last: a session of its own."""
    loop = asyncio.get_running_loop()
    outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    def send(message: dict[str, Any], pictures: bytes) -> None:  # called by the thread of the session
        if "page" in message:
            message["url"] = f"page/{pages.add(message.pop('page'))}"
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(outgoing.put_nowait, packed(message, pictures))

    async def write() -> None:
        while True:
            await connection.send_bytes(await outgoing.get())

    session = Session(send).start()
    sessions.add(session)
    writer = asyncio.create_task(write())
    try:
        while True:
            session.receive(read(await connection.receive_text()))
    except queue.Full:
        await connection.close(1008, "the page asks faster than it can be answered")
    except ValueError:
        await connection.close(1007, "a message was no JSON")
    except (WebSocketDisconnect, KeyError, RuntimeError):  # closed, or a message of bytes
        with suppress(RuntimeError):
            await connection.close(1003)
    finally:
        sessions.discard(session)
        session.close()
        writer.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await writer


def read(text: str) -> dict[str, Any]:
    """A message of a page. Raises `ValueError` for what is no object in JSON."""
    message = json.loads(text, parse_constant=_no_number)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def packed(message: dict[str, Any], pictures: bytes) -> bytes:
    """A message as bytes: the length of its JSON in four bytes, the JSON, the pictures."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    return struct.pack("<I", len(text)) + text + pictures
