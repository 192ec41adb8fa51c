"""Overfitting shown, and cured by early stopping, L1, L2 and dropout: few handwritten digits, badly labelled.

A network with more units than samples learns 200 digits by heart, of which three in ten have a wrong label. It is
judged by 1,397 others, with their right labels. The strengths of the cures were chosen on the 200 validation samples
(as badly labelled) of other seeds, 100 to 102, with `--choose`; early stopping alone looks at those of its own run.

`results(seeds)` gives the figures as data; the command prints them as a table.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from chainrule import nn

SAMPLES, WRONG, WIDTH, EPOCHS, RATE = 200, 0.3, 256, 200, 2e-3
CURES: dict[str, list[Any]] = {  # the strengths to choose from
    "none": [None],
    "early stopping": [5, 10, 20],
    "L1": [1e-3, 2e-3, 4e-3, 8e-3],
    "L2": [5e-3, 1e-2, 2e-2, 4e-2],
    "dropout": [0.5, 0.7, 0.8, 0.9, 0.95],
}
CHOSEN: dict[str, Any] = {"none": None, "early stopping": 10, "L1": 4e-3, "L2": 1e-2, "dropout": 0.9}


def data(seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Training and validation samples with some wrong labels, and test samples with none."""
    digits = nn.datasets.load_digits()
    X = (digits.data / 16).astype(np.float32)
    rng = np.random.default_rng(seed)
    X, X_test, y, y_test = nn.split(X, digits.target, test_size=len(X) - 2 * SAMPLES, seed=rng, stratify=True)
    wrong = rng.random(len(y)) < WRONG
    y = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    return (X[:SAMPLES], y[:SAMPLES]), (X[SAMPLES:], y[SAMPLES:]), (X_test, y_test)


def network(dropout: float, seed: int) -> nn.Module:
    """64 inputs, one wide hidden layer, 10 outputs."""
    rng = np.random.default_rng(seed)
    layers: list[nn.Module] = [
        nn.Linear(64, WIDTH, weight_init=nn.init.he_uniform, seed=rng, dtype=np.float32),
        nn.ReLU(),
    ]
    if dropout:
        layers.append(nn.Dropout(dropout, seed=rng))
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10, seed=rng, dtype=np.float32))


def train(cure: str, strength: Any, seed: int) -> dict[str, float]:
    """One network: its accuracies in the end, on what it has learnt, on validation and on test samples."""
    training, validation, test = data(seed)
    model = network(strength if cure == "dropout" else 0, seed)
    penalty: Callable[[Any], Any] | None = {
        "L1": lambda m: nn.l1_penalty(m, strength),
        "L2": lambda m: nn.l2_penalty(m, strength),
    }.get(cure)
    history = nn.fit(
        model,
        nn.cross_entropy,
        training,
        optimizer=nn.Adam(model.parameters(), lr=RATE),
        epochs=EPOCHS,
        validation=validation if cure == "early stopping" else None,
        penalty=penalty,
        early_stopping=strength if cure == "early stopping" else None,
        seed=seed,
        progress=False,
    )
    found: dict[str, float] = {"epochs": len(history)}
    for name, part in (("training", training), ("validation", validation), ("test", test)):
        found[name] = nn.evaluate(model, nn.cross_entropy, part, [nn.accuracy])["accuracy"]
    return found


def choose() -> None:
    """Print the validation accuracy of every strength, on other seeds than those of the table."""
    for cure, strengths in CURES.items():
        for strength in strengths:
            runs = [train(cure, strength, seed)["validation"] for seed in (100, 101, 102)]
            print(f"{cure:<16}{strength!s:>8}{statistics.mean(runs):>10.3f}")


def results(seeds: Iterable[int], progress: bool = True) -> dict[str, dict[str, list[float]]]:
    """For each cure, a column for each accuracy, and for the number of epochs, with one entry per seed."""
    runs = [(cure, seed) for cure in CHOSEN for seed in seeds]
    found: dict[str, dict[str, list[float]]] = {cure: {} for cure in CHOSEN}
    for cure, seed in tqdm(runs, unit="run", disable=not progress):
        for name, value in train(cure, CHOSEN[cure], seed).items():
            found[cure].setdefault(name, []).append(value)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 on (default: 5)")
    parser.add_argument("--choose", action="store_true", help="show how the strengths were chosen")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds 1 or more")
    if arguments.choose:
        choose()
        return
    found = results(range(arguments.seeds))
    print(f"\naccuracy, mean over {arguments.seeds} seeds, and deviation of the last\n")
    print("| cure | strength | epochs | on what it has learnt | held out | deviation |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for cure, columns in found.items():
        epochs, learnt, test = (np.mean(columns[name]) for name in ("epochs", "training", "test"))
        spread = np.std(columns["test"], ddof=1) if arguments.seeds > 1 else 0.0
        strength = "" if CHOSEN[cure] is None else CHOSEN[cure]
        print(f"| {cure} | {strength} | {epochs:.0f} | {learnt:.1%} | {test:.1%} | {spread:.1%} |")


if __name__ == "__main__":
    main()
