"""One training step of a small GPT in float32: 210,497 parameters, characters as whole numbers, cross-entropy, Adam.

Four layers of width 64 with four heads each, a context of 32 characters out of 65, normalisation before each part,
GELU, a learnt vector for each position, no dropout; 16 sequences a step. The four batches are taken in turns. PyTorch
is eager, with its own layers; JAX is written out and compiled, in its first step, which is not among those timed.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from harness import Case, Prepared, Program, Question, share_of_time
from workloads import Workload, eager, rows

RATE = 1e-5  # so small that all programs go on doing the same work
BETAS, EPS = (0.9, 0.999), 1e-8
SIZES = {"batch": 16, "context": 32, "characters": 65, "width": 64, "heads": 4, "layers": 4}
Arrays = dict[str, np.ndarray]


def data(
    batch: int, context: int, characters: int, width: int, heads: int, layers: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], Arrays]:
    """Batches of whole numbers, and the parameters under PyTorch's names and in its layout, `(out, in)`."""
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "code.weight": (characters, width),
        "place.weight": (context, width),
    }
    for k in range(layers):
        shapes |= {
            f"layers.{k}.self_attn.in_proj_weight": (3 * width, width),
            f"layers.{k}.self_attn.in_proj_bias": (3 * width,),
            f"layers.{k}.self_attn.out_proj.weight": (width, width),
            f"layers.{k}.self_attn.out_proj.bias": (width,),
            f"layers.{k}.linear1.weight": (4 * width, width),
            f"layers.{k}.linear1.bias": (4 * width,),
            f"layers.{k}.linear2.weight": (width, 4 * width),
            f"layers.{k}.linear2.bias": (width,),
            f"layers.{k}.norm1.weight": (width,),
            f"layers.{k}.norm1.bias": (width,),
            f"layers.{k}.norm2.weight": (width,),
            f"layers.{k}.norm2.bias": (width,),
        }
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    shapes |= {"head.weight": (characters, width), "head.bias": (characters,)}
    parameters = {}
    for name, shape in shapes.items():
        spread = 0.1 if len(shape) == 1 else shape[-1] ** -0.5
        ones = "norm" in name and name.endswith("weight")
        parameters[name] = (ones + spread * rng.normal(size=shape)).astype(np.float32)
    batches = [
        tuple(rng.integers(characters, size=(batch, context)) for _ in range(2))  # each character's next one
        for _ in range(4)
    ]
    return batches, parameters


def workload(**sizes: int) -> Workload:
    """The model, the loss, the optimiser and the batches in chainrule."""
    from chainrule import nn
    from chainrule.nn import load_torch

    batches, arrays = data(**sizes)
    width, places = sizes["width"], np.arange(sizes["context"])

    class GPT(nn.Module):
        def __init__(self) -> None:
            self.code = nn.Embedding(sizes["characters"], width, dtype=np.float32)
            self.place = nn.Embedding(sizes["context"], width, dtype=np.float32)
            self.layers = [
                nn.TransformerEncoderLayer(
                    width, sizes["heads"], 4 * width, 0.0, "gelu", batch_first=True, norm_first=True,
                    dtype=np.float32,
                )
                for _ in range(sizes["layers"])
            ]  # fmt: skip
            self.norm = nn.LayerNorm(width, dtype=np.float32)
            self.head = nn.Linear(width, sizes["characters"], dtype=np.float32)

        def forward(self, x: Any) -> Any:
            h = self.code(x) + self.place(places)
            for layer in self.layers:
                h = layer(h, is_causal=True)
            return self.head(self.norm(h))

    model = GPT()
    load_torch(model, arrays)
    optimizer = nn.Adam(model.parameters(), lr=RATE, betas=BETAS, eps=EPS)

    def gradients() -> list[np.ndarray]:
        """Those of queries, keys and values are one array in PyTorch, and weights are transposed there."""
        found: Arrays = {}
        for name, p in model.named_parameters():
            g = p.grad.T if ("proj" in name or "linear" in name or "head" in name) else p.grad
            for part in ("q_proj.", "k_proj.", "v_proj."):
                if part in name:
                    name = name.replace(part, "in_proj_")
                    g = np.concatenate([found[name], g]) if name in found else g
            found[name] = g
        return [found[name] for name in arrays]

    return Workload(model, nn.cross_entropy, optimizer, batches, gradients)


def chainrule(**sizes: int) -> Prepared:
    return eager(workload(**sizes))


