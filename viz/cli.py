"""The `chainrule` command: see an expression differentiated without writing a program."""

from __future__ import annotations

import argparse
import sys
import warnings
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd import ChainruleError, Node, Tape
from .dot import SHOW
from .drawing import draw
from .expression import SHOWN, ExpressionError, evaluate, quoted, read_assignments
from .files import path_of, write_whole
from .step import step, wants_colour
from .terminal import Lost, standard_streams
from .words import printable

__all__ = ["main"]

EXAMPLES = """\
examples:
  chainrule demo
  chainrule draw "tanh(a*b + c)" a=2 b=-3 c=10 -o graph.svg
  chainrule step "(w*x + b - y)**2" w=0.5 x=2 b=0.1 y=1
  chainrule step "tanh(w*x + b)" w=0.5 x=2 b=0.1 -o steps.html --open
  chainrule program "tanh(a*b + c)" a=2 b=-3 c=10 -o program.py
"""
EXPRESSION = "an expression of numbers, names, + - * / ** @ and functions such as tanh; put it in quotes"
LONGEST_REASON = 1000  # characters of a message, which may quote what was given
ASSIGNMENTS = "the value of each name, as in a=2 b=-3; a=[1,2] makes all of them arrays"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 for input that cannot be understood and output that is lost.

    >>> from chainrule.viz.cli import main
    >>> main(["step", "--log", "a*a", "a=3"])
    Forward: from the inputs to the result
      a = 3
      1  v1 = a * a
            = 3 * 3 = 9
    Backward: from the result to the inputs, upstream gradient times local gradient
      2  v1.grad = 1, where the pass starts
      3  v1 = a * a passes on to a, local gradient a
            a.grad: 0 + (3 x 1) = 3
      4  v1 = a * a passes on to a, local gradient a
            a.grad: 3 + (3 x 1) = 6
    Gradients of v1
      a.grad = 6
    0
    """
    try:
        with standard_streams():
            return _run(list(sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:  # its reader, such as `head`, has seen enough
        return 128 + 13  # as of a program that the signal SIGPIPE ended
    except OSError as error:
        _complain(f"chainrule: cannot write to standard output: {error.strerror or error}")
        return 2


def _run(given: list[str]) -> int:
    parser = _parser()
    chosen, rest = parser.parse_known_args([_as_positional(word) for word in given])
    if any(word.startswith("-") for word in rest) or (rest and "assignments" not in chosen):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:  # values behind an option
        chosen.assignments += rest
    if chosen.command is None:
        parser.print_help()
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("once")
        warnings.showwarning = lambda message, *rest, **more: _complain(f"note: {message}")
        try:
            chosen.run(chosen)
        except (ChainruleError, OSError, MemoryError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise
            _complain(f"chainrule {chosen.command}: {_reason(error)}")
            return 2
        except KeyboardInterrupt:
            _complain("\nstopped")
            return 130
    return 0


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"there is not enough memory for this. {error}".strip()
    if isinstance(error, OSError):
        return f"cannot write {printable(str(error.filename))}: {error.strerror}"
    text = str(error)
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):  # where nobody can hear it
        print(text, file=sys.stderr or Lost(), flush=True)


class _Parser(argparse.ArgumentParser):
    """One that does not hide that help could not be printed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            print(message, end="")
        elif message:
            _complain(message.rstrip("\n"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="chainrule",
        description="See backpropagation: draw a computation graph, step through both passes, print them as a program.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"chainrule {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser("demo", help="train two networks, draw and step; writes to out/")
    demo.add_argument("-o", "--out", default="out", help="the folder to write to (default: out)")
    demo.add_argument("--seed", type=int, default=0, help="for the data and the weights (default: 0)")
    demo.set_defaults(run=_demo)

    drawing = commands.add_parser("draw", help="draw the graph of an expression with values and gradients")
    _add_expression(drawing)
    drawing.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="svg, png, pdf, dot or txt; without it the graph is printed",
    )
    _add_open(drawing)
    drawing.add_argument(
        "--theme",
        choices=("light", "dark", "auto"),
        default="light",
        help="auto follows the reader's screen (default: light)",
    )
    drawing.add_argument(
        "--direction", choices=("LR", "TB"), default="LR", help="left to right or top to bottom"
    )
    drawing.add_argument("--depth", type=int, metavar="N", help="how many scopes inside each other are open")
    drawing.add_argument("--max-nodes", type=int, metavar="N", help="how many boxes at most (default: 150)")
    drawing.add_argument(
        "--show", type=_words, default=SHOW, metavar="WHAT", help=f"some of {','.join(SHOW)} (default: all)"
    )
    drawing.add_argument("--engine", default="auto", help="auto, dot or graphviz-pure (default: auto)")
    drawing.add_argument("--no-backward", action="store_true", help="draw the forward pass only")
    drawing.set_defaults(run=_draw)

    stepping = commands.add_parser(
        "step", help="step through the forward and the backward pass, in the terminal or on a page"
    )
    _add_expression(stepping)
    stepping.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="html, gif, webp or txt; a name without a suffix is a folder of png files",
    )
    stepping.add_argument(
        "--html", dest="output", type=_html, metavar="FILE", help="the same as -o FILE, for a page"
    )
    _add_open(stepping)
    stepping.add_argument(
        "--theme", choices=("light", "dark"), default="light", help="of gif, webp and png (default: light)"
    )
    stepping.add_argument(
        "--seconds", type=float, default=1.2, metavar="N", help="for each step of gif and webp (default: 1.2)"
    )
    stepping.add_argument("--log", action="store_true", help="print all steps at once, also in a terminal")
    stepping.set_defaults(run=_step)

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
    program.set_defaults(run=_program)
    return parser


def _add_operands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", help=EXPRESSION)
    parser.add_argument("assignments", nargs="*", metavar="NAME=NUMBER", help=ASSIGNMENTS)


def _add_expression(parser: argparse.ArgumentParser) -> None:
    _add_operands(parser)
    parser.add_argument(
        "--digits", type=int, default=4, choices=range(1, 18), metavar="N", help="digits shown (default: 4)"
    )


def _add_open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="open what was written in the browser")


