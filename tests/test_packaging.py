"""What is installed is what stands in the three folders, all of it, and it says what is public."""

import __future__

import builtins
import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("autograd", "nn", "viz")
PLACES = {"start": "chainrule"} | {folder: f"chainrule/{folder}" for folder in FOLDERS}  # as installed


def is_part_of_the_package(path):
    return not any(part == "__pycache__" or part.startswith(".") for part in path.parts)


SOURCE_FILES = {
    f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
    for folder, place in PLACES.items()
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and is_part_of_the_package(path.relative_to(ROOT))
}
MODULES = sorted(
    file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for file in SOURCE_FILES
    if file.endswith(".py")
)


def test_every_file_is_installed_and_no_other():
    files = importlib.metadata.files("chainrule") or []
    installed = {path.as_posix() for path in files if path.parts[0] == "chainrule" and path.suffix != ".pyc"}
    assert installed == SOURCE_FILES


@pytest.mark.parametrize("name", MODULES)
def test_module_can_be_imported_and_is_the_installed_one(name):
    if name.startswith("chainrule.autograd.xla"):
        pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")
    module = importlib.import_module(name)
    file = Path(module.__file__).resolve()
    assert not any(file.is_relative_to(ROOT / folder) for folder in PLACES)
    assert module.__doc__, f"{name} does not say what it is"


@pytest.mark.parametrize("folder", PLACES)
def test_folder_does_not_answer_to_its_own_name(folder):
    spec = importlib.util.find_spec(folder)  # another distribution may have this name
    places = spec.submodule_search_locations or [] if spec else []
    assert ROOT / folder not in [Path(place).resolve() for place in places]


@pytest.mark.parametrize("place", PLACES.values())
def test_package_is_typed(place):
    assert f"{place}/py.typed" in SOURCE_FILES


def test_no_folder_or_file_at_the_top_is_named_chainrule():
    """It would be imported in place of what is installed."""
    assert not list(ROOT.glob("chainrule*[!o]"))


def test_chainrule_gives_the_names_of_a_beginner():
    import chainrule
    from chainrule import autograd, nn, viz

    assert chainrule.__version__ == importlib.metadata.version("chainrule")
    assert (chainrule.Value, chainrule.Tensor, chainrule.grad) == (
        autograd.Value,
        autograd.Tensor,
        autograd.grad,
    )
    assert (chainrule.draw, chainrule.step, chainrule.nn) == (viz.draw, viz.step, nn)
    assert set(chainrule.__all__) <= set(dir(chainrule))
    with pytest.raises(AttributeError, match="has no 'Vlaue'; did you mean 'Value'"):
        _ = chainrule.Vlaue
    with pytest.raises(
        AttributeError, match=r"chainrule\.autograd has it: from chainrule\.autograd import tanh"
    ):
        _ = chainrule.tanh
    assert not hasattr(chainrule, "_private")


def test_chainrule_imports_nothing_until_it_is_asked():
    code = (
        "import sys, chainrule; chainrule.__doc__; "
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in ('chainrule', 'numpy', 'matplotlib'))); "
        "chainrule.Value; print('chainrule.nn' in sys.modules, 'chainrule.viz' in sys.modules); "
        "chainrule.nn; print('chainrule.viz' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["['chainrule']", "False False", "False"]


def test_names_of_python_keep_their_meaning_after_a_star():
    names = {}
    exec("from chainrule.autograd import *", names)
    shadowed = {name for name in names if hasattr(builtins, name) and name != "__builtins__"}
    assert shadowed == {"max", "min", "sum"}
    largest, smallest, total, Value, Tensor = (names[n] for n in ("max", "min", "sum", "Value", "Tensor"))
    assert (largest(1, 2), smallest(1, 2), largest(1, 2.5, 0, 7), largest("ab", "b")) == (2, 1, 7, "b")
    assert total(v for v in [1, 2]) == total(iter([1, 2])) == total([1, 2]) == 3
    assert total((len(word) for word in ("a", "bc")), 10) == 13
    assert total([1, 2], start=10) == 13
    assert total([[1], [2]], start=[]) == [1, 2]
    assert total({1, 2, 3}) == 6
    assert total({1: "a", 2: "b"}.keys()) == 3
    assert (largest(x for x in [3, 5]), smallest({4, 2}), largest([], default=7)) == (5, 2, 7)
    assert largest(["a", "bcd"], key=len) == "bcd"
    assert largest(["a", "c", "b"]) == "c"
    a, b = Value(1.0), Value(2.0)
    assert largest(a, b) is b
    assert smallest([a, b], key=lambda v: v.data) is a
    y = total(v * v for v in (a, b))
    y.backward()
    assert (y.data, a.grad, b.grad) == (5.0, 2.0, 4.0)
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert largest(t, 1).data.tolist() == [2.0, 4.0]
    assert total(t, 0).data.tolist() == [4.0, 6.0]
    losses = [(t * t).mean(), t.mean()]
    assert total(losses).item() == 10.0
    assert total(loss for loss in losses).item() == 10.0


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_is_what_is_public(folder):
    package = importlib.import_module(f"chainrule.{folder}")
    listed = package.__all__
    assert len(listed) == len(set(listed))
    # submodules become attributes when something imports them: they may be listed, and need not be
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType | __future__._Feature)
    }
    # what needs an extra is imported when it is asked for
    public |= {name for name in listed if name not in vars(package) and hasattr(package, name)}
    modules = {name for name in listed if isinstance(getattr(package, name), ModuleType)}
    assert set(listed) - modules == public


@pytest.mark.parametrize("folder", FOLDERS)
def test_public_modules_are_imported_by_their_own_path(folder):
    """`import chainrule.nn.optim` is as good as `nn.optim`, whichever files are behind it."""
    package = importlib.import_module(f"chainrule.{folder}")
    for name in package.__all__:
        thing = getattr(package, name)
        if isinstance(thing, ModuleType):
            assert importlib.import_module(f"chainrule.{folder}.{name}") is thing
            assert all(hasattr(thing, each) for each in thing.__all__)


def test_version_is_stated_once():
    (stated,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert importlib.metadata.version("chainrule") == stated


def test_citation_and_changelog_are_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^([a-z-]+): (.+)$", citation, re.MULTILINE))
    latest = re.search(
        r"^## (\S+) - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert (fields["version"], fields["date-released"]) == latest.groups()
    assert fields["version"] == importlib.metadata.version("chainrule")
    assert (fields["cff-version"], fields["license"]) == ("1.2.0", "MIT")
    assert {"message", "title"} < set(fields)
    assert "\nauthors:\n  - name: The chainrule developers\n" in citation


def test_command_is_declared():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="chainrule")
    assert callable(command.load())
