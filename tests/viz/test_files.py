"""Files: complete or as they were, with their modes and links, and nothing left beside them."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from chainrule.autograd import Value
from chainrule.viz import OptionError, draw, draw_dot, step
from chainrule.viz.cli import main
from chainrule.viz.common.files import write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")


def graph() -> Value:
    a = Value(3.0, name="a")
    return a * a


# every way to write a file: what writes it, and its name
WRITERS = {
    "svg": lambda path: draw(graph()).save(path),
    "png": lambda path: draw(graph()).save(path),
    "dot": lambda path: draw(graph()).save(path),
    "txt": lambda path: draw(graph()).save(path),
    "html": lambda path: step(graph()).save(path),
    "log.txt": lambda path: step(graph()).save(path),
    "gv": lambda path: draw_dot(graph()).save(path),
    "gv.svg": lambda path: draw_dot(graph()).render(outfile=path, cleanup=True),
    "py": lambda path: main(["program", "a*a", "a=3", "-o", str(path)]),
    "command.svg": lambda path: main(["draw", "a*a", "a=3", "-o", str(path)]),
    "command.html": lambda path: main(["step", "a*a", "a=3", "-o", str(path)]),
}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Sets the mask of new files, and puts the old one back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_replaced_keeps_its_mode_and_its_place_behind_a_link(name, tmp_path, umask):
    (tmp_path / "there").mkdir()
    file, link = tmp_path / "there" / f"graph.{name}", tmp_path / f"link.{name}"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    WRITERS[name](link)
    assert link.is_symlink()
    assert file.read_bytes() != b"before"
    assert mode(file) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [link.name, "there"]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@posix
@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0, 0o666)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(mask, expected, tmp_path, umask):
    umask(mask)
    assert mode(write_whole(tmp_path / "new", "text")) == expected


@posix
def test_a_link_to_nothing_is_written_through(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "new" / "file")
    write_whole(tmp_path / "link", b"data")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new" / "file").read_bytes() == b"data"


@posix
def test_links_that_lead_to_each_other_are_an_error_and_stay(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="symbolic links") as error:
        write_whole(tmp_path / "a", "text")
    assert error.value.filename == str(tmp_path / "a")
    assert (tmp_path / "a").is_symlink()


@posix
def test_devices_and_pipes_are_written_to_and_not_replaced(tmp_path):
    write_whole("/dev/null", "text")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "pipe")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", "text")
    reader.join(timeout=10)
    assert read == [b"text"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def fails_with(error):
    def fail(*given, **options):
        raise error

    return fail


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("step_of_writing", ["fsync", "replace", "fchmod"])
def test_nothing_is_left_of_a_file_that_could_not_be_written(error, step_of_writing, tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("before")
    monkeypatch.setattr(os, step_of_writing, fails_with(error))
    with pytest.raises(type(error)) as caught:
        draw(graph()).save(path)
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["graph.svg"]
    if isinstance(error, OSError):
        assert caught.value.filename == str(path)  # not the name of what is beside it


def test_a_planted_link_beside_the_file_is_never_followed(tmp_path, monkeypatch):
    target = tmp_path / "victim"
    target.write_text("mine")
    for name in ("graph.svg.tmp", ".graph.svg.tmp", ".chainrule-", ".chainrule-new"):
        (tmp_path / name).symlink_to(target)
    draw(graph()).save(tmp_path / "graph.svg")
    assert target.read_text() == "mine"


def test_what_is_protected_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("before")
    path.chmod(0o444)
    if os.name == "posix" and os.geteuid() == 0:  # whom no mode keeps from writing: the refusal is played
        monkeypatch.setattr(os, "access", lambda *given: False)
        monkeypatch.setattr(Path, "write_bytes", fails_with(PermissionError(13, "Permission denied")))
    with pytest.raises(PermissionError) as error:
        draw(graph()).save(path)
    assert error.value.filename == str(path)
    assert path.read_text() == "before"
    assert mode(path) == 0o444
    assert [each.name for each in tmp_path.iterdir()] == ["graph.svg"]


def test_a_folder_where_nothing_can_be_written_is_told(tmp_path, monkeypatch, capsys):
    really_open = os.open

    def refuse(path, *options):
        if Path(path).parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        return really_open(path, *options)

    monkeypatch.setattr(os, "open", refuse)
    assert main(["draw", "a*a", "a=3", "-o", str(tmp_path / "new.svg")]) == 2
    assert (
        capsys.readouterr().err == f"chainrule draw: cannot write {tmp_path / 'new.svg'}: Permission denied\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_replaced(tmp_path, capsys):
    (tmp_path / "graph.svg").mkdir()
    with pytest.raises(OSError, match=r"graph\.svg"):
        draw(graph()).save(tmp_path / "graph.svg")
    assert main(["draw", "a*a", "a=3", "-o", str(tmp_path / "graph.svg")]) == 2
    assert f"cannot write {tmp_path / 'graph.svg'}: " in capsys.readouterr().err
    assert (tmp_path / "graph.svg").is_dir()


@pytest.mark.parametrize("name", ["", "a\0.svg", "\0", b"graph.svg"])
def test_names_that_no_file_can_have_are_a_lesson(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for save in (draw(graph()).save, step(graph()).save):
        with pytest.raises(OptionError, match="no name of a file"):
            save(name)
    if isinstance(name, str):
        for command in ("draw", "step", "program"):
            assert main([command, "a*a", "a=3", "-o", name]) == 2
            assert "no name of a file" in capsys.readouterr().err
        assert main(["demo", "-o", name]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows longer names in other ways")
def test_a_name_that_is_too_long_is_the_systems_error(tmp_path, capsys):
    assert main(["draw", "a*a", "a=3", "-o", str(tmp_path / ("x" * 300 + ".svg"))]) == 2
    assert "File name too long" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_folders_on_the_way_are_made(tmp_path):
    assert write_whole(tmp_path / "a" / "b" / "c.txt", "é").read_bytes() == "é".encode()


def test_frames_are_written_after_all_of_them_are_drawn(tmp_path, monkeypatch):
    from chainrule.viz import DrawingError
    from chainrule.viz.stepping import frames

    drawn = frames.layout
    count = []

    def breaks(*given, **options):
        count.append(1)
        if len(count) == 3:
            raise DrawingError("no more")
        return drawn(*given, **options)

    monkeypatch.setattr(frames, "layout", breaks)
    with pytest.raises(DrawingError, match="no more"):
        step(graph()).save(tmp_path / "steps")
    assert list(tmp_path.iterdir()) == []


@posix
def test_an_animation_keeps_modes_too(tmp_path):
    pytest.importorskip("PIL", reason="Pillow writes GIF")
    path = tmp_path / "steps.gif"
    path.write_bytes(b"before")
    path.chmod(0o600)
    step(graph()).save(path)
    assert path.read_bytes()[:3] == b"GIF"
    assert mode(path) == 0o600
