"""The command line: what it prints, writes, and says to mistakes."""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from chainrule.viz import THEMES
from chainrule.viz.cli import main


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, as a process of its own, with nothing on standard input."""
    command = Path(sys.executable).with_name("chainrule")
    return subprocess.run(
        [str(command), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_the_package_can_be_run_as_the_command() -> None:
    module = [sys.executable, "-m", "chainrule.viz.cli", "step", "--log", "a*b", "a=2", "b=3"]
    ran = subprocess.run(module, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == run("step", "--log", "a*b", "a=2", "b=3").stdout


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_installed_command() -> None:
    done = run("step", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5")
    assert done.returncode == 0
    assert "a.grad: 0 + (-3 × 0.7864) = -2.359" in done.stdout
    assert done.stderr == ""
    assert run("--version").stdout == f"chainrule {version('chainrule')}\n"
    for words in (["--help"], [], ["draw", "--help"]):
        done = run(*words)
        assert done.returncode == 0
        assert done.stdout.startswith("usage: chainrule")


@pytest.mark.parametrize("suffix", [".svg", ".png", ".dot", ".txt"])
def test_draw_writes_the_format_of_the_suffix(suffix: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "new" / f"graph{suffix}"
    assert main(["draw", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5", "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    data = path.read_bytes()
    assert {".svg": b"<svg", ".png": b"PNG", ".dot": b"digraph", ".txt": b"tanh"}[suffix] in data
    if suffix != ".png":
        assert "2.359" in data.decode()  # the gradient by a: drawing runs the backward pass
        main(["draw", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5", "--no-backward", "-o", str(path)])
        assert "2.359" not in path.read_text()


def test_draw_prints_without_a_file(capsys) -> None:
    assert main(["draw", "a*a", "a=3"]) == 0
    assert "∂ 6" in capsys.readouterr().out


def test_draw_takes_the_options_of_draw(tmp_path: Path, capsys) -> None:
    path = tmp_path / "graph.dot"
    words = ["draw", "tanh(a*b) + a*b*a*b", "a=2", "b=3", "-o", str(path)]
    assert main([*words, "--show", "name,op", "--max-nodes", "4", "--depth", "0", "--theme", "dark"]) == 0
    dot = path.read_text()
    assert "nodes are not drawn" in dot
    assert THEMES["dark"].background in dot
    assert main([*words, "--show", "data grad"]) == 0
    assert "local gradient</FONT>" not in path.read_text()


def test_step_writes_frames_in_a_theme(tmp_path: Path, capsys) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow writes GIF")
    path = tmp_path / "steps.gif"
    assert main(["step", "a*a", "a=3", "-o", str(path), "--theme", "dark", "--seconds", "0.5"]) == 0
    with image.open(path) as frame:
        assert frame.info["duration"] == 500
        assert max(frame.convert("RGB").getpixel((0, 0))) < 50


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        (["draw", "2a", "a=1"], "A product needs its *"),
        (["draw", "a*b", "a=1"], "b has no value; add b=NUMBER"),
        (["program", "a*b", "a=1"], "b has no value; add b=NUMBER"),
        (["program", "w * 2", "w=[1,2]"], "Write sum(w * 2) or mean(w * 2)"),
        (["program", "a * 2", "a=1", "-o", "/proc/none/program.py"], "/proc/none"),
        (["step", "a*b", "a=1", "b"], "write a name, =, and a number"),
        (["draw", "a*a", "a=1", "-o", "graph.gif"], ".svg"),
        (["draw", "a*a", "a=1", "--engine", "neato"], "'dot'"),
        (["step", "w @ x", "w=[[1,2]]", "x=[1,2,3]"], "last axis of a"),
        (["step", "w * 2", "w=[1,2]"], "Write sum(w * 2) or mean(w * 2)"),
        (["draw", "w * 2", "w=[1,2]"], "gives an array of shape (2,)"),
        (
            ["draw", "a * 2", "a=1", "-o", "/proc/none/graph.svg"],
            "cannot write /proc/none/graph.svg: No such",
        ),
        (["draw", "a * 2", "a=1", "-o", "/proc/graph.svg"], "cannot write /proc/graph.svg: No such"),
        (["draw", "sum(tile(a, 1000000000000000))", "a=[1,2]"], "there is not enough memory for this"),
        (["draw", "a * 2", "a=1", "--show", "data,colour"], "show='colour' is not known"),
        (["draw", "a * 2", "a=1", "--max-nodes", "0"], "max_nodes=0 is not a count"),
        (["step", "a * 2", "a=1", "-o", "a.gif", "--seconds", "-1"], "seconds=-1.0"),
    ],
)
def test_mistakes_are_answered_on_standard_error(
    words: list[str], lesson: str, capsys, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"chainrule {words[0]}: ")
    assert lesson in captured.err
    assert os.listdir(tmp_path) == []


def test_program_prints_a_program_that_runs(tmp_path: Path, monkeypatch, capsys) -> None:
    words = ["program", "tanh(a*b + c)", "a=2", "b=-3", "c=6.5"]
    assert main(words) == 0
    source = capsys.readouterr().out
    assert "v3 = math.tanh(v2)\n" in source
    assert "d_a = d_v1 * b\n" in source
    path = tmp_path / "new" / "program.py"
    assert main([*words, "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert path.read_text() == source
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == f"v3 = {math.tanh(0.5)}"
    assert done.stdout.splitlines()[1].startswith("d_a = -2.359")


def test_program_is_coloured_in_a_terminal_only(monkeypatch) -> None:
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        screen = Terminal()
        monkeypatch.setattr("sys.stdout", screen)
        for name in ("NO_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert main(["program", "sum(w * w)", "w=[1,2]"]) == 0
        assert ("\x1b[" in screen.getvalue()) is coloured
        assert re.sub("\x1b\\[\\d*m", "", screen.getvalue()).endswith('print("d_w =", d_w)\n')


def test_an_expression_may_begin_with_a_minus(capsys) -> None:
    assert main(["step", "--log", "-a*a", "a=3"]) == 0
    assert "a.grad = -6" in capsys.readouterr().out


def test_notes(capsys) -> None:
    assert main(["step", "--log", "a*a", "a=3", "b=1"]) == 0
    assert "note: b is not in the expression" in capsys.readouterr().err
    assert main(["draw", "a*a", "a=3", "b=1", "c=2"]) == 0
    assert "note: b, c are not in the expression" in capsys.readouterr().err
    assert main(["draw", "max(a, b)", "a=1", "b=2"]) == 0
    assert "note: the result does not depend on a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        (
            ["draw", "a*a", "a=3", "--teme", "dark"],
            "unrecognized arguments: --teme dark; did you mean '--theme'?",
        ),
        (["playground", "--prt", "3"], "did you mean '--port'?"),
        (["draw", "a*a", "a=3", "--fit", "800x"], "or a width and a height in pixels such as 800x600"),
    ],
)
def test_a_wrong_option_is_answered_in_words(words, lesson, capsys) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert lesson in capsys.readouterr().err


def test_a_comparison_alone_and_an_expression_without_an_end_are_answered_in_words(capsys) -> None:
    assert main(["draw", "a == b", "a=1", "b=1"]) == 2
    assert "'a == b' is true or false, and has no gradient" in capsys.readouterr().err
    assert main(["draw", "a*b+", "a=1", "b=1"]) == 2
    assert capsys.readouterr().err.endswith("\n    a*b+\n        ^\n")
    assert main(["step", "--log", "sum(log(a))", "a=[-1,1]"]) == 0
    assert "note: invalid value encountered in log" in capsys.readouterr().err


def test_unknown_commands_and_options(capsys) -> None:
    for words in (["paint"], ["draw"], ["draw", "a", "--digits", "x"], ["draw", "a", "--theme", "pink"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "usage: chainrule" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["a=2", "b=3", "--digits", "2"], ["--digits", "2", "a=2", "b=3"], ["a=2", "--log", "b=3"]]
)
def test_values_may_stand_before_and_behind_options(words: list[str], capsys) -> None:
    words = [word for word in words if word != "--log"]
    assert main(["step", "a*b", "--log", *words]) == 0
    assert capsys.readouterr().out.endswith("  a.grad = 3\n  b.grad = 2\n")


def test_a_message_quotes_no_more_than_can_be_read(capsys) -> None:
    for words in (
        ["draw", "x" * 15_000],
        ["draw", "a", "a=" + "x" * 100_000],
        ["draw", "a+" * 9_000 + "]", "a=1"],
    ):
        assert main(words) == 2
        assert 20 < len(capsys.readouterr().err) < 1200


def test_stepping_at_the_keyboard(monkeypatch, capsys) -> None:
    screen, typed = Terminal(), iter(["", "", "q"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert main(["step", "a*a", "a=3"]) == 0
    assert "v1 = a * a" in screen.getvalue()
    assert "passes on" not in screen.getvalue()


def test_the_demo(tmp_path: Path) -> None:
    done = run("demo", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {
        f"{name}{s}"
        for name in ("expression", "moons_network", "neuron", "network")
        for s in (".svg", ".png")
    }
    assert names == pictures | {"steps.txt", "steps.html", "moons.png", "loss.png"}
    for name in names:
        assert str(tmp_path / "out" / name) in done.stdout
        assert (tmp_path / "out" / name).stat().st_size > 500
    assert "w.grad = -1.004" in done.stdout
    right = float(done.stdout.split("% of the held-out digits")[0].split()[-1])
    assert right >= 96
    assert "epoch 30/30" in done.stderr  # the progress bar
    assert "What to try next" in done.stdout


def test_the_demo_says_where_it_cannot_write(tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", "-o", str(tmp_path / "file" / "out")]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_a_page_by_its_own_option(tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.html"
    assert main(["step", "a*b", "a=2", "b=3", "--html", str(page)]) == 0
    assert "Content-Security-Policy" in page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["step", "a*b", "a=2", "b=3", "--html", str(tmp_path / "page.gif")])
    assert "call it" in capsys.readouterr().err
