"""Measure chainrule against its rivals, and against its goals.

Prints a table for each question, and the goals with what was measured; `--json` writes all figures to a file, from
which `page.py` writes docs/benchmarks.md. A rival that is not installed is reported as missing.
"""

from __future__ import annotations

import os

# one thread for everybody; these are read when NumPy, PyTorch and JAX are imported
THREADS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NPROC": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}
os.environ.update(THREADS)

import argparse  # noqa: E402
import datetime  # noqa: E402
import importlib  # noqa: E402
import importlib.metadata  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from contextlib import suppress  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import harness  # noqa: E402

MODULES = [
    "scalar_step",
    "tensor_step",
    "lstm_step",
    "conv_step",
    "cnn_step",
    "embedding_step",
    "gpt_step",
    "epochs",
    "playground",
    "scaling",
    "overhead",
    "operands",
    "jvp",
    "node_memory",
    "chain",
    "growth",
]
PACKAGES = ["numpy", "micrograd", "torch", "mygrad", "autograd", "jax"]


def machine() -> dict[str, Any]:
    """What the figures depend on, in general terms."""
    versions = {}
    for package in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "date": datetime.date.today().isoformat(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": 1,
        "python": platform.python_version(),
        "versions": versions,
    }


def questions() -> list[harness.Question]:
    return [q for module in MODULES for q in importlib.import_module(module).QUESTIONS]


def main() -> int:
    everything = {q.name: q for q in questions()}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and few rounds: seconds, and rough figures"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these questions: " + ", ".join(everything))
    parser.add_argument("--rounds", type=int, help="how many turns each program has (default: 51; quick: 3)")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the figures to this file; with --only, what it has of other questions is kept",
    )
    parser.add_argument(
        "--clock",
        choices=["wall", "processor"],
        default="wall",
        help="seconds that pass, or seconds that the processor works: for a machine that others use, too",
    )
    chosen = parser.parse_args()
    os.environ["BENCH_CLOCK"] = chosen.clock
    unknown = set(chosen.only or ()) - everything.keys()
    if unknown or (chosen.rounds is not None and chosen.rounds < 1):
        parser.error(
            f"no question {', '.join(unknown)}; there are {', '.join(everything)}"
            if unknown
            else "--rounds 1 or more"
        )
    rounds = chosen.rounds or (3 if chosen.quick else 51)
    effort = harness.Effort(rounds, 0.01 if chosen.quick else 0.02, 2.0 if chosen.quick else 20.0)
    conditions = {"machine": machine() | {"clock": chosen.clock}, "quick": chosen.quick}
    found: dict[str, Any] = {}
    if chosen.only and chosen.json and chosen.json.exists():
        earlier = json.loads(chosen.json.read_text(encoding="utf-8"))
        if conditions.items() <= earlier.items():
            found = {question["name"]: question for question in earlier["questions"]}
    for name in chosen.only or everything:
        question, start = everything[name], time.perf_counter()
        cases = list(harness.measure(question, effort, chosen.quick))
        found[name] = {
            "name": name,
            "title": question.title,
            "note": question.note,
            "axis": question.axis,
            "seconds": round(time.perf_counter() - start, 1),
            "cases": cases,
        }
        print("\n".join(harness.lines(found[name])), flush=True)
        report = conditions | {"questions": [found[name] for name in everything if name in found]}
        if chosen.json:
            chosen.json.parent.mkdir(parents=True, exist_ok=True)
            chosen.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print("\n".join(harness.summary(report)))
    if chosen.json:
        print(f"\nwrote {chosen.json}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped; the questions that were finished are in the file of --json, if one was named")
