"""The folders of a package: no circle of imports, arrows that point one way, at most a dozen files to a folder.

Also the tricks and the mutable globals that are left: each has its reason in the source, beside it.

    python tests/test_structure.py        prints the counts, for all packages

Imports are read from the sources, those inside functions too. Two kinds are left out: imports under `TYPE_CHECKING`,
which never run, and the import of the packages around a module, which Python does by itself. `from .x import y` counts
as an import of the module `x.y` where there is one, otherwise of `x`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TIDY = ["autograd", "nn", "viz"]  # the packages that hold to the rules
MOST_FILES = 12  # in one folder, besides __init__.py
MOST_LINES = 1900  # in autograd/engine, which is to be read in an afternoon

# what a package may import of the others; inner modules of the engine are private
ENGINE = {"autograd", "autograd.extending", "autograd.xla"}
NETWORKS = {
    "nn",
    "nn.callbacks",
    "nn.datasets",
    "nn.diagnostics",
    "nn.init",
    "nn.layers.activations",
    "nn.metrics",
    "nn.scalar",
}
ALLOWED = {"nn": ENGINE, "viz": ENGINE | NETWORKS}

# what reads or changes how Python itself runs; each gives the measured reason beside it
TRICKS = {
    "autograd.nodes.sparse": {"sys._getframe"},
    "autograd.replay.compiling": {"exec", "sys.getrefcount"},
    "autograd.replay.scalar_replay": {"__class__ ="},
    "nn.optim.optimizer": {"sys.getrefcount"},
}
# the containers at the top level of a module that its functions change
GLOBALS = {
    "autograd.debug.copying": {"LOCAL"},
    "autograd.debug.lines": {"LINES"},
    "autograd.engine.hooks": {"HOOKS"},
    "autograd.engine.modes": {"MODE"},
    "autograd.transforms.recomputing": {"RECOMPUTED"},
    "autograd.functions.compound": {"PRIMITIVES"},
    "autograd.engine.node": {"CLOCK", "NO_PARAMS"},
    "autograd.engine.table": {"TABLE", "UFUNCS"},
    "autograd.transforms.check": {"AROUND"},
    "autograd.xla.lowered": {"FUNCTIONS", "LOWERINGS", "RULES"},
}

Graph = dict[str, set[str]]


def modules(package: str, root: Path = ROOT) -> dict[str, Path]:
    """All modules of a package by their dotted names; `nn.losses` is `nn/losses/__init__.py`."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_statements(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports of a module, except those under `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def imported(name: str, path: Path, statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The dotted names that an import in the module `name` asks for, from `nn` or its neighbours on."""
    if isinstance(statement, ast.Import) or not statement.level:
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            names = [f"{statement.module}.{name}" for name in names]
        yield from (each.removeprefix("chainrule.") for each in names if each.startswith("chainrule."))
        return
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    around = package[: len(package) - statement.level + 1]
    base = [*around, *(statement.module or "").split(".")] if statement.module else around
    yield from (".".join([*base, alias.name]) for alias in statement.names)


def imports(package: str, root: Path = ROOT) -> tuple[Graph, Graph]:
    """For each module of a package the modules of the package that it imports, and what it imports of the others."""
    known = modules(package, root)
    others = {name for folder in ("autograd", "nn", "viz") for name in modules(folder, root)}
    inside: Graph = {name: set() for name in known}
    outside: Graph = {name: set() for name in known}
    for name, path in known.items():
        for statement in import_statements(ast.parse(path.read_text(encoding="utf-8"))):
            for asked in imported(name, path, statement):
                target = asked if asked in others else asked.rpartition(".")[0]
                if target in known:
                    inside[name].add(target)
                elif target in others:
                    outside[name].add(target)
    return inside, outside


