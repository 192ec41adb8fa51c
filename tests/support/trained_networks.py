"""Small networks of every kind with their data, for tests of engines, devices and processes.

python trained_networks.py NAME [key=value ...]     trains one, and prints its losses and parameters as JSON
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import numpy as np

from chainrule import nn


class Convolutional(nn.Module):
    """A convolution with batch normalisation and dropout."""

    def __init__(self) -> None:
        self.convolution = nn.Conv2d(1, 4, 3, seed=0)
        self.norm = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.3, seed=1)
        self.head = nn.Linear(36, 3, seed=2)

    def forward(self, x: Any) -> Any:
        x = self.pool(self.norm(self.convolution(x)).relu())
        return self.head(self.dropout(x.reshape(x.shape[0], -1)))


class Recurrent(nn.Module):
    """An LSTM, of which the last output is used."""

    def __init__(self) -> None:
        self.recurrent = nn.LSTM(3, 8, batch_first=True, seed=0)
        self.head = nn.Linear(8, 3, seed=1)

    def forward(self, x: Any) -> Any:
        return self.head(self.recurrent(x)[0][:, -1])


class Transformer(nn.Module):
    """Embeddings with positions, and one layer of a transformer with dropout."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(11, 16, seed=0)
        self.positions = nn.PositionalEncoding(16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True, seed=1)
        self.head = nn.Linear(16, 3, seed=3)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(self.positions(self.embedding(x))).mean(1))


def case(name: str, samples: int = 64) -> tuple[nn.Module, np.ndarray, np.ndarray]:
    """A new network of this name, its inputs, and classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, samples)
    if name == "mlp":
        return nn.MLP(5, [16, 3], seed=0), rng.random((samples, 5)), y
    if name == "convolutional":
        return Convolutional(), rng.random((samples, 1, 8, 8)), y
    if name == "recurrent":
        return Recurrent(), rng.random((samples, 6, 3)), y
    return Transformer(), rng.integers(0, 11, (samples, 7)), y


NAMES = ["mlp", "convolutional", "recurrent", "transformer"]


def trained(name: str, *, shard: Any = None, epochs: int = 4, batch_size: int = 16, **options: Any) -> Any:
    """A network after its training, the optimiser, and the history."""
    model, X, y = case(name)
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    loader = nn.DataLoader(X, y, batch_size=batch_size, seed=0, shard=shard)
    options = {
        "optimizer": optimizer, "epochs": epochs, "progress": False, "metrics": [nn.accuracy], "clip_norm": 1.0,
        "penalty": lambda model: nn.l2_penalty(model, 1e-3), **options,
    }  # fmt: skip
    return model, optimizer, nn.fit(model, nn.cross_entropy, loader, **options)


def main() -> None:
    """Train as the arguments say, as one of several processes if they say that."""
    name, *given = sys.argv[1:]
    options = dict(each.split("=", 1) for each in given)
    count, index = int(options.pop("count", "1")), int(options.pop("index", "0"))
    dies_after = int(options.pop("dies_after", "0"))
    settings: dict[str, Any] = {k: json.loads(v) for k, v in options.items() if k != "address"}

    def end(run: Any) -> None:
        if run.epoch == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with nn.distributed(options.get("address"), processes=count, index=index) as processes:
        shard = processes.shard if count > 1 else None
        model, _, history = trained(name, shard=shard, engine="xla", callbacks=[end], **settings)
        parameters = {k: v.ravel().tolist() for k, v in model.state_dict().items()}
        print(json.dumps({"loss": history["loss"], "accuracy": history["accuracy"], "state": parameters}))


if __name__ == "__main__":
    main()
