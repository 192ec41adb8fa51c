"""Sums of products over named axes: the row behind `einsum`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine.table import structural
from ..elementwise.float16 import in_float32
from .shapes import broadcast_to, reshape


def _einsum(*operands: Any, subscripts: str) -> Any:
    terms, out = _split(subscripts)
    if len(operands) == 1:
        x, letters = _summed(operands[0], terms[0], out)
        return x.transpose([letters.index(c) for c in out])
    if len(operands) == 2:
        (a, b), (left, right) = operands, terms
        return _pair(a, b, left, right, out)
    return np.einsum(subscripts, *operands, optimize=True)


def _pair(a: Any, b: Any, left: str, right: str, out: str) -> Any:
    """Two operands as one stack of matrix products, which BLAS computes fast."""
    a, left = _summed(a, left, right + out)
    b, right = _summed(b, right, left + out)
    stack = [c for c in left if c in right and c in out]
    inner = [c for c in left if c in right and c not in out]
    if not inner:
        return np.einsum(f"{left},{right}->{out}", a, b)
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    lengths = dict(zip(left + right, a.shape + b.shape))

    def arranged(x: Any, letters: str, *groups: list[str]) -> Any:
        axes = [letters.index(c) for group in (stack, *groups) for c in group]
        shape = [math.prod(lengths[c] for c in group) for group in groups]
        return x.transpose(axes).reshape([lengths[c] for c in stack] + shape)

    y = np.matmul(arranged(a, left, rows, inner), arranged(b, right, inner, columns))
    found = stack + rows + columns
    return y.reshape([lengths[c] for c in found]).transpose([found.index(c) for c in out])


def _summed(x: Any, letters: str, elsewhere: str) -> tuple[Any, str]:
    """`x` summed over the letters that no other operand has."""
    lone = tuple(k for k, c in enumerate(letters) if c not in elsewhere)
    return (
        (x.sum(lone, dtype=x.dtype), "".join(c for c in letters if c in elsewhere)) if lone else (x, letters)
    )


def _einsum_back(i: int, g: Any, y: Any, *operands: Any, subscripts: str) -> Any:
    terms, out = _split(subscripts)
    own, others = terms[i], terms[:i] + terms[i + 1 :]
    here = "".join(c for c in own if c in out or any(c in term for term in others))
    g = einsum_(g, *operands[:i], *operands[i + 1 :], subscripts=f"{','.join([out, *others])}->{here}")
    kept = tuple(n if c in here else 1 for c, n in zip(own, operands[i].shape))
    return g if here == own else broadcast_to(reshape(g, shape=kept), shape=operands[i].shape)


def _split(subscripts: str) -> tuple[list[str], str]:
    terms, _, out = subscripts.partition("->")
    return terms.split(","), out


einsum_ = structural("einsum", in_float32(_einsum), _einsum_back, linear="each")
