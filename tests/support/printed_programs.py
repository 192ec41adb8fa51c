"""Printed programs in Python, run here, or in a fresh interpreter and compared bit for bit with the engine."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.autograd import Tape

# A fresh interpreter that knows nothing of chainrule runs the files it is given and pickles their variables.
DRIVER = """
import pickle, runpy, sys
results = []
for path in sys.stdin.read().split():
    found = runpy.run_path(path)
    results.append({k: v for k, v in found.items() if type(v).__module__ in ("numpy", "builtins") and k[0] != "_"
                    and not callable(v) and type(v).__name__ != "module"})
assert "chainrule" not in sys.modules
sys.stdout.buffer.write(pickle.dumps(results))
"""


def run_alone(sources: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """The variables of each program after it ran, all in one new process."""
    paths = []
    for i, source in enumerate(sources):
        paths.append(folder / f"program{i}.py")
        paths[-1].write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-I", "-c", DRIVER],
        input="\n".join(map(str, paths)).encode(), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)  # noqa: S301 (of our own making)


def bits(x: Any) -> Any:
    """Type, shape and bytes; all NaNs are one."""
    if x is None:
        return None
    array = np.array(x)
    array[np.isnan(array)] = np.nan
    return array.dtype, array.shape, array.tobytes()


class Programs:
    """Graphs with what the engine says of them; `check` compares with what their programs say."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self.expected: list[dict[str, Any]] = []

    def add(self, root: Any, leaves: Sequence[Any], gradient: Any = None) -> str:
        root.name = "output"
        for i, leaf in enumerate(leaves):
            leaf.name = f"leaf{i}"
        tape = Tape(root)
        source = tape.source(gradient=gradient)
        for leaf in leaves:
            leaf.zero_grad()
        root.backward(gradient)
        expected = {"output": root.data}
        expected |= {
            f"d_{leaf.name}": leaf.grad for leaf in leaves if leaf in tape.index and leaf.requires_grad
        }
        self.sources.append(source)
        self.expected.append(expected)
        return str(source)

    def check(self, folder: Path) -> None:
        for source in self.sources:
            needed = {"math", "numpy"} | ({"scipy.sparse"} if "sparse_matmul" in source else set())
            for x in ast.walk(ast.parse(source)):
                if isinstance(x, ast.Import):
                    assert {name.name for name in x.names} <= needed
                assert not isinstance(x, ast.ImportFrom)
        for source, expected, found in zip(
            self.sources, self.expected, run_alone(self.sources, folder), strict=True
        ):
            for name, value in expected.items():
                assert bits(found[name]) == bits(value), f"{name}: {found[name]} for {value} in\n{source}"


def run_here(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "program", "exec"), found)
    return found


# ---------------------------------------------------------------------- the text


def body_of(source: str) -> list[str]:
    return source.split("# forward pass\n")[1].split("\nif __name__")[0].splitlines()
