"""The arguments of the `chainrule` command."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..common.numbers import ALL_DIGITS
from ..common.options import AREAS, MOST_BOXES, DrawOptions, Options, StepOptions, declaration
from ..common.terminal import ClosedStream

__all__ = ["as_positional", "report", "parser"]

EXAMPLES = """\
examples:
  chainrule playground
  chainrule demo
  chainrule draw "tanh(a*b + c)" a=2 b=-3 c=10 -o graph.svg
  chainrule step "(w*x + b - y)**2" w=0.5 x=2 b=0.1 y=1
  chainrule step "tanh(w*x + b)" w=0.5 x=2 b=0.1 -o steps.html --open
  chainrule program "tanh(a*b + c)" a=2 b=-3 c=10 -o program.py
"""
EXPRESSION = "an expression of numbers, names, + - * / ** @ and functions such as tanh; put it in quotes"
ASSIGNMENTS = "the value of each name, as in a=2 b=-3; a=[1,2] makes all of them arrays"


class _Parser(argparse.ArgumentParser):
    """A parser that raises an error if its help cannot be printed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            print(message, end="")
        elif message:
            report(message.rstrip("\n"))


def parser() -> argparse.ArgumentParser:
    """The parser of the command and of its subcommands."""
    command = _Parser(
        prog="chainrule",
        description="See backpropagation: draw a computation graph, step through both passes, print them as a program.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--version", action="version", version=f"chainrule {_version()}")
    commands = command.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser("demo", help="train two networks, draw and step; writes to out/")
    demo.add_argument("-o", "--out", default="out", help="the folder to write to (default: out)")
    demo.add_argument("--seed", type=int, default=0, help="for the data and the weights (default: 0)")

    playground = commands.add_parser(
        "playground", help="train a small network in the browser, stop, and look inside"
    )
    playground.add_argument(
        "--port", type=int, metavar="N", help="0 for any free one (default: 8765, or a free one)"
    )
    playground.add_argument("--no-browser", action="store_true", help="print the address only")

    drawing = commands.add_parser("draw", help="draw the graph of an expression with values and gradients")
    _add_expression(drawing)
    drawing.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="svg, png, pdf, tex, dot, html or txt; without it the graph is printed",
    )
    _add_open(drawing)
    _add_option(drawing, DrawOptions, "theme")
    _add_option(drawing, DrawOptions, "fit", type=_place, metavar="PLACE")
    _add_option(drawing, DrawOptions, "direction", usual="")
    _add_option(drawing, DrawOptions, "style")
    _add_option(drawing, DrawOptions, "depth", usual="", type=int, metavar="N")
    _add_option(drawing, DrawOptions, "max_nodes", usual=MOST_BOXES, type=int, metavar="N")
    _add_option(drawing, DrawOptions, "show", usual="all but rule", type=_words, metavar="WHAT")
    _add_option(drawing, DrawOptions, "engine")
    drawing.add_argument("--no-backward", action="store_true", help="draw the forward pass only")

    stepping = commands.add_parser(
        "step", help="step through the forward and the backward pass, in the terminal or on a page"
    )
    _add_expression(stepping)
    stepping.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="html, gif, webp, pdf or txt; a name without a suffix is a folder of png files",
    )
    stepping.add_argument(
        "--html", dest="output", type=_html, metavar="FILE", help="the same as -o FILE, for a page"
    )
    _add_open(stepping)
    _add_option(stepping, StepOptions, "theme")
    _add_option(stepping, StepOptions, "seconds", type=float, metavar="N")
    _add_option(stepping, StepOptions, "width", type=int, metavar="N")
    stepping.add_argument(
        "--no-merge",
        dest="merge",
        action="store_false",
        help="a picture of its own for each step of gif and webp",
    )
    stepping.add_argument("--log", action="store_true", help="print all steps at once, also in a terminal")

    program = commands.add_parser(
        "program", help="print both passes as a Python program that needs math or numpy only"
    )
    _add_operands(program)
    program.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write a Python file; without it the program is printed",
    )
    return command


def _add_operands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", help=EXPRESSION)
    parser.add_argument("assignments", nargs="*", metavar="NAME=NUMBER", help=ASSIGNMENTS)


def _add_expression(parser: argparse.ArgumentParser) -> None:
    _add_operands(parser)
    _add_option(parser, Options, "digits", type=int, choices=range(1, ALL_DIGITS + 1), metavar="N")


def _add_option(
    parser: argparse.ArgumentParser, options: type[Options], name: str, usual: Any = None, **more: Any
) -> None:
    """An option of the library, with its default and meaning; `usual` is said of the default in place of its value."""
    default, meaning, choices = declaration(options, name)
    usual = default if usual is None else usual
    if choices:
        more.setdefault("choices", choices)
    more["help"] = f"{meaning} (default: {usual})" if usual else meaning
    parser.add_argument(f"--{name.replace('_', '-')}", default=default, **more)


def _add_open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="open what was written in the browser")


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(",", " ").split()))


def _place(text: str) -> str | tuple[float, float]:
    """The name of a place, or a width and a height as in 800x600."""
    if text in (*AREAS, "none"):
        return text
    try:
        width, height = map(float, text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a place where a picture is seen; write one of {', '.join(AREAS)}, none, or a width and a "
            f"height in pixels such as 800x600"
        ) from None
    return width, height


def _html(name: str) -> str:
    path = Path(name)
    if path.suffix.lower() not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(
            f"--html writes a page: call it {path.stem or 'steps'}.html; given {name}"
        )
    return name


def as_positional(word: str) -> str:
    """The word, with a space before a minus sign that begins an expression: argparse would read it as an option."""
    is_option = not word.startswith("-") or word.startswith("--") or word in ("-h", "-o") or word[:2] == "-o"
    return word if is_option else " " + word


def report(text: str) -> None:
    """Write a note or an error to standard error; if that is closed, nothing happens."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr or ClosedStream(), flush=True)


def _version() -> Any:
    try:
        return version("chainrule")
    except PackageNotFoundError:
        return "(not installed)"
