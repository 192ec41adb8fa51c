"""Steps as pictures: one frame for each, the last one held, and lessons where they cannot be."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

import numpy as np
import pytest

from chainrule.autograd import Tensor, Value, relu, tanh
from chainrule.viz import THEMES, DrawingError, OptionError, step
from chainrule.viz.cli import main
from chainrule.viz.passes.passes import Passes
from chainrule.viz.stepping.frames import caption, merged
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
    path = stepper.save(tmp_path / f"steps{suffix}", seconds=0.5, merge=False)
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


def chain() -> Value:
    """Four additions, through which the gradient of the result passes unchanged, and a product."""
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    return (a * b + 1.0 + 2.0 + 3.0 + Value(4.0, name="c")) * 2.0


def test_steps_that_pass_a_gradient_on_unchanged_share_a_picture(tmp_path) -> None:
    stepper = step(chain())
    backward = stepper.steps[stepper.turn + 1 :]
    trivial = [s.local == 1.0 and s.before is None for s in backward]
    assert trivial == [False, True, True, True, True, True, False, False]
    Image = pytest.importorskip("PIL.Image", reason="animations need Pillow: pip install '.[frames]'")
    counts = {}
    for merge in (True, False):
        with Image.open(stepper.save(tmp_path / f"{merge}.gif", merge=merge)) as film:
            counts[merge] = film.n_frames
    assert counts == {False: len(stepper) + 1, True: len(stepper) + 1 - 4}
    passes = Passes(chain(), None, 4)
    shared = next(group for group in merged(passes) if len(group) > 1)
    said = "\n".join(caption(passes, shared, THEMES["light"]))
    assert f"steps {shared[0] + 1} to {shared[-1] + 1} of {len(stepper)}" in said
    picture = stage(passes.tape, passes.story, shared[-1], since=shared[0]).source
    assert picture.count("penwidth=2.5") == len(shared)  # every node that the gradient reaches is marked


def test_the_words_below_a_picture_are_written_as_its_graph() -> None:
    passes = Passes((Value(-3.0, name="a") - Value(1.0, name="b*c")) ** 2, None, 4)
    lines = [line for at in range(5) for line in caption(passes, range(at, at + 1), THEMES["light"])]
    text = re.sub("<[^>]*>|&#160;", "", "\n".join(lines))
    assert "v1 = a − b*c\n= −3 − 1 = −4" in text
    assert "v2 = v1²\n= (−4)² = 16" in text
    assert "v1.grad: 0 + (−8 × 1) = −8" in text


def test_pictures_are_as_wide_as_asked_for(tmp_path) -> None:
    Image = pytest.importorskip("PIL.Image", reason="animations need Pillow: pip install '.[frames]'")
    stepper = step(chain())
    for name, options, width in (("a.gif", {}, 1200), ("b.webp", {"width": 400}, 400)):
        with Image.open(stepper.save(tmp_path / name, **options)) as film:
            assert 0.95 * width < film.width <= width
    with pytest.raises(OptionError, match="width=0"):
        stepper.save(tmp_path / "c.gif", width=0)


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
        stepper.save(tmp_path / "steps.pptx")
    with pytest.raises(DrawingError, match=r"frames=9 to have them all"):
        stepper.save(tmp_path / "steps", frames=3)
    y = x = Value(1.0)
    for _ in range(200):
        y = y + x
    with pytest.raises(DrawingError, match=r"steps\.html"):
        step(y).save(tmp_path / "steps.gif", frames=1000)
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(DrawingError, match='Typst, which is not installed: .pip install "chainrule.pdf."'):
        stepper.save(tmp_path / "steps.pdf")
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
