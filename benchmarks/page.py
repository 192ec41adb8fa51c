"""Write docs/benchmarks.md, the plot on it, and the figures behind it, from what `run.py --json` has written.

The plot needs matplotlib, which is an extra: pip install "chainrule[plot]".
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import harness

DOCS = Path(__file__).resolve().parents[1] / "docs"

INTRODUCTION = """\
# Benchmarks

Written by `make bench-page` from the figures of `make bench`, which are in [benchmarks.json](benchmarks.json).

Every program runs in a process of its own, {threads}. Before anything is timed, its gradients are compared with
those of the others. Then the programs take turns, up to {rounds} rounds of them: turns are short, and short steps are
repeated within one, so that a machine that slows down for a while slows all programs of a round. Given are medians of
{clock}, and between what numbers 80 % of the rounds lie; ratios are taken within a round.
"Cores" is processor time over time: 1.0 is one thread that never waits. The control, a fixed piece of Python and
NumPy, is timed before each turn: where it scatters, the machine was busy with something else.

Machine: {machine}.
Measured on {date}, in {minutes:.0f} minutes.
"""

COLOURS = {
    "chainrule": ("#0b5cad", "-", 2.5),
    "chainrule, replayed": ("#00715d", "-", 2.5),
    "chainrule, jit": ("#00715d", "--", 2.0),
    "chainrule, XLA": ("#c2185b", "-", 2.5),
    "JAX, compiled, two processes": ("#6e7985", ":", 1.5),
    "NumPy by hand": ("#1f2937", "--", 1.5),
    "micrograd": ("#b04a00", "-", 1.5),
    "PyTorch": ("#c8502d", "-", 1.5),
    "MyGrad": ("#8a6d00", "-", 1.5),
    "HIPS autograd": ("#6b3fa0", "-", 1.5),
}
OTHER = ("#6e7985", "-.", 1.5)  # JAX, compiled or not


def page(report: dict[str, Any]) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rounds = max(f["rounds"] for q in report["questions"] for c in q["cases"] for f in c["figures"].values())
    described = (
        f"{machine['cpus']} processors, {machine['architecture']}, {machine['system']}, "
        f"Python {machine['python']}; {versions}"
    )
    head = INTRODUCTION.format(
        threads="with one thread" if machine["threads"] == 1 else f"with {machine['threads']} threads",
        rounds=rounds,
        clock={"wall": "the time that passed", "processor": "processor time (the machine was shared)"}[
            machine["clock"]
        ],
        machine=described,
        date=machine["date"],
        minutes=sum(question["seconds"] for question in report["questions"]) / 60,
    )
    parts = [head.rstrip(), *harness.summary(report)]
    for question in report["questions"]:
        if question["axis"] and "growth.svg" not in "".join(parts):
            parts += ["", "## Growth", "", "![Time against size, on logarithmic axes](images/growth.svg)"]
        parts += harness.lines(question)
    text = "\n".join(parts)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def plot(report: dict[str, Any], path: Path) -> None:
    """Time against size, a panel for each question of growth."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    matplotlib.rcParams["svg.hashsalt"] = "chainrule"  # the same figures give the same file
    growths = [q for q in report["questions"] if q["axis"]]
    rows = math.ceil(len(growths) / 2)
    figure = Figure(figsize=(10, 4 * rows), layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False).flat
    for question, ax in zip(growths, panels):
        names = dict.fromkeys(name for case in question["cases"] for name in case["figures"])
        for name in names:
            found = [
                (case["size"], case["figures"][name]) for case in question["cases"] if name in case["figures"]
            ]
            colour, line, width = COLOURS.get(name, OTHER)
            sizes = [size for size, _ in found]
            ax.plot(
                sizes,
                [f["median"] * 1e3 for _, f in found],
                line,
                color=colour,
                lw=width,
                marker="o",
                ms=3,
                label=name,
            )
            low, high = ([f[end] * 1e3 for _, f in found] for end in ("low", "high"))
            ax.fill_between(sizes, low, high, color=colour, alpha=0.15, lw=0)
        ax.set(xscale="log", yscale="log", xlabel=question["axis"], ylabel="ms", title=question["title"])
        if question["axis"] == "devices":  # less than a decade on both axes: plain numbers
            ax.set_xticks([case["size"] for case in question["cases"]])
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter(NullFormatter() if axis is ax.xaxis else "{x:g}")
        ax.title.set_fontsize(10)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7, loc="best")
    for ax in panels:
        ax.remove()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figures", type=Path, help="the file that run.py --json has written")
    parser.add_argument(
        "--docs", type=Path, default=DOCS, help="the folder to write to (default: docs/ beside this one)"
    )
    chosen = parser.parse_args()
    text = chosen.figures.read_text(encoding="utf-8")
    report = json.loads(text)
    plot(report, chosen.docs / "images" / "growth.svg")
    (chosen.docs / "benchmarks.md").write_text(page(report), encoding="utf-8")
    (chosen.docs / "benchmarks.json").write_text(text, encoding="utf-8")
    print(f"wrote benchmarks.md, benchmarks.json and images/growth.svg in {chosen.docs}")


if __name__ == "__main__":
    main()
