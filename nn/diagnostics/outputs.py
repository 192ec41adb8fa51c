"""The outputs of the modules of a network, and the gradients of the loss with respect to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np

from ... import autograd
from ...autograd import GradientError, KindError, Node, ShapeError
from ...autograd.extending import describe, recording, spelt
from .. import scalar
from ..base.arguments import numbers_of
from ..base.module import Module
from ..base.parameter import ScalarParameter
from ..layers.activations import Activation
from .looking import unchanged

__all__ = ["after_activations", "check_module", "outputs_and_gradients", "record_outputs"]


def check_module(model: Any) -> None:
    """Raise `KindError` for what is no module."""
    if not isinstance(model, Module):
        raise KindError(f"diagnostics look into a module; given {describe(model)}")


@contextmanager
def record_outputs(model: Module) -> Iterator[dict[str, list[Any]]]:
    """Record what each module returns within the block: a dict of paths, each with a list of the outputs of its calls.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import record_outputs
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with record_outputs(model) as outputs:
    ...     y = model(np.ones((5, 2)))
    >>> {path: [each.shape for each in calls] for path, calls in outputs.items()}
    {'layers.0': [(5, 3)], 'layers.1': [(5, 3)], 'layers.2': [(5, 1)], '': [(5, 1)]}
    """
    check_module(model)
    outputs: dict[str, list[Any]] = {}
    with ExitStack() as stack:
        for path, module in model.named_modules():

            def keep(module: Module, inputs: Any, output: Any, path: str = path) -> None:
                outputs.setdefault(path, []).append(output)

            stack.callback(module.register_forward_hook(keep).remove)
        yield outputs


@spelt
def outputs_and_gradients(
    model: Module, X: Any, y: Any = None, loss: Any = None
) -> dict[str, tuple[Any, Any]]:
    """The outputs of each module for the samples `X`, and with a loss the gradients with respect to them.

    The model is unchanged afterwards.
    """
    check_module(model)
    if not np.ndim(numbers_of(X)) or not len(X):
        raise ShapeError(f"diagnostics look at what a model puts out for samples; given none, {describe(X)}")
    of_values = any(isinstance(p, ScalarParameter) for p in model.parameters())
    with unchanged(model, loss), record_outputs(model) as outputs, recording(loss is not None):
        model.eval()
        answers = [model(row) for row in np.asarray(X)] if of_values else model(X)
        slopes = {} if loss is None else _gradients(loss(answers, y), outputs)
    return {
        path: (
            _stacked(calls, numbers_of),
            None if loss is None else _stacked(calls, partial(_slope, slopes)),
        )
        for path, calls in outputs.items()
    }


def _gradients(total: Any, outputs: Mapping[str, list[Any]]) -> dict[Node, Any]:
    """The gradients of the loss with respect to all outputs; no `.grad` is changed."""
    if isinstance(total, Node) and not total.requires_grad:
        raise GradientError(
            f"the loss is {total.describe()}, a constant: nothing that requires a gradient led to it. Compute it from "
            f"the prediction that it is given, without .data and .item(), for a model whose parameters are not frozen"
        )
    nodes = [node for node in dict.fromkeys(_nodes(list(outputs.values()))) if node.requires_grad]
    return dict(zip(nodes, autograd.gradients(total, nodes)))


def _nodes(outputs: Any) -> Iterator[Node]:
    waiting = [outputs]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node):
            yield x
        elif isinstance(x, (list, tuple)):
            waiting += x


def _stacked(calls: list[Any], numbers: Callable[[Any], Any]) -> np.ndarray:
    """The numbers of all calls in one array, one sample in each row."""
    found = [_array(call[0] if isinstance(call, tuple) else call, numbers) for call in calls]
    if isinstance(calls[0], (list, Node)) and found[0].ndim < 2:  # Values: each call has one sample
        return np.stack([np.atleast_1d(each) for each in found])
    return np.concatenate([np.atleast_2d(each) for each in found])


def _array(output: Any, numbers: Callable[[Any], Any]) -> np.ndarray:
    if isinstance(output, list):
        return np.array([_array(each, numbers) for each in output])
    return np.asarray(numbers(output))


def _slope(slopes: Mapping[Node, Any], output: Any) -> Any:
    found = slopes.get(output) if isinstance(output, Node) else None
    return np.zeros_like(numbers_of(output)) if found is None else found


@spelt
def after_activations(model: Module, wanted: Mapping[str, Any]) -> dict[str, str]:
    """The paths of the modules whose output is that of a wanted activation, with the name of the activation."""
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, Activation):
            name = type(module).__name__.lower()
        elif isinstance(module, scalar.Layer):
            name = module.activation
        else:
            continue
        if name in wanted:
            found[path] = name
    return found
