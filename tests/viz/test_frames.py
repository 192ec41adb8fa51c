"""Steps as pictures: one frame for each, the last one held, and lessons where they cannot be."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from chainrule.autograd import Tensor, Value, relu, tanh
from chainrule.viz import DrawingError, OptionError, step
from chainrule.viz.cli import main
from chainrule.viz.stepping.stage import stage


def neuron() -> Value:
    w, b = Value(0.5, name="w"), Value(-0.3, name="b")
    return tanh(w * 2.0 + b)


def layer() -> Tensor:
    x, w = Tensor(np.ones((2, 2)), name="x", requires_grad=False), Tensor([[1.0, -1.0], [0.5, 2.0]], name="w")
    return relu(x @ w).sum()


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("make", [neuron, layer])
def test_an_animation_has_a_frame_for_each_step_and_holds_the_last(tmp_path, suffix, make) -> None:
    Image = pytest.importorskip("PIL.Image", reason="animations need Pillow: pip install '.[frames]'")
    stepper = step(make())
    path = stepper.save(tmp_path / f"steps{suffix}", seconds=0.5)
    with Image.open(path) as film:
        assert film.n_frames == len(stepper) + 1
        times, pictures = [], []
        for i in range(film.n_frames):
            film.seek(i)
            film.load()
            times.append(film.info["duration"])
            pictures.append(np.asarray(film.convert("RGB")))
    assert times == [500] * len(stepper) + [1500]
    assert pictures[0][0, 0].tolist() == [255, 255, 255]
    for before, after in pairwise(pictures):
        assert (before != after).any()


def test_a_folder_of_pictures(tmp_path) -> None:
    stepper = step(neuron())
    folder = stepper.save(tmp_path / "steps", theme="dark")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"step-{i:03}.png" for i in range(len(stepper) + 1)]
    starts = {path.read_bytes()[:24] for path in folder.iterdir()}
    assert len(starts) == 1  # a PNG's first bytes end with its size: nothing jumps


def test_a_frame_shows_what_is_known_by_then() -> None:
    stepper = step(neuron())
    first = stage(stepper.tape, stepper.story, -1).source
    assert "0.5" in first
    assert "0.6044" not in first  # the result
    assert "1.269" not in first.replace('WIDTH="', "")
    last = stage(stepper.tape, stepper.story, len(stepper) - 1).source
    assert "0.6044" in last
    assert "∂ 1.269" in last
    assert "dir=back" in last


def test_lessons(tmp_path, monkeypatch) -> None:
    stepper = step(neuron())
    with pytest.raises(OptionError, match=r"\.html for a page"):
        stepper.save(tmp_path / "steps.pdf")
    with pytest.raises(DrawingError, match=r"frames=9 to have them all"):
        stepper.save(tmp_path / "steps", frames=3)
    y = x = Value(1.0)
    for _ in range(200):
        y = y + x
    with pytest.raises(DrawingError, match=r"steps\.html"):
        step(y).save(tmp_path / "steps.gif", frames=1000)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DrawingError, match=r"pip install 'chainrule\[frames\]'"):
        stepper.save(tmp_path / "steps.gif")
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_every_format(tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip("PIL", reason="animations need Pillow: pip install '.[frames]'")
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.chdir(tmp_path)
    for name in ("steps.html", "steps.gif", "steps.webp", "steps.txt", "steps"):
        assert main(["step", "a*b", "a=2", "b=3", "-o", name]) == 0
        assert (tmp_path / name).exists()
    assert opened == []
    assert main(["step", "a*b", "a=2", "b=3", "--open"]) == 0
    assert main(["draw", "a*b", "a=2", "b=3", "-o", "graph.png", "--open"]) == 0
    assert opened == [(tmp_path / name).as_uri() for name in ("steps.html", "graph.png")]
    assert main(["step", "a*b", "a=2", "b=3", "-o", "steps.doc"]) == 2
    assert ".gif or .webp" in capsys.readouterr().err
