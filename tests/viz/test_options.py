"""Options are declared once: signatures, the command's help and checks agree with the declaration."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import numpy as np
import pytest

from chainrule.autograd import Value
from chainrule.viz import OptionError, Stepper, draw, draw_dot, step
from chainrule.viz.cli import main
from chainrule.viz.common.options import DrawOptions, StepOptions


def product():
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    return a * b


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def test_the_signature_of_draw_has_every_option_with_its_default():
    assert defaults(draw) == {
        "show": ("data", "grad", "local", "shape", "dtype", "op", "name"),
        "fit": "notebook",
        "style": None,
        "direction": None,
        "depth": None,
        "max_nodes": None,
        "around": None,
        "hops": 2,
        "theme": "light",
        "digits": 4,
        "engine": "auto",
    }
    assert set(defaults(draw)) == {each.name for each in fields(DrawOptions)}
    assert defaults(draw_dot) == {"format": "svg", "rankdir": "LR"}


def test_the_signatures_of_step_and_save_have_the_declared_defaults():
    assert defaults(step) == {"gradient": None, "digits": 4, "source": False, "quiz": False}
    assert defaults(Stepper.save) == {
        "seconds": 1.2, "frames": 300, "theme": "light", "width": 1200, "merge": True,
    }  # fmt: skip
    assert {"digits", *defaults(Stepper.save)} == {each.name for each in fields(StepOptions)}


def test_the_docstring_of_draw_explains_every_option():
    explained = re.findall(r"^    +(\w+): ", inspect.getdoc(draw), re.MULTILINE)
    assert set(explained) == {each.name for each in fields(DrawOptions)} - {"hops"}  # explained with `around`
    assert "`hops`" in inspect.getdoc(draw)


@pytest.mark.parametrize(
    ("command", "option", "text"),
    [
        ("draw", "--direction {LR,TB}", "left to right or top to bottom"),
        ("draw", "--max-nodes N", "how many boxes at most (default: 150)"),
        ("draw", "--theme {light,dark,auto}", "auto follows the reader's screen (default: light)"),
        ("draw", "--show WHAT", "some of data,grad,local,shape,dtype,op,name,rule (default: all but rule)"),
        ("draw", "--digits N", "digits shown (default: 4)"),
        ("step", "--theme {light,dark}", "of gif, webp and png (default: light)"),
        ("step", "--seconds N", "for each step of gif and webp (default: 1.2)"),
    ],
)
def test_the_help_of_the_command_shows_the_declared_default(command, option, text, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert re.search(rf"{re.escape(option)}\s+{re.escape(text)}\n", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["depth", "max_nodes", "hops", "digits"])
def test_counts_may_be_integers_of_numpy(name):
    y = product()
    assert draw(y, around=y, **{name: np.int64(3)}).dot == draw(y, around=y, **{name: 3}).dot


def test_digits_and_frames_may_be_integers_of_numpy(tmp_path):
    assert str(step(product(), digits=np.int64(2))) == str(step(product(), digits=2))
    assert step(product()).save(tmp_path / "steps", frames=np.int64(9)).is_dir()


@pytest.mark.parametrize("name", ["a.html", "a.txt", "a.gif", "a"])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"theme": "drak"}, "theme='drak' is not known; write one of 'light', 'dark', 'auto'"),
        ({"frames": 0}, "frames=0 is not a count; write a whole number from 1 on"),
        ({"seconds": -1.0}, "seconds=-1.0 is not a time"),
    ],
)
def test_an_option_of_save_is_checked_in_every_format(name, option, words, tmp_path):
    with pytest.raises(OptionError, match=words):
        step(product()).save(tmp_path / name, **option)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [step, Stepper])
def test_digits_of_a_stepper_are_checked(make):
    with pytest.raises(OptionError, match="digits=0 is not a count"):
        make(product(), digits=0)


@pytest.mark.parametrize("option", ["source", "quiz"])
@pytest.mark.parametrize("given", ["no", 0, None])
def test_switches_of_step_are_true_or_false(option, given) -> None:
    with pytest.raises(OptionError, match=rf"{option} is True or False; given {given!r}"):
        step(Value(2.0) * 3, **{option: given})
