"""The demonstration: an expression stepped through, a network of Values, a network of Tensors on real data."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ... import nn
from ...autograd import ChainruleError, Node, Tensor, Value, tanh
from ...nn import datasets, scalar
from ..common.files import write_whole
from ..drawing.drawing import draw
from ..plots import PlotError, plot_decision_boundary, plot_loss
from ..stepping.stepper import Stepper, step

__all__ = ["demo"]


def demo(out: Path = Path("out"), seed: int = 0) -> None:
    """Run the three parts, which takes well under a minute, and write pictures and logs to the folder `out`."""
    results = Results(out)
    worked_expression(results)
    scalar_network(results, seed)
    tensor_network(results, seed)
    results.conclude()


class Results:
    """The folder of results: prints the name of each file that it writes, and lists at the end what each shows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[tuple[Path, str]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChainruleError(
                f"the folder {folder} cannot be made: {error.strerror}. Choose another with -o"
            ) from None

    def drawing(self, name: str, root: Any, what: str) -> None:
        picture = draw(root)
        for suffix in (".svg", ".png"):
            self._note(picture.save(self.folder / (name + suffix)), what)

    def text(self, name: str, text: str, what: str) -> None:
        self._note(write_whole(self.folder / name, text + "\n"), what)

    def page(self, name: str, stepper: Stepper, what: str) -> None:
        self._note(stepper.save(self.folder / name), what)

    def figure(self, name: str, axes: Any, what: str) -> None:
        self._note(axes.save(self.folder / name, dpi=150), what)

    def _note(self, path: Path, what: str) -> None:
        self.files.append((path, what))
        print(f"  wrote {path}")

    def conclude(self) -> None:
        title("What to look at")
        shown = [
            (path, what)
            for path, what in self.files
            if path.suffix != ".png" or path.stem in ("loss", "moons")
        ]
        width = max(len(str(path)) for path, _ in shown)
        for path, what in shown:
            print(f"  {path!s:<{width}}  {what}")
        print("\nWhat to try next")
        command = "chainrule" if shutil.which("chainrule") else sys.argv[0]
        print(f'  {command} step "tanh(w*x + b)" w=0.5 x=2 b=-0.3     press Enter to go on, q to stop')
        print(f'  {command} draw "a*a + sin(a*b)" a=2 b=3 -o mine.svg')
        print("  and in Python: from chainrule.autograd import Value; from chainrule.viz import draw, step")


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def worked_expression(results: Results) -> None:
    """One neuron with a loss, with every number of both passes."""
    title("1. One neuron, every step: loss = (tanh(w*x + b) - y)**2")
    w, x = Value(0.5, name="w"), Value(2.0, name="x", requires_grad=False)
    b, y = Value(-0.3, name="b"), Value(1.0, name="y", requires_grad=False)
    loss = (tanh(w * x + b) - y) ** 2
    loss.name = "loss"
    stepper = step(loss)
    print(stepper)
    loss.backward()
    slope = 2 * (np.tanh(0.7) - 1) * (1 - np.tanh(0.7) ** 2)
    print(
        f"By hand: w.grad = 2 (tanh 0.7 - 1) (1 - tanh(0.7)^2) x = {slope * 2:.4f}, and b.grad = {slope:.4f}\n"
    )
    results.text("steps.txt", stepper.log(), "every step of both passes through one neuron")
    results.page("steps.html", stepper, "the same steps as a page: open it, and press the arrow keys")
    results.drawing("expression", loss, "the same neuron, drawn: values in blue, gradients in orange")


def scalar_network(results: Results, seed: int, epochs: int = 60) -> None:
    """Train a network of Values to classify two moons."""
    title("2. A network of Values learns two moons")
    X, labels = datasets.moons(100, noise=0.1, seed=seed)
    signs = np.where(labels == 1, 1.0, -1.0)
    model = scalar.MLP(2, [6, 1], activation="relu", seed=seed, compound=True)
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    start = time.perf_counter()
    with tqdm(
        range(epochs), unit="epoch", desc=f"{len(model.parameters())} parameters", disable=sys.stderr is None
    ) as bar:
        for _ in bar:
            scores = [model(row) for row in X]
            loss = nn.hinge_loss(scores, signs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right = np.mean([(score.data > 0) == (sign > 0) for score, sign in zip(scores, signs)])
            bar.set_postfix(loss=f"{loss.data:.4f}", accuracy=f"{right:.0%}")
    print(f"  {right:.0%} of the points on the right side after {time.perf_counter() - start:.1f} s")
    try:
        results.figure("moons.png", plot_decision_boundary(model, X, labels), "its decision boundary")
    except PlotError as error:
        print(f"  no picture of the boundary: {error}")
    sample = [Value(v, name=name, requires_grad=False) for v, name in zip(X[0], ("x1", "x2"))]
    model.zero_grad()
    score = model(sample)
    score.name = "score"
    score.backward()
    results.drawing("moons_network", score, "the whole network at one point: units, weights, gradients")
    trained = max(model.layers[0].neurons, key=lambda unit: unit(sample).data)
    neuron = scalar.Neuron(2, activation="relu", weights=[w.data for w in trained.w])
    neuron.b.data = trained.b.data
    output = neuron(sample)
    output.name = "output"
    output.backward()
    results.drawing("neuron", output, "the neuron with the largest output, in full, at the same point")


def tensor_network(results: Results, seed: int, epochs: int = 30) -> None:
    """Train a network of Tensors to classify handwritten digits."""
    title("3. A network of Tensors reads handwritten digits")
    digits = datasets.load_digits()
    X, X_test, y, y_test = nn.split(digits.data, digits.target, test_size=0.25, seed=seed, stratify=True)
    scaler = nn.Standardizer().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    print(f"  {len(X)} images of 8 x 8 pixels to learn from, {len(X_test)} held out")
    model = nn.MLP(64, [64, 10], activation="relu", seed=seed)
    print(model)
    start = time.perf_counter()
    history = nn.fit(
        model,
        nn.cross_entropy,
        (X, y),
        optimizer=nn.Adam(model.parameters(), lr=2e-3),
        epochs=epochs,
        validation=(X_test, y_test),
        metrics=[nn.accuracy],
        seed=seed,
    )
    seconds = time.perf_counter() - start
    right = nn.accuracy(model(X_test), y_test)
    print(f"  {right:.1%} of the held-out digits read correctly, trained in {seconds:.1f} s")
    results.drawing(
        "network", one_batch(model, X[:32], y[:32]), "the digits network, on a batch of 32 images"
    )
    try:
        results.figure("loss.png", plot_loss(history), "the loss during training")
    except PlotError as error:
        print(f"  no loss curve: {error}")


def one_batch(model: nn.Module, X: np.ndarray, y: np.ndarray) -> Node:
    """The loss of one batch with its graph and gradients, ready to draw."""
    model.zero_grad()
    images, labels = Tensor(X, name="images", requires_grad=False), Tensor(y, name="labels")
    loss: Node = nn.cross_entropy(model(images), labels)
    loss.name = "loss"
    loss.backward()
    return loss
