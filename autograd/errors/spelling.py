"""Misspelt names, answered with the right one: of keyword arguments, attributes, and words that an option takes.

`spelt` is the decorator of functions and constructors. Where Python refuses the arguments of a call, it takes the
keywords of other libraries that `neighbours.py` lists, and answers the others with the nearest known name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from . import KindError, UnknownNameError
from .neighbours import KEYWORDS, Habit, answer, habit, rows_of

__all__ = [
    "Answering",
    "absent",
    "in_place_of",
    "like",
    "named_in",
    "nearest",
    "refuse_keywords",
    "refused_call",
    "respelt",
    "spelt",
    "word_refused",
]

F = TypeVar("F", bound=Callable[..., Any])
MOST = 3  # names that are suggested


def nearest(given: str, known: Iterable[str], most: int = MOST) -> list[str]:
    """The known names most like the given one, the best first; capitals and underscores do not count.

    >>> nearest("Relu", ["Identity", "ReLU", "ELU"], 1)
    ['ReLU']
    >>> nearest("mse", ["mse_loss", "l1_loss"])
    ['mse_loss']
    >>> nearest("n", ["n_samples", "noise", "seed"])
    ['n_samples']
    """
    import difflib  # for errors only

    wanted = _plain(given)
    names: dict[str, list[str]] = {}
    for name in known:
        names.setdefault(_plain(name), []).append(name)
    close = [wanted] if wanted in names else difflib.get_close_matches(wanted, names, n=most, cutoff=0.65)
    if wanted not in names:
        begun = [
            plain
            for plain, [name, *_] in names.items()
            if name.lower().startswith(given.lower() + "_") or (len(wanted) > 2 and plain.startswith(wanted))
        ]
        close += [each for each in begun if each not in close]
    alike = [name for each in close for name in sorted(names[each], key=lambda name: name[0] != given[0])]
    return alike[:most]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def like(given: Any, known: Iterable[str]) -> str:
    """A question that ends a message: `; did you mean 'relu'?`, or nothing if no known name is like the given one."""
    names = (
        nearest(given, [name for name in known if isinstance(name, str)]) if isinstance(given, str) else []
    )
    return f"; did you mean {' or '.join(map(repr, names))}?" if names else ""


def _meant(given: str, known: Iterable[str], place: str, what: str = "") -> str:
    """As `like`, with the names of other libraries in that place; for one of them what it is called here."""
    ours = list(known)
    theirs = [row.name for row in rows_of(place, what) if _is_name_of(row, ours)]
    found = nearest(given, [*ours, *theirs])
    if not found or found[0] in ours:
        return like(given, ours)
    return f"; did you mean {found[0]!r}? {answer(found[0], place, what)}"


def _is_name_of(row: Habit, ours: list[str]) -> bool:
    """Whether a row says something there: the name of an argument only where its translation is an argument."""
    return row.name not in ours and (not row.ours.endswith("=") or row.ours[:-1] in ours)


def word_refused(what: str, given: Any, known: Iterable[str]) -> str:
    """The message for a word that an option does not take: all that it takes, and the nearest."""
    known = list(known)
    return f"there is no {what} {given!r} here; there are {', '.join(known)}{like(given, known)}"


def absent(what: str, name: str, known: Callable[[], Iterable[str]], place: str) -> UnknownNameError:
    """The error for an attribute that does not exist; its message is written when it is read.

    `what` describes its owner, `known()` are the attributes that there are, and `place` is the owner in the table of
    `neighbours.py`.
    """

    def lesson() -> str:
        ours = answer(name, place)
        if ours:
            return f"{what} has no {name!r}. {ours}"
        return f"{what} has no {name!r}{_meant(name, [k for k in known() if not k.startswith('_')], place)}"

    return UnknownNameError(f"no {name}", lesson)


class Answering:
    """The base of classes whose instances answer a misspelt attribute with the nearest that they have.

    >>> from chainrule.autograd import Tape, Value
    >>> Tape(Value(1.0) * 2.0).leafs
    Traceback (most recent call last):
        ...
    chainrule.autograd.errors.UnknownNameError: Tape has no 'leafs'; did you mean 'leaves'?
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # for type checkers, names that are not listed here do not exist

        def __getattr__(self, name: str) -> Any:
            kinds = [kind.__name__ for kind in type(self).__mro__]
            place = next((kind for kind in kinds if habit(name, kind)), kinds[0])
            raise absent(kinds[0], name, lambda: dir(self), place)


