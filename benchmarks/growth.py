"""How time grows: with the nodes of a scalar graph, the operations on small arrays, the batch, and the depth."""

from __future__ import annotations

from typing import Any

import overhead
import scalar_step
import tensor_step
from harness import Case, Question

# JAX without compiling takes half a minute for 20,000 operations
UP_TO = {"JAX, not compiled": 1_000}


def question(
    name: str, axis: str, title: str, note: str, programs: Any, sizes: Any, quick: Any, options: Any
) -> Question:
    def cases(is_quick: bool) -> list[Case]:
        tolerance = 1e-3 if programs is tensor_step.PROGRAMS else 1e-9  # float32 through many layers
        return [
            Case(
                f"{n:,} {axis}",
                options(n),
                tolerance=tolerance,
                size=n,
                programs=[name for name in programs if n <= UP_TO.get(name, n)],
            )
            for n in (quick if is_quick else sizes)
        ]

    return Question(name, title, note, programs, cases, axis, module=__name__)


QUESTIONS = [
    question(
        "growth_points",
        "points",
        "Growth with the nodes of a scalar graph",
        "The training step of micrograd's demonstration on so many points; each adds some 650 nodes to the graph.",
        scalar_step.WITHOUT_COLLECTOR,
        (1, 3, 10, 30, 100, 300),
        (1, 3),
        lambda n: {"points": n, "collector": True},
    ),
    question(
        "growth_operations",
        "operations",
        "Growth with the operations of a graph over small arrays",
        "Forward and backward through so many operations on 16 numbers; JAX up to 1,000, for it is slow uncompiled.",
        overhead.PROGRAMS,
        (40, 200, 1_000, 5_000, 20_000),
        (40, 200),
        lambda n: {"rounds": n // 4},
    ),
    question(
        "growth_batch",
        "samples",
        "Growth with the batch",
        "One training step of 64-64-64-10 in float32 on so many samples.",
        tensor_step.PROGRAMS,
        (1, 8, 64, 512, 4_096),
        (1, 8),
        lambda n: {"batch": n, "widths": (64, 64, 64, 10)},
    ),
    question(
        "growth_depth",
        "layers",
        "Growth with the depth",
        "One training step of 64-64-...-10 in float32 with so many layers, on 32 samples.",
        tensor_step.PROGRAMS,
        (1, 4, 16, 64),
        (1, 4),
        lambda n: {"batch": 32, "widths": (64,) * n + (10,)},
    ),
]
