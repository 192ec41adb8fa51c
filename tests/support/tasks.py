"""The twenty tasks of `docs/tasks.md`, and the words with which someone may search for each."""

from __future__ import annotations

import re
from pathlib import Path

TASKS = {
    "Take the derivative of an expression": "derivative expression",
    "Draw a computation graph": "draw graph",
    "Step through backpropagation": "step through",
    "Save a graph as SVG, PNG or PDF": "save svg",
    "Take a second derivative": "second derivative",
    "Compute a Jacobian or a Hessian": "compute jacobian",
    "Check a gradient with finite differences": "check gradient",
    "Build a neuron": "build neuron",
    "Build an MLP of Values": "mlp values",
    "Train XOR": "xor",
    "Train on two moons and plot the decision boundary": "decision boundary",
    "Train a network on arrays": "train network",
    "Recognise handwritten digits": "digits",
    "Compare learning rates": "learning rates",
    "Find dead units": "dead units",
    "Save and load a model": "save model",
    "Train a model of text": "text model",
    "Add an operation of your own": "own operation",
    "Put a graph on a slide": "graph slide",
    "Compare with PyTorch": "compare pytorch",
}


def sections(root: Path) -> dict[str, str]:
    """The text below each heading of the page."""
    page = (root / "docs/tasks.md").read_text(encoding="utf-8")
    found = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))
