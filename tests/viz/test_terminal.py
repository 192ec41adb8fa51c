"""Streams that are no UTF-8 terminal: other encodings, closed ones, readers that go away, 80 columns."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import nn
from chainrule.autograd import Tensor, Value, scope, tanh
from chainrule.viz import draw, step
from chainrule.viz.cli import main
from chainrule.viz.common.terminal import IN_ASCII, columns, padded, writable

needs_sh = pytest.mark.skipif(sys.platform == "win32", reason="streams are closed by a shell")
COMMAND = str(Path(sys.executable).with_name("chainrule"))
ENCODINGS = ["ascii", "cp1252", "latin-1", "cp437", "utf-8", "utf-16"]

# all that prints signs of its own, in one process
PROGRAM = """
import numpy as np
from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import draw, step

a = Value(2.0, name="π")
y = tanh(a * a / 3 - a)
print(draw(y))
print(step(y))
step(y).play(seconds=0)
step(y).interact()
print(repr(draw(y)), repr(step(y)))
print(draw((Tensor(np.arange(16.0), name="t") ** 2).mean()))
model, X = nn.MLP(2, [3, 2], seed=0), np.ones((4, 2))
print(draw(model, X))
print(nn.summary(model, X))
history = nn.fit(model, nn.cross_entropy, (X, np.array([0, 1, 1, 0])), epochs=2)
print(history)
print(model, nn.diagnostics.dead_units(model, X))
"""


def run(command: list[str], encoding: str = "utf-8", **options) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, env=environment, stdin=subprocess.DEVNULL, **options)


def in_shell(text: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command with its streams as the text says, which has `"$@"` for it."""
    return run(["sh", "-c", text, "sh", COMMAND, *words])


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding)


# ---------------------------------------------------------------------- encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_that_prints_itself_prints_in_every_encoding(encoding) -> None:
    done = run([sys.executable, "-c", PROGRAM], encoding)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    text = done.stdout.decode(encoding)
    assert ("∂ –" in text) == (encoding in ("utf-8", "utf-16"))
    assert ("π" in text) == (encoding in ("utf-8", "utf-16", "cp437"))
    if encoding == "ascii":
        assert "v4  tanh" in text
        assert "`-- v3  -" in text
        assert "|   `-- 3" in text
        assert "\\u03c0" in text
    if encoding == "cp1252":
        assert "v1  ×" in text
        assert "mean 77.5 ±" in text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_command_prints_in_every_encoding(encoding) -> None:
    done = run([COMMAND, "draw", "tanh(a*b)", "a=2", "b=3"], encoding)
    assert done.returncode == 0
    assert done.stderr == b""
    lines = done.stdout.decode(encoding).splitlines()
    signs = "" if encoding in ("utf-8", "utf-16") else "d"
    assert [line.split()[-2] for line in lines] == [signs or "∂"] * 4
    assert len({line.rindex(signs or "∂") for line in lines}) == 1  # the columns stand below each other
    done = run([COMMAND, "program", "π*é", "π=2", "é=3"], encoding)
    assert done.returncode == 0, done.stderr


def test_signs_have_a_form_in_ascii_and_other_characters_are_spelled_out() -> None:
    assert writable("├── × ÷ − ∂ → … ± ² √", stream("ascii")) == "|-- * / - d -> ... +- ^2 sqrt"
    assert writable("π \ud800", stream("ascii")) == "\\u03c0 \\ud800"
    assert writable("π \ud800", stream("utf-8")) == "π \\ud800"
    assert writable("× π", stream("latin-1")) == "× \\u03c0"
    assert writable("× π", io.StringIO()) == "× π"
    assert all(sign.isascii() for sign in IN_ASCII.values())


def test_what_has_no_encoding_or_an_unknown_one_gets_the_text_as_it_is(monkeypatch) -> None:
    class Odd:
        encoding = "no such encoding"

    for odd in (Odd(), None):
        monkeypatch.setattr(sys, "stdout", odd)
        assert writable("∂") == "∂"
        assert "∂" in str(draw(Value(2.0) * 3))


