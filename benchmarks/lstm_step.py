"""One training step of an LSTM in float32: forward over 50 items, mean square of all outputs, backward, SGD.

chainrule records every gate of every step as nodes, which can be drawn; PyTorch's LSTM is one compiled operation.
JAX's is written out, a loop (`scan`) over the items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import Case, Prepared, Program, Question, share_of_time
from workloads import Workload, eager, rows

RATE = 1e-4  # so small that all programs go on doing the same work


def data(batch: int, length: int, n_inputs: int, n_hidden: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Sequences, and the weights under PyTorch's names and in its layout."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih": (4 * n_hidden, n_inputs), "weight_hh": (4 * n_hidden, n_hidden)}
    shapes |= {"bias_ih": (4 * n_hidden,), "bias_hh": (4 * n_hidden,)}
    bound = n_hidden**-0.5
    weights = {
        f"{name}_l0": rng.uniform(-bound, bound, shape).astype(np.float32) for name, shape in shapes.items()
    }
    return rng.normal(size=(length, batch, n_inputs)).astype(np.float32), weights


def chainrule_model(sizes: dict[str, int]) -> Any:
    from chainrule import nn

    X, weights = data(**sizes)
    model = nn.LSTM(sizes["n_inputs"], sizes["n_hidden"], dtype=np.float32)
    nn.load_torch(model, weights)
    return X, model, nn.SGD(model.parameters(), lr=RATE)


def workload(**sizes: int) -> Workload:
    """The model, the loss, the optimiser and the batch in chainrule; there are no targets."""
    from chainrule import nn

    X, layer, optimizer = chainrule_model(sizes)

    class Outputs(nn.Module):
        def __init__(self) -> None:
            self.layer = layer

        def forward(self, x: Any) -> Any:
            return self.layer(x)[0]

    return Workload(
        Outputs(),
        lambda output, y: (output * output).mean(),
        optimizer,
        [(X, np.zeros(sizes["length"]))],
        lambda: [p.grad.T for p in layer.parameters()],
    )


def chainrule(**sizes: int) -> Prepared:
    return eager(workload(**sizes))


def chainrule_replayed(**sizes: int) -> Prepared:
    from chainrule.autograd import Tape

    X, model, optimizer = chainrule_model(sizes)
    output, _ = model(X)
    tape = Tape((output * output).mean())

    def step() -> None:
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()

    return step, lambda: [p.grad.T for p in model.parameters()]


def pytorch(device: str = "cpu", **sizes: int) -> Prepared:
    import torch

    X, weights = data(**sizes)
    model = torch.nn.LSTM(sizes["n_inputs"], sizes["n_hidden"]).to(device)
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    inputs = torch.tensor(X, device=device)

    def step() -> None:
        optimizer.zero_grad()
        output, _ = model(inputs)
        (output * output).mean().backward()
        optimizer.step()

    return step, lambda: [p.grad.cpu().numpy() for p in model.parameters()]


def jax_compiled(**sizes: int) -> Prepared:
    import jax
    import jax.numpy as jnp
    from tensor_step import descent_in_jax

    X, weights = data(**sizes)

    def loss(ws: list[Any], X: Any) -> Any:
        weight_ih, weight_hh, bias_ih, bias_hh = ws

        def item(carried: Any, x: Any) -> Any:
            h, c = carried
            i, f, g, o = jnp.split(x + h @ weight_hh.T, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        start = jnp.zeros((sizes["batch"], sizes["n_hidden"]), X.dtype)
        inputs = X @ weight_ih.T + (bias_ih + bias_hh)  # of all items at once
        _, outputs = jax.lax.scan(item, (start, start), inputs)
        return (outputs * outputs).mean()

    return descent_in_jax(loss, list(weights.values()), RATE, X)


def cases(quick: bool) -> list[Case]:
    goals = [share_of_time("chainrule", "PyTorch", 5), share_of_time("chainrule, replayed", "PyTorch", None)]
    goals += [
        share_of_time("chainrule, XLA", "PyTorch", 1.5),
        share_of_time("chainrule, XLA", "JAX, compiled", 1.1),
    ]
    sizes = {"batch": 32, "length": 50, "n_inputs": 64, "n_hidden": 128}
    if quick:
        sizes |= {"length": 10}
    name = "batch {batch}, {length} items of {n_inputs} numbers, {n_hidden} hidden units".format(**sizes)
    return [Case(name, sizes, goals, tolerance=1e-4)]


QUESTIONS = [
    Question(
        name="lstm_step",
        title="A recurrent network",
        note=__doc__,
        programs={
            "chainrule": Program(chainrule),
            "chainrule, replayed": Program(chainrule_replayed),
            **rows(workload),
            "PyTorch": Program(pytorch, ["torch"]),
            "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
        },
        cases=cases,
        module=__name__,
    )
]
