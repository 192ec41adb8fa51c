"""The script of a playground gives the numbers of its training, bit for bit, in a process of its own."""

import ast
import contextlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.autograd import NonfiniteError
from chainrule.viz import OptionError
from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.script import notebook, script
from chainrule.viz.playground.lab.settings import (
    ACTIVATIONS,
    CLASSES,
    INITIAL,
    INPUTS,
    NUMBERS,
    OPTIMIZERS,
    PENALTIES,
    SCHEDULES,
    Change,
    Recipe,
    Settings,
)

DRAWN = [(0.1 * i - 2, 0.03 * i * i - 3, i % 2) for i in range(16)]
HEIGHTS = [(0.1 * i - 2, 0.03 * i * i - 3, 0.25 * i - 1.7) for i in range(13)]

# what each takes beside a small training of three epochs
RECIPES: dict[str, Recipe] = {
    **{f"data {name}": Recipe(Settings(data=name, samples=100), steps=15) for name in (*CLASSES, *NUMBERS)},
    "own points": Recipe(Settings(data="own", points=DRAWN, batch=3, share=70), steps=7),
    "own numbers": Recipe(Settings(data="own", points=HEIGHTS, batch=2, inputs=["x2"]), steps=8),
    "all inputs": Recipe(Settings(data="moons", samples=60, inputs=INPUTS, layers=[]), steps=9),
    "activations by layer": Recipe(
        Settings(layers=[3, 2, 4], activations=["relu", "gelu", "softplus"], share=90, batch=7), steps=200
    ),
    **{f"by {name}": Recipe(Settings(optimizer=name, samples=40), steps=12) for name in OPTIMIZERS},
    **{f"rate {name}": Recipe(Settings(schedule=name, samples=40), steps=13) for name in SCHEDULES},
    **{f"weights {name}": Recipe(Settings(initial=name, samples=40), steps=5) for name in INITIAL},
    "dropout": Recipe(Settings(dropout=0.3, layers=[6, 5], optimizer="Adam"), steps=60),
    "L1": Recipe(Settings(penalty="L1", strength=0.003, data_seed=4), steps=25),
    "L2": Recipe(Settings(penalty="L2", strength=0.01, seed=2**32 - 1), steps=25),
    "no step": Recipe(Settings(schedule="cosine")),
    "changes": Recipe(
        Settings(samples=80, schedule="exponential", dropout=0.2, optimizer="Nesterov"),
        (
            Change(0, "0.bias", (1,), 0.5),
            Change(3, "rate", (), 0.3),
            Change(3, "0.weight", (1, 0), -2.5),
            Change(8, "rate", (), 0.05),  # at the end of an epoch
            Change(5, "6.weight", (1, 0), 1e-20),  # after the one before it, whatever its step
            Change(90, "rate", (), 9.0),  # after the last step
        ),
        22,
    ),
    "a change before an epoch": Recipe(Settings(samples=40), (Change(0, "0.weight", (0, 0), 3.0),), 4),
}


def printed(recipe: Recipe) -> str:
    """What the script has to print."""
    run = Run(recipe)
    run.train(recipe.steps)
    model, parts = run.view(), ((run.inputs, run.data.y), (run.inputs_test, run.data.y_test))
    lines = []
    for name, loss, (X, y) in zip(("training", "test"), run.losses_of(model), parts):
        lines.append(f"{name} loss: {loss!r}")
        if run.settings.problem == "classification":
            lines.append(f"{name} accuracy: {float(((model(X).data > 0) == y).mean())!r}")
    return "\n".join(lines) + "\n"


