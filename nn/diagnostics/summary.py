"""A table of a network: its layers, the shapes of their inputs and outputs, parameters and memory.

The model is called once on an example, and every call of a module in it is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...autograd import KindError, Node, Tape
from ...autograd.extending import Answering, describe, recording, spelt
from ...autograd.extending import readable_size as readable
from ..base.module import Module
from .looking import unchanged

__all__ = ["Summary", "SummaryRow", "summary"]

DEEPEST = 8  # depth of nested lists whose shapes are listed


@dataclass(frozen=True)
class SummaryRow:
    """One module of a summary.

    Attributes:
        name: its path, as in `named_modules()`; "" is the model itself.
        module: its text, such as `Linear(4 -> 8)`.
        kind: its class.
        input, output: the shapes of its input and output in its latest call.
        calls: the number of its calls.
        parameters: the number of its learnt numbers, without those of the modules in it.
        activations: the bytes that its own operations hold for a backward pass, without those of the modules in it.
    """

    name: str
    module: str
    kind: str
    input: Any
    output: Any
    calls: int
    parameters: int
    activations: int


@dataclass(frozen=True)
class Summary(Answering):
    """The result of `summary()`, printed as a table; `to_dict()` can be written as JSON.

    Attributes:
        rows: a row for each module, the model first.
        parameters: the number of learnt numbers; shared parameters count once.
        parameter_bytes: the memory of the parameters.
        activation_bytes: the memory that the graph of this one call holds besides them, for a backward pass.
        by_kind: the parameters by class of module.
    """

    rows: tuple[SummaryRow, ...]
    parameters: int
    parameter_bytes: int
    activation_bytes: int
    by_kind: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The summary as nested dicts."""
        return asdict(self)

    def __str__(self) -> str:
        table = [("layer", "output", "parameters", "activations")]
        names = {row.name for row in self.rows}
        for row in self.rows:
            depth = sum(way in names for way in _ways_to(row.name))
            title = "  " * depth + (f"{row.name}: {row.module}" if row.name else row.module)
            shape = (
                "not called" if not row.calls else _written(row.output) + f" x{row.calls}" * (row.calls > 1)
            )
            table.append((title, shape, f"{row.parameters:,}", readable(row.activations)))
        widths = [max(len(cells[i]) for cells in table) for i in range(4)]
        lines = ["  ".join([c[0].ljust(widths[0]), c[1].ljust(widths[1]), c[2].rjust(widths[2]), c[3].rjust(widths[3])])
                 for c in table]  # fmt: skip
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.by_kind.items())
        return "\n".join([
            *lines,
            f"{self.parameters:,} parameters in {readable(self.parameter_bytes)}" + f" ({kinds})" * bool(kinds),
            f"{readable(self.activation_bytes)} of activations for a backward pass of this input",
        ])  # fmt: skip

    __repr__ = __str__


@spelt
def summary(model: Module, *inputs: Any) -> Summary:
    """The layers of a model, with shapes, parameters and memory, found by calling it on an example.

    `inputs` are the arguments of the model: arrays, Tensors, lists of numbers for a scalar network. The model is called
    in evaluation mode, with recording, and is unchanged afterwards. Modules that were not called have no shapes.

    Raises `KindError` for what is not a module, and the errors of the model for an input that does not fit.

    >>> import numpy as np
    >>> from chainrule.nn import MLP, summary
    >>> found = summary(MLP(4, [8, 3], dtype=np.float32), np.zeros((10, 4), np.float32))
    >>> [(row.name, row.output, row.parameters) for row in found.rows]
    [('', (10, 3), 0), ('layers.0', (10, 8), 40), ('layers.1', (10, 8), 0), ('layers.2', (10, 3), 27)]
    >>> print(found)
    layer                       output   parameters  activations
    MLP(4 -> 8 -> 3)            (10, 3)           0          0 B
      layers.0: Linear(4 -> 8)  (10, 8)          40        480 B
      layers.1: ReLU()          (10, 8)           0        320 B
      layers.2: Linear(8 -> 3)  (10, 3)          27        120 B
    67 parameters in 268 B (Linear 67)
    920 B of activations for a backward pass of this input
    """
    if not isinstance(model, Module):
        raise KindError(
            f"summary takes a model and an example of its input; given {describe(model)} as a model"
        )
    modules = dict(model.named_modules())
    calls: dict[Module, list[tuple[Any, Any]]] = {module: [] for module in modules.values()}

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        calls[module].append((_shape(args[0] if len(args) == 1 else args), _shape(output)))

    with unchanged(model), recording(True):
        for module in modules.values():
            module.register_forward_hook(note)
        output = model.eval()(*inputs)
    memory = Tape(nodes).memory() if (nodes := list(_nodes(output))) else None
    names = {
        module._path: name for name, module in modules.items()
    }  # the titles of scopes start with the path
    activations = dict.fromkeys(modules, 0)
    for title, held in memory.by_scope.items() if memory else ():
        inside = [names[path] for part in title.split(" / ") if (path := part.partition(": ")[0]) in names]
        outside = (
            memory.leaves.data if memory and not title else 0
        )  # the parameters, which were made before the call
        activations[inside[-1] if inside else ""] += held.data - outside
    counts = dict.fromkeys(modules, 0)
    seen: set[Any] = set()
    by_kind: dict[str, int] = {}
    parameters = model.parameters()
    for name, module in modules.items():
        own = dict.fromkeys(p for _, p in module._parts() if not isinstance(p, Module) and p not in seen)
        seen.update(own)
        if own:
            counts[name] = sum(np.size(p.data) for p in own)
            by_kind[type(module).__name__] = by_kind.get(type(module).__name__, 0) + counts[name]
    return Summary(
        rows=tuple(
            SummaryRow(
                name=name,
                module=module._headline(),
                kind=type(module).__name__,
                input=calls[module][-1][0] if calls[module] else None,
                output=calls[module][-1][1] if calls[module] else None,
                calls=len(calls[module]),
                parameters=counts[name],
                activations=activations[name],
            )
            for name, module in modules.items()
        ),
        parameters=sum(counts.values()),
        parameter_bytes=sum(np.asarray(p.data).nbytes for p in parameters),
        activation_bytes=sum(activations.values()),
        by_kind=by_kind,
    )


def _nodes(x: Any) -> Iterator[Node]:
    """The nodes in the output of a model."""
    waiting, seen = [x], set()
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node):
            yield x
        elif isinstance(x, (list, tuple, dict)) and id(x) not in seen:
            seen.add(id(x))
            waiting += reversed(list(x.values() if isinstance(x, dict) else x))


def _shape(x: Any, deep: int = 0) -> Any:
    """The shape of an array or a node; for a list or tuple the shapes of its entries, for numbers their count."""
    if isinstance(x, (list, tuple)) and deep < DEEPEST:
        shapes = tuple(_shape(each, deep + 1) for each in x)
        return (len(shapes),) if all(shape == () for shape in shapes) else shapes
    return tuple(getattr(x, "shape", ()))


def _ways_to(name: str) -> Iterator[str]:
    """The paths of everything that may contain the module `name`, the model itself first.

    >>> list(_ways_to("layers.0.norm"))
    ['', 'layers', 'layers.0']
    """
    if name:
        yield ""
        yield from (name[:i] for i, c in enumerate(name) if c == ".")


def _written(shape: Any) -> str:
    """
    >>> _written((2, 3)), _written(((2, 3), (3,))), _written(())
    ('(2, 3)', '(2, 3), (3,)', 'a number')
    """
    if shape == ():
        return "a number"
    return str(shape) if all(isinstance(n, int) for n in shape) else ", ".join(map(_written, shape))
