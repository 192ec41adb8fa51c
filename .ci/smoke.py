"""python smoke.py: what a new user does first, with the wheel alone: import, draw without Graphviz, step, train.

Numbers are those that can be worked out by hand, or bounds that a broken installation does not reach.
"""

import math
import platform
import tempfile
from pathlib import Path

import numpy as np

import chainrule
from chainrule import nn
from chainrule.autograd import tanh

w, x, b = (chainrule.Value(number, name=name) for name, number in {"w": 0.5, "x": 2.0, "b": -0.3}.items())
n = tanh(w * x + b)
n.name = "n"
n.backward()
assert math.isclose(w.grad, 2 * (1 - math.tanh(0.7) ** 2)), w.grad
assert chainrule.grad(lambda t: (t * t).sum())(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]

with tempfile.TemporaryDirectory() as folder:
    picture = chainrule.draw(n, engine="graphviz-pure").save(Path(folder) / "neuron.svg")
    assert "</svg>" in picture.read_text(encoding="utf-8")
    page = chainrule.step(n).save(Path(folder) / "steps.html")
    assert "</html>" in page.read_text(encoding="utf-8")
assert len(chainrule.step(n)) == 9

X, y = nn.datasets.moons(100, noise=0.1, seed=0)
model = nn.MLP(2, [8, 1], activation="tanh", seed=0)
optimizer = nn.Adam(model.parameters(), lr=0.05)
loss = nn.binary_cross_entropy_with_logits
history = nn.fit(model, loss, (X, y.reshape(-1, 1)), optimizer=optimizer, epochs=40, progress=False)
assert history["loss"][-1] < 0.5 * history["loss"][0], history["loss"]

versions = (
    f"chainrule {chainrule.__version__} with Python {platform.python_version()}, NumPy {np.__version__}"
)
print(f"{versions}: drawn, stepped, trained")
