# %% [markdown]
"""
# Exercises: from a neuron to backpropagation

For the recap slides of UCL's lecture. Work them out by hand; a calculator helps. Sheet {SEED}.
"""

# %%
import math

import numpy as np

from chainrule import nn
from chainrule.autograd import Tape, Tensor, Value, exp, gradients, log, sigmoid, sin, square

weights = rng.choice([-3, -2, -1, 1, 2, 3], 2)
inputs = [(0, 0), (0, 1), (1, 0), (1, 1)]
sums = [int(x @ weights) for x in np.array(inputs)]
threshold = int(rng.integers(min(sums) + 1, max(sums) + 1))  # it fires for some inputs, not for all
w1, w2 = (int(w) for w in weights)

# %% [markdown]
"""
## 1. A perceptron

A neuron fires where `x . w >= threshold`, with `w = ({w1}, {w2})` and the threshold `{threshold}`.

- For which of the inputs (0, 0), (0, 1), (1, 0), (1, 1) does it fire?
- Write it as `x . w + b >= 0`: what is `b`?
"""

# %% tags=["solution"]
perceptron = nn.Perceptron(2)
perceptron.weight, perceptron.bias = weights.astype(float), -threshold
print("b =", -threshold)
for x in inputs:
    print(x, "fires" if perceptron(x) else "does not fire", "  x . w + b =", int(x @ weights) - threshold)

# %%
n, d, k = (int(number) for number in rng.integers(2, 9, 3))

# %% [markdown]
"""
## 2. Shapes

{n} samples with {d} features, a sample in each row, go into a layer of {k} neurons, `Yhat = X W`. What are the shapes of `X`, `W`
and `Yhat`? What is the shape of the gradient of the loss with respect to `W`? How many parameters does the layer have with its biases?
"""

# %% tags=["solution"]
layer = nn.Linear(d, k, seed=0)
X = np.zeros((n, d))
print("X", X.shape, "  W and its gradient", layer.weight.shape, "  Yhat", layer(X).shape)
print("parameters:", nn.summary(layer, X).parameters)

# %%
x0 = int(rng.integers(2, 10)) / 10
outer_name, outer, d_outer = [("sin", sin, np.cos), ("exp", exp, np.exp), ("log", log, lambda u: 1 / u)][
    rng.integers(3)
]

# %% [markdown]
"""
## 3. The chain rule

`y = {outer_name}(u)` with `u = x^2`. Give `dy/dx` as a formula by `(f o g)' = (f' o g) g'`, and its number at `x = {x0}`.
"""

# %% tags=["solution"]
x = Value(x0, name="x")
outer(square(x)).backward()
print(f"u = {x0**2:.2f}, outer derivative at u: {d_outer(x0**2):.4f}, inner derivative 2x = {2 * x0}")
print(f"dy/dx = {x.grad:.4f}")

# %%
start = int(rng.integers(3, 12)) / 10

# %% [markdown]
"""
## 4. The listing of both passes

`out1 = exp(x)`, `out2 = out1^2`, `loss = log(out2)`, at `x = {start}`. Write the backward pass line by line, with `dloss_out2`,
`dloss_out1` and `dloss_x`, and the number of each. Which simpler formula of `x` has the same derivative?
"""

# %% tags=["solution"]
x = Value(start, name="x")
loss = log(square(exp(x)))
listing = Tape(loss).source(style="lecture")
print(listing[listing.index("dloss_out2 =") :].partition("\n\n")[0])
names = {"__name__": "listing"}
exec(str(listing), names)
for name in ("out1", "out2", "loss", "dloss_out2", "dloss_out1", "dloss_x"):
    print(f"{name:10} = {names[name]:.4f}")
print("the loss is 2x: log(exp(x)^2)")

# %%
sample = np.array([1.0, *(rng.integers(-10, 11, 2) / 10)])
w = rng.choice([-2.0, -1.0, 1.0, 2.0], 3)
label = int(rng.integers(2))
s1, s2 = (float(v) for v in sample[1:])
v0, v1, v2 = (float(v) for v in w)

# %% [markdown]
"""
## 5. Logistic regression, one sample

`x = (1, {s1}, {s2})`, `y = {label}`, `w = ({v0}, {v1}, {v2})`, `yhat = sigmoid(x . w)`. Compute `yhat` and the gradient of the
log-likelihood, `(y - yhat) x`.
"""

# %% tags=["solution"]
weights = Tensor(w)
yhat = sigmoid(sample @ weights)
log_likelihood = label * log(yhat) + (1 - label) * log(1 - yhat)
print(f"x . w = {sample @ w:.2f}, yhat = {yhat.item():.4f}")
print(
    "gradient:",
    gradients(log_likelihood, weights).round(4),
    " by the formula:",
    ((label - yhat.item()) * sample).round(4),
)

# %%
at = int(rng.integers(1, 4))
h = 0.1

# %% [markdown]
"""
## 6. Numerical gradients

`f(x) = x^3` at `x = {at}` with `h = {h}`. Compute the one-sided difference `(f(x + h) - f(x)) / h` and the central one
`(f(x + h) - f(x - h)) / 2h`. How far is each from the derivative?
"""

# %% tags=["solution"]
one_sided, central, exact = ((at + h) ** 3 - at**3) / h, ((at + h) ** 3 - (at - h) ** 3) / (2 * h), 3 * at**2
print(f"one-sided {one_sided:.2f}, off by {one_sided - exact:.2f}, about 3 x h")
print(f"central   {central:.2f}, off by {central - exact:.2f}, exactly h^2")
assert math.isclose(central - exact, h**2)