def test_files_and_logs_keep_their_signs_whatever_the_terminal(monkeypatch, tmp_path) -> None:
    drawing, stepper = draw(Value(2.0, name="π") * 3), step(Value(2.0, name="π") * 3)
    monkeypatch.setattr(sys, "stdout", stream("ascii"))
    assert "×" not in str(drawing)
    assert "π" not in str(stepper)
    assert "×" in drawing.save(tmp_path / "graph.txt").read_text(encoding="utf-8")
    assert "π" in stepper.save(tmp_path / "steps.txt").read_text(encoding="utf-8")
    assert "π" in stepper.log()
    assert "π" in stepper.html()


# ---------------------------------------------------------------------- closed streams, and readers that go away


def test_the_sign_of_multiplication_is_no_letter(monkeypatch) -> None:
    stepper = step(Value(2.0, name="w") * Value(3.0, name="x"))
    for encoding, mark in (("utf-8", "×"), ("latin-1", "×"), ("ascii", "*")):
        out = stream(encoding)
        monkeypatch.setattr(sys, "stdout", out)
        assert f"w.grad: 0 + (3 {mark} 1) = 3" in str(stepper)
        stepper.goto(1)
        stepper.play(seconds=0, file=out)
        out.flush()
        assert f"x.grad: 0 + (2 {mark} 1) = 2" in out.buffer.getvalue().decode(encoding)


@needs_sh
@pytest.mark.parametrize(
    ("text", "status", "output", "complaint"),
    [
        ('exec "$@" >&-', 2, b"", b"cannot write to standard output: it is closed"),
        ('exec "$@" <&-', 0, b"a.grad = 6", b""),
        ('exec "$@" 2>&-', 0, b"a.grad = 6", b""),
        ('exec "$@" <&- >&- 2>&-', 2, b"", b""),
        ('exec "$@" >/dev/full', 2, b"", b"cannot write to standard output: No space left"),
    ],
)
def test_closed_streams(text, status, output, complaint) -> None:
    if "/dev/full" in text and not os.path.exists("/dev/full"):
        text, status, complaint = 'exec "$@" >&-', 2, b"it is closed"
    done = in_shell(text, "step", "a*a", "a=3")
    assert done.returncode == status
    assert output in done.stdout
    assert complaint in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    if not complaint:
        assert done.stderr == b""


@pytest.mark.parametrize("words", [["step", "--log", "+".join(["a"] * 500), "a=1"], ["--help"], []])
def test_a_reader_that_goes_away_ends_the_command_quietly_as_the_signal_would(words) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [COMMAND, *words], stdout=writing, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (128 + 13, b"")


@needs_sh
def test_files_are_written_also_where_all_streams_are_closed(tmp_path) -> None:
    for name in ("graph.svg", "steps.html", "graph.png"):
        done = in_shell(
            'exec "$@" <&- >&- 2>&-',
            "step" if "steps" in name else "draw",
            "a*a",
            "a=3",
            "-o",
            str(tmp_path / name),
        )
        assert done.returncode == 0
        assert (tmp_path / name).stat().st_size > 500


def test_mistakes_are_told_by_their_status_where_nobody_can_hear_them(monkeypatch, capsys) -> None:
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    for closed in (None, Full()):
        monkeypatch.setattr(sys, "stderr", closed)
        assert main(["draw", "2a", "a=1"]) == 2
        assert main(["draw", "a*a", "a=1", "b=2"]) == 0  # with a note
        with pytest.raises(SystemExit) as stop:
            main(["paint"])
        assert stop.value.code == 2
    assert "2a" not in capsys.readouterr().out  # nor is it told where the results are


