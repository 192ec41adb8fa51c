"""How plots evaluate a network: its outputs, the outputs and gradients of its layers, its parameters as one vector.

Networks of Values and of Tensors both give arrays with one row for each sample. A network of Values is recorded for one
sample, and its tape is replayed for all samples at once. Evaluation changes nothing: the network is in evaluation mode,
and afterwards its mode, its parameters and its random state are as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import KindError, Node, RangeError, ShapeError, Tape, Tensor, Value, gradients, no_grad
from ...autograd.extending import describe, recording
from ...nn import Activation, Module, ScalarParameter, Softmax, scalar, unchanged
from ...nn.diagnostics import record_outputs
from ...nn.layers.activations import activation as activation_named

# ---------------------------------------------------------------------- outputs of a network


def one_number(x: Any, what: str) -> float:
    """A number, or the single element of a node or an array, as a float."""
    array = np.asarray(x.data if isinstance(x, Node) else x)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise KindError(f"{what} is one number; given {describe(x)}. Reduce it first, for example by mean()")
    return float(array.item())


def numbers(given: Any, what: str) -> np.ndarray:
    """The numbers of an array, a node or nested lists, as floats."""
    try:
        return np.asarray(given.data if isinstance(given, Node) else given, np.float64)
    except (TypeError, ValueError):
        raise KindError(f"{what} is an array of numbers; given {describe(given)}") from None


def samples(X: Any, what: str, inputs: int | None = None) -> np.ndarray:
    """The samples as an array with one sample in each row; with `inputs`, each row has so many numbers."""
    if isinstance(X, tuple):
        raise KindError(
            f"{what} was given a tuple of {len(X)}. Is that (X, y)? Samples and targets are two arguments here: "
            f"write plot_...(model, *data), or give X alone"
        )
    try:
        array = np.asarray(X.data if isinstance(X, Node) else X)
        array = array if array.dtype.kind == "f" else array.astype(np.float64)
    except (TypeError, ValueError):
        raise ShapeError(
            f"{what} takes one sample in each row, all of one length, and numbers; given {describe(X)}"
        ) from None
    if array.ndim < 2 or not len(array) or (inputs is not None and array.shape[1:] != (inputs,)):
        wanted = "one sample in each row" if inputs is None else f"rows of {inputs} numbers"
        raise ShapeError(f"{what} takes {wanted}; given {describe(X)}")
    if inputs is not None and not np.isfinite(array).all():
        raise RangeError(
            f"{what} is drawn where the points are, and some of them are NaN or infinite. Leave them out, as in "
            f"X[np.isfinite(X).all(axis=1)]"
        )
    return array


def targets_of(y: Any, n: int) -> np.ndarray:
    """One number for each of `n` samples: its target, or of a one-hot row its class."""
    array = np.asarray(y.data if isinstance(y, Node) else y)
    if array.dtype.kind not in "iufb":
        raise KindError(
            f"targets are numbers; given dtype {array.dtype}. np.unique(y, return_inverse=True)[1] numbers classes"
        )
    array = array.argmax(-1) if array.ndim == 2 and array.shape[1] > 1 else array.ravel()
    if len(array) != n:
        raise ShapeError(f"there are {n} points and {len(array)} targets; give one for each")
    return array


def class_numbers(y: Any, n: int) -> np.ndarray:
    """Class numbers from 0, of class numbers, of -1 and +1, or of one-hot rows; one for each of `n` samples."""
    array = targets_of(y, n)
    return (array > 0).astype(int) if array.size and array.min() < 0 else array.astype(int)


def is_scalar(model: Any) -> bool:
    """Whether the model is a network of Values."""
    return isinstance(model, Module) and any(isinstance(p, ScalarParameter) for p in model.parameters())


def predict(model: Any, X: np.ndarray) -> np.ndarray:
    """The outputs of the model, `(n, outputs)`; the model may be a function from an array to an array."""
    if not callable(model):
        raise KindError(
            f"a plot takes a network or a function, and draws its outputs; given {describe(model)}"
        )
    with evaluating(model):
        if is_scalar(model):
            return _replay(model, X)[""]
        with no_grad():
            return _rows(model(X), len(X))


@contextmanager
def evaluating(model: Any, *others: Any) -> Iterator[None]:
    """A block in evaluation mode that leaves the model unchanged; `others` are functions that are called as well."""
    with unchanged(model, *others):
        if isinstance(model, Module):
            model.eval()
        yield


def _rows(answer: Any, n: int) -> np.ndarray:
    """The output with one row for each sample; of several outputs, such as those of an LSTM, the first."""
    first = answer[0] if isinstance(answer, tuple) else answer
    array = np.asarray(first.data if isinstance(first, Node) else first)
    if not array.size or array.size % n:
        raise ShapeError(
            f"{n} samples have {n} outputs, one in each row; the model returned shape {array.shape}"
        )
    return array.reshape(n, -1)


def _replay(model: Module, X: np.ndarray) -> dict[str, np.ndarray]:
    """The output of each module of a network of Values, recorded for one sample and replayed for all."""
    if X.ndim != 2:
        raise ShapeError(f"a network of Values takes rows of numbers; given samples of shape {X.shape[1:]}")
    inputs = [Value(0.0, name=f"input {i}", requires_grad=False) for i in range(X.shape[1])]
    with record_outputs(model) as calls, recording(True):
        model(inputs)
    units = {path: _flat(outputs[0]) for path, outputs in calls.items()}
    tape = Tape(dict.fromkeys(v for group in units.values() for v in group))
    given: dict[str, Any] = {f"input {i}": X[:, i] for i, v in enumerate(inputs) if v in tape.index}
    answers = tape.forward(**given)
    columns = dict(zip(tape.outputs, answers if len(tape.outputs) > 1 else [answers]))
    return {
        path: np.stack([np.broadcast_to(columns[v], len(X)) for v in group], axis=1)
        for path, group in units.items()
    }


def _flat(answer: Any) -> list[Any]:
    """The nodes of an output in nested lists, in order."""
    found, waiting = [], [answer]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node):
            found.append(x)
        else:
            waiting += reversed(list(x))
    return found


# ---------------------------------------------------------------------- outputs and gradients of layers


@dataclass(frozen=True)
class Layer:
    """A layer together with the activation that follows it.

    Attributes:
        path, output: the paths of the modules with its weights and with its output.
        title: the title in plots.
        at_zero: the output of a unit whose weighted sum is 0.
    """

    path: str
    output: str
    title: str
    at_zero: float = 0.0


def layers_of(model: Any) -> list[Layer]:
    """The layers in order: modules that contain no other modules, and layers of Values."""
    if not isinstance(model, Module):
        raise KindError(f"this plot takes a module of nn, and draws its layers; given {describe(model)}")
    with evaluating(model):
        return _layers_of(model)


def _layers_of(model: Module) -> list[Layer]:
    found: list[Layer] = []
    for path, module in model.named_modules():
        if isinstance(module, scalar.Neuron) and path:
            continue  # a part of its layer
        if len(module.modules()) > 1 and not isinstance(module, scalar.Layer):
            continue
        if isinstance(module, Activation) and not isinstance(module, Softmax) and found:
            layer = found.pop()
            title = f"{layer.title}, {type(module).__name__}"
            found.append(Layer(layer.path, path, title, float(module.forward(0.0))))
        else:
            headline = module._headline()
            title = f"{path}: {headline}" if path else headline
            activation = getattr(module, "activation", None) if isinstance(module, scalar.Layer) else None
            at_zero = float(activation_named(activation)[0]().forward(0.0)) if activation else 0.0
            found.append(Layer(path, path, title, at_zero))
    return found


def outputs_of(model: Module, X: np.ndarray) -> dict[str, np.ndarray]:
    """The output of each module for the samples, by its path: `(samples, units)`."""
    with evaluating(model):
        if is_scalar(model):
            return _replay(model, X)
        with no_grad(), record_outputs(model) as calls:
            model(Tensor(X, requires_grad=False))
    return {path: _rows(outputs[-1], len(X)) for path, outputs in calls.items()}


def gradients_of(model: Any, X: np.ndarray, y: Any, loss: Callable[[Any, Any], Any]) -> dict[str, np.ndarray]:
    """The gradient of the loss with respect to the output of each layer, by its title; `.grad` does not change."""
    layers = layers_of(model)
    check_loss(loss)
    with evaluating(model, loss), record_outputs(model) as calls, recording(True):
        answers = (
            [model(row) for row in X.tolist()] if is_scalar(model) else model(Tensor(X, requires_grad=False))
        )
        total = loss(answers, y)
    nodes = {each.title: _flat(_outputs(calls[each.output])) for each in layers if each.output in calls}
    flat = list(dict.fromkeys(node for group in nodes.values() for node in group))
    by = dict(zip(flat, gradients(total, flat)))
    return {
        title: np.stack([np.asarray(by[node]) for node in group]).ravel() for title, group in nodes.items()
    }


def check_loss(loss: Any) -> None:
    """Raise a `KindError` unless `loss` is a function."""
    if not callable(loss):
        raise KindError(
            f"the loss is a function of predictions and targets, such as nn.cross_entropy; given {describe(loss)}"
        )


def _outputs(calls: list[Any]) -> list[Any]:
    """The results of the calls of a module; of several results, such as those of an LSTM, the first."""
    return [call[0] if isinstance(call, tuple) else call for call in calls]


def hidden(model: Any, layer: str | int | None) -> Layer:
    """The hidden layer with this name or number; by default the last one."""
    inner = layers_of(model)[:-1]
    if not inner:
        raise RangeError("this network has a single layer, and so no hidden one to look at")
    if layer is None:
        return inner[-1]
    if isinstance(layer, int) and -len(inner) <= layer < len(inner):
        return inner[layer]
    for each in inner:
        if layer in (each.path, each.output):
            return each
    raise RangeError(
        f"there is no hidden layer {layer!r}; there are {', '.join(repr(each.path) for each in inner)}, "
        f"or 0 to {len(inner) - 1}"
    )


# ---------------------------------------------------------------------- parameters


def weight_matrices(model: Any) -> list[tuple[str, np.ndarray]]:
    """Every weight matrix or kernel with its name, in order, without biases; of Values, one for each layer."""
    if not isinstance(model, Module):
        raise KindError(f"weights are those of a module; given {describe(model)}")
    if is_scalar(model):
        return [
            (name, np.array([[w.data for w in neuron.w] for neuron in m.neurons]).T)
            for name, m in model.named_modules()
            if isinstance(m, scalar.Layer)
        ]
    return [(name, np.asarray(p.data)) for name, p in model.named_parameters() if np.ndim(p.data) > 1]


class Vector:
    """The parameters of a model as one vector, and the filters in it.

    Attributes:
        parameters: the parameters, in order.
        filters: the positions in the vector of each filter, the weights of one unit. Biases and scales are in none.
    """

    def __init__(self, model: Any) -> None:
        if not isinstance(model, Module) or not model.parameters():
            raise KindError(f"this needs a module with parameters; given {describe(model)}")
        self.parameters = model.parameters()
        self.filters: list[np.ndarray] = []
        neurons: dict[str, list[int]] = {}
        start = 0
        for name, p in model.named_parameters():
            positions = np.arange(start, start + np.size(p.data)).reshape(np.shape(p.data))
            start += positions.size
            owner, _, own = name.rpartition(".")
            if positions.ndim == 2:  # (inputs, units)
                self.filters += list(positions.T)
            elif positions.ndim > 2:  # (out_channels, in_channels, height, width)
                self.filters += [each.ravel() for each in positions]
            elif positions.ndim == 0 and own.startswith("w"):
                neurons.setdefault(owner, []).append(int(positions))
        self.filters += [np.array(positions) for positions in neurons.values()]

    def get(self) -> np.ndarray:
        """A copy of the vector."""
        return np.concatenate([np.ravel(p.data) for p in self.parameters]).astype(np.float64)

    def set(self, vector: np.ndarray) -> None:
        """Set the parameters to this vector."""
        start = 0
        for p in self.parameters:
            size = np.size(p.data)
            part = vector[start : start + size]
            p.data = part.reshape(p.shape).astype(p.dtype) if isinstance(p, Tensor) else float(part[0])
            start += size
