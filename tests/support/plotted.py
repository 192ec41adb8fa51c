"""What the tests of plots draw: two moons, a network that sees them, and the same network by hand."""

from __future__ import annotations

import numpy as np

from chainrule import nn
from chainrule.nn import MLP, datasets, scalar
from chainrule.viz import Recorder

X, Y = datasets.moons(40, noise=0.1, seed=0)
SIGNS = np.where(Y == 1, 1.0, -1.0)


def tensors(activation="tanh", widths=(5, 3, 1)):
    return MLP(2, list(widths), activation, seed=0)


def values(activation="tanh", widths=(5, 3, 1), compound=True):
    """The same network of Values: weights copied one by one."""
    model, other = scalar.MLP(2, list(widths), activation, compound=compound), tensors(activation, widths)
    for layer, linear in zip(model.layers, other.layers[::2]):
        for j, neuron in enumerate(layer.neurons):
            neuron.b.data = 0.1 * j
            linear.bias.data = 0.1 * np.arange(len(layer.neurons))
            for i, w in enumerate(neuron.w):
                w.data = float(linear.weight.data[i, j])
    return model, other


def by_hand(model, x, g=np.tanh):
    """What each layer of an MLP passes on, in NumPy."""
    found, linears = [], model.layers[::2]
    for linear in linears:
        x = x @ linear.weight.data + linear.bias.data
        x = g(x) if linear is not linears[-1] else x
        found.append(x)
    return found


def bce(scores, y):
    return nn.binary_cross_entropy_with_logits(scores, np.reshape(y, (-1, 1)))


def trained(steps=30):
    model = tensors()
    optimizer, recorder = nn.SGD(model.parameters(), lr=0.5), Recorder(model)
    for _ in range(steps):
        loss = bce(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recorder.record(model, loss, lr=optimizer.lr)
    return model, recorder


# ---------------------------------------------------------------------- all plots


def history():
    found = nn.History()
    for epoch, (a, b) in enumerate([(0.9, 0.8), (0.5, 0.4), (0.2, 0.5), (0.1, 0.6), (0.05, 0.7)], 1):
        found.append({"epoch": epoch, "loss": a, "val_loss": b})
    return found


def with_gradients():
    model = tensors()
    bce(model(X), Y).backward()
    return model


def drawn(ax):
    """Draw the axes; returns the function that gives the place of a part of them in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    return lambda part: part.get_window_extent(canvas.get_renderer())
