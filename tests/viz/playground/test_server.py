"""The server answers its own page, and nobody else: hostile requests, floods, ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from playground_pages import PATIENCE, Served, same_numbers, trained, unpacked

from chainrule.viz import OptionError
from chainrule.viz.playground.serving.launch import ServerError, listening

websockets = pytest.importorskip("websockets", reason="the sockets of the playground need websockets")
from websockets.asyncio.client import connect  # noqa: E402 - it may be missing
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402


def run_alone(coroutine):
    """The result of a coroutine, in a thread: this one may have a loop, of Playwright."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def place(served: Served) -> tuple[str, str]:
    """Host with port, and the token."""
    parts = urlsplit(served.address)
    return parts.netloc, parts.path.strip("/")


def get(served: Served, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """The answer to a plain request; `headers` replace those of a browser."""
    host, _ = place(served)
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    connection.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": host} | headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found


def socket_of(served: Served, **changed):
    host, token = place(served)
    options = {"origin": f"http://{host}", "max_size": None, "open_timeout": PATIENCE} | changed
    return connect(f"ws://{host}/{options.pop('token', token)}/socket", **options)


async def to_the_end(socket) -> None:
    """Read until the server closes the connection."""
    while True:
        await asyncio.wait_for(socket.recv(), PATIENCE)


async def receive(socket, kind: str):
    while True:
        message, pictures = unpacked(await asyncio.wait_for(socket.recv(), PATIENCE))
        if message["type"] == kind:
            return message, pictures


# ---------------------------------------------------------------------- who is answered


def test_the_page_and_its_files_are_served_with_a_strict_policy(served: Served) -> None:
    _, token = place(served)
    status, headers, body = get(served, f"/{token}/")
    assert status == 200
    for name in ["playground.css", *re.findall(r'"\./(\w+\.js)"', get(served, f"/{token}/main.js")[2])]:
        status, headers, _ = get(served, f"/{token}/{name}")
        assert status == 200, name
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
    assert "http://" not in body
    assert "https://" not in body


@pytest.mark.parametrize(
    "path", ["/", "/playground.js", "/wrong/", "/wrong/playground.js", "/é/", "//", "/TOKENx/", "/TOKE/"]
)
def test_without_the_token_nothing_is_answered(served: Served, path: str) -> None:
    _, token = place(served)
    path = path.replace("TOKEN", token).replace("TOKE", token[:-1]).replace("é", "%C3%A9")
    status, _, body = get(served, path)
    assert status == 403
    assert "copy it from the terminal" in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
    ],
    ids=str,
)
def test_other_hosts_and_origins_are_refused(served: Served, headers: dict[str, str]) -> None:
    _, token = place(served)
    assert get(served, f"/{token}/", **headers)[0] in (400, 403)


@pytest.mark.parametrize(
    "name",
    [
        "../session.py",
        "..%2fsession.py",
        "%2e%2e/server.py",
        "nothing.js",
        "templates/",
        "page/",
        "page/x",
        ".",
        "a.exe",
    ],
)
def test_only_the_files_of_the_page_are_served(served: Served, name: str) -> None:
    _, token = place(served)
    assert get(served, f"/{token}/{name}")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(served: Served, method: str) -> None:
    _, token = place(served)
    assert get(served, f"/{token}/", method)[0] == 405


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "http://evil.example"},
        {"origin": None},
        {"origin": "null"},
        {"token": "wrong"},
        {"token": ""},
    ],
    ids=str,
)
def test_sockets_of_others_are_refused(served: Served, changed: dict) -> None:
    async def attempt() -> int:
        with pytest.raises(InvalidStatus) as caught:
            async with socket_of(served, **changed):
                pass
        return caught.value.response.status_code

    assert run_alone(attempt()) == 403


# ---------------------------------------------------------------------- what a page gets


def test_a_page_trains_and_gets_the_engines_numbers(served: Served) -> None:
    async def page():
        async with socket_of(served) as socket:
            for message in (
                {"type": "hello"},
                {"type": "open", "address": "data=xor&steps=60"},
                {"type": "seen"},
            ):
                await socket.send(json.dumps(message))
            while True:
                frame, _ = await receive(socket, "frame")
                await socket.send(json.dumps({"type": "seen"}))
                if frame["steps"] == 60 and not frame["playing"]:
                    return frame

    frame = run_alone(page())
    same_numbers(frame, trained(frame["address"]))


