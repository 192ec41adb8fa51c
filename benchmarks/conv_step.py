"""One step of a convolutional layer in float32: forward, and backward to the weights, the bias and the images.

The gradient at the output is given, so nothing but the layer is timed. "NumPy by hand" is the same arithmetic on all
windows at once: one product of matrices for the batch in each direction, without padding within the loop, nor any care
for strides, dilation or groups. PyTorch is eager, on one thread; JAX is compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case, Prepared, Program, Question, share_of_time
from numpy.lib.stride_tricks import sliding_window_view

SIZES = {
    "32x16x28x28, 32 kernels of 3x3": (32, 16, 32, 28, 3),
    "32x1x28x28, 8 kernels of 5x5": (32, 1, 8, 28, 5),
    "8x64x14x14, 64 kernels of 3x3": (8, 64, 64, 14, 3),
}
GOALS = dict(zip(SIZES, (3, None, None)))


def data(batch: int, channels: int, outputs: int, side: int, kernel: int) -> tuple[np.ndarray, ...]:
    """Images, kernels, biases, and the gradient at the output, which has the images' height and width."""
    rng = np.random.default_rng(0)
    shapes = [
        (batch, channels, side, side),
        (outputs, channels, kernel, kernel),
        (outputs,),
        (batch, outputs, side, side),
    ]
    return tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)


def chainrule(**size: int) -> Prepared:
    from chainrule import nn
    from chainrule.autograd import Tensor

    x, w, b, g = data(**size)
    images = Tensor(x, requires_grad=True)
    layer = nn.Conv2d(size["channels"], size["outputs"], size["kernel"], padding="same", dtype=np.float32)
    layer.weight.data, layer.bias.data = w, b

    def step() -> None:
        layer.zero_grad()
        images.zero_grad()
        layer(images).backward(g)

    return step, lambda: [layer.weight.grad, layer.bias.grad, images.grad]


def chainrule_compiled(**size: int) -> Prepared:
    from chainrule import nn
    from chainrule.autograd import Tape, Tensor

    x, w, b, g = data(**size)
    images = Tensor(x, requires_grad=True)
    layer = nn.Conv2d(size["channels"], size["outputs"], size["kernel"], padding="same", dtype=np.float32)
    layer.weight.data, layer.bias.data = w, b
    tape = Tape((layer(images) * g).sum()).compile("xla")

    def step() -> None:
        layer.zero_grad()
        images.zero_grad()
        tape.forward()
        tape.backward()

    return step, lambda: [layer.weight.grad, layer.bias.grad, images.grad]


def by_hand(batch: int, channels: int, outputs: int, side: int, kernel: int) -> Prepared:
    x, w, b, g = data(batch, channels, outputs, side, kernel)
    pad, square = kernel // 2, channels * kernel * kernel
    found: list[np.ndarray] = []

    def step() -> None:
        wide = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = sliding_window_view(wide, (kernel, kernel), (2, 3)).transpose(0, 1, 4, 5, 2, 3)
        columns = windows.reshape(batch, square, side * side)
        y = w.reshape(outputs, square) @ columns
        y += b[:, None]
        flat = g.reshape(batch, outputs, side * side)
        by_w = (flat @ columns.swapaxes(1, 2)).sum(0).reshape(w.shape)
        parts = (w.reshape(outputs, square).T @ flat).reshape(batch, channels, kernel, kernel, side, side)
        wide[...] = 0
        for i in range(kernel):
            for j in range(kernel):
                wide[:, :, i : i + side, j : j + side] += parts[:, :, i, j]
        found[:] = by_w, flat.sum((0, 2)), wide[:, :, pad : pad + side, pad : pad + side].copy()

    return step, lambda: found


def pytorch(device: str = "cpu", **size: int) -> Prepared:
    import torch

    x, w, b, g = (torch.tensor(array, device=device) for array in data(**size))
    layer = torch.nn.Conv2d(size["channels"], size["outputs"], size["kernel"], padding="same")
    layer.weight.data, layer.bias.data = w, b
    images = x.requires_grad_()

    def step() -> None:
        layer.zero_grad()
        images.grad = None
        layer(images).backward(g)

    return step, lambda: [t.grad.cpu().numpy() for t in (layer.weight, layer.bias, images)]


def jax_compiled(**size: int) -> Prepared:
    import jax
    import jax.numpy as jnp

    x, w, b, g = map(jnp.asarray, data(**size))

    def layer(w: Any, b: Any, x: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME") + b[:, None, None]

    def both(w: Any, b: Any, x: Any, g: Any) -> Any:
        y, backward = jax.vjp(layer, w, b, x)
        return y, backward(g)

    passes, found = jax.jit(both), [[]]

    def step() -> None:
        _, found[0] = jax.block_until_ready(passes(w, b, x, g))

    return step, lambda: [np.asarray(each) for each in found[0]]


PROGRAMS: dict[str, Any] = {
    "NumPy by hand": Program(by_hand),
    "chainrule": Program(chainrule),
    "chainrule, XLA": Program(chainrule_compiled, ["jax"], compiles=True),
    "PyTorch": Program(pytorch, ["torch"]),
    "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
}


def cases(quick: bool) -> list[Case]:
    names = ("batch", "channels", "outputs", "side", "kernel")
    return [
        Case(
            name,
            dict(zip(names, size)),
            [
                share_of_time("chainrule", "PyTorch", GOALS[name]),
                share_of_time("chainrule", "NumPy by hand", None),
                share_of_time("chainrule, XLA", "PyTorch", 1.5),
                share_of_time("chainrule, XLA", "JAX, compiled", 1.1),
            ],
            tolerance=1e-4,
        )
        for name, size in SIZES.items()
        if not quick or size[0] * size[1] < 100
    ]


QUESTIONS = [
    Question(
        name="conv_step",
        title="A convolutional layer",
        note=__doc__,
        programs=PROGRAMS,
        cases=cases,
        module=__name__,
    )
]