def test_the_streams_are_as_they_were_after_the_command(monkeypatch) -> None:
    out = stream("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["draw", "a*a", "a=3"]) == 0
    assert (sys.stdout, sys.stderr, out.errors) == (out, None, "strict")
    assert out.buffer.getvalue().startswith(b"v1  *  9  d 1")


def test_stepping_with_closed_streams_prints_nothing(monkeypatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stdin, stdout in ((None, None), (closed, None), (None, io.StringIO())):
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", stdout)
        step(Value(2.0) * 3).interact()
        step(Value(2.0) * 3).play(seconds=0)


# ---------------------------------------------------------------------- columns


def test_columns_of_a_terminal() -> None:
    assert columns("e\N{COMBINING ACUTE ACCENT}") == 1
    assert columns("重み") == 4
    assert padded("重み", 6) == "重み  "
    assert padded("too long", 3) == "too long"


NAMES = (
    st.none()
    | st.text(max_size=60)
    | st.sampled_from(["重" * 30, "x" * 10_000, "\ud800", "a\nb", "", "é" * 70])
)


@given(
    NAMES, NAMES, NAMES, st.sampled_from([0.1, -1e-300, 1e300, float("nan"), -123456.789]), st.integers(1, 17)
)
def test_no_line_is_wider_than_80_columns(a, b, title, number, digits) -> None:
    x, y = Value(number, name=a), Value(2.0, name=b, requires_grad=False)
    with scope(title or ""):
        z = tanh(x * y + x) - y * x
    z.name = title
    for line in [*str(step(z, digits=digits)).splitlines(), *str(draw(z, digits=digits)).splitlines()]:
        assert columns(line) <= 80, line


def test_long_names_stay_distinct() -> None:
    loss = nn.scalar.MLP(2, [16, 16, 1], seed=0)([0.5, -1.0]) ** 2
    stepper = step(loss)
    lines = str(stepper).splitlines()
    shown = {line.split(" = ")[0] for line in lines[-400:] if ".grad = " in line}
    parameters = [x for x in stepper.tape.leaves if x.requires_grad]
    assert len(shown) == len(parameters) == 337
    assert "  layer1...on10.w2.grad" in shown


@pytest.mark.parametrize(
    "shape", [(16,), (1, 16), (2, 8), (4, 4), (17,), (100, 100, 100), (8, 2), (2, 2, 2, 2)]
)
@pytest.mark.parametrize("digits", [1, 4, 17])
def test_no_line_of_arrays_is_wider_than_80_columns(shape, digits) -> None:
    rng = random.Random(0)
    array = np.array(
        [rng.choice([-1.2345e-300, 1.2345e300, 0.0, 7.0]) for _ in range(np.prod(shape))]
    ).reshape(shape)
    x, c = Tensor(array, name="a_long_name_" * 9), Tensor(array, name="a_constant", requires_grad=False)
    with np.errstate(all="ignore"):
        y = ((x * c) / 1e300 + x).sum()
        y.backward()
        lines = [*str(step(y, digits=digits)).splitlines(), *str(draw(y, digits=digits)).splitlines()]
    for line in lines:
        assert columns(line) <= 80, line


def test_the_elements_of_a_long_row_go_on_below() -> None:
    x = Tensor(np.arange(16.0), name="x")
    lines = str(step(x.sum())).splitlines()
    assert lines[1] == "  x   shape (16,)"
    assert [int(each) for line in lines[2:4] for each in line.split()] == list(range(16))
    assert lines[4].startswith("  1  v1 = sum(x)")


def test_a_tree_tells_arrays_more_briefly_where_there_is_no_room() -> None:
    model = nn.MLP(4, [8, 3], seed=0)
    drawing = draw(model, np.ones((10, 4)), depth=9)
    lines = str(drawing).splitlines()
    assert lines[0].startswith("v4  linear ")
    assert "(10, 3) mean " in lines[0]
    assert lines[0].endswith("∂ –")
    deep = Tensor([1.0, 2.0], name="a name of some length")
    y = deep
    for _ in range(30):
        y = tanh(y)
    assert sum("tanh" in line for line in str(draw(y)).splitlines()) == 30