def named_in(module: dict[str, Any], place: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: names of other libraries are taken, others answered with the nearest.

    `module` is its `globals()`, and `place` its place in the table of `neighbours.py`.
    """

    def named(name: str) -> Any:
        row = habit(name, place) if not name.startswith("__") else None
        if row is None or row.takes is None:
            raise absent(module["__name__"], name, lambda: module["__all__"], place)
        return module[row.takes] if isinstance(row.takes, str) else row.takes

    return named


def spelt(function: F) -> F:
    """`function`, which takes keywords of other libraries and answers misspelt ones with the nearest that it has.

    >>> from chainrule.autograd import Tensor, softmax
    >>> softmax(Tensor([0.0, 0.0]), dim=0)
    Tensor([0.5, 0.5])
    >>> softmax(Tensor([0.0, 0.0]), axs=0)
    Traceback (most recent call last):
        ...
    chainrule.autograd.errors.KindError: softmax has no argument 'axs'; did you mean 'axis'?

    The call through the decorator takes 0.1 microseconds. The constructors of nodes take `**others` themselves and
    begin with `if others: return respelt(function, locals())`: such a function is returned as it is, and its signature
    is shown without them.
    """
    parameters = inspect.signature(function).parameters
    if "others" in parameters:
        own = [p for p in parameters.values() if p.name != "others"]
        function.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return function
    again = _again

    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options) if options else function(*args)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from inside of the function
        return again(function, args, options)

    return in_place_of(function, call)


def in_place_of(function: F, call: Any) -> F:
    """`call` with the name and the globals of `function`: doctest finds by them in which module it belongs.

    `call` may use what it closes over, and Python's own names.
    """
    found: Any = FunctionType(call.__code__, function.__globals__, function.__name__, None, call.__closure__)
    return cast(F, update_wrapper(found, function))


def respelt(function: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The call of `function` with its `**others` translated; raises `KindError` that explains if it has no such.

    `given` are its `locals()`.
    """
    others = given.pop("others")
    args = [given.pop("self")] if "self" in given else []
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    return _again(function, args, {k: x for k, x in given.items() if x is not defaults[k]} | others)


def _again(function: Any, args: Any, options: dict[str, Any]) -> Any:
    """The call with the keywords of other libraries translated; raises `KindError` that explains if it has others."""
    what, own, bound = _described(function)
    taken: dict[str, Any] = {}
    for name, value in options.items():
        translated = KEYWORDS[name](value, what) if name in KEYWORDS and name not in own else {name: value}
        if not translated.keys() <= own.keys() or translated.keys() & (
            taken.keys() | options.keys() - {name}
        ):
            translated = {name: value}
        taken |= translated
    if taken == options or not taken.keys() <= own.keys():
        refuse_keywords(what, [name for name in taken if name not in own], own)
        raise KindError(refused_call(what, own, len(args) - bound, options)) from None
    return function(*args, **taken)


def refuse_keywords(what: str, names: Iterable[str], own: Iterable[str]) -> None:
    """Raise `KindError` for the first of these names of arguments, which `what` does not have."""
    for name in names:
        ours = answer(name, "argument", what)
        hint = f". {ours}" if ours else _meant(name, own, "argument", what)
        hint = hint or f". It has {', '.join(own) or 'none'}"
        raise KindError(f"{what} has no argument {name!r}{hint}") from None


def _described(function: Any) -> tuple[str, dict[str, inspect.Parameter], int]:
    """The name of a function (that of the class for a constructor), its parameters without `self`, and 1 for `self`."""
    parameters = dict(inspect.signature(function).parameters)
    bound = int(parameters.pop("self", None) is not None)
    names = function.__qualname__.split(".")
    what = names[-2] if names[-1] == "__init__" else names[-1]
    return (
        what,
        {k: p for k, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)},
        bound,
    )


def refused_call(what: str, own: dict[str, inspect.Parameter], given: int, options: dict[str, Any]) -> str:
    """What is missing in a call or too much, and the arguments that there are."""
    in_order = [k for k, p in own.items() if p.kind is not p.KEYWORD_ONLY]
    missing = [k for k, p in own.items() if p.default is p.empty and k not in (*in_order[:given], *options)]
    shown = ", ".join(k if p.default is p.empty else f"{k}={_default(p.default)}" for k, p in own.items())
    if given > len(in_order):
        most = "1 argument" if len(in_order) == 1 else f"{len(in_order)} arguments"
        fault = f"takes at most {most} without a name; given {given}"
    elif missing:
        fault = f"was called without {' and '.join(missing)}"
    else:
        fault = f"was given {' and '.join(k for k in in_order[:given] if k in options)} twice"
    ours = answer("call", f"call of {what}")
    return f"{what} {fault}. {ours or f'Its arguments are {shown}'}"


def _default(default: Any) -> str:
    """A default as it is read in a signature: functions and types by their names."""
    return getattr(default, "__name__", None) or f"{default!r:.20}"
