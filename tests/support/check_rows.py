"""`make check-gradients`: every row of the table at many random inputs, against finite differences, as a table.

Each case is checked at first and second order, on arrays and, for elementwise rows, on Values.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import replace

import numpy as np
from table_cases import CASES, Case
from tqdm import tqdm

from chainrule.autograd import TABLE, CheckError, check_gradients
from chainrule.autograd.transforms.check import CheckReport


def redrawn(case: Case, rng: np.random.Generator) -> Case:
    """The case at inputs a little elsewhere, by up to a twentieth: on the same side of every kink and pole."""

    def moved(x: np.ndarray) -> np.ndarray:
        return rng.uniform(-0.05, 0.05, x.shape) * (x != np.round(x))  # whole numbers are there for a reason

    return replace(case, inputs=tuple(np.asarray(x + moved(x)) for x in case.inputs))


def check(case: Case, seed: int) -> list[CheckReport]:
    row = TABLE[case.row]
    reports = [check_gradients(lambda *xs: row(*xs, **case.params), *case.inputs, seed=seed)]
    if row.elementwise:
        at = np.unravel_index(seed % case.inputs[0].size, case.inputs[0].shape)
        params = {k: bool(v[at]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}
        numbers = [float(x[at]) for x in case.inputs]
        reports.append(check_gradients(lambda *xs: row(*xs, **params), *numbers, seed=seed))
    return reports


def main() -> int:
    parser = argparse.ArgumentParser(prog="make check-gradients ARGS=...", description=__doc__)
    parser.add_argument(
        "--repeats", type=int, default=20, help="how often each case is redrawn (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("rows", nargs="*", help="only these rows")
    chosen = parser.parse_args()
    if unknown := set(chosen.rows) - set(TABLE):
        print(
            f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(sorted(TABLE))}",
            file=sys.stderr,
        )
        return 2
    rng = np.random.default_rng(chosen.seed)
    found: dict[str, list[CheckReport]] = defaultdict(list)
    work = [case for case in CASES if not chosen.rows or case.row in chosen.rows]
    wrong = 0
    for case in tqdm(work, unit="case"):
        for repeat in range(chosen.repeats):
            drawn = redrawn(case, rng) if repeat else case
            try:
                found[case.row] += check(drawn, seed=repeat)
            except CheckError as error:
                tqdm.write(f"{case.row} with {case.params} at {drawn.inputs}: {error}", file=sys.stderr)
                wrong += 1
    print(f"{'row':<24} {'kind':<12} {'cases':>6} {'derivatives':>12} {'worst relative error':>21}")
    for name, reports in found.items():
        kind = "elementwise" if TABLE[name].elementwise else "structural"
        compared, worst = sum(r.compared for r in reports), max(r.worst for r in reports)
        print(f"{name:<24} {kind:<12} {len(reports):>6} {compared:>12} {worst:>21.1e}")
    every = [r for reports in found.values() for r in reports]
    print(
        f"{len(found)} rows, {len(every)} cases, {sum(r.compared for r in every)} derivatives, "
        + (f"{wrong} WRONG" if wrong else "all right")
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
