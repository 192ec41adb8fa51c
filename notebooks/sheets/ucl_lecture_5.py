# %% [markdown]
"""
# Exercises: backpropagation and what goes wrong

For UCL's lecture 5. Sheet {SEED}.
"""

# %%
import math

import numpy as np

from chainrule import nn
from chainrule.autograd import Value, exp, sin

w0, w1, w2, x0, x1 = (int(v) for v in rng.choice([-3, -2, -1, 1, 2, 3], 5))

# %% [markdown]
"""
## 1. Two inputs into a sigmoid

`f = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))` with `w0 = {w0}`, `x0 = {x0}`, `w1 = {w1}`, `x1 = {x1}`, `w2 = {w2}`. Draw the graph with one
node for each operation, write the values above the edges and the gradients below them. What are the five gradients at the inputs?
"""

# %% tags=["solution"]
nodes = {name: Value(v, name=name) for name, v in {"w0": w0, "x0": x0, "w1": w1, "x1": x1, "w2": w2}.items()}
z = nodes["w0"] * nodes["x0"] + nodes["w1"] * nodes["x1"] + nodes["w2"]
f = 1 / (1 + exp(-z))
f.backward()
print(f"z = {z.data:g}, f = {f.data:.4f}, df/dz = f (1 - f) = {z.grad:.4f}")
print("  ".join(f"{name}: {node.grad:+.4f}" for name, node in nodes.items()))

# %%
R, C, threshold = int(rng.integers(1, 4)), int(rng.integers(5, 16)), 1.0
current = round(threshold / R * float(rng.choice([1.5, 2.0, 3.0])), 2)

# %% [markdown]
"""
## 2. A neuron that fires

`C dV/dt = I - V/R` with `R = {R}`, `C = {C}` and the threshold `{threshold}`; after a spike `V` is 0. Below which current does it never
fire? After which time does it fire first for `I = {current}`, and how many times in 1,000 units of time?
"""

# %% tags=["solution"]
neuron = nn.LeakyIntegrateAndFire(resistance=R, capacitance=C, threshold=threshold, dt=0.01)
print(f"below threshold / R = {threshold / R:.3f}")
time = R * C * math.log(R * current / (R * current - threshold))
print(f"V(t) = R I (1 - exp(-t / RC)) reaches the threshold at RC log(RI / (RI - 1)) = {time:.2f}")
print("spikes:", int(1000 / time), " simulated:", int(neuron(np.full(100_000, current))[1].sum()))

# %%
a = int(rng.integers(2, 10)) / 4

# %% [markdown]
"""
## 3. Stages

`b = a^2`, `c = sin b`, `d = exp c`, at `a = {a}`. Write the local gradient of each stage as a formula, then its number, then `dd/da`.
"""

# %% tags=["solution"]
root = Value(a, name="a")
exp(sin(root**2)).backward()
print(f"2a = {2 * a:.2f}   cos b = {math.cos(a * a):.4f}   exp c = {math.exp(math.sin(a * a)):.4f}")
print(f"dd/da = {root.grad:.4f}")

# %%
fan_in, fan_out = (int(v) for v in rng.choice([16, 32, 64, 100, 128, 256], 2, replace=False))

# %% [markdown]
"""
## 4. Initial weights

A layer has {fan_in} inputs and {fan_out} outputs. What is the variance of Glorot's normal weights, and of He's? Between which bounds are the
uniform ones? With Glorot's weights, by which factor does a linear layer multiply the mean square of its inputs forward, and that of a gradient backward?
"""

# %% tags=["solution"]
glorot, he = 2 / (fan_in + fan_out), 2 / fan_in
print(
    f"Glorot {glorot:.5f}, bounds +- {math.sqrt(3 * glorot):.4f};  He {he:.5f}, bounds +- {math.sqrt(3 * he):.4f}"
)
print(
    f"forward fan_in x variance = {fan_in * glorot:.2f}, backward fan_out x variance = {fan_out * glorot:.2f}"
)
drawn = nn.init.glorot_normal((fan_in, fan_out), seed=0)
print(f"variance of drawn weights: {drawn.var():.5f}")

# %%
X = rng.integers(-2, 3, (3, 2)).astype(float)
W = rng.integers(-2, 3, (2, 3)).astype(float)
b = rng.integers(-4, 1, 3).astype(float)
X_rows, W_rows, b_row = str(X.astype(int).tolist()), str(W.astype(int).tolist()), str(b.astype(int).tolist())

# %% [markdown]
"""
## 5. Dead units

Three samples `X = {X_rows}`, a layer with `W = {W_rows}` (a column for each unit) and `b = {b_row}`, and ReLUs. Compute `X W + b`. Which
units are dead, and for which columns of `W` is the gradient 0?
"""

# %% tags=["solution"]
layer = nn.Linear(2, 3)
layer.weight.data, layer.bias.data = W, b
out = nn.ReLU()(layer(X))
out.sum().backward()
print("X W + b =", (X @ W + b).astype(int).tolist())
print("dead:", [f"unit {j + 1}" for j in range(3) if not out.data[:, j].any()] or "none")
print("gradient of W:", layer.weight.grad.astype(int).tolist())

# %%
depth = int(rng.integers(5, 16))

# %% [markdown]
"""
## 6. Vanishing

A gradient goes back through {depth} sigmoids, each at its steepest point, with weights of 1. By which factor is it multiplied? And by {depth} leaky ReLUs
with slope 0.1, all with negative inputs?
"""

# %% tags=["solution"]
print(f"sigmoids: (1/4)^{depth} = {0.25**depth:.2e};  leaky ReLUs: 0.1^{depth} = {0.1**depth:.0e}")
