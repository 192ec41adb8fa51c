"""Every optimiser with its formula, written out for one number, and the options of both."""

import math

import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, Value
from chainrule.nn import optim

GRADIENTS = [0.5, -1.5, 0.25, 2.0, 0.0]


def sgd(x, gradients, lr=0.1, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0, maximize=False):
    v = None
    for g in gradients:
        d = (-g if maximize else g) + weight_decay * x
        if momentum:
            v = d if v is None else momentum * v + (1 - dampening) * d
            d = d + momentum * v if nesterov else v
        x = x - lr * d
    return x


def adagrad(x, gradients, lr=0.1, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    total = initial_accumulator_value
    for t, g in enumerate(gradients):
        d = g + weight_decay * x
        total += d**2
        x = x - lr / (1 + t * lr_decay) * d / (math.sqrt(total) + eps)
    return x


def adadelta(x, gradients, lr=0.1, rho=0.9, eps=1e-6, weight_decay=0.0):
    squares = changes = 0.0
    for g in gradients:
        d = g + weight_decay * x
        squares = rho * squares + (1 - rho) * d**2
        change = math.sqrt(changes + eps) / math.sqrt(squares + eps) * d
        changes = rho * changes + (1 - rho) * change**2
        x = x - lr * change
    return x


def rmsprop(x, gradients, lr=0.1, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    squares = mean = v = 0.0
    for g in gradients:
        d = g + weight_decay * x
        squares, mean = alpha * squares + (1 - alpha) * d**2, alpha * mean + (1 - alpha) * d
        v = momentum * v + d / (math.sqrt(squares - centered * mean**2) + eps)
        x = x - lr * v
    return x


def adam(x, gradients, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0.0, amsgrad=False):
    b1, b2 = betas
    m = v = largest = 0.0
    for t, g in enumerate(gradients, 1):
        x = x - lr * decoupled * x
        d = g + weight_decay * x
        m, v = b1 * m + (1 - b1) * d, b2 * v + (1 - b2) * d * d
        largest = max(largest, v)
        x = x - lr * (m / (1 - b1**t)) / (math.sqrt((largest if amsgrad else v) / (1 - b2**t)) + eps)
    return x


CASES = {  # name: (class, its formula, the options of both)
    "sgd": (optim.SGD, sgd, {}),
    "sgd decay": (optim.SGD, sgd, {"weight_decay": 0.2}),
    "sgd up": (optim.SGD, sgd, {"maximize": True, "weight_decay": 0.1}),
    "momentum": (optim.SGD, sgd, {"momentum": 0.9}),
    "dampening": (optim.SGD, sgd, {"momentum": 0.9, "dampening": 0.3}),
    "nesterov": (optim.SGD, sgd, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    "adagrad": (optim.Adagrad, adagrad, {}),
    "adagrad decay": (
        optim.Adagrad,
        adagrad,
        {"lr_decay": 0.3, "weight_decay": 0.1, "initial_accumulator_value": 0.4, "eps": 1e-3},
    ),
    "adadelta": (optim.Adadelta, adadelta, {}),
    "adadelta decay": (optim.Adadelta, adadelta, {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.2}),
    "rmsprop": (optim.RMSprop, rmsprop, {}),
    "rmsprop centered": (optim.RMSprop, rmsprop, {"centered": True, "alpha": 0.8, "momentum": 0.5}),
    "rmsprop decay": (optim.RMSprop, rmsprop, {"momentum": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    "adam": (optim.Adam, adam, {}),
    "adam decay": (optim.Adam, adam, {"betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.2}),
    "amsgrad": (optim.Adam, adam, {"betas": (0.5, 0.6), "amsgrad": True}),
    "adamw": (optim.AdamW, adam, {}),
    "adamw decay": (optim.AdamW, adam, {"weight_decay": 0.3}),
}


def by_formula(case, x, gradients):
    cls, formula, options = CASES[case]
    if cls is optim.AdamW:
        options = {"decoupled": options.get("weight_decay", 0.01)}
    return formula(x, gradients, **options)


LEAVES = {
    "Value": lambda: Value(1.5),
    "float64": lambda: Tensor([[1.5, 1.5]]),
    "float32": lambda: Tensor(np.full((2, 3), 1.5, np.float32)),
    "0-d": lambda: Tensor(1.5),
    "Fortran": lambda: nn.Parameter(np.full((3, 2), 1.5, order="F")),
}


# ---------------------------------------------------------------------- clipping


def with_gradients(*gradients):
    nodes = [Value(0.0) if isinstance(g, float) else Tensor(np.zeros_like(g)) for g in gradients]
    for node, g in zip(nodes, gradients, strict=True):
        node.grad = g
    return nodes
