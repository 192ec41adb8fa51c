"""python check_wheel.py WHEEL: does it hold each file of the three folders and of `start`, and does each module import?

Modules that need an extra, which is not there, have to say so.

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
# modules that need an extra, and what their error says without it; `playground()` says which extra the server needs
SAID = {
    ("chainrule/autograd/xla", "chainrule/nn/engines/xla", "chainrule/nn/engines/placing"): "chainrule[xla]",
    ("chainrule/viz/playground/serving/server",): "starlette",
}


def is_imported(module: str) -> bool:
    """Whether a module imports; one that needs an extra has to say so."""
    try:
        importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        if any(module.startswith(needing) and said in str(error) for needing, said in SAID.items()):
            return False
        raise
    return True


without = [module for module in modules if not is_imported(module)]
if not without:
    sys.exit("the extras are installed here, so that what happens without them is not seen")
print(f"{len(modules) - len(without)} modules import without any extra, {len(without)} name theirs")
