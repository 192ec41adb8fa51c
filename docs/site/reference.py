"""The reference: what is public in the modules that a page of docs/reference/ names.

    ```{reference} chainrule.nn
    layers
    schedules
    ```

stands for the entries of all that `chainrule.nn` makes public of its modules `layers` and `schedules`, in the order
of `__all__`; with nothing below it, for those of the module itself. `tests/test_links.py` fails where a public name is
on no page.
"""

from __future__ import annotations

import importlib
import inspect
import re
import types
from pathlib import Path
from typing import Any

from docstrings import to_rst

PAGES = Path(__file__).resolve().parents[1] / "reference"
BLOCK = re.compile(r"^```\{reference\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def public(package: str, modules: list[str]) -> dict[str, Any]:
    """What is public of these modules: `name from the package on -> thing`."""
    entries = {}
    top = importlib.import_module(package)
    if not modules:
        return {name: getattr(top, name) for name in top.__all__}
    for path in modules:
        module = importlib.import_module(f"{package}.{path}")
        # a module without `__all__` gives what it defines, the table of primitives its rows
        names = getattr(module, "__all__", None) or [name for name in top.__all__ if hasattr(module, name)]
        for name in (name for name in top.__all__ if name in names):
            thing = getattr(top, name)
            known = inspect.isclass(thing) or inspect.isroutine(thing)
            imported = isinstance(thing, dict) and not hasattr(module, "__all__")  # such as the table itself
            home = thing.__module__ if known else package if imported else module.__name__
            here = home == module.__name__ or home.startswith(
                f"{module.__name__}."
            )  # a package has it from a file
            if thing is getattr(module, name) and (here or not home.startswith(package)):
                entries[name] = thing
        if path in top.__all__:
            for name in module.__all__:
                if name not in top.__all__ or getattr(top, name) is not getattr(module, name):
                    entries[f"{path}.{name}"] = getattr(module, name)
    return entries


def on_pages() -> dict[str, list[str]]:
    """By package, the public names that have an entry on some page, as often as they have one."""
    found: dict[str, list[str]] = {}
    for page in sorted(PAGES.glob("*.md")):
        for package, modules in BLOCK.findall(page.read_text(encoding="utf-8")):
            try:
                top, paths = importlib.import_module(package), modules.split()
            except ImportError:  # of an extra that is not installed here
                continue
            themselves = [
                path for path in paths if inspect.ismodule(getattr(top, path, None)) and path in top.__all__
            ]
            found.setdefault(package, []).extend(
                [*public(package, paths), *themselves]
            )  # `nn.schedules` is public
    return found


def entry(package: str, name: str, thing: Any, rules: dict[str, str]) -> str:
    """One entry, as autodoc's reStructuredText."""
    full = f"{package}.{name}"
    if type(thing).__name__ == "Primitive":
        arguments = {1: "x", 2: "a, b"}.get(thing.arity, "*inputs")
        return f".. py:function:: {full}({arguments})\n\n   {rules[thing.name]}\n"
    if inspect.isclass(thing):
        base = "   :show-inheritance:\n" if thing.__module__.startswith("chainrule") else ""
        if any(
            each.__name__ == "BaseNode" for each in thing.__bases__
        ):  # which is not public, but its members are
            base += "   :inherited-members: Operators\n"
        return f".. autoclass:: {full}\n   :members:\n{base}"
    if inspect.isroutine(thing):
        return f".. autofunction:: {full}\n"
    return f".. py:data:: {full}\n\n   {remark(package, name)}\n"


def remark(package: str, name: str) -> str:
    """What is said of a name beside its assignment, in a comment, or below it, in a string."""
    assigned = rf"^{name.rpartition('.')[2]}\b[^\n]*? = "
    folder = Path(importlib.import_module(package).__file__ or "").parent
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found = re.search(rf'{assigned}[^\n]*(?:  # |\n""")(.*?)(?:"""|$)', text, re.MULTILINE)
        if found:
            return to_rst([found[1][0].upper() + found[1][1:].rstrip(".") + "."])[0]
    raise ValueError(f"{package}.{name} has no entry: write what it is in a comment beside its assignment")


def rule_texts() -> dict[str, str]:
    """What the page of primitives says of each row."""
    page = (PAGES.parent / "primitives.md").read_text(encoding="utf-8")
    texts = {}
    for kind, word in (("Elementwise", "local gradient"), ("Structural", "passes on")):
        table = page.partition(f"### {kind}\n")[2].partition("\n#")[0]
        for name, symbol, rules in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", table, re.MULTILINE):
            written = f" Written :code:`{symbol.strip('`')}`." if symbol else ""
            told = rules.replace("\\|", "|").replace("`", "``")
            if "(see the source)" in rules:
                told = "see ``autograd/primitives/``"
            elif kind == "Elementwise" and "; " in rules:
                word = "local gradients"
            texts[name] = f"A primitive, {kind.lower()}.{written} {word.capitalize()}: {told}."
    return texts


def setup(app: Any) -> dict[str, bool]:
    from sphinx.util.docutils import SphinxDirective

    rules = rule_texts()

    class Reference(SphinxDirective):
        has_content = True
        required_arguments = 1

        def run(self) -> list[Any]:
            package = self.arguments[0]
            text = ""
            for name, thing in public(package, list(self.content)).items():
                if not isinstance(thing, types.ModuleType):
                    text += f"```{{eval-rst}}\n{entry(package, name, thing, rules)}```\n\n"
            return self.parse_text_to_nodes(text)

    app.add_directive("reference", Reference)
    # what a layer writes in its own repr is of no use to a caller
    app.connect("autodoc-skip-member", lambda app, what, name, *rest: name == "extra_repr" or None)
    return {"parallel_read_safe": True}
