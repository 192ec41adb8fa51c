"""python check_wheel.py WHEEL: does it hold each file of the three folders, and does each module import?

Run with the Python of an environment in which nothing but that wheel and what it requires is installed.
"""

import importlib
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

files = [
    path.relative_to(ROOT)
    for folder in ("autograd", "nn", "viz")
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
]
expected = {
    f"chainrule/{file.as_posix()}"
    for file in files
    if not any(part == "__pycache__" or part[0] == "." for part in file.parts)
}
held = {name for name in zipfile.ZipFile(sys.argv[1]).namelist() if name.startswith("chainrule/")}
if held != expected:
    sys.exit(f"missing in the wheel: {sorted(expected - held)}\nonly in the wheel: {sorted(held - expected)}")
print(f"{len(held)} files in the wheel, as in the three folders")

modules = sorted(name.removesuffix(".py").removesuffix("/__init__") for name in held if name.endswith(".py"))
for module in modules:
    importlib.import_module(module.replace("/", "."))
print(f"{len(modules)} modules import without any extra")
