"""One training step on several devices: each takes its part of the batch, and their gradients are added up.

The devices are virtual, parts of one processor that JAX takes for devices of their own: on a machine with fewer cores
than devices no speed is to be gained beyond the cores, and what is measured is what the division costs. In "two
processes" the second device is that of another process, joined by `nn.distributed`. A network 784-512-512-10 in
float32, 512 samples, SGD.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensor_step
import workloads
from harness import Case, Missing, Prepared, Program, Question

SIZES = {"batch": 512, "widths": (784, 512, 512, 10)}
QUICK = {"batch": 64, "widths": (64, 32, 10)}
MOST = 8
ALONE, TWO, OURS = "JAX, compiled", "JAX, compiled, two processes", "chainrule, XLA"


def virtual_devices(count: int) -> None:
    """Ask for so many devices; JAX reads it when it is imported."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "device_count" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={count}"


def on_mesh(devices: list[Any], batch: int, widths: tuple[int, ...]) -> Prepared:
    """JAX by hand: the batch is divided over the devices, the parameters are on all; the compiler adds up gradients."""
    import jax
    import jax.numpy as jnp
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(devices), ("devices",))
    divided, alike = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("devices",), ()))
    X, y, parameters = tensor_step.data(batch, widths)
    share = batch // jax.process_count()
    own = slice(jax.process_index() * share, (jax.process_index() + 1) * share)
    X, y = (jax.make_array_from_process_local_data(divided, each[own]) for each in (X, y))

    def gradient(ps: Any, X: Any, y: Any) -> Any:
        return jax.grad(lambda ps: tensor_step.log_likelihood(jnp, ps, X, y))(ps)

    def step_and_gradient(ps: Any, X: Any, y: Any) -> Any:
        found = gradient(ps, X, y)
        return [p - tensor_step.RATE * g for p, g in zip(ps, found)], found

    options = {"in_shardings": (alike, divided, divided), "out_shardings": alike}
    both = jax.jit(step_and_gradient, **options)
    update = jax.jit(lambda *given: step_and_gradient(*given)[0], donate_argnums=0, **options)

    def start() -> Any:
        return [jax.make_array_from_process_local_data(alike, p) for p in parameters]

    found = both(both(start(), X, y)[0], X, y)[1]  # of the second step
    state = [start()]

    def step() -> None:
        state[0] = jax.block_until_ready(update(state[0], X, y))

    return step, lambda: [np.asarray(g) for g in found]


def in_one_process(devices: int, **sizes: Any) -> Prepared:
    virtual_devices(MOST)
    import jax

    return on_mesh(jax.devices()[:devices], **sizes)


def in_two_processes(devices: int, **sizes: Any) -> Prepared:
    """This process steps when it is asked to; its partner steps whenever it can, which a collective lets it do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    quick = sizes == QUICK
    command = [sys.executable, __file__, address, str(int(quick))]
    subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # it ends when this one does
    return joined(address, 0, sizes)


def joined(address: str, index: int, sizes: dict[str, Any]) -> Prepared:
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "").partition("--xla_force_host")[0]
    from chainrule import nn

    if not hasattr(nn, "distributed"):
        raise Missing("nn.distributed is not there yet")
    processes = nn.distributed(address, processes=2, index=index, timeout=60)
    return on_mesh(processes.devices, **sizes)


def in_chainrule(devices: int, **sizes: Any) -> Prepared:
    virtual_devices(MOST)
    import jax

    make = partial(tensor_step.workload, **sizes)
    return workloads.with_engine(make, "xla", devices=jax.devices()[:devices])


def cases(quick: bool) -> list[Case]:
    sizes = QUICK if quick else SIZES
    found = []
    for n in (1, 2) if quick else (1, 2, 4, MOST):
        programs = [ALONE, OURS] + [TWO] * (n == 2)
        options = {"devices": n, **sizes}
        found.append(Case(f"{n:,} devices", options, tolerance=1e-4, size=n, programs=programs))
    return found


QUESTIONS = [
    Question(
        name="scaling",
        title="Several devices",
        note=__doc__,
        programs={
            ALONE: Program(in_one_process, ["jax"]),
            TWO: Program(in_two_processes, ["jax"]),
            OURS: Program(in_chainrule, ["jax"]),
        },
        cases=cases,
        axis="devices",
        module=__name__,
    )
]


if __name__ == "__main__":  # the second process
    sys.path.insert(0, str(Path(__file__).parent))
    step, _ = joined(sys.argv[1], 1, QUICK if sys.argv[2] == "1" else SIZES)
    while True:
        step()
