"""The `chainrule` command and what each of its subcommands does."""

from __future__ import annotations

import argparse
import sys
import warnings
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np

from ...autograd import ChainruleError, Node, Tape
from ...autograd.extending import like
from ..common.files import path_of, write_whole
from ..common.options import DrawOptions
from ..common.terminal import ClosedStream, standard_streams, wants_colour
from ..common.words import printable
from ..drawing.drawing import draw
from ..playground.serving.launch import serve
from ..stepping.stepper import step
from .demo import demo
from .expression import SHOWN, ExpressionError, evaluate, names_in, quoted, read_assignments
from .parser import as_positional, parser, report

__all__ = ["main"]

LONGEST_REASON = 1000  # characters of a message, which may quote the input


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 for input that is not valid and for output that is lost.

    >>> from chainrule.viz.cli import main
    >>> main(["step", "--log", "a*a", "a=3"])
    Forward: from the inputs to the result
      a = 3
      1  v1 = a * a
            = 3 * 3 = 9
    Backward: from the result to the inputs, upstream gradient times local gradient
      2  v1.grad = 1, where the pass starts
      3  v1 = a * a passes on to a, local gradient a
            a.grad: 0 + (3 × 1) = 3
      4  v1 = a * a passes on to a, local gradient a
            a.grad: 3 + (3 × 1) = 6
    Gradients of v1
      a.grad = 6
    0
    """
    try:
        with standard_streams():
            return _run(list(sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:  # the reader of the output, such as `head`, has exited
        return 128 + 13  # the exit status of a program ended by the signal SIGPIPE
    except OSError as error:
        report(f"chainrule: cannot write to standard output: {error.strerror or error}")
        return 2


def _run(given: list[str]) -> int:
    arguments = parser()
    chosen, rest = arguments.parse_known_args([as_positional(word) for word in given])
    if any(word.startswith("-") for word in rest) or (rest and "assignments" not in chosen):
        wrong = next((word for word in rest if word.startswith("-")), rest[0])
        known = [f"--{name.replace('_', '-')}" for name in vars(chosen)]
        arguments.error(f"unrecognized arguments: {' '.join(rest)}{like(wrong.partition('=')[0], known)}")
    if rest:  # assignments after an option
        chosen.assignments += rest
    if chosen.command is None:
        arguments.print_help()
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("once")
        warnings.showwarning = lambda message, *rest, **more: report(f"note: {message}")
        try:
            RUN[chosen.command](chosen)
        except (ChainruleError, OSError, MemoryError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise
            report(f"chainrule {chosen.command}: {_reason(error)}")
            return 2
        except KeyboardInterrupt:
            report("\nstopped")
            return 130
    return 0


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return f"there is not enough memory for this. {error}".strip()
    if isinstance(error, OSError):
        return f"cannot write {printable(str(error.filename))}: {error.strerror}"
    text = str(error)
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."


def _demo(chosen: argparse.Namespace) -> None:
    demo(path_of(chosen.out), chosen.seed)


def _playground(chosen: argparse.Namespace) -> None:
    serve(chosen.port, browser=not chosen.no_browser, say=lambda text: print(text, flush=True))


def _draw(chosen: argparse.Namespace) -> None:
    root = _root(chosen)
    if not chosen.no_backward:
        _one_number(root, chosen.expression).backward()
    options = {each.name: getattr(chosen, each.name) for each in fields(DrawOptions) if each.name in chosen}
    drawing = draw(root, **options)
    if chosen.output is not None or chosen.open:
        _written(drawing.save, chosen, "graph.svg")
    else:
        print(drawing)


def _written(save: Callable[[str], Path], chosen: argparse.Namespace, usual: str) -> None:
    """Save a drawing or a stepper where `-o` says, and open it if that is asked for."""
    path = save(usual if chosen.output is None else chosen.output)
    _say_written(path)
    if chosen.open and not webbrowser.open(path.resolve().as_uri()):
        report(f"note: no browser was found; open {path.resolve()} in one")


def _say_written(path: Path) -> None:
    if not isinstance(sys.stdout, ClosedStream):  # the file is what was asked for
        print(f"wrote {printable(str(path))}")


def _step(chosen: argparse.Namespace) -> None:
    stepper = step(_one_number(_root(chosen), chosen.expression), digits=chosen.digits)
    if chosen.output is not None or chosen.open:
        options = {name: getattr(chosen, name) for name in ("theme", "seconds", "width", "merge")}
        save = partial(stepper.save, **options)
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
    unused = [name for name in leaves if leaves[name] not in Tape(root).index]
    named = names_in(chosen.expression)
    if absent := [name for name in unused if name not in named]:
        report(f"note: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not in the expression")
    if idle := [name for name in unused if name in named]:
        report(f"note: the result does not depend on {', '.join(idle)}")
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


RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "demo": _demo,
    "playground": _playground,
    "draw": _draw,
    "step": _step,
    "program": _program,
}
