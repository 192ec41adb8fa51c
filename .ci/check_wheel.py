"""python check_wheel.py WHEEL: does it hold each file of the three folders and of `start`, and does each module import?

Modules that run on JAX, which is not there, have to say how it is installed.

Run with the Python of an environment in which nothing but that wheel and what it requires is installed.
"""

import importlib
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = {
    "start": "chainrule",
    "autograd": "chainrule/autograd",
    "nn": "chainrule/nn",
    "viz": "chainrule/viz",
}
expected = {
    f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
    for folder, place in FOLDERS.items()
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
    and not any(part == "__pycache__" or part[0] == "." for part in path.relative_to(ROOT).parts)
}
held = {name for name in zipfile.ZipFile(sys.argv[1]).namelist() if name.startswith("chainrule/")}
if held != expected:
    sys.exit(f"missing in the wheel: {sorted(expected - held)}\nonly in the wheel: {sorted(held - expected)}")
print(f"{len(held)} files in the wheel, as in the folders")

modules = sorted(name.removesuffix(".py").removesuffix("/__init__") for name in held if name.endswith(".py"))
on_jax = ("chainrule/autograd/xla", "chainrule/nn/engines/xla", "chainrule/nn/engines/placing")


def is_imported(module: str) -> bool:
    """Whether a module imports; one that runs on JAX has to say how it is installed."""
    try:
        importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        if module.startswith(on_jax) and "chainrule[xla]" in str(error):
            return False
        raise
    return True


without = [module for module in modules if not is_imported(module)]
if not without:
    sys.exit("JAX is installed here, so that what happens without it is not seen")
print(f"{len(modules) - len(without)} modules import without any extra, {len(without)} name theirs")
