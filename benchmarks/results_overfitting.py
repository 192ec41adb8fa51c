"""Overfitting shown, and cured by early stopping, L1, L2 and dropout: few handwritten digits, badly labelled.

A network with more units than samples memorises 200 digits, of which three in ten have a wrong label. It is tested on
1,397 others, with their right labels. The strength of each cure (for early stopping its patience) is chosen
anew for each seed, among those in `CURES`, by the accuracy on 200 validation samples, which are as badly labelled and
take no other part than to stop early. No sample is in two of the three parts, so the held-out ones choose nothing.

`results(seeds)` gives the figures as data; the command prints them as a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from chainrule import nn

SAMPLES, WRONG, WIDTH, EPOCHS, RATE = 200, 0.3, 256, 200, 2e-3
CURES: dict[str, list[Any]] = {  # the strengths to choose from
    "none": [None],
    "early stopping": [5, 10, 20],
    "L1": [2e-3, 4e-3, 8e-3],
    "L2": [5e-3, 1e-2, 2e-2],
    "dropout": [0.8, 0.9, 0.95],
}


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


def results(
    seeds: Iterable[int], cures: Mapping[str, list[Any]] = CURES, progress: bool = True
) -> dict[str, dict[str, list[Any]]]:
    """For each cure the strength that was best in validation, its epochs and accuracies, one entry per seed."""
    found: dict[str, dict[str, list[Any]]] = {cure: {} for cure in cures}
    runs = [(cure, strengths, seed) for cure, strengths in cures.items() for seed in seeds]
    with tqdm(total=sum(len(strengths) for _, strengths, _ in runs), unit="run", disable=not progress) as bar:
        for cure, strengths, seed in runs:
            best: dict[str, Any] = {}
            for strength in strengths:
                bar.set_postfix_str(f"{cure}, seed {seed}")
                run = {"strength": strength, **train(cure, strength, seed)}
                if not best or run["validation"] > best["validation"]:  # of equals the first
                    best = run
                bar.update()
            for name, value in best.items():
                found[cure].setdefault(name, []).append(value)
    return found


def table(found: Mapping[str, Mapping[str, list[Any]]]) -> list[str]:
    """The lines of a table: means over the seeds, and the deviation of what counts."""
    lines = [
        "| cure | strength chosen for each seed | epochs | accuracy on the training samples | held out | ± |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for cure, columns in found.items():
        epochs, learnt, test = (np.mean(columns[name]) for name in ("epochs", "training", "test"))
        spread = np.std(columns["test"], ddof=1) if len(columns["test"]) > 1 else 0.0
        strengths = ", ".join("" if each is None else str(each) for each in columns["strength"]).strip(", ")
        lines.append(f"| {cure} | {strengths} | {epochs:.0f} | {learnt:.1%} | {test:.1%} | {spread:.1%} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 on (default: 5)")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds 1 or more")
    print(*table(results(range(arguments.seeds))), sep="\n")


if __name__ == "__main__":
    main()
