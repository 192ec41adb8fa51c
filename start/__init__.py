"""Automatic differentiation that you can see through: what `import chainrule` gives.

`chainrule.Value` and `chainrule.Tensor` compute and record, `chainrule.grad` differentiates functions,
`chainrule.draw` and `chainrule.step` show the graph and both passes, and `chainrule.nn` has networks. They come from
`chainrule.autograd`, `chainrule.nn` and `chainrule.viz`. Each of these is imported when it is first used.

>>> import chainrule
>>> x = chainrule.Value(3.0, name="x")
>>> y = x * x
>>> y.backward()
>>> x.grad, chainrule.grad(lambda x: x * x)(3.0)
(6.0, 6.0)
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, which takes longer to import than this package
if TYPE_CHECKING:
    from typing import Any

    from . import autograd, nn, viz
    from .autograd import Tensor, Value, grad
    from .viz import draw, step

    __version__: str

__all__ = ["Tensor", "Value", "__version__", "autograd", "draw", "grad", "nn", "step", "viz"]

HOMES = {"Tensor": "autograd", "Value": "autograd", "grad": "autograd", "draw": "viz", "step": "viz"}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for."""
    from importlib import import_module, metadata

    if name == "__version__":
        found: Any = metadata.version(__name__)
    elif name in HOMES:
        found = getattr(import_module(f".{HOMES[name]}", __name__), name)
    elif name in __all__:
        found = import_module(f".{name}", __name__)
    elif name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        return _elsewhere(name)
    globals()[name] = found
    return found


def _elsewhere(name: str) -> Any:
    """Raise for a name that is not here, and say in which package it is, if it is in one."""
    from importlib import import_module

    for home in ("autograd", "nn", "viz"):
        if name in import_module(f".{home}", __name__).__all__:
            text = f"chainrule itself has no {name!r}, chainrule.{home} has it: from chainrule.{home} import {name}"
            raise import_module(".autograd", __name__).UnknownNameError(text)
    return import_module(".autograd.errors.spelling", __name__).named_in(globals(), "chainrule")(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