def test_a_page_about_the_inside_is_a_frame_without_an_origin(served: Served) -> None:
    async def page():
        async with socket_of(served) as socket:
            await socket.send(json.dumps({"type": "ask", "what": "graph", "id": 1}))
            return (await receive(socket, "answer"))[0]["url"]

    url = run_alone(page())
    status, headers, body = get(served, f"/{place(served)[1]}/{url}")
    assert status == 200
    assert headers["content-security-policy"] == "sandbox allow-scripts; frame-ancestors 'self'"
    assert "default-src 'none'" in body  # and its own policy


@pytest.mark.parametrize(
    "sent",
    ["no JSON", "[1]", '"text"', '{"type": NaN}', b"\x00\x01", "x" * 7_000_000],
    ids=lambda x: repr(x[:12]),
)
def test_what_is_no_message_ends_the_connection(served: Served, sent: str | bytes) -> None:
    async def page() -> int:
        async with socket_of(served) as socket:
            await socket.send(sent)
            with pytest.raises(ConnectionClosed) as caught:
                await to_the_end(socket)
            return caught.value.rcvd.code

    assert run_alone(page()) in (1003, 1007, 1009)
    assert get(served, f"/{place(served)[1]}/")[0] == 200


def test_a_flood_of_messages_ends_the_connection_and_not_the_server(served: Served) -> None:
    async def flood(socket) -> None:
        while True:
            await socket.send(
                json.dumps({"type": "open", "address": "data=spirals&layers=8,8,8,8&steps=200"})
            )

    async def page() -> None:
        async with socket_of(served) as socket:
            with pytest.raises(ConnectionClosed):
                await flood(socket)

    run_alone(page())
    assert get(served, f"/{place(served)[1]}/")[0] == 200


def test_many_pages_are_limited_and_told(served: Served) -> None:
    async def pages() -> list[tuple[int, str]]:
        sockets = [await socket_of(served) for _ in range(14)]
        await asyncio.gather(
            *(each.send(json.dumps({"type": "hello"})) for each in sockets), return_exceptions=True
        )
        found = await asyncio.gather(*(receive(each, "scene") for each in sockets), return_exceptions=True)
        codes = [(each.rcvd.code, each.rcvd.reason) for each in found if isinstance(each, ConnectionClosed)]
        await asyncio.gather(*(each.close() for each in sockets))
        return codes

    codes = run_alone(pages())
    assert len(codes) == 2
    assert set(codes) == {(1013, "12 pages train already; close one of them")}


def test_a_thousand_connections_leave_the_server_answering(served: Served) -> None:
    host, token = place(served)
    name, port = host.split(":")
    made = 0
    with ExitStack() as open_ones, suppress(OSError):  # the system may have a limit of its own
        while made < 1000:
            open_ones.enter_context(socket.create_connection((name, int(port)), timeout=5))
            made += 1
    assert made > 150
    # it may refuse a request until it has seen that the connections are closed
    assert any(get(served, f"/{token}/")[0] == 200 for _ in range(1000))


# ---------------------------------------------------------------------- beginning and end


def test_a_port_that_is_taken_is_said_and_the_next_one_is_found() -> None:
    with listening(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} of this machine cannot be used: .*--port 0"):
            listening(port)
    with pytest.raises(OptionError, match="a port is a number from 1 to 65535"):
        listening(99_999)


def test_it_listens_on_loopback_only() -> None:
    with listening(0) as found:
        assert found.getsockname()[0] == "127.0.0.1"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_ctrl_c_ends_it_while_a_page_trains_and_frees_the_port() -> None:
    command = [sys.executable, "-m", "chainrule.viz.cli", "playground", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[-1]
        host = urlsplit(address).netloc

        async def page() -> None:
            target = f"ws://{host}{urlsplit(address).path}socket"
            async with connect(target, origin=f"http://{host}", max_size=None) as socket:
                for message in (
                    {"type": "hello"},
                    {"type": "speed", "value": None},
                    {"type": "play"},
                    {"type": "seen"},
                ):
                    await socket.send(json.dumps(message))
                await receive(socket, "frame")
                process.send_signal(signal.SIGINT)
                with pytest.raises(ConnectionClosed):
                    await to_the_end(socket)

        run_alone(page())
        assert process.wait(PATIENCE) == 130
        assert "Traceback" not in process.stderr.read()
        listening(int(host.split(":")[1])).close()


def test_the_command_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from chainrule.viz.cli import main\n"
        "sys.exit(main(['playground', '--no-browser', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'chainrule[playground]'" in done.stderr