def _demo(chosen: argparse.Namespace) -> None:
    from .demo import demo

    demo(path_of(chosen.out), chosen.seed)


def _draw(chosen: argparse.Namespace) -> None:
    root = _root(chosen)
    if not chosen.no_backward:
        _one_number(root, chosen.expression).backward()
    options = ("theme", "digits", "direction", "engine", "depth", "max_nodes", "show")
    drawing = draw(root, **{name: getattr(chosen, name) for name in options})
    if chosen.output is not None or chosen.open:
        _written(drawing.save, chosen, "graph.svg")
    else:
        print(drawing)


def _written(save: Callable[[str], Path], chosen: argparse.Namespace, usual: str) -> None:
    """Save a drawing or a stepper where `-o` says, and open it if that is asked for."""
    path = save(usual if chosen.output is None else chosen.output)
    _say_written(path)
    if chosen.open and not webbrowser.open(path.resolve().as_uri()):
        _complain(f"note: no browser was found; open {path.resolve()} in one")


def _say_written(path: Path) -> None:
    if not isinstance(sys.stdout, Lost):  # the file is what was asked for
        print(f"wrote {printable(str(path))}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(",", " ").split()))


def _html(name: str) -> str:
    path = Path(name)
    if path.suffix.lower() not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(
            f"--html writes a page: call it {path.stem or 'steps'}.html; given {name}"
        )
    return name


def _step(chosen: argparse.Namespace) -> None:
    stepper = step(_one_number(_root(chosen), chosen.expression), digits=chosen.digits)
    if chosen.output is not None or chosen.open:
        save = partial(stepper.save, theme=chosen.theme, seconds=chosen.seconds)
        _written(save, chosen, "steps.html")
    elif chosen.log:
        print(stepper)
    else:
        stepper.interact()


def _program(chosen: argparse.Namespace) -> None:
    source = Tape(_one_number(_root(chosen), chosen.expression)).source()
    if chosen.output is not None:
        _say_written(write_whole(chosen.output, source))
    else:
        print(source.in_colour() if wants_colour(sys.stdout) else source, end="")


def _root(chosen: argparse.Namespace) -> Node:
    leaves = read_assignments(chosen.assignments)
    root = evaluate(chosen.expression, leaves)
    if unused := [name for name in leaves if not _uses(root, leaves[name])]:
        _complain(f"note: {', '.join(unused)} is not in the expression")
    return root


def _one_number(root: Node, expression: str) -> Node:
    """The root of a backward pass, which starts at one number."""
    if (shape := np.shape(root.data)) and np.size(root.data) != 1:
        text = expression.strip() if len(expression) <= SHOWN else "..."
        raise ExpressionError(
            f"{quoted(expression.strip())} gives an array of shape {shape}, and a gradient starts at one number. "
            f"Write sum({text}) or mean({text})"
        )
    return root


def _uses(root: Node, leaf: Node) -> bool:
    return leaf in Tape(root).index


def _as_positional(word: str) -> str:
    """An expression may begin with a minus, which argparse would take for an option."""
    is_option = not word.startswith("-") or word.startswith("--") or word in ("-h", "-o") or word[:2] == "-o"
    return word if is_option else " " + word


def _version() -> Any:
    try:
        return version("chainrule")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
