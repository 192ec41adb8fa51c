"""The pictures of docs/gallery.md, each for a light and for a dark page: drawings, plots, and the page of the stepper.

    .venv/bin/python tests/support/gallery_page.py     needs the extras browser and plot, and Chromium

They go to docs/images/gallery/. The picture of the playground is made by playground_page.py.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright
from plot_pictures import png

from chainrule import nn
from chainrule.autograd import Tensor, Value, tanh
from chainrule.viz import difference, draw, plot_descent, plot_network, step

FOLDER = Path(__file__).resolve().parents[2] / "docs/images/gallery"


def neuron() -> Value:
    n = tanh(Value(0.5, name="w") * Value(2.0, name="x", requires_grad=False) + Value(-0.3, name="b"))
    n.name = "n"
    n.backward()
    return n


def error_of(w: Value) -> Value:
    loss = (w * Value(2.0, name="x", requires_grad=False) - 1) ** 2
    loss.name = "loss"
    loss.backward()
    return loss


def loss_of(model: nn.Module, x: Any) -> Tensor:
    loss = (model(x) ** 2).mean()
    loss.name = "loss"
    loss.backward()
    return loss


def drawings(theme: str) -> Iterator[tuple[str, Any]]:
    """What `draw` and `difference` draw, by name."""
    yield "neuron", draw(neuron(), fit=None, theme=theme)
    w = Value(1.5, name="w")
    before = draw(error_of(w))
    optimizer = nn.SGD([w], lr=0.05)
    optimizer.step()
    optimizer.zero_grad()
    yield "difference", difference(before, error_of(w), theme=theme)
    x1, x2 = Value(2.0, name="x1", requires_grad=False), Value(0.0, name="x2", requires_grad=False)
    n = tanh(Value(-3.0, name="w1") * x1 + Value(1.0, name="w2") * x2 + Value(6.88, name="b"))
    n.name = "n"
    n.backward()
    yield "circuit", draw(n, style="circuit", theme=theme)
    rng = np.random.default_rng(0)
    mlp = nn.MLP(2, [6, 3, 1], "tanh", seed=0)
    yield "network", draw(loss_of(mlp, rng.normal(size=(100, 2))), fit="page", theme=theme)
    transformer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, seed=0)
    loss = loss_of(transformer, Tensor(rng.normal(size=(2, 6, 16)), name="x", requires_grad=False))
    yield "folded", draw(loss, depth=0, direction="LR", fit=None, theme=theme)


def plots(theme: str) -> Iterator[tuple[str, Any]]:
    """A trained network with the response of each unit, and three descents."""
    X, y = nn.datasets.moons(200, noise=0.15, seed=0)
    model = nn.MLP(2, [6, 4, 1], "tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.05)
    loss = nn.binary_cross_entropy_with_logits
    nn.fit(model, loss, (X, y.reshape(-1, 1)), optimizer=optimizer, epochs=60, progress=False)
    yield "plots", plot_network(model, X, theme=theme)
    yield "figures", plot_descent(lambda w: w**2, start=1.5, theme=theme)


def pages(browser: Browser, theme: str) -> None:
    """The page of the stepper in the middle of the backward pass, and its graph after a leaf got another number."""
    page = browser.new_page(viewport={"width": 900, "height": 1000}, color_scheme=theme)
    stepper = step(neuron())
    with tempfile.TemporaryDirectory() as folder:
        stepper.goto(6)
        page.goto(stepper.save(Path(folder) / "steps.html").as_uri())
        page.screenshot(
            path=file_of("stepper", theme, ".png"), clip={"x": 0, "y": 0, "width": 900, "height": 600}
        )
        page.keyboard.press("End")
        page.locator("#numbers").evaluate("numbers => { numbers.open = true }")
        page.get_by_label("value of w", exact=True).fill("0.9")
        page.wait_for_selector(".ghost")
        page.screenshot(
            path=file_of("live", theme, ".png"), clip={"x": 0, "y": 304, "width": 900, "height": 300}
        )
    page.close()


def file_of(name: str, theme: str, suffix: str) -> Path:
    return FOLDER / f"{name}{'_on_dark' if theme == 'dark' else ''}{suffix}"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for theme in ("light", "dark"):
        for name, drawing in drawings(theme):
            drawing.save(file_of(name, theme, ".svg"))
        for name, axes in plots(theme):
            file_of(name, theme, ".png").write_bytes(png(axes.figure))
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        ) as browser,
    ):
        for theme in ("light", "dark"):
            pages(browser, theme)


if __name__ == "__main__":
    main()
