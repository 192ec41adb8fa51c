"""Sequences: an LSTM and a small transformer on held-out data, one real task and one classic one, over several seeds.

Digits, row by row (real): the 8 rows of an image of a handwritten digit arrive one after the other, 8 pixels each; the
share of a quarter of all images, held out, that is classified correctly. The baselines are softmax regressions: on the
last row, which is what a model without memory has at the end, and on all 64 pixels at once.

The adding problem (classic, Hochreiter and Schmidhuber, 1997): 30 random numbers between 0 and 1, of which two are
marked, one in each half; the target is their sum. The mean squared error on 2,000 new sequences; the baseline, to
say 1 always, has an error of 1/6.

`results(seeds)` gives the figures as data; the command prints them as a table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from tqdm import tqdm

from chainrule import nn

FLOAT = np.float32
LENGTH = 30


class Recurrent(nn.Module):
    """An LSTM, and a linear layer on its last hidden state."""

    def __init__(self, n_inputs: int, n_outputs: int, seed: int) -> None:
        self.lstm = nn.LSTM(n_inputs, 64, batch_first=True, seed=seed, dtype=FLOAT)
        self.head = nn.Linear(64, n_outputs, seed=seed, dtype=FLOAT)

    def forward(self, x: Any) -> Any:
        _, (h, _) = self.lstm(x)
        return self.head(h[-1])


class Transformer(nn.Module):
    """Two encoder layers over all positions, and a linear layer on the mean of what they have found."""

    def __init__(self, n_inputs: int, n_outputs: int, seed: int) -> None:
        options: Any = {"seed": seed, "dtype": FLOAT}
        self.embed = nn.Linear(n_inputs, 32, **options)
        self.positions = nn.PositionalEncoding(32, batch_first=True)
        layer = nn.TransformerEncoderLayer(32, 4, 64, 0.0, batch_first=True, norm_first=True, **options)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(32, dtype=FLOAT))
        self.head = nn.Linear(32, n_outputs, **options)

    def forward(self, x: Any) -> Any:
        return self.head(self.encoder(self.positions(self.embed(x))).mean(1))


def softmax_regression(X: np.ndarray, seed: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(X[0].size, 10, seed=seed, dtype=FLOAT))


def trained(
    model: nn.Module, loss: Any, X: Any, y: Any, epochs: int, seed: int, rate: float = 0.003
) -> nn.Module:
    """Adam, for the last fifth of the epochs at a tenth of its rate."""
    optimizer = nn.Adam(model.parameters(), lr=rate)
    nn.fit(model, loss, (X, y), optimizer=optimizer, epochs=epochs - epochs // 5, seed=seed, progress=False)
    optimizer.lr = rate / 10
    nn.fit(model, loss, (X, y), optimizer=optimizer, epochs=epochs // 5, seed=seed + 1, progress=False)
    return model


def digits(seed: int) -> Iterable[tuple[str, float]]:
    """The accuracy of each model on held-out images."""
    data = nn.datasets.load_digits()
    images = (data.data.reshape(-1, 8, 8) / 16).astype(FLOAT)
    X, X_test, y, y_test = nn.split(images, data.target, test_size=0.25, seed=seed, stratify=True)
    for name, model, rows, epochs in (
        ("softmax regression on the last row", softmax_regression(X[:, -1:], seed), slice(-1, None), 200),
        ("softmax regression on all pixels", softmax_regression(X, seed), slice(None), 200),
        ("LSTM", Recurrent(8, 10, seed), slice(None), 50),
        ("transformer", Transformer(8, 10, seed), slice(None), 30),
    ):
        trained(model, nn.cross_entropy, X[:, rows], y, epochs, seed)
        yield name, nn.evaluate(model, nn.cross_entropy, (X_test[:, rows], y_test), [nn.accuracy])["accuracy"]


def adding_problem(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`n` sequences of numbers with marks, `(n, LENGTH, 2)`, and the sums of the two that are marked, `(n, 1)`."""
    numbers, marks, half = rng.random((n, LENGTH)), np.zeros((n, LENGTH)), LENGTH // 2
    marks[np.arange(n), rng.integers(0, half, n)] = 1
    marks[np.arange(n), rng.integers(half, LENGTH, n)] = 1
    return np.stack([numbers, marks], -1).astype(FLOAT), (numbers * marks).sum(1, keepdims=True).astype(FLOAT)


def adding(seed: int) -> Iterable[tuple[str, float]]:
    """The mean squared error of each model on new sequences."""
    rng = np.random.default_rng(seed)
    X, y = adding_problem(10_000, rng)
    X_test, y_test = adding_problem(2_000, rng)
    yield "always 1", float(((y_test - 1) ** 2).mean())
    for name, model in (("LSTM", Recurrent(2, 1, seed)), ("transformer", Transformer(2, 1, seed))):
        trained(model, nn.mse_loss, X, y, 10, seed)
        yield name, nn.evaluate(model, nn.mse_loss, (X_test, y_test))["loss"]


TASKS = {
    "digits, row by row": ("accuracy on held-out images", digits),
    "adding problem": ("mean squared error on new sequences", adding),
}


def results(
    seeds: Iterable[int], tasks: Iterable[str] = tuple(TASKS), progress: bool = True
) -> list[dict[str, Any]]:
    """For each task and model the score at every seed, their mean and deviation, and the seconds of a run."""
    scores: dict[tuple[str, str], list[float]] = {}
    seconds: dict[tuple[str, str], list[float]] = {}
    runs = [(task, seed) for task in tasks for seed in seeds]
    bar = tqdm(runs, unit="run", disable=not progress)
    for task, seed in bar:
        start = time.perf_counter()
        for name, score in TASKS[task][1](seed):
            bar.set_postfix_str(f"{task}, seed {seed}: {name} {score:.4g}")
            scores.setdefault((task, name), []).append(score)
            seconds.setdefault((task, name), []).append(time.perf_counter() - start)
            start = time.perf_counter()
    return [
        {
            "task": task,
            "measure": TASKS[task][0],
            "model": name,
            "scores": found,
            "mean": float(np.mean(found)),
            "deviation": float(np.std(found, ddof=1)) if len(found) > 1 else 0.0,
            "seconds": float(np.mean(seconds[task, name])),
        }
        for (task, name), found in scores.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0 on (default: 5)")
    parser.add_argument(
        "--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK", help="these tasks"
    )
    chosen = parser.parse_args()
    if chosen.seeds < 1:
        parser.error("--seeds 1 or more")
    found = results(range(chosen.seeds), chosen.only)
    print(
        f"\nmean and deviation over {chosen.seeds} seeds\n\n| task | measure | model | mean | deviation | seconds |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for row in found:
        print(
            f"| {row['task']} | {row['measure']} | {row['model']} "
            f"| {row['mean']:.4f} | {row['deviation']:.4f} | {row['seconds']:.1f} |"
        )


if __name__ == "__main__":
    main()
