# %% [markdown]
"""
# Exercises: deltas and universal approximation

For Hong Kong's lecture 12. Sheet {SEED}.
"""

# %%
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, tanh

W1, W2 = rng.integers(-10, 11, (2, 2)) / 10, rng.integers(-10, 11, (2, 2)) / 10
x0, y, eta = rng.integers(-10, 11, 2) / 10, rng.integers(-5, 6, 2) / 10, 0.1
rows_1, rows_2, row_x, row_y = (str(each.tolist()) for each in (W1, W2, x0, y))

# %% [markdown]
"""
## 1. Deltas, and a step

A network 2-2-2 of tanh units without biases, `x^(0) = {row_x}`. `w_ij^(1)`, from `i` to `j`, is in row `i` and column `j` of `{rows_1}`, `w_ij^(2)` in
`{rows_2}`. The error is `e = (x_1^(2) - y_1)^2 + (x_2^(2) - y_2)^2` with `y = {row_y}`.

- Compute `s^(1)`, `x^(1)`, `s^(2)`, `x^(2)` and `e`.
- Compute `delta^(2)`, and `delta^(1)` by `theta'(s_i) sum_j w_ij delta_j`. How many terms does the sum have?
- What is `w_12^(1)` after one step with `eta = {eta}`?
"""

# %% tags=["solution"]
w1, w2 = Tensor(W1), Tensor(W2)
s1 = x0 @ w1
x1 = tanh(s1)
s2 = x1 @ w2
x2 = tanh(s2)
e = ((x2 - y) ** 2).sum()
e.backward()
for name, node in {"s^(1)": s1, "x^(1)": x1, "s^(2)": s2, "x^(2)": x2}.items():
    print(f"{name} = {node.data.round(4).tolist()}")
print(f"e = {e.item():.4f}")
print("delta^(2) =", s2.grad.round(4).tolist(), "  delta^(1) =", s1.grad.round(4).tolist(), "  two terms")
print(f"w_12^(1) = {W1[0, 1]} - {eta} x_1^(0) delta_2^(1) = {W1[0, 1] - eta * x0[0] * s1.grad[1]:.4f}")
assert np.allclose(w1.grad[0, 1], x0[0] * s1.grad[1])

# %%
a = int(rng.integers(0, 4))
b = a + int(rng.integers(1, 4))
height = int(rng.integers(2, 6))
slope = 0.5
middle = round(a + slope / 2, 2)

# %% [markdown]
"""
## 2. Boxes

- Two step units make a rectangle of height {height} from {a} to {b}. Give the weights into the units, their biases, and the weights out of them.
- Four ReLUs make one with slopes of width {slope}. Give the same four times, and the output at `x = {middle}`.
"""

# %% tags=["solution"]
steps = nn.box_network([a, b], [height], activation="step")
relus = nn.box_network([a, b], [height], e=slope)
for name, network in (("steps", steps), ("ReLUs", relus)):
    hidden, _, out = network
    print(
        name,
        " in",
        hidden.weight.data[0].tolist(),
        " biases",
        hidden.bias.data.tolist(),
        " out",
        out.weight.data[:, 0].tolist(),
    )
print(f"at {middle}: {relus(np.array([[middle]])).data.item():.2f}")

# %%
logits = rng.integers(-2, 4, 4).astype(float)
label = int(rng.integers(4))
row = str(logits.astype(int).tolist())
label_1 = label + 1

# %% [markdown]
"""
## 3. Four classes

The last layer has the outputs `{row}`; the right class is number {label_1}. Compute the softmax, the class that is predicted, and
`L = - sum y_i log p_i`. Does one need the softmax to predict?
"""

# %% tags=["solution"]
print("p =", nn.softmax(logits).round(4).tolist(), "  predicted: class", int(logits.argmax()) + 1)
print(
    f"L = {nn.cross_entropy(logits[None], [label]).item():.4f};  no, the largest output has the largest probability"
)

# %%
units, layers, batch = (
    int(rng.choice([128, 256, 512])),
    int(rng.integers(3, 7)),
    int(rng.choice([32, 64, 128])),
)

# %% [markdown]
"""
## 4. Memory

A network has {layers} layers of {units} units, and numbers of 8 bytes. How many bytes do the outputs of all units take for a batch of {batch} samples?
Why does a backward pass need them, and what follows for the batch size?
"""

# %% tags=["solution"]
needed = units * layers * batch * 8
print(
    f"{layers} x {units} x {batch} x 8 = {needed:,} bytes, and the sums before the activations as many again"
)
print("local gradients are computed from them; twice the batch is twice the memory")
