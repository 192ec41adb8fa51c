"""Running Graphviz: DOT text in, a picture out; an error says what to do.

There are two programs: the system's `dot`, and `graphviz-pure`, which pip installs with chainrule.
The text passes through pipes: no shell, and no temporary file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sysconfig
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import graphviz

from ..common.errors import DrawingError, DrawingWarning, check_option
from ..common.files import write_whole
from ..common.options import ENGINES
from ..common.words import printable
from .pdf import INSTALL_CONVERTER, has_converter, pdf_of

__all__ = ["Digraph", "layout"]

PURE = "graphviz-pure"
TIME_LIMIT = 120.0  # seconds; the largest graph that is laid out by default takes two or three

# what is among the first and among the last bytes of a picture in each format
PICTURES = {
    "svg": (b"<svg", b"</svg>"),
    "png": (b"\x89PNG\r\n\x1a\n", b"IEND"),
    "pdf": (b"%PDF-", b"%%EOF"),
}
HEAD = 4096  # bytes

INSTALL_DOT = "'apt install graphviz', 'brew install graphviz', or 'winget install graphviz'"
INSTALL_PURE = f"'pip install {PURE}'"


class _Failure(Exception):
    """One program failed; the message is a clause that says why."""


def layout(source: str, format: str, engine: str = "auto", options: Sequence[str] = ()) -> bytes:
    """Lay out DOT text and draw it as `format`: "svg", "png", "pdf", or another that the engine writes.

    `engine` is "dot", "graphviz-pure", or "auto": `dot` where it is on the path, otherwise
    `graphviz-pure`; also, with a warning, where `dot` fails. `options` are further options of the command line. PDF is
    written by `dot`, or where there is none, by Typst from the SVG.

    Raises `DrawingError` if no engine can draw it, `OptionError` for another name.

    >>> layout("digraph { a -> b }", "svg")[:5]
    b'<?xml'
    """
    check_option("engine", engine, ENGINES)
    dot = shutil.which("dot") if engine != PURE else None
    if format == "pdf" and dot is None and has_converter():
        return pdf_of([layout(source, "svg", engine, options).decode()])
    if format == "pdf" and dot is None:
        missing = (
            f"engine={PURE!r} was asked for" if engine == PURE else "there is no program 'dot' on the path"
        )
        raise DrawingError(
            f"PDF is written by the system's Graphviz, and {missing}, or by Typst, which is not installed. Install "
            f"one of them: {INSTALL_CONVERTER}; or {INSTALL_DOT}, with engine='auto'. A .svg needs neither; it stays "
            f"sharp at any size, and browsers print it to PDF"
        )
    if engine == "dot" and dot is None:
        raise DrawingError(
            f"engine='dot' was asked for, and there is no program 'dot' on the path. Install it with "
            f"{INSTALL_DOT}; or leave engine='auto', which draws with {PURE}, installed beside chainrule"
        )
    if dot is None:
        return _draw_with_pure(source, format, options, f"there is no program 'dot' on the path, and {PURE}")
    try:
        return _run(dot, source, format, options)
    except _Failure as why:
        if engine == "dot" or format == "pdf":
            raise DrawingError(_advice(f"the system's Graphviz ({dot}) {why}")) from None
        picture = _draw_with_pure(
            source, format, options, f"the system's Graphviz ({dot}) {why}; and {PURE} in its place"
        )
        warnings.warn(
            f"the system's Graphviz ({dot}) {why}. {PURE} drew the picture in its place; engine={PURE!r} does so "
            f"without this warning",
            DrawingWarning,
            stacklevel=4,
        )
        return picture


def _draw_with_pure(source: str, format: str, options: Sequence[str], story: str) -> bytes:
    program = _find_pure()
    if program is None:
        raise DrawingError(
            f"{story} is not installed. It comes with chainrule: {INSTALL_PURE} brings it back, and "
            f"{INSTALL_DOT} installs the system's Graphviz; one of them is enough. The picture as text needs "
            f"neither: print(drawing), or drawing.save('graph.dot')"
        )
    try:
        return _run(program, source, format, options)
    except _Failure as why:
        raise DrawingError(_advice(f"{story} {why}")) from None


def _advice(story: str) -> str:
    return (
        f"{story}. Draw a smaller part of the graph, or install the system's Graphviz ({INSTALL_DOT}) where it is "
        f"missing or old; drawing.save('graph.dot') keeps the text of the picture for another program"
    )


def _find_pure() -> str | None:
    """The program of the distribution `graphviz-pure`, which may not be on the path."""
    try:
        files = metadata.files(PURE) or []
    except metadata.PackageNotFoundError:
        files = []
    places = (Path(str(file.locate())).resolve() for file in files if file.stem == PURE)
    found = next((str(place) for place in places if place.is_file()), None)
    return found or shutil.which(PURE, path=sysconfig.get_path("scripts")) or shutil.which(PURE)


def _run(program: str, source: str, format: str, options: Sequence[str]) -> bytes:
    """The output of one program. Raises `_Failure` if there is none."""
    try:
        status, picture, complaints = _answer(
            [program, *options, f"-T{format}"], source.encode(errors="backslashreplace")
        )
    except subprocess.TimeoutExpired:
        raise _Failure(f"was still at work after {TIME_LIMIT:g} seconds and was stopped") from None
    except OSError as error:
        raise _Failure(f"could not be started ({error.strerror or error})") from None
    said = complaints.decode(errors="replace").strip()
    if status < 0:
        raise _Failure(f"crashed (signal {-status})")
    if status or not picture:
        last = said.splitlines()[-1] if said else "nothing"
        raise _Failure(f"failed (exit status {status}) and said: {last}")
    if "libexpat" in said:
        raise _Failure("was built without libexpat and cannot draw labels with several rows")
    begins, ends = PICTURES.get(format.partition(":")[0], (b"", b""))
    if begins not in picture[:HEAD] or ends not in picture[-HEAD:]:
        start = printable(picture[:40].decode(errors="replace"))
        raise _Failure(f"gave something else than a whole picture as {format}: {start!r}")
    return picture


def _answer(command: Sequence[str], question: bytes) -> tuple[int, bytes, bytes]:
    """Exit status, output and messages of a program; at the time limit it is killed together with its children."""
    pipe = subprocess.PIPE
    # in a session of its own, so that a script and the programs it started are killed together
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as running:
        try:
            picture, complaints = running.communicate(question, timeout=TIME_LIMIT)
        except BaseException:  # also for Ctrl-C, which another session does not receive
            with suppress(OSError):
                os.killpg(running.pid, signal.SIGKILL) if hasattr(os, "killpg") else running.kill()
            raise
    return running.returncode, picture, complaints


class Digraph(graphviz.Digraph):  # type: ignore[misc]
    """The class of the `graphviz` package, drawing with either engine.

    `program` is the argument `engine` of `layout`. The attribute `engine` is, as in the `graphviz` package, the name of
    the layout algorithm: "dot", "neato", ...

    >>> graph = Digraph()
    >>> graph.edge("a", "b")
    >>> graph.pipe("svg")[:5]
    b'<?xml'
    """

    program: str = "auto"
    finish: Callable[[str], str] | None = None  # applied to an SVG, for example to write names into it

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """The picture as bytes, or as text if an `encoding` is given."""
        parts = [format or self.format, renderer or self.renderer, formatter or self.formatter]
        options = [f"-K{engine or self.engine}"]
        if neato_no_op:
            options.append(f"-n{neato_no_op:d}")
        picture = layout(self.source, ":".join(p for p in parts if p), self.program, options)
        if self.finish is not None and parts[0] == "svg":
            picture = self.finish(picture.decode()).encode()
        return picture if encoding is None else picture.decode(encoding)

    def save(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the DOT text to a file, completely or not at all; returns its path."""
        if filename is not None:
            self.filename = fspath(filename)
        if directory is not None:
            self.directory = fspath(directory)
        if not (skip_existing and Path(self.filepath).exists()):
            write_whole(self.filepath, self.source.encode(self.encoding))
        return str(self.filepath)

    def render(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: str | PathLike[str] | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Write the DOT text to a file and the picture to another; returns the path of the picture."""
        if outfile is not None:
            picture = Path(directory or self.directory or "", outfile)
            format = format or picture.suffix.removeprefix(".") or None
            filename = filename or Path(outfile).with_suffix(f".{self._default_extension}")
        format = format or self.format
        if raise_if_result_exists and outfile is not None and picture.exists():
            raise graphviz.FileExistsError(f"output file exists: {fspath(picture)!r}")
        drawn = self.pipe(format, renderer, formatter, neato_no_op, quiet, engine=engine)
        text = self.save(filename, directory=directory)
        if outfile is None:
            picture = Path(f"{text}.{'.'.join(p for p in (formatter, renderer, format) if p)}")
        write_whole(picture, drawn)
        if cleanup:
            Path(text).unlink()
        if view or quiet_view:
            self._view(fspath(picture), format=format, quiet=quiet_view)
        return fspath(picture)
