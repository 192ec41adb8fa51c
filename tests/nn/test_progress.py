"""The progress bar of `fit`: on a line of a terminal, and as a widget."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import tqdm

from chainrule import nn
from chainrule.nn.training.progress import progress_bar

X, Y = nn.datasets.moons(90, seed=0)
FIELD = re.compile(r"(loss|lr|accuracy|penalty|val_loss|val_accuracy)=-?[\d.e-]+")


def shown(capsys, monkeypatch, width, **options):
    """What stands on the line of a terminal of this width, one after the other."""
    monkeypatch.setattr(tqdm.std, "_screen_shape_wrapper", lambda: lambda file: (width, 24))
    model = nn.MLP(2, [4, 2], seed=0)
    options = {
        "validation": (X, Y),
        "metrics": [nn.accuracy],
        "penalty": lambda model: nn.l2_penalty(model, 1e-4),
        **options,
    }
    nn.fit(model, nn.cross_entropy, (X, Y), epochs=12, **options)
    return [line.rstrip() for line in re.split(r"[\r\n]", capsys.readouterr().err) if line.strip()]


@pytest.mark.parametrize("width", [24, 30, 45, 60, 72, 80, 100, 120, 140])
def test_numbers_that_have_no_room_are_left_out_as_a_whole(capsys, monkeypatch, width):
    lines = shown(capsys, monkeypatch, width)
    assert max(map(len, lines)) <= width
    for line in lines:
        numbers = line.partition(", ")[2] if "[" in line else line.partition("%")[2]
        for part in filter(None, (each.strip(" ]") for each in numbers.split(","))):
            assert FIELD.fullmatch(part) or re.fullmatch(r"(\d*\.\d\d|\?)\s*(batch/s|s/batch)", part), line
        assert line.endswith("]") == ("[" in line)
    assert lines[-1].startswith("epoch 12/12")
    assert "100%" in lines[-1]
    if width >= 30:
        assert "loss=" in lines[-1]
    if width >= 80:
        assert "val_loss=" in lines[-1]  # before what is less important
    if width >= 140:
        assert len(FIELD.findall(lines[-1])) == 6


def test_a_number_that_was_left_out_does_not_come_and_go(monkeypatch):
    bar = progress_bar(total=100, file=SimpleNamespace(write=lambda text: None, flush=lambda: None))
    monkeypatch.setattr(type(bar), "format_dict", property(lambda self: known))
    known = {**tqdm.tqdm(total=100, disable=True).format_dict, "ncols": 60, "prefix": "epoch 1/9", "n": 3}
    known |= {"total": 100, "elapsed": 1, "unit": "batch", "rate": 5.0, "initial": 0}
    counts = []
    for loss in ("0.5", "0.12345678901", "0.5"):
        bar.set_postfix({"loss": loss, "lr": "0.01"}, refresh=False)
        counts.append(len(FIELD.findall(str(bar))))
    assert counts == [2, 1, 1]
    bar.set_postfix({"loss": "0.5"}, refresh=False)
    bar.set_postfix({"loss": "0.5", "lr": "0.01"}, refresh=False)
    assert len(FIELD.findall(str(bar))) == 2  # other numbers, another choice
    known["ncols"] = None  # no terminal: everything
    assert "batch/s" in str(bar)
    bar.disable = True


@pytest.fixture
def in_notebook(monkeypatch):
    """As if the program ran in the kernel of a notebook."""
    IPython = pytest.importorskip("IPython", reason="notebooks are those of IPython")
    pytest.importorskip("ipywidgets", reason="the bar of a notebook is a widget")
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(config={"IPKernelApp": {}}))


@pytest.mark.parametrize("early", [False, True])
def test_in_a_notebook_the_bar_is_tqdms_widget(in_notebook, monkeypatch, capsys, early):
    from tqdm import notebook

    made = []
    monkeypatch.setattr(notebook, "display", made.append)
    stop = nn.EarlyStopping(patience=1, min_delta=10.0) if early else None
    history = nn.fit(nn.MLP(2, [2], seed=0), nn.cross_entropy, (X, Y), epochs=6, early_stopping=stop)
    (widget,) = made
    left, bar, right = widget.children
    assert left.value.replace("\u2007", " ") == f"epoch {len(history)}/6 100%"
    assert (bar.value, bar.bar_style) == (bar.max, "success")  # an early end is none in red
    assert "loss=" in right.value
    assert "█" not in left.value + right.value
    assert capsys.readouterr().err == ""


def test_a_training_that_failed_is_red(in_notebook, monkeypatch):
    from tqdm import notebook

    made = []
    monkeypatch.setattr(notebook, "display", made.append)

    calls = []

    def loss(scores, y):
        calls.append(y)
        if len(calls) > 20:
            raise ZeroDivisionError
        return nn.cross_entropy(scores, y)

    with pytest.raises(ZeroDivisionError):
        nn.fit(nn.MLP(2, [2], seed=0), loss, (X, Y), epochs=60)
    assert made[0].children[1].bar_style == "danger"


def test_without_ipywidgets_a_notebook_has_the_bar_of_a_terminal_and_no_warning(
    in_notebook, monkeypatch, capsys
):
    from tqdm import notebook

    monkeypatch.setattr(notebook, "IProgress", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.fit(nn.MLP(2, [2], seed=0), nn.cross_entropy, (X, Y), epochs=1)
    assert "100%" in capsys.readouterr().err


def test_importing_and_training_in_a_program_imports_nothing_of_notebooks():
    code = (
        "import sys; from chainrule import nn\n"
        "nn.fit(nn.MLP(2, [2]), nn.cross_entropy, nn.datasets.moons(20), epochs=1)\n"
        "print([name for name in ('IPython', 'ipywidgets', 'tqdm.notebook') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
