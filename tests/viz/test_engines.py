"""Graphviz: found, missing, old, failing, slow."""

import ast
import os
import shutil
import stat
import sys
import sysconfig
import time
import warnings
from importlib import metadata
from pathlib import Path

import pytest

from chainrule import viz
from chainrule.autograd import Value
from chainrule.viz import DrawingError, DrawingWarning, OptionError, draw, draw_dot
from chainrule.viz.graphviz import engines
from chainrule.viz.graphviz.engines import Digraph, layout

needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="the system's Graphviz (dot) is not installed"
)
needs_sh = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins for dot are shell scripts")
TEXT = "digraph { a -> b }"


@pytest.fixture
def no_dot(tmp_path, monkeypatch):
    """A path on which there is nothing."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def stand_in(no_dot):
    """Puts a shell script called dot on the path, and nothing else."""

    def write(script):
        dot = no_dot / "dot"
        dot.write_text(f"#!/bin/sh\n{script}\n")
        dot.chmod(dot.stat().st_mode | stat.S_IEXEC)

    return write


@pytest.fixture
def no_pure(monkeypatch):
    """The distribution graphviz-pure is not installed."""

    def files(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(engines.metadata, "files", files)


@pytest.fixture
def drawing():
    return draw(Value(2.0, name="a") * 3)


def test_without_dot_the_picture_is_drawn_by_graphviz_pure(no_dot, drawing):
    assert "graphviz-pure" in drawing.svg()
    assert drawing.png().startswith(b"\x89PNG")


SOURCES = Path(viz.__file__).parent
SIGNS = sorted(
    {
        sign
        for folder in ("boxes", "graph", "network")
        for path in (SOURCES / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for sign in node.value
        if ord(sign) > 127 and sign.isprintable()
    }
)


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_of_a_drawing_has_a_glyph_in_the_font_of_graphviz_pure(sign):
    """A sign that the font does not have is drawn as an empty box, as one for private use is."""

    def picture(text):
        return layout(f'digraph {{ a [shape=none fontname="Arial" label="{text}"] }}', "png", "graphviz-pure")

    assert picture(sign) != picture("\ue000")


def test_a_sign_without_a_glyph_is_found():
    assert len(SIGNS) > 10
    assert not set(SIGNS) & set("⋯⋮⊣")


def test_the_program_is_found_without_a_path(monkeypatch):
    monkeypatch.delenv("PATH")
    assert layout(TEXT, "svg", "graphviz-pure").startswith(b"<?xml")


@needs_dot
def test_dot_is_preferred(drawing):
    assert "graphviz-pure" not in drawing.svg()
    assert drawing.pdf().startswith(b"%PDF")


@needs_dot
@pytest.mark.parametrize("engine", ["auto", "dot", "graphviz-pure"])
def test_engine_is_obeyed(engine):
    picture = draw(Value(2.0) * 3, engine=engine).svg()
    assert ("graphviz-pure" in picture) == (engine == "graphviz-pure")


@needs_sh
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Format: \"svg\" not recognized.' >&2; exit 1", "said: Format"),
        ("/bin/cat > /dev/null; echo '<svg/>'; echo 'Not built with libexpat' >&2", "libexpat"),
        ("/bin/cat > /dev/null", "said: nothing"),
        ("kill -SEGV $$", "crashed"),
        ("exit 127", "exit status 127"),
    ],
)
def test_dot_that_fails_is_replaced_and_the_warning_says_so(stand_in, drawing, script, reason):
    stand_in(script)
    with pytest.warns(DrawingWarning, match="graphviz-pure drew the picture") as caught:
        picture = drawing.svg()
    assert "graphviz-pure" in picture
    assert reason in str(caught[0].message)


@needs_sh
def test_dot_that_cannot_be_started_is_replaced(no_dot, drawing):
    (no_dot / "dot").write_bytes(b"\x00not a program")
    (no_dot / "dot").chmod(0o755)
    with pytest.warns(DrawingWarning, match="could not be started"):
        drawing.svg()


@needs_sh
def test_dot_that_never_ends_is_stopped(stand_in, drawing, monkeypatch):
    stand_in("exec /bin/sleep 60")
    monkeypatch.setattr(engines, "TIME_LIMIT", 0.2)
    with pytest.raises(DrawingError, match=r"still at work after 0\.2 seconds"):
        draw(Value(2.0) * 3, engine="dot").svg()


@needs_sh
def test_what_a_script_around_dot_started_is_stopped_with_it(stand_in, tmp_path, monkeypatch):
    child = tmp_path / "child"
    stand_in(f"/bin/sleep 60 &\necho $! > {child}\nwait")
    monkeypatch.setattr(engines, "TIME_LIMIT", 0.5)
    with pytest.raises(DrawingError, match="still at work"):
        draw(Value(2.0) * 3, engine="dot").svg()
    number = int(child.read_text())
    for _ in range(500):  # the system takes a moment to take it away
        if not is_running(number):
            break
        time.sleep(0.01)
    assert not is_running(number)


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # one that has ended, of which nobody has asked how


@needs_sh
@pytest.mark.parametrize(
    "answer",
    [
        "echo garbage",
        "echo '<?xml version=\"1.0\"?><svg>half of it'",
        "echo '<html>an error page</html>'",
        "printf '\\211PNG'",
        "echo '%PDF-1.7 half of it'",
    ],
)
@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_dot_that_succeeds_with_garbage_is_not_believed(stand_in, tmp_path, answer, format):
    stand_in(f"/bin/cat > /dev/null; {answer}")
    drawing, path = draw(Value(2.0) * 3, fit=None), tmp_path / f"graph.{format}"
    if format == "pdf":
        with pytest.raises(DrawingError, match="something else than a whole picture as pdf"):
            drawing.save(path)
        assert not path.exists()
        return
    with pytest.warns(DrawingWarning, match=f"something else than a whole picture as {format}"):
        drawing.save(path)
    assert path.read_bytes()[:4] in (b"<?xm", b"\x89PNG")
    with pytest.raises(DrawingError, match="something else than a whole picture"):
        draw(Value(2.0) * 3, fit=None, engine="dot").save(tmp_path / f"other.{format}")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bin", f"graph.{format}"]


@needs_dot
@pytest.mark.parametrize("engine", ["dot", "graphviz-pure"])
@pytest.mark.parametrize(
    "format", ["svg", "png", "pdf", "gif", "plain", "xdot", "svg:cairo", "png:cairo:cairo"]
)
def test_what_the_engines_write_is_believed(engine, format):
    try:
        assert layout(TEXT, format, engine)
    except DrawingError as error:
        assert "exit status" in str(error) or "PDF" in str(error)  # noqa: PT017 (an engine need not know them all)


@needs_sh
def test_dot_that_fails_and_was_asked_for_by_name_is_an_error(stand_in):
    stand_in("echo 'no layout engine' >&2; exit 1")
    with pytest.raises(DrawingError, match="no layout engine"):
        draw(Value(2.0) * 3, engine="dot").svg()


def test_dot_that_is_missing_and_was_asked_for_by_name_is_an_error(no_dot):
    with pytest.raises(DrawingError, match="apt install graphviz") as error:
        draw(Value(2.0) * 3, engine="dot").svg()
    assert "engine='auto'" in str(error.value)


def test_the_program_is_found_on_the_path_without_its_distribution(no_pure):
    if shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")) is None:
        pytest.skip("graphviz-pure is not among this interpreter's scripts")
    assert layout(TEXT, "svg", "graphviz-pure").startswith(b"<?xml")


def test_neither_engine(no_dot, no_pure, monkeypatch, drawing):
    monkeypatch.setattr(engines.sysconfig, "get_path", lambda name: str(no_dot))
    with pytest.raises(DrawingError) as error:
        drawing.svg()
    for advice in ("pip install graphviz-pure", "apt install graphviz", "print(drawing)"):
        assert advice in str(error.value)
    bundle = drawing._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert "pip install graphviz-pure" in bundle["text/plain"]


@pytest.mark.parametrize("engine", ["auto", "graphviz-pure"])
@pytest.mark.parametrize("style", ["boxes", "circuit"])
def test_pdf_needs_dot_or_typst(no_dot, engine, style, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(DrawingError, match="PDF is written by the system's Graphviz") as error:
        draw(Value(2.0) * 3, engine=engine, style=style).pdf()
    for advice in ("apt install graphviz", 'pip install "chainrule[pdf]"', ".svg"):
        assert advice in str(error.value)


def test_text_that_is_no_graph_is_explained():
    with pytest.raises(DrawingError, match="exit status"):
        layout("digraph {", "svg", "graphviz-pure")


def test_unknown_engine():
    with pytest.raises(OptionError, match="'auto', 'dot', 'graphviz-pure'"):
        layout(TEXT, "svg", "neato")


def test_no_shell_and_no_temporary_file(tmp_path, monkeypatch, drawing):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "here")
    seen, limits = [], []

    class Popen(engines.subprocess.Popen):
        def __init__(self, *given, **options):
            seen.append((given, options))
            super().__init__(*given, **options)

        def communicate(self, *given, **options):
            limits.append(options.get("timeout"))
            return super().communicate(*given, **options)

    monkeypatch.setattr(engines.subprocess, "Popen", Popen)
    drawing.svg()
    ((command, *_), options), = seen  # fmt: skip
    assert isinstance(command, list)
    assert not options.get("shell")
    assert limits == [engines.TIME_LIMIT]
    assert not list((tmp_path / "temporary").iterdir())
    assert not list((tmp_path / "here").iterdir())


def test_no_warning_when_all_is_well(drawing):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing.svg()


# ---------------------------------------------------------------------- the graphviz package's own class


def test_digraph_pipes_and_renders_without_dot(no_dot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    g = Digraph("mine")
    g.edge("a", "b")
    assert g.pipe("png").startswith(b"\x89PNG")
    assert g.pipe("svg", encoding="utf-8").startswith("<?xml")
    assert g.render(format="svg") == "mine.gv.svg"
    assert Path("mine.gv").read_text() == g.source
    assert Path("mine.gv.svg").read_text().startswith("<?xml")
    assert g.render("other", directory="deep", format="png", cleanup=True) == os.path.join(
        "deep", "other.png"
    )
    assert sorted(path.name for path in Path("deep").iterdir()) == ["other.png"]
    g = Digraph("third")
    assert g.render(outfile="third.svg", cleanup=True) == "third.svg"
    assert not Path("third.gv").exists()


def test_digraph_lays_out_in_other_ways(no_dot):
    g = Digraph(engine="circo")
    g.edges(["ab", "bc"])
    assert g.pipe("svg") != g.pipe("svg", engine="dot")


def test_draw_dot_has_the_signature_of_micrograd(no_dot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    a = Value(2.0, name="a")
    g = draw_dot(a * a, format="png", rankdir="TB")
    assert "rankdir=TB" in g.source
    assert g.pipe().startswith(b"\x89PNG")
    assert g.render("gout") == "gout.png"
    assert list(g._repr_mimebundle_()) == ["image/svg+xml"]


def test_draw_dot_checks_rankdir():
    with pytest.raises(OptionError, match="rankdir='up'"):
        draw_dot(Value(1.0) * 2, rankdir="up")
