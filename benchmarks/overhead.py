"""What recording and differentiating cost beside NumPy's own work, on a graph of 1,000 nodes over small arrays.

Three programs compute the same value and gradients: NumPy by hand, chainrule, and PyTorch in eager mode. What an
engine adds is its time less that of NumPy by hand. The control, a fixed piece of Python, shows when the machine was
slow.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from chainrule.autograd import Tensor, tanh

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

ROUNDS = 250  # of four operations each
START, FACTOR, SHIFT = np.random.default_rng(0).normal(size=(3, 16))


def program(x: Any, a: Any, b: Any, tanh: Callable[[Any], Any]) -> Any:
    for _ in range(ROUNDS):
        x = tanh(x * a + b) - x
    return x.sum()


def by_hand() -> list[np.ndarray]:
    x, saved = START, []
    for _ in range(ROUNDS):
        t = np.tanh(x * FACTOR + SHIFT)
        saved.append((x, t))
        x = t - x
    x.sum()
    g, by_a, by_b = np.ones(16), np.zeros(16), np.zeros(16)
    for x, t in reversed(saved):
        gz = g * (1 - t * t)
        by_b = by_b + gz
        by_a = by_a + gz * x
        g = gz * FACTOR - g
    return [g, by_a, by_b]


def with_chainrule() -> list[np.ndarray]:
    leaves = [Tensor(v) for v in (START, FACTOR, SHIFT)]
    program(*leaves, tanh).backward()
    return [leaf.grad for leaf in leaves]


def with_torch() -> list[np.ndarray]:
    leaves = [torch.tensor(v, requires_grad=True) for v in (START, FACTOR, SHIFT)]
    program(*leaves, torch.tanh).backward()
    return [leaf.grad.numpy() for leaf in leaves]


def control() -> int:
    return sum(i * i for i in range(20_000))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    programs: dict[str, Callable[[], Any]] = {
        "control": control,
        "NumPy by hand": by_hand,
        "chainrule": with_chainrule,
    }
    if torch is not None:
        torch.set_num_threads(1)
        programs["PyTorch, eager"] = with_torch
    expected = by_hand()
    for name, run in programs.items():
        if name != "control":
            for mine, hand in zip(run(), expected):
                np.testing.assert_allclose(mine, hand, rtol=1e-9)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in tqdm(range(chosen.repeats), unit="round"):  # in turn, so that a slow moment hits all of them
        for name, run in programs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(t) * 1e3 for name, t in times.items()}
    print(f"1,000 operations on arrays of 16 float64 numbers, forward and backward; {platform.machine()},")
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    print(
        versions
        + (f", PyTorch {torch.__version__} on one thread" if torch is not None else ", no PyTorch here")
    )
    print(f"{'':<16} {'median ms':>10} {'fastest':>10} {'slowest':>10} {'added ms':>10}")
    for name, t in times.items():
        added = (
            "" if name in ("control", "NumPy by hand") else f"{medians[name] - medians['NumPy by hand']:.2f}"
        )
        print(f"{name:<16} {medians[name]:>10.2f} {min(t) * 1e3:>10.2f} {max(t) * 1e3:>10.2f} {added:>10}")
    result: dict[str, Any] = {"benchmark": "overhead", "versions": versions, "median_ms": medians}
    if torch is not None:
        hand = medians["NumPy by hand"]
        result["ratio"] = (medians["chainrule"] - hand) / (medians["PyTorch, eager"] - hand)
        print(f"chainrule adds {result['ratio']:.2f} of what PyTorch adds (goal: 0.33)")
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"wrote {chosen.json}")


if __name__ == "__main__":
    main()
