"""Sums of products over named axes: `einsum`, and `tensordot`, which chooses the names.

The row takes a normal form: the letters of every operand are explicit and distinct, and a letter has one length
everywhere. Then the gradient of an operand is an einsum, too: of the upstream gradient and the other operands, with the
letters of the operand as output. A diagonal (`ii`), an axis of length 1 that broadcasts, and an ellipsis are not in the
normal form; other rows convert them first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..errors import KindError, ShapeError
from ..errors.spelling import spelt
from ..primitives.structural.einsum import einsum_
from .arguments import arrays_only, axes_of, integer_of
from .joining import arrays_of

__all__ = ["einsum", "tensordot"]


# ---------------------------------------------------------------------- the normal form


@spelt
def einsum(
    *arguments: Any, optimize: Any = None, dtype: Any = None, casting: Any = "safe", order: Any = "K"
) -> Any:
    """The sum of products that the subscripts describe, as NumPy's `einsum`: `einsum("ij,jk->ik", a, b)` is `a @ b`.

    Each axis of an operand is named by a letter; axes with the same letter share one index, and letters that are not
    in the output are summed over. Without `->` the output has the letters that occur once, in
    alphabetical order. A letter repeated in one operand takes the diagonal; `...` stands for axes that broadcast, and
    so do axes of length 1. Operands alternating with lists of axis numbers, `einsum(a, [0, 1], b, [1, 2])`, are
    accepted, too. `optimize` and `order` are accepted as in NumPy and change nothing: the order of products is
    chosen here. `dtype` converts the operands, where `casting` allows it.

    Raises `ShapeError` for subscripts that do not match the operands, `KindError` for what is not subscripts.

    >>> from chainrule.autograd import Tensor, einsum
    >>> a = Tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> einsum("ii", a)
    Tensor(5.)
    >>> einsum("ij,j->i", a, [1.0, -1.0])
    Tensor([-1., -1.])
    """
    subscripts, given = _as_text(arguments)
    operands = [arrays_only(x, "einsum") for x in given]
    if dtype is not None:
        operands = arrays_of(operands, "einsum", dtype=dtype, casting=casting)
    terms, out = _explicit(subscripts, operands)
    lengths: dict[str, int] = {}
    for term, x in zip(terms, operands):
        for c, n in zip(term, x.shape):
            if n != 1 and lengths.setdefault(c, n) != n:
                raise ShapeError(
                    f"einsum({subscripts!r}) was given {_texts(operands)}: in {','.join(terms)}, the axes named "
                    f"{c!r} have lengths {lengths[c]} and {n}. Axes of one letter are equally long, or of length 1"
                )
    normal = [_distinct(x, term, lengths) for x, term in zip(operands, terms)]
    return einsum_(*(x for x, _ in normal), subscripts=f"{','.join(term for _, term in normal)}->{out}")


def _distinct(x: Any, term: str, lengths: dict[str, int]) -> tuple[Any, str]:
    """`x` with each of its letters once, and without those along which it broadcasts."""
    letters = "".join(dict.fromkeys(term))
    shape = tuple(x.shape[term.index(c)] for c in letters)
    if len(letters) < len(term):
        if any(x.shape[k] != shape[letters.index(c)] for k, c in enumerate(term)):
            raise ShapeError(
                f"einsum takes a diagonal of {describe(x)} where {term!r} repeats a letter; "
                f"that needs axes of the same length"
            )
        grid = np.indices(shape, sparse=True)
        x = p.index(x, at=tuple(grid[letters.index(c)] for c in term))
    wide = "".join(c for c, n in zip(letters, shape) if n != 1 or lengths.get(c, 1) == 1)
    if wide != letters:
        x = p.reshape(x, shape=tuple(n for c, n in zip(letters, shape) if c in wide))
    return x, wide


def _explicit(subscripts: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """One term of letters for each operand and one for the output; ellipses are replaced by letters."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    for part in (*terms, out):
        if set(part.replace("...", "", 1)) - set(ascii_letters):
            raise KindError(
                f"einsum was given the subscripts {subscripts!r}; {part!r} is not made of letters and at most one "
                f"'...'. Write one term for each operand and, after '->', one for the output: 'ij,jk->ik'"
            )
    if len(terms) != len(operands):
        raise ShapeError(
            f"einsum({subscripts!r}) has {len(terms)} term{'s' * (len(terms) > 1)} before the output and was given "
            f"{len(operands)} operand{'s' * (len(operands) != 1)}; each operand needs a term, separated by commas"
        )
    dots = 0
    for term, x in zip(terms, operands):
        hidden = x.ndim - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ShapeError(
                f"einsum({subscripts!r}): the term {term!r} was given for {describe(x)}, which has {x.ndim} axes. "
                f"Write a letter for each axis, or '...' for those that need no name"
            )
        dots = max(dots, hidden)
    spare = "".join(islice((c for c in ascii_letters if c not in subscripts), dots))
    counts = Counter(left.replace(".", "").replace(",", ""))
    if not arrow:
        out = "..." * bool(dots) + "".join(sorted(c for c in counts if counts[c] == 1))
    if dots and "..." not in out:
        raise ShapeError(
            f"einsum({subscripts!r}): '...' stands for {dots} ax{'es' if dots > 1 else 'is'} here, and the output has "
            f"none. Write '...' in the output as well, or letters to be summed over instead"
        )
    for c in out.replace(".", ""):
        if c not in counts or out.count(c) > 1:
            raise ShapeError(
                f"einsum({subscripts!r}): the output names {c!r} "
                f"{'more than once' if c in counts else 'and no operand has it'}"
            )

    def spelled(term: str, ndim: int) -> str:
        hidden = ndim - len(term.replace("...", ""))
        return term.replace("...", spare[len(spare) - hidden :])

    terms = [spelled(term, x.ndim) for term, x in zip(terms, operands)]
    return terms, out.replace("...", spare)