def test_scripts_print_the_numbers_of_the_training(tmp_path):
    """All in one process that knows nothing of the playground."""
    for i, recipe in enumerate(RECIPES.values()):
        (tmp_path / f"{i}.py").write_text(script(recipe))
    program = (
        "import runpy, sys\n"
        f"for i in range({len(RECIPES)}):\n"
        "    runpy.run_path(f'{i}.py')\n"
        "    print('---')\n"
        "assert not any(name.startswith('chainrule.viz') for name in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stderr == ""
    outputs = ran.stdout.split("---\n")[:-1]
    assert dict(zip(RECIPES, outputs)) == {name: printed(recipe) for name, recipe in RECIPES.items()}


def test_a_script_runs_by_itself(tmp_path):
    (tmp_path / "playground.py").write_text(script(RECIPES["changes"]))
    ran = subprocess.run([sys.executable, tmp_path / "playground.py"], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == (printed(RECIPES["changes"]), "")


@st.composite
def recipes(draw) -> Recipe:
    def some(options, least=0, most=3):
        return draw(st.lists(st.sampled_from(options), min_size=least, max_size=most))

    found = Settings(
        data=draw(st.sampled_from((*CLASSES, *NUMBERS))),
        samples=draw(st.integers(10, 60)),
        noise=draw(st.floats(0, 50)),
        share=draw(st.floats(20, 80)),
        batch=draw(st.integers(1, 40)),
        data_seed=draw(st.integers(0, 2**32 - 1)),
        inputs=some(INPUTS, 1),
        layers=draw(st.lists(st.integers(1, 8), max_size=6)),
        activations=some(ACTIVATIONS, 1),
        initial=draw(st.sampled_from(INITIAL)),
        dropout=draw(st.sampled_from([0, 0.25])),
        seed=draw(st.integers(0, 2**32 - 1)),
        optimizer=draw(st.sampled_from(OPTIMIZERS)),
        rate=draw(st.floats(1e-5, 0.1)),
        schedule=draw(st.sampled_from(SCHEDULES)),
        penalty=draw(st.sampled_from(PENALTIES)),
        strength=draw(st.floats(0, 0.1)),
    )
    steps = sorted(draw(st.lists(st.integers(0, 12), max_size=3)))
    made = [
        draw(
            st.builds(Change, st.just(at), st.just("rate"), st.just(()), st.floats(1e-3, 0.1))
            | st.builds(Change, st.just(at), st.just("0.bias"), st.just((0,)), st.floats(-3, 3))
        )
        for at in steps
    ]
    return Recipe(found, tuple(made), draw(st.integers(0, 12)))


@given(recipes())
@settings(max_examples=60)
def test_any_settings_give_the_same_numbers(recipe):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(script(recipe), "script.py", "exec"), {})
    assert said.getvalue() == printed(recipe)


def test_a_run_that_was_restored_is_the_same_script():
    """From the end of an epoch and from its middle: the schedule, too, continues where it was."""
    for schedule in SCHEDULES:
        run = Run(Recipe(Settings(samples=80, schedule=schedule, optimizer="Adam", dropout=0.1)))
        run.train(8)
        end = run.moment()
        run.train(3)
        run.change("rate", (), 0.2)
        middle = run.moment()
        run.train(20)
        run.restore(middle)
        run.train(10)
        assert [*run.losses_of(run.view())] == losses_in(printed(run.recipe()))
        run.restore(end)
        run.change("rate", (), 0.01)
        run.train(10)
        assert run.recipe().changes == (Change(8, "rate", (), 0.01),)
        assert [*run.losses_of(run.view())] == losses_in(printed(run.recipe()))


def losses_in(text: str) -> list[float]:
    return [float(line.split(": ")[1]) for line in text.splitlines() if "loss" in line]


def test_a_step_that_failed_is_as_if_it_had_not_been_tried():
    """The rate is changed after the failure at the start of an epoch, and the script does the same."""
    run = Run(Recipe(Settings(data="plane", samples=40, layers=[], schedule="exponential", batch=10)))
    run.train(4)
    run.change("0.weight", (0, 0), 1e200)
    with pytest.raises(NonfiniteError), np.errstate(all="ignore"):
        run.advance()
    run.change("0.weight", (0, 0), 1.0)
    run.change("rate", (), 0.01)
    run.train(6)
    rate = run.optimizer.lr
    again = Run(run.recipe())
    again.train(10)
    assert (again.optimizer.lr, again.losses_of(again.view())) == (rate, run.losses_of(run.view()))


def test_what_a_script_imports_and_how_it_is_laid_out():
    for name, recipe in RECIPES.items():
        text = script(recipe)
        imported = {
            ast.unparse(node)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        partial = {"from functools import partial"} if "deviation" in name or "equal" in name else set()
        assert imported == {"import numpy as np", "from chainrule import nn"} | partial
        assert max(map(len, text.splitlines())) <= 110
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    "change",
    [
        Change(0, "0.weight[0] = print('read this')  #", (0, 0), 1.0),
        Change(0, "0.weight", (0, 7), 1.0),
        Change(0, "rate", (), -1.0),
    ],
)
def test_changes_that_cannot_be_are_not_written(change):
    """A script may come from the address that a stranger has sent."""
    with pytest.raises(OptionError):
        script(Recipe(Settings(), (change,), 10))


# ---------------------------------------------------------------------- notebooks


@pytest.mark.parametrize("name", ["all inputs", "changes", "own numbers"])
def test_a_notebook_is_valid_and_has_the_lines_of_the_script(name):
    nbformat = pytest.importorskip("nbformat")
    made = nbformat.reads(notebook(RECIPES[name]), as_version=4)
    nbformat.validate(made)
    assert (made.nbformat, made.nbformat_minor) == (4, 5)
    lines = {line for cell in made.cells if cell.cell_type == "code" for line in cell.source.splitlines()}
    wanted = script(RECIPES[name]).splitlines()[1:]
    assert {line for line in wanted if not line.startswith("# ")} <= lines | {""}
    assert json.loads(notebook(RECIPES[name]))["cells"][1]["outputs"] == []


@pytest.mark.parametrize("name", ["all inputs", "own numbers"])
def test_a_notebook_runs_and_ends_with_a_picture(name):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    made = nbformat.reads(notebook(RECIPES[name]), as_version=4)
    nbclient.NotebookClient(made, timeout=120, kernel_name="python3").execute()
    result, _, picture = made.cells[-3:]
    assert "".join(out.text for out in result.outputs) == printed(RECIPES[name])
    assert any(kind.startswith("image/") for kind in picture.outputs[-1].data)
