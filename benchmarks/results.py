"""Held-out results over several seeds: `make results` prints them, and writes out/results.json and docs/results.md.

The experiments are in results_classification.py, results_sequences.py and results_overfitting.py, whose first lines say
what is learnt from what and how choices were made. Each can be run by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

# one thread, before NumPy reads it: the matrices are small, and the same sums in the same order give the same numbers
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import results_classification  # noqa: E402
import results_overfitting  # noqa: E402
import results_sequences  # noqa: E402

PAGE = Path(__file__).resolve().parents[1] / "docs/results.md"

INTRODUCTION = """\
# Results

Written by `make results`, with the seeds {seeds}:
Python {python}, NumPy {numpy}, {system} on {machine} with {cpus} processors, one thread,
{minutes:.0f} minutes in all. "±" is the deviation over the seeds (of a sample, n - 1).
"""


def page(report: dict[str, Any]) -> str:
    """The page that says what is in the report."""
    lines = [INTRODUCTION.format(**{**report, "seeds": ", ".join(map(str, report["seeds"]))})]

    lines += [
        "## Classification",
        "",
        paragraph(results_classification),
        "",
        "| task | measure | mean | ± | aimed at | every seed, and what was chosen for it | seconds a run |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for row in report["classification"]:
        scores = ", ".join(
            f"{score:.1%}" + (f" ({', '.join(f'{k} {v}' for k, v in options.items())})" if options else "")
            for score, options in zip(row["scores"], row["chosen"])
        )
        lines.append(
            f"| {row['task']} | {row['measure']} | {row['mean']:.2%} | {row['deviation']:.2%} | {row['goal']:.0%} "
            f"| {scores} | {row['seconds']:.1f} |"
        )

    lines += ["", "## Sequences", "", paragraph(results_sequences), ""]
    lines += [
        "| task | measure | model | mean | ± | seconds a run |",
        "| --- | --- | --- | ---: | ---: | ---: |",
    ]
    for row in report["sequences"]:
        lines.append(
            f"| {row['task']} | {row['measure']} | {row['model']} | {row['mean']:.4f} | {row['deviation']:.4f} "
            f"| {row['seconds']:.1f} |"
        )

    lines += ["", "## Overfitting, and its cures", "", paragraph(results_overfitting), ""]
    lines += results_overfitting.table(report["overfitting"])
    return "\n".join(lines) + "\n"


def paragraph(module: Any) -> str:
    """What an experiment says of itself, without its last paragraph, which is about how to call it."""
    return "\n\n".join((module.__doc__ or "").strip().split("\n\n")[:-1])


def report(seeds: list[int]) -> dict[str, Any]:
    """All figures, as data for JSON."""
    start = time.perf_counter()
    found: dict[str, Any] = {
        "seeds": seeds,
        "classification": results_classification.results(seeds),
        "overfitting": results_overfitting.results(seeds),
        "sequences": results_sequences.results(seeds),
    }
    return {
        **found,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "minutes": (time.perf_counter() - start) / 60,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 on (default: 5)")
    parser.add_argument("--json", type=Path, default=Path("out/results.json"), help="where the figures go")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page goes")
    chosen = parser.parse_args()
    if chosen.seeds < 1:
        parser.error("--seeds 1 or more")
    found = report(list(range(chosen.seeds)))
    text = page(found)
    for path, content in ((chosen.json, json.dumps(found, indent=1)), (chosen.page, text)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    print(text)
    print(f"written: {chosen.json}, {chosen.page}")


if __name__ == "__main__":
    main()