def _as_text(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts and operands, also from operands that alternate with lists of axis numbers."""
    if arguments and isinstance(arguments[0], str):
        return arguments[0], arguments[1:]
    if len(arguments) < 2:
        raise KindError(
            f"einsum takes subscripts and operands, as in einsum('ij,jk->ik', a, b); given {len(arguments)} arguments"
        )
    pairs = len(arguments) // 2
    terms = [_letters_of(axes) for axes in arguments[1 : 2 * pairs : 2]]
    out = f"->{_letters_of(arguments[-1])}" if len(arguments) % 2 else ""
    return ",".join(terms) + out, arguments[: 2 * pairs : 2]


def _letters_of(axes: Iterable[Any]) -> str:
    names = ascii_uppercase + ascii_lowercase  # their alphabetical order is that of the numbers
    try:
        return "".join("..." if k is Ellipsis else names[range(len(names))[k]] for k in axes)
    except (TypeError, IndexError):
        raise KindError(
            f"einsum without a text of subscripts takes operands alternating with lists of axis numbers from 0 to 51, "
            f"as in einsum(a, [0, 1], b, [1, 2], [0, 2]); given {axes!r} for a list"
        ) from None


def _texts(operands: Iterable[Any]) -> str:
    return " and ".join(map(describe, operands))


# ---------------------------------------------------------------------- tensordot


@spelt
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The products of `a` and `b` summed over pairs of axes; the other axes of `a` come before those of `b`.

    `axes` is a number n, for the last n axes of `a` with the first n of `b`, or a pair of an axis or a
    list of axes of `a` and the corresponding axes of `b`.

    Raises `ShapeError` if paired axes differ in length.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, tensordot
    >>> tensordot(Tensor(np.ones((2, 3, 4))), np.ones((4, 3)), axes=([1, 2], [1, 0]))
    Tensor([12., 12.])
    """
    a, b = arrays_only(a, "tensordot"), arrays_only(b, "tensordot")
    if isinstance(axes, (int, np.integer)):
        axes = integer_of(axes, "tensordot", "axes as a number or a pair of lists")
        fits = 0 <= axes <= min(a.ndim, b.ndim)
        count = axes if fits else 0
        mine, theirs = tuple(range(a.ndim - count, a.ndim)), tuple(range(count))
    elif isinstance(axes, (tuple, list)) and len(axes) == 2:
        sides = [tuple(side) if isinstance(side, (tuple, list)) else side for side in axes]
        mine, theirs = axes_of(a, sides[0], "tensordot"), axes_of(b, sides[1], "tensordot")
        fits = len(mine) == len(theirs)
    else:
        raise KindError(f"tensordot takes axes as a number or as a pair of lists of axes; given {axes!r}")
    pairs = [*zip(mine, theirs)]
    if not fits or any(a.shape[k] != b.shape[m] for k, m in pairs):
        raise ShapeError(
            f"tensordot was given {_texts((a, b))} and axes={axes!r}. Each of the axes of the one is paired with "
            f"an axis of the other that is as long"
        )
    left, right = ascii_letters[: a.ndim], list(ascii_letters[a.ndim : a.ndim + b.ndim])
    for k, m in pairs:
        right[m] = left[k]
    summed = {left[k] for k, _ in pairs}
    out = "".join(c for c in (*left, *right) if c not in summed)
    return einsum_(a, b, subscripts=f"{left},{''.join(right)}->{out}")
