"""What is installed is what stands in the three folders, all of it, and it says what is public."""

import __future__

import importlib
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("autograd", "nn", "viz")


def is_part_of_the_package(path):
    return not any(part == "__pycache__" or part.startswith(".") for part in path.parts)


SOURCE_FILES = {
    f"chainrule/{path.relative_to(ROOT).as_posix()}"
    for folder in FOLDERS
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
    assert not any(file.is_relative_to(ROOT / folder) for folder in FOLDERS)
    assert module.__doc__, f"{name} does not say what it is"


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_does_not_answer_to_its_own_name(folder):
    spec = importlib.util.find_spec(folder)  # another distribution may have this name
    places = spec.submodule_search_locations or [] if spec else []
    assert ROOT / folder not in [Path(place).resolve() for place in places]


@pytest.mark.parametrize("folder", FOLDERS)
def test_package_is_typed(folder):
    assert f"chainrule/{folder}/py.typed" in SOURCE_FILES


def test_chainrule_is_a_namespace():
    assert importlib.import_module("chainrule").__file__ is None


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


def test_command_is_declared():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="chainrule")
    assert callable(command.load())