def circles(graph: Graph) -> list[list[str]]:
    """The groups of names that all lead to each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1 or name in graph[name]:
                found.append(sorted(group))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found


def folders(package: str, graph: Graph, root: Path = ROOT) -> Graph:
    """The arrows between folders. Files beside an `__init__.py` belong to its folder; `__init__.py` counts as well.

    The package's own `__init__.py`, which collects what is public, is left out.
    """
    known = modules(package, root)
    home = {name: path.parent.relative_to(root).as_posix() for name, path in known.items() if name != package}
    arrows: Graph = {folder: set() for folder in home.values()}
    for name, targets in graph.items():
        for target in targets:
            if name in home and target in home and home[name] != home[target]:
                arrows[home[name]].add(home[target])
    return arrows


def files(package: str, root: Path = ROOT) -> dict[str, int]:
    """How many files each folder has, besides `__init__.py`."""
    counts: dict[str, int] = {}
    for path in modules(package, root).values():
        folder = path.parent.relative_to(root).as_posix()
        counts[folder] = counts.get(folder, 0) + (path.name != "__init__.py")
    return counts


def tricks(package: str, root: Path = ROOT) -> Graph:
    """What each module uses of frames, counts of references, text that is run, and objects that change their class."""
    found: Graph = {}
    for name, path in modules(package, root).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in ("exec", "eval"):
                trick = node.id
            elif isinstance(node, ast.Attribute) and node.attr in ("_getframe", "getrefcount"):
                trick = f"sys.{node.attr}"
            elif (
                isinstance(node, ast.Attribute)
                and node.attr == "__class__"
                and isinstance(node.ctx, ast.Store)
            ):
                trick = "__class__ ="
            else:
                continue
            found.setdefault(name, set()).add(trick)
    return found


def mutable_globals(package: str, root: Path = ROOT) -> Graph:
    """The names of a module that begin as an empty container, or as an object that holds what changes."""
    holders = {"Clock", "ContextVar", "WeakKeyDictionary", "count", "defaultdict", "deque", "local"}
    found: Graph = {}
    for name, path in modules(package, root).items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                value = node.value
                called = isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2]
                if ast.unparse(value) in ("[]", "{}", "set()", "dict()", "list()") or called in holders:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    found.setdefault(name, set()).update(map(ast.unparse, targets))
    return found


@pytest.mark.parametrize("package", TIDY)
def test_tricks_are_those_with_a_measured_reason(package: str) -> None:
    assert tricks(package) == {name: found for name, found in TRICKS.items() if name.startswith(package)}


def test_mutable_globals_of_the_engine_are_few() -> None:
    assert mutable_globals("autograd") == GLOBALS


@pytest.mark.parametrize("package", TIDY)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert circles(imports(package)[0]) == []


@pytest.mark.parametrize("package", TIDY)
def test_arrows_between_folders_point_one_way(package: str) -> None:
    assert circles(folders(package, imports(package)[0])) == []


@pytest.mark.parametrize("package", TIDY)
def test_a_folder_has_at_most_a_dozen_files(package: str) -> None:
    assert {folder: count for folder, count in files(package).items() if count > MOST_FILES} == {}


def test_the_engine_can_be_read_in_an_afternoon() -> None:
    files = (ROOT / "autograd/engine").glob("*.py")
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= MOST_LINES


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_nothing_is_imported_from_inside_of_another_package(package: str) -> None:
    outside = imports(package)[1]
    private = {name: sorted(targets - ALLOWED[package]) for name, targets in outside.items()}
    assert {name: targets for name, targets in private.items() if targets} == {}


def test_circles_are_found(tmp_path: Path) -> None:
    """Through an import inside a function, through `from . import`, and not through one under TYPE_CHECKING."""
    (tmp_path / "nn/b").mkdir(parents=True)
    (tmp_path / "nn/a").mkdir()
    for file, text in {
        "__init__.py": "from .a import one\n",
        "a/__init__.py": "",
        "a/one.py": "def f():\n    from ..b.two import g\n",
        "b/__init__.py": "",
        "b/two.py": "from . import three\nfrom ...autograd.errors import KindError\n",
        "b/three.py": "from ..a.one import f\n",
        "b/four.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .five import y\nx = 1\n",
        "b/five.py": "import chainrule.nn.b.four\n",
    }.items():
        (tmp_path / "nn" / file).write_text(text)
    (tmp_path / "autograd").mkdir()
    (tmp_path / "autograd/errors.py").write_text("")
    inside, outside = imports("nn", tmp_path)
    assert circles(inside) == [["nn.a.one", "nn.b.three", "nn.b.two"]]
    assert circles(folders("nn", inside, tmp_path)) == [["nn/a", "nn/b"]]
    assert inside["nn.b.five"] == {"nn.b.four"}
    assert outside["nn.b.two"] == {"autograd.errors"}
    assert files("nn", tmp_path) == {"nn": 0, "nn/a": 1, "nn/b": 4}


if __name__ == "__main__":
    for package in ("autograd", "nn", "viz"):
        inside, outside = imports(package)
        counts, lines = files(package), 0
        for path in modules(package).values():
            lines += len(path.read_text(encoding="utf-8").splitlines())
        largest = max(counts, key=lambda folder: counts[folder])
        arrows = folders(package, inside)
        print(f"{package}: {len(inside)} modules in {len(counts)} folders, {lines:,} lines")
        print(f"  most files in a folder: {counts[largest]}, in {largest}/")
        print(f"  modules in a circle of imports: {[len(group) for group in circles(inside)] or 'none'}")
        print(f"  folders in a circle of imports: {circles(arrows) or 'none'}")
        print(f"  tricks: {tricks(package) or 'none'}")
        print(f"  mutable globals: {mutable_globals(package) or 'none'}")
        private = {target for targets in outside.values() for target in targets if target.count(".")}
        print(f"  imports from inside of other packages: {sorted(private) or 'none'}")
