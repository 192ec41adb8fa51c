"""What editors and type checkers see: types of results, signatures, and a summary in one line for every public name."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chainrule import nn

PROGRAM = Path(__file__).parent / "support/users_program.py"
PARTS = [name for name in nn.__all__ if isinstance(getattr(nn, name), ModuleType)]
PACKAGES = [
    "chainrule.autograd",
    "chainrule.nn",
    "chainrule.viz",
    *(f"chainrule.nn.{name}" for name in PARTS),
]
NAMES = [(package, name) for package in PACKAGES for name in importlib.import_module(package).__all__]


def test_a_users_program_has_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="types are checked by mypy")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path, PROGRAM],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert run.stdout.startswith("Success"), run.stdout


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_name_has_a_signature_and_a_summary(package: str, name: str) -> None:
    thing: Any = getattr(importlib.import_module(package), name)
    if isinstance(thing, (ModuleType, dict)):
        return
    summary = (inspect.getdoc(thing) or "").partition("\n")[0]
    assert summary, f"{name} has no docstring"
    assert len(summary) <= 140, summary
    bare = inspect.isclass(thing) and issubclass(thing, (BaseException, str, nn.Optimizer))
    if callable(thing) and not bare:
        parameters = inspect.signature(thing).parameters.values()
        vague = [p.kind for p in parameters] == [
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ]
        assert not vague, inspect.signature(thing)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_methods_and_properties_have_a_summary(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        thing = getattr(module, name)
        if not inspect.isclass(thing):
            continue
        for own, member in inspect.getmembers(thing):
            if own.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
                continue
            if own != "function":  # what an activation or a loss applies
                assert inspect.getdoc(member), f"{name}.{own}"


def test_rows_say_which_function_they_are() -> None:
    from chainrule.autograd import Primitive, add, matmul, tanh

    assert str(inspect.signature(tanh)) == "(x, /, **params)"
    assert str(inspect.signature(add)) == "(a, b, /, **params)"
    assert (inspect.getdoc(tanh) or "").startswith(
        "The function tanh(x) of numbers, arrays, Values or Tensors"
    )
    assert "whole arrays" in (inspect.getdoc(matmul) or "")
    assert (inspect.getdoc(Primitive) or "").startswith("One row of the table")