def pytorch(device: str = "cpu", **sizes: int) -> Prepared:
    import torch
    from torch.nn.functional import cross_entropy

    arrays, weights = data(**sizes)
    width, characters = sizes["width"], sizes["characters"]

    class GPT(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.code = torch.nn.Embedding(characters, width)
            self.place = torch.nn.Embedding(sizes["context"], width)
            options = {"activation": "gelu", "batch_first": True, "norm_first": True}
            self.layers = torch.nn.ModuleList(
                torch.nn.TransformerEncoderLayer(width, sizes["heads"], 4 * width, 0.0, **options)
                for _ in range(sizes["layers"])
            )
            self.norm = torch.nn.LayerNorm(width)
            self.head = torch.nn.Linear(width, characters)

        def forward(self, x: Any) -> Any:
            h = self.code(x) + self.place.weight
            for layer in self.layers:
                h = layer(h, later, is_causal=True)
            return self.head(self.norm(h))

    later = torch.nn.Transformer.generate_square_subsequent_mask(sizes["context"], device=device)
    model = GPT().to(device)
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, betas=BETAS, eps=EPS)
    turns = itertools.cycle([tuple(torch.tensor(each, device=device) for each in pair) for pair in arrays])

    def step() -> None:
        X, y = next(turns)
        optimizer.zero_grad()
        cross_entropy(model(X).reshape(-1, characters), y.reshape(-1)).backward()
        optimizer.step()

    def gradients() -> list[np.ndarray]:
        found = {name: p.grad.cpu().numpy() for name, p in model.named_parameters()}
        return [found[name] for name in weights]

    return step, gradients


def jax_compiled(**sizes: int) -> Prepared:
    import jax
    import jax.numpy as jnp

    arrays, parameters = data(**sizes)
    batches = [(jnp.asarray(X), jnp.asarray(y)) for X, y in arrays]
    batch, length, width, heads = sizes["batch"], sizes["context"], sizes["width"], sizes["heads"]
    allowed = jnp.tril(jnp.ones((length, length), bool))

    def linear(p: Any, name: str, x: Any) -> Any:
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def norm(p: Any, name: str, x: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return p[f"{name}.weight"] * x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) + p[f"{name}.bias"]

    def attention(p: Any, name: str, x: Any) -> Any:
        qkv = x @ p[f"{name}.in_proj_weight"].T + p[f"{name}.in_proj_bias"]
        q, k, v = jnp.moveaxis(qkv.reshape(batch, length, 3, heads, width // heads), (2, 3), (0, 2))
        scores = q @ jnp.swapaxes(k, -1, -2) / math.sqrt(width // heads)
        found = jax.nn.softmax(jnp.where(allowed, scores, -jnp.inf)) @ v
        return linear(p, f"{name}.out_proj", jnp.swapaxes(found, 1, 2).reshape(batch, length, width))

    def loss(p: Any, X: Any, y: Any) -> Any:
        h = p["code.weight"][X] + p["place.weight"]
        for k in range(sizes["layers"]):
            layer = f"layers.{k}"
            h = h + attention(p, f"{layer}.self_attn", norm(p, f"{layer}.norm1", h))
            wide = jax.nn.gelu(linear(p, f"{layer}.linear1", norm(p, f"{layer}.norm2", h)), approximate=False)
            h = h + linear(p, f"{layer}.linear2", wide)
        logs = jax.nn.log_softmax(linear(p, "head", norm(p, "norm", h)))
        return -jnp.take_along_axis(logs, y[..., None], -1).mean()

    def updated(p: Any, m: Any, v: Any, t: Any, X: Any, y: Any) -> Any:
        """Adam (Kingma and Ba, 2015)."""
        g = jax.grad(loss)(p, X, y)
        m = jax.tree.map(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, m, g)
        v = jax.tree.map(lambda v, g: BETAS[1] * v + (1 - BETAS[1]) * g * g, v, g)
        a, b = 1 - BETAS[0] ** t, 1 - BETAS[1] ** t
        p = jax.tree.map(lambda p, m, v: p - RATE * (m / a) / (jnp.sqrt(v / b) + EPS), p, m, v)
        return p, m, v, t + 1

    def start() -> Any:
        p = jax.tree.map(jnp.array, parameters)
        return p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.float32(1)

    update, turns, state = jax.jit(updated, donate_argnums=(0, 1, 2, 3)), itertools.cycle(batches), [start()]

    def step() -> None:
        state[0] = jax.block_until_ready(update(*state[0], *next(turns)))

    def second() -> list[Any]:  # the gradients of the second step
        found = jax.jit(jax.grad(loss))(update(*start(), *batches[0])[0], *batches[1])
        return [found[name] for name in parameters]

    return step, second


GOALS = [
    share_of_time("chainrule", "PyTorch", None),
    share_of_time("chainrule, XLA", "PyTorch", 1.5),
    share_of_time("chainrule, XLA", "JAX, compiled", 1.1),
]


def cases(quick: bool) -> list[Case]:
    sizes = SIZES | ({"batch": 2, "layers": 1, "width": 16} if quick else {})
    name = "{batch} sequences of {context} characters, {layers} layers of width {width}".format(**sizes)
    return [Case(name, sizes, GOALS, tolerance=1e-3)]


QUESTIONS = [
    Question(
        name="gpt_step",
        title="A small GPT",
        note=__doc__,
        programs={
            "chainrule": Program(chainrule),
            **rows(workload),
            "PyTorch": Program(pytorch, ["torch"]),
            "JAX, compiled": Program(jax_compiled, ["jax"], compiles=True),
        },
        cases=cases,
        module=__name__,
    )
]
