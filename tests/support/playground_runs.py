"""Settings for tests of the playground that go through everything a training can have."""

from __future__ import annotations

SHOWN = [
    {"data": "rings"},
    {"data": "bumps", "optimizer": "Adam", "activations": "relu"},
    {"dropout": 0.3, "activations": ("relu", "sigmoid")},
    {"penalty": "L1", "strength": 0.01, "optimizer": "Nesterov", "schedule": "exponential"},
    {"penalty": "L2", "strength": 0.1, "optimizer": "RMSprop", "schedule": "cosine"},
    {"optimizer": "Adadelta", "schedule": "warmup", "initial": "large (deviation 3)"},
    {"inputs": ("x1^2", "sin(x2)"), "schedule": "steps", "optimizer": "AdamW", "dropout": 0.1},
]

CHANGED = {  # every setting, and another value for it
    "data": "spirals",
    "samples": 100,
    "noise": 20,
    "share": 80,
    "batch": 25,
    "data_seed": 7,
    "inputs": ["x1", "x1x2"],
    "layers": [3, 3, 3],
    "activations": ["relu"],
    "initial": "he_normal",
    "dropout": 0.2,
    "seed": 9,
    "optimizer": "Adam",
    "rate": 0.01,
    "schedule": "cosine",
    "penalty": "L2",
    "strength": 0.01,
}


def bits(run) -> bytes:
    """All parameters of a run."""
    return b"".join(p.data.tobytes() for p in run.model.parameters())
