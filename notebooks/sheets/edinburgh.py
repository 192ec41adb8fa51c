# %% [markdown]
"""
# Exercises: networks, features, images, sequences

For Edinburgh's lecture. Sheet {SEED}.
"""

# %%
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, grad, log, sigmoid, softmax

X = np.column_stack([np.ones(3), rng.integers(-10, 11, (3, 2)) / 10])
y = np.array([0.0, 1.0, float(rng.integers(2))])
w = rng.choice([-1.0, 1.0], 3)
rows_X, row_y, row_w, rate = str(X.tolist()), str(y.astype(int).tolist()), str(w.astype(int).tolist()), 3

# %% [markdown]
"""
## 1. Logistic regression

`X = {rows_X}`, `y = {row_y}`, `w = {row_w}`. Compute the mean negative log-likelihood, its gradient `(sigmoid(X w) - y) X / 3`, and the loss after
one step with learning rate {rate}.
"""


# %% tags=["solution"]
def nll_loss(X, y, w):
    yhat = sigmoid(X @ w)
    return -(y * log(yhat) + (1 - y) * log(1 - yhat)).mean()


w_grad = grad(nll_loss, 2)(X, y, w)
print(f"loss {nll_loss(X, y, w):.4f}, gradient {w_grad.round(4).tolist()}")
print(f"w = {(w - rate * w_grad).round(4).tolist()}, loss {nll_loss(X, y, w - rate * w_grad):.4f}")

# %%
W1, W2 = rng.choice([-2.0, -1.0, 1.0, 2.0], (2, 2)), rng.choice([-2.0, -1.0, 1.0, 2.0], (1, 2))
x, b1, b2, t = (
    rng.integers(-1, 3, (2, 1)).astype(float),
    np.ones((2, 1)),
    np.zeros((1, 1)),
    float(rng.integers(-2, 3)),
)
rows_1, rows_2, column = (
    str(W1.astype(int).tolist()),
    str(W2.astype(int).tolist()),
    str(x[:, 0].astype(int).tolist()),
)

# %% [markdown]
"""
## 2. Two layers, every gradient

`a = W1 x + b1`, `h = relu(a)`, `yhat = W2 h + b2`, `L = 1/2 (yhat - y)^2`, with `W1 = {rows_1}`, `b1 = [1, 1]`, `W2 = {rows_2}`, `b2 = 0`, `x = {column}` (a
column) and `y = {t}`. Compute all values, then `dL/dyhat`, `dL/dW2`, `dL/db2`, `dL/dh`, `dL/da`, `dL/dW1` and `dL/db1`.
"""

# %% tags=["solution"]
w1, c1, w2, c2 = (Tensor(v) for v in (W1, b1, W2, b2))
a = w1 @ x + c1
h = nn.relu(a)
yhat = w2 @ h + c2
L = 0.5 * ((yhat - t) ** 2).sum()
L.backward()
print("a", a.data[:, 0].tolist(), " h", h.data[:, 0].tolist(), f" yhat {yhat.item():g}  L {L.item():g}")
for name, node in {"yhat": yhat, "W2": w2, "b2": c2, "h": h, "a": a, "W1": w1, "b1": c1}.items():
    print(f"dL/d{name:4} {(node.grad + 0.0).tolist()}")

# %%
A, B = rng.integers(-2, 3, (2, 3)).astype(float), rng.integers(-2, 3, (3, 1)).astype(float)
rows_A, rows_B = str(A.astype(int).tolist()), str(B.astype(int).tolist())

# %% [markdown]
"""
## 3. Linear layers collapse

Two layers without an activation, `x A B` with `A = {rows_A}` and `B = {rows_B}`. Give the single matrix that does the same.
"""

# %% tags=["solution"]
print("A B =", (A @ B).astype(int).tolist())

# %%
image, kernel = rng.integers(0, 3, (4, 4)).astype(float), rng.integers(-1, 2, (2, 2)).astype(float)
rows_image, rows_kernel = str(image.astype(int).tolist()), str(kernel.astype(int).tolist())

# %% [markdown]
"""
## 4. A filter, and pooling

The image `{rows_image}` and the filter `{rows_kernel}`, with bias 0 and nothing added around the image. Compute
`h_ij = sum_mn w_mn x_(i+m, j+n)`, and the maximum over the upper left 2 by 2 places.
"""

# %% tags=["solution"]
layer = nn.Conv2d(1, 1, 2, bias=False)
layer.weight.data = kernel[None, None]
maps = layer(image[None, None])
print("h =", maps.data[0, 0].astype(int).tolist())
print("maximum of the upper left places:", int(maps.data[0, 0, :2, :2].max()))

# %%
side, filters, window = (
    int(rng.choice([28, 32, 64, 100])),
    int(rng.choice([8, 16, 32])),
    int(rng.choice([3, 5])),
)

# %% [markdown]
"""
## 5. Few weights

How many parameters does a layer of {filters} units have if its input is a whole {side} by {side} image, and how many does a layer of {filters} filters of
{window} by {window} have? Both have biases.
"""

# %% tags=["solution"]
image = np.zeros((1, 1, side, side))
dense, conv = nn.Sequential(nn.Flatten(), nn.Linear(side * side, filters)), nn.Conv2d(1, filters, window)
print(f"{nn.summary(dense, image).parameters:,} and {nn.summary(conv, image).parameters:,}")

# %%
positions = rng.integers(-1, 3, (3, 2)).astype(float)
rows = str(positions.astype(int).tolist())

# %% [markdown]
"""
## 6. Self-attention

Three positions with the vectors `{rows}`, which are queries, keys and values at once. Compute the scores `Q K^T / sqrt(2)`, the weights (a softmax in each row),
and the output of the first position. Which position gets the largest weight for it?
"""

# %% tags=["solution"]
scores = positions @ positions.T / np.sqrt(2)
weights = softmax(Tensor(scores)).data
print("scores ", scores.round(3).tolist())
print("weights", weights.round(3).tolist())
print(
    "output of the first position",
    (weights[0] @ positions).round(3).tolist(),
    " largest weight: position",
    int(weights[0].argmax()) + 1,
)
