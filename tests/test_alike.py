"""Public names that look alike, or do the same: they are one object, or a table says which to use."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule import autograd, nn, viz
from chainrule.autograd import Primitive, Tensor

PAGE = (Path(__file__).resolve().parents[1] / "docs/conventions.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Names that look alike\n")[2].partition("\n## ")[0]
ROWS = [re.findall(r"`([\w.]+)`", row) for row in re.findall(r"^\| (`.*?) \|", SECTION, re.MULTILINE)]
MODULES = [
    "autograd",
    "nn",
    "viz",
    *(f"nn.{name}" for name in nn.__all__ if inspect.ismodule(getattr(nn, name))),
]


def named(name: str) -> Any:
    found: Any = {"nn": nn, "viz": viz}.get(name.split(".")[0], autograd)
    for part in name.removeprefix("nn.").removeprefix("viz.").split("."):
        found = getattr(found, part)
    return found


def alike() -> list[tuple[Any, Any]]:
    """Pairs of different public objects whose names differ by capitals and underscores alone."""
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    for place in MODULES:
        module = importlib.import_module(f"chainrule.{place}")
        for name in module.__all__:
            thing = getattr(module, name)
            found[name.lower().replace("_", "")][id(thing)] = thing
    return [pair for things in found.values() for pair in combinations(things.values(), 2)]


def explained(a: Any, b: Any) -> bool:
    """Whether the text above the table is about the pair: a result, a module of a function, an initialiser in place."""
    for f, thing in ((a, b), (b, a)):
        if isinstance(thing, type):
            returned = "" if isinstance(f, (type, Primitive)) else str(inspect.signature(f).return_annotation)
            if thing.__name__ in re.findall(r"\w+", returned):
                return True
            if issubclass(thing, nn.Activation) and np.array_equal(thing()(Tensor([-1.0, 2.0])).data,
                                                                   f(Tensor([-1.0, 2.0])).data):  # fmt: skip
                return True
            if issubclass(thing, nn.Loss) and thing.function is f:
                return True
        elif getattr(thing, "__name__", "") == f"{getattr(f, '__name__', '')}_":
            return True
    return False


def test_names_that_look_alike_are_in_the_table() -> None:
    pairs = alike()
    assert len(pairs) > 40
    rows = [{id(named(name)) for name in row} for row in ROWS]
    missing = [
        (a, b) for a, b in pairs if not explained(a, b) and not any({id(a), id(b)} <= row for row in rows)
    ]
    assert missing == []


def pattern(name: str, other: str) -> str:
    """How the docstring of one name may write the other: with its module where the names are the same."""
    own, last = name.rpartition(".")[2], other.rpartition(".")[2]
    return rf"`[\w.]+\.{last}\b" if own == last else rf"`(?:[\w.]+\.)?{last}\b"


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_each_docstring_names_the_other(row: list[str]) -> None:
    assert len(row) > 1
    if len({id(named(name)) for name in row}) == 1:
        return
    for name in row:
        thing = named(name)
        if isinstance(thing, Primitive):
            continue  # its docstring is made from its row
        others = {other for r in ROWS if name in r for other in r} - {name}
        doc = inspect.getdoc(thing) or ""
        assert any(re.search(pattern(name, other), doc) for other in others), (name, others)


def test_two_words_for_one_argument_are_both_taken() -> None:
    t = Tensor([[[1.0, 2.0, 4.0, 3.0]]])
    for pool in (autograd.max_pool, autograd.avg_pool):
        assert pool(t, kernel_size=2).tolist() == pool(t, kernel=2).tolist()
    for layer in (nn.MaxPool2d, nn.AvgPool2d):
        assert repr(layer(kernel=2)) == repr(layer(kernel_size=2))
    assert nn.Conv2d(1, 1, kernel=3).weight.shape == (1, 1, 3, 3)
    assert autograd.sum(t, dim=2).tolist() == autograd.sum(t, axis=2).tolist()
    assert autograd.Value(1.0, label="a").name == "a"
    assert autograd.mod is autograd.remainder


def test_total_is_the_sum_of_a_list() -> None:
    xs = [autograd.Value(float(k)) for k in range(4)]
    both = autograd.total(xs), autograd.sum(xs)
    assert [y.data for y in both] == [6, 6]
    assert both[0].op is both[1].op
    assert both[0].inputs == both[1].inputs
