"""Training steps on an accelerator: chainrule through XLA, JAX written by hand, and PyTorch, on the same device.

    python benchmarks/accelerator.py

It measures where JAX sees a GPU or another accelerator, within five minutes, and says so in a sentence where it sees
none. The steps are those of `run.py`, in float32 without the shorter numbers of tensor cores, after their gradients
were compared. Every program waits for the device after each step. They take turns; ratios are taken within a round.
The first step, in which programs compile, is given for itself. `--anyway` measures on whatever there is, to try the
script.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

# JAX would take most of the device's memory beforehand, and PyTorch is to have some
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import cnn_step
import embedding_step
import gpt_step
import harness
import lstm_step
import numpy as np
import tensor_step
import workloads
from harness import Missing

OURS, JAX, TORCH = "chainrule, XLA", "JAX, compiled", "PyTorch"
LIMIT = 270.0  # seconds, for all
WIDE = {"batch": 4096, "widths": (784, 4096, 4096, 10)}  # large enough to keep a GPU busy


class Trial(NamedTuple):
    """A size of one of the measured networks, in the module that has its programs."""

    name: str
    module: Any
    sizes: dict[str, Any]


def trials(quick: bool) -> list[Trial]:
    layered = {
        name: {"batch": batch, "widths": widths} for name, (batch, widths, *_) in tensor_step.SIZES.items()
    }
    layered["4096x784-4096-4096-10"] = WIDE
    found = [Trial(f"layers, {name}", tensor_step, sizes) for name, sizes in layered.items()]
    for title, module in (
        ("convolutions", cnn_step),
        ("LSTM", lstm_step),
        ("characters", embedding_step),
        ("GPT", gpt_step),
    ):
        found += [Trial(f"{title}, {case.name}", module, case.options) for case in module.cases(quick)]
    return [trial for trial in found if not quick or trial.module is not tensor_step or trial is found[0]]


def accelerator() -> Any:
    """The first device of JAX that is no processor, or `None`."""
    import jax

    return next((device for device in jax.devices() if device.platform != "cpu"), None)


def device_of_pytorch() -> str:
    """The device that PyTorch measures on; `Missing` if it has none beside the processor."""
    import jax

    if jax.default_backend() == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        return "cuda"
    raise Missing("PyTorch sees no GPU")


def in_pytorch(trial: Trial) -> harness.Prepared:
    if not harness.installed("torch"):
        raise Missing("torch is not installed")
    device = device_of_pytorch()
    step, gradients = trial.module.pytorch(device=device, **trial.sizes)
    if device == "cpu":
        return step, gradients
    import torch

    def and_wait() -> None:
        step()
        torch.cuda.synchronize()

    return and_wait, gradients


def in_chainrule(trial: Trial) -> harness.Prepared:
    return workloads.with_engine(partial(trial.module.workload, **trial.sizes), "xla")


PROGRAMS: dict[str, Callable[[Trial], harness.Prepared]] = {
    OURS: in_chainrule,
    JAX: lambda trial: trial.module.jax_compiled(**trial.sizes),
    TORCH: in_pytorch,
}


def prepared(name: str, trial: Trial) -> tuple[harness.Step, float, list[Any]]:
    """The step of a program, the seconds that its first one took, and the gradients of its second."""
    step, gradients = PROGRAMS[name](trial)
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    step()
    return step, first, [np.asarray(g) for g in gradients()]


def measure(trial: Trial, rounds: int, turn: float, until: float) -> Iterator[tuple[Any, ...]]:
    """A row for each program: the median, what 80 % lie in, time over that of JAX, and the first step."""
    steps, first, results, missing = {}, {}, {}, {}
    for name in PROGRAMS:
        try:
            steps[name], first[name], results[name] = prepared(name, trial)
        except Exception as error:  # noqa: PERF203 - a failure is a result, and this is its report
            kind = "" if isinstance(error, Missing) else f"{type(error).__name__}: "
            missing[name] = f"{kind}{error}".splitlines()[0][:120]
    # of the largest gradient: where rounding moves a unit across the kink of ReLU, gradients are others
    case = harness.Case(trial.name, {}, tolerance=2e-2)
    question = harness.Question("accelerator", "", "", {}, list)
    harness.agree(question, case, {name: found for name, found in results.items() if found})
    repeats = {name: harness._repeats(step, turn) for name, step in steps.items()}
    times: list[dict[str, float]] = []
    while steps and len(times) < rounds and (time.perf_counter() < until or not times):
        times.append({})
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                step()
            times[-1][name] = (time.perf_counter() - start) / repeats[name]
    for name in PROGRAMS:
        if name in missing:
            yield (name, "-", missing[name], "", "")
            continue
        found = harness.spread([figures[name] for figures in times])
        ratio = harness.spread([figures[name] / figures[JAX] for figures in times if JAX in figures])
        yield (
            name,
            harness.readable(found["median"], "s"),
            harness.between(found, "s"),
            f"{ratio['median']:.2f}" if JAX in steps and name != JAX else "",
            harness.readable(first[name], "s"),
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--anyway", action="store_true", help="measure on the processor if there is nothing else"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: to try the script")
    chosen = parser.parse_args()
    if not harness.installed("jax"):
        print("Nothing was measured: JAX is not installed (pip install 'chainrule[xla]').")
        return 0
    import jax

    device = accelerator()
    if device is None and not chosen.anyway:
        print("Nothing was measured: JAX sees no accelerator here, only the processor.")
        return 0
    jax.config.update("jax_default_matmul_precision", "highest")
    device = device or jax.devices()[0]
    start = time.perf_counter()
    print(f"Device: {device.device_kind} ({device.platform}), {len(jax.devices())} of them, one used.")
    print(f"Python {platform.python_version()}, JAX {jax.__version__}" + version_of("torch"))
    todo = trials(chosen.quick)
    rounds, turn = (2, 0.01) if chosen.quick else (21, 0.1)
    for i, trial in enumerate(todo):
        left = LIMIT - (time.perf_counter() - start)
        if left < 0:
            print(f"\nLeft out, because five minutes are over: {', '.join(t.name for t in todo[i:])}.")
            break
        print(f"\n**{trial.name}**\n")
        try:
            rows = list(measure(trial, rounds, turn, time.perf_counter() + left / (len(todo) - i)))
        except AssertionError as error:
            lines = str(error).strip().splitlines()[1:3]
            print(f"Not timed, because gradients differ. {'. '.join(lines)}", flush=True)
            continue
        head = ("program", "median", "80 % lie in", "over JAX", "first step")
        print("\n".join(harness.table(head, rows)), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} seconds in all.")
    return 0


def version_of(module: str) -> str:
    if not harness.installed(module):
        return ""
    return f", PyTorch {__import__(module).__version__}"


if __name__ == "__main__":
    sys.exit(main())
