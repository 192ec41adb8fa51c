# %% [markdown]
"""
# Exercises: losses, gradients, training

For Imperial's lecture 5. Sheet {SEED}.
"""

# %%
import math

import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, linear

xs, ys = rng.integers(-2, 4, 3).astype(float), rng.integers(-3, 6, 3).astype(float)
a0, b0, alpha = float(rng.integers(-1, 3)), float(rng.integers(-1, 3)), 0.1
points = ", ".join(f"({x:g}, {y:g})" for x, y in zip(xs, ys))

# %% [markdown]
"""
## 1. One step of a line

The line `yhat = a x + b` with `a = {a0}`, `b = {b0}`, and the points {points}. Compute `E = 1/2 sum (yhat - y)^2`, `dE/da`, `dE/db`, and the
line after one step of gradient descent with `alpha = {alpha}`. Is `E` smaller?
"""

# %% tags=["solution"]
model = nn.Linear(1, 1)
model.weight.data, model.bias.data = np.array([[a0]]), np.array([b0])
loss = nn.half_squared_error(model(xs[:, None]), ys[:, None], reduction="sum")
loss.backward()
print(f"E = {loss.item():.3f}, dE/da = {model.weight.grad.item():.2f}, dE/db = {model.bias.grad.item():.2f}")
nn.SGD(model.parameters(), lr=alpha).step()
after = nn.half_squared_error(model(xs[:, None]), ys[:, None], reduction="sum")
print(f"a = {model.weight.data.item():.3f}, b = {model.bias.data.item():.3f}, E = {after.item():.3f}")

# %%
X, W = rng.integers(-2, 4, (2, 2)).astype(float), rng.integers(-2, 3, (2, 3)).astype(float)
b, D = rng.integers(-1, 2, 3).astype(float), rng.integers(-2, 3, (2, 3)).astype(float)
shown = {name: str(m.astype(int).tolist()) for name, m in {"X": X, "W": W, "b": b, "D": D}.items()}
rows_X, rows_W, rows_b, rows_D = shown.values()

# %% [markdown]
"""
## 2. A linear layer

`Z = X W + b` with `X = {rows_X}`, `W = {rows_W}`, `b = {rows_b}`, and `dL/dZ = {rows_D}`. Compute `Z`, `dL/dX`, `dL/dW` and `dL/db`. Write
`dL/dx11` as a sum of three terms.
"""

# %% tags=["solution"]
x, w, c = Tensor(X), Tensor(W), Tensor(b)
Z = linear(x, w, c)
Z.backward(D)
for name, found in {"Z": Z.data, "dL/dX": x.grad, "dL/dW": w.grad, "dL/db": c.grad}.items():
    print(f"{name:6}", found.astype(int).tolist())
terms = " + ".join(f"({d:g})({v:g})" for d, v in zip(D[0], W[0]))
print("dL/dx11 =", terms, "=", int(D[0] @ W[0]))

# %%
yhat, y = rng.integers(1, 10, 4) / 10, rng.integers(0, 2, 4)
probabilities, labels = ", ".join(map(str, yhat)), ", ".join(map(str, y))

# %% [markdown]
"""
## 3. From the likelihood to the loss

A model gives four samples the probabilities {probabilities} of class 1; their labels are {labels}. What is the likelihood of the labels, and what is
the binary cross-entropy? What would both be if all predictions were right and certain?
"""

# %% tags=["solution"]
likelihood = float(np.prod(yhat**y * (1 - yhat) ** (1 - y)))
print(f"likelihood {likelihood:.6f}, loss -log(likelihood) / 4 = {-math.log(likelihood) / 4:.4f}")
print(
    f"binary_cross_entropy: {nn.binary_cross_entropy(yhat, y.astype(float)).item():.4f};  if certain: 1 and 0"
)

# %%
logits = rng.integers(-1, 3, (2, 3)).astype(float)
classes = rng.integers(0, 3, 2)
rows_logits, row_classes = str(logits.astype(int).tolist()), str(classes.tolist())

# %% [markdown]
"""
## 4. Softmax with cross-entropy

Two samples with the logits `{rows_logits}` and the classes `{row_classes}`, counted from 0. Compute the softmax, the mean cross-entropy, and the
gradient at the logits, `(yhat - y) / N`.
"""

# %% tags=["solution"]
z = Tensor(logits)
loss = nn.cross_entropy(z, classes)
loss.backward()
print("softmax: ", nn.softmax(logits).round(3).tolist())
print(f"loss:     {loss.item():.4f}")
print("gradient:", z.grad.round(3).tolist())

# %%
column = rng.integers(0, 21, 4).astype(float)
new = float(rng.integers(0, 25))
train = ", ".join(f"{v:g}" for v in column)

# %% [markdown]
"""
## 5. Scaling

A feature has the values {train} in the training set, and {new} in a sample of the test set. Scale the test sample by min-max to [0, 1], and by
standardisation. Why is the scale not that of the test set?
"""

# %% tags=["solution"]
unit, standard = nn.MinMaxScaler(0, 1).fit(column[:, None]), nn.Standardizer().fit(column[:, None])
print(f"min-max {unit.transform([[new]]).item():.3f} (it may be outside of 0 and 1)")
print(
    f"standardised {standard.transform([[new]]).item():.3f}: mean {column.mean():.2f}, deviation {column.std():.2f}"
)
print("the test set stands for samples that are not known yet")

# %%
w1, w2 = (int(v) for v in rng.choice([-4, -3, -2, 1, 2, 3, 4], 2, replace=False))
strength, rate = 0.1, 0.5

# %% [markdown]
"""
## 6. L2 and L1

Weights `({w1}, {w2})` whose loss has the gradient 0, `lambda = {strength}`, `alpha = {rate}`. What are the weights after one step with L2, and after one
with L1? After how many such steps is the first weight 0 with each of them?
"""

# %% tags=["solution"]
for name, penalty in (("L2", nn.l2_penalty), ("L1", nn.l1_penalty)):
    w = Tensor([float(w1), float(w2)])
    penalty([w], strength).backward()
    print(name, "gradient", w.grad.round(3).tolist(), " weights", (w.data - rate * w.grad).round(3).tolist())
print(f"L2: never, each step takes away a tenth of the weight; L1: {abs(w1) / (rate * strength):.0f} steps")
