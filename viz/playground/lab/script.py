"""A training as a Python script, or as a notebook: it gives the numbers of the page, bit for bit.

The calls are those that `Run` makes (`calls.py`), so that a setting is translated once. Both texts have the same
sections: the data, the network, the training with what was changed on the way, and the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .calls import Call
from .data import FEATURES, PLACING, data_call
from .network import (
    LOSSES,
    loader_call,
    model_call,
    optimizer_call,
    penalty_name,
    schedule_call,
    widths,
)
from .run import Run
from .settings import Change, Recipe, Settings

__all__ = ["notebook", "script"]

ROW = 4  # points of one's own on a line


@dataclass(frozen=True)
class Section:
    """A part of a script: its title, what a notebook says of it, and its lines."""

    title: str
    prose: str
    lines: list[str]


def script(recipe: Recipe) -> str:
    """A program that imports NumPy and `chainrule.nn`, trains as the recipe says, and prints the losses in full.

    It prints, for `training` and for `test`, a line `training loss: 0.25`, and of classes `training accuracy: 0.9`.
    They equal those of `Run(recipe)` after `recipe.steps` batches. Raises `OptionError` for changes that cannot be.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> text = script(Recipe(Settings(data="xor", layers=[4]), steps=50))
    >>> print(text.split("# The network")[1])
    <BLANKLINE>
    rng = np.random.default_rng(1)
    model = nn.Sequential(
        nn.Linear(2, 4, seed=rng),
        nn.Tanh(),
        nn.Linear(4, 1, seed=rng),
    )
    loss = nn.binary_cross_entropy_with_logits
    <BLANKLINE>
    # The training
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    loader = nn.DataLoader(inputs, y, batch_size=10, seed=0)
    step = nn.Step(model, loss, optimizer)
    for epoch in range(2):
        for batch in loader:
            step(*batch)
    <BLANKLINE>
    # The result
    model.eval()
    for part, points, target in (("training", inputs, y), ("test", inputs_test, y_test)):
        output = model(points)
        print(f"{part} loss: {loss(output, target).item()!r}")
        print(f"{part} accuracy: {nn.accuracy(output, target, threshold=0)!r}")
    <BLANKLINE>
    """
    imports = "\n".join(_imports(recipe.settings))
    parts = [f'"""{_title(recipe.settings)}: a training of the playground as a program."""', imports]
    parts += ["\n".join([f"# {each.title}", *each.lines]) for each in _sections(recipe)]
    return "\n\n".join(parts) + "\n"


def notebook(recipe: Recipe) -> str:
    """The script as a Jupyter notebook (JSON, format 4.5), with a sentence for each part and a picture at the end."""
    settings = recipe.settings
    cells = [
        (
            "markdown",
            f"# {_title(settings)}\n\nA training of the playground: the cells give the numbers of its page.",
        ),
        ("code", "\n".join([*_imports(settings), "from chainrule import viz"])),
    ]
    for each in [*_sections(recipe), _picture(settings)]:
        cells.append(("markdown", f"## {each.title}\n\n{each.prose}"))
        cells.append(("code", "\n".join(each.lines)))
    data = {
        "cells": [_cell(i, kind, text) for i, (kind, text) in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _cell(i: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{i}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": text.splitlines(keepends=True)}


def _title(settings: Settings) -> str:
    what = "points of your own" if settings.data == "own" else settings.data
    return f"A network {'-'.join(map(str, widths(settings)))} learns {what}"


def _imports(settings: Settings) -> Iterator[str]:
    if "partial(" in str(model_call(settings)):
        yield from ("from functools import partial", "")
    yield from ("import numpy as np", "from chainrule import nn")


# ---------------------------------------------------------------------- the sections


def _sections(recipe: Recipe) -> Iterator[Section]:
    settings = recipe.settings
    yield Section(
        "The data",
        f"{settings.share:g} % of the points are for the training, the others for the test.",
        list(_data(settings)),
    )
    yield Section(
        "The network",
        "The weights are drawn from one generator, layer by layer; the biases begin at zero.",
        list(_network(settings)),
    )
    yield Section(
        "The training",
        f"{recipe.steps:,} steps, each on a batch of {settings.batch} points"
        + (", with the changes that were made on the way." if recipe.changes else "."),
        list(_training(recipe)),
    )
    yield Section(
        "The result", "The losses are those of the page, without the penalty.", list(_result(settings))
    )


def _data(settings: Settings) -> Iterator[str]:
    y = "y"
    if settings.data == "own":
        rows = [f"[{a!r}, {b!r}, {t!r}]," for a, b, t in settings.points]
        yield "table = np.array([  # x1, x2 and the target of each point"
        yield from (f"    {' '.join(rows[i : i + ROW])}" for i in range(0, len(rows), ROW))
        yield "])"
        yield "X, y = table[:, :2], table[:, 2]"
    else:
        yield f"X, y = {data_call(settings)}"
        yield f"X = {PLACING.get(settings.data, '5 * X')}  # the plane extends from -6 to 6"
        y = "y.astype(float)" if settings.problem == "classification" else "y"
    made = settings.inputs != ("x1", "x2")
    parts = "X, X_test, y, y_test" if made else "inputs, inputs_test, y, y_test"
    test = repr(1 - settings.share / 100)
    if len(test) > len("0.123"):
        test = f"1 - {settings.share / 100!r}"  # the same number
    yield f"{parts} = nn.split(X, {y}[:, None], test_size={test}, seed={settings.data_seed})"
    if made:
        yield from ("", "", "def features(X):", '    """The inputs of the network, of points (n, 2)."""')
        yield "    x1, x2 = X[:, 0], X[:, 1]"
        yield f"    return np.column_stack([{', '.join(FEATURES[name][0] for name in settings.inputs)}])"
        yield from ("", "", "inputs, inputs_test = features(X), features(X_test)")


def _network(settings: Settings) -> Iterator[str]:
    call = model_call(settings)
    yield f"rng = np.random.default_rng({settings.seed})"
    yield f"model = {call.function}("
    yield from (f"    {part}," for part in call.arguments)
    yield ")"
    yield f"loss = {LOSSES[settings.problem]}"


def _training(recipe: Recipe) -> Iterator[str]:
    settings = recipe.settings
    schedule, penalty = schedule_call(settings), penalty_name(settings)
    yield f"optimizer = {optimizer_call(settings)}"
    if schedule is not None:
        yield f"schedule = {schedule}"
    yield f"loader = {loader_call(settings)}"
    more = f", penalty=lambda model: {penalty}(model, {settings.strength!r})" if penalty else ""
    yield f"step = nn.Step(model, loss, optimizer{more})"
    changes = _made(recipe)
    run = Run(replace(recipe, steps=0))  # which refuses changes that cannot be
    epochs, rest = divmod(recipe.steps, run.per_epoch)
    if rest or any(change.step for change in changes):
        yield from _in_pieces(recipe.steps, changes, schedule)
        return
    yield from map(_assignment, changes)
    if epochs:
        yield f"for epoch in range({epochs}):"
        yield from ("    for batch in loader:", "        step(*batch)")
        if schedule is not None:
            yield "    schedule.step()"


def _in_pieces(steps: int, changes: list[Change], schedule: Call | None) -> Iterator[str]:
    """A training that does not end with an epoch, or in which something is changed."""
    yield from ("", "", "def batches():", '    """The batches of all epochs."""')
    yield from ("    while True:", "        yield from loader")
    if schedule is not None:
        yield "        schedule.step()"
    yield from ("", "", "def train(steps):", '    """Train on the next batches."""')
    yield from ("    for _ in range(steps):", "        step(*next(coming))")
    yield from ("", "", "coming = batches()")
    at = 0
    for change in changes:
        if change.step > at:
            yield f"train({change.step - at})"
        yield _assignment(change)
        at = change.step
    if steps > at:
        yield f"train({steps - at})"


def _made(recipe: Recipe) -> list[Change]:
    """The changes that are made up to the last step, each at the step at which it is made: they keep their order."""
    made, at = [], 0
    for change in recipe.changes:
        at = max(at, change.step)
        if at > recipe.steps:
            break
        made.append(replace(change, step=at))
    return made


def _assignment(change: Change) -> str:
    if change.name == "rate":
        return f"optimizer.lr = {change.value!r}"
    layer, kind = change.name.split(".")
    return f"model[{layer}].{kind}.data[{', '.join(map(str, change.index))}] = {change.value!r}"


def _result(settings: Settings) -> Iterator[str]:
    yield "model.eval()"
    yield 'for part, points, target in (("training", inputs, y), ("test", inputs_test, y_test)):'
    yield "    output = model(points)"
    yield '    print(f"{part} loss: {loss(output, target).item()!r}")'
    if settings.problem == "classification":
        yield '    print(f"{part} accuracy: {nn.accuracy(output, target, threshold=0)!r}")'


def _picture(settings: Settings) -> Section:
    plain = settings.inputs == ("x1", "x2")
    given = "model, inputs, y" if plain else "lambda X: model(features(X)).data, X, y"
    more = "threshold=0" if settings.problem == "classification" else 'task="regression"'
    return Section(
        "The output over the plane",
        "The output of the network at every point, and the points of the training.",
        [f"viz.plot_decision_boundary({given}, {more})"],
    )
