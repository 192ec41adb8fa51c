# %% [markdown]
r"""
# 6. The lectures' worked examples

**Question.** Slides derive gradients with pen and paper. Does the engine compute the same numbers, formula by
formula? The examples are from [lectures](../docs/lectures.md) at Edinburgh, UCL, Hong Kong and Imperial College.
"""

# %% [markdown]
r"""
## Two layers, every gradient

Edinburgh's network: $a = W_1 x + b_1$, $h = g(a)$, $\hat y = W_2 h + b_2$, and $L = \frac12 \lVert \hat y - y
\rVert^2$, here with a sigmoid for $g$. Vectors are columns.
"""

# %%
import math

import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, Value, dot, grad, gradients, log, sigmoid, softmax, tanh
from chainrule.viz import draw

rng = np.random.default_rng(1)
x, y = rng.normal(size=(3, 1)), rng.normal(size=(2, 1))
W1, b1 = Tensor(rng.normal(size=(4, 3)), name="W1"), Tensor(rng.normal(size=(4, 1)), name="b1")
W2, b2 = Tensor(rng.normal(size=(2, 4)), name="W2"), Tensor(rng.normal(size=(2, 1)), name="b2")

a = W1 @ x + b1
h = sigmoid(a)
yhat = W2 @ h + b2
L = 0.5 * ((yhat - y) ** 2).sum()
L.backward()

# %% [markdown]
r"""
**Predict.** What is the gradient of $L$ with respect to $\hat y$, and with respect to $b_2$?

<details><summary>Answer</summary>

Both are $\hat y - y$: the factors $\frac12$ and 2 cancel, and the local gradient of $\hat y$ with respect to $b_2$ is 1.

</details>

The slide's formulas, from the loss to the input, compared with `.grad` of each node after `backward()`:
"""

# %%
d_yhat = yhat.data - y
d_h = W2.data.T @ d_yhat
d_a = d_h * h.data * (1 - h.data)  # g'(a) of the sigmoid
for formula, by_hand, node in [
    ("dL/dyhat = yhat - y", d_yhat, yhat),
    ("dL/dW2 = dL/dyhat h^T", d_yhat @ h.data.T, W2),
    ("dL/db2 = dL/dyhat", d_yhat, b2),
    ("dL/dh = W2^T dL/dyhat", d_h, h),
    ("dL/da = dL/dh * g'(a)", d_a, a),
    ("dL/dW1 = dL/da x^T", d_a @ x.T, W1),
    ("dL/db1 = dL/da", d_a, b1),
]:
    print(f"{formula:22} {by_hand.shape!s:7} largest difference {np.abs(by_hand - node.grad).max():.0e}")

# %% [markdown]
r"""
## Logistic regression

Edinburgh again: three samples, whose first column of ones carries the bias, and the mean negative
log-likelihood.
"""

# %%
X = np.array([[1, 0.5, -0.35], [1, -0.1, 0.1], [1, -1.2, 1]])
y = np.array([0.0, 0.0, 1.0])
w = np.array([0.0, -1.0, 1.0])


def nll_loss(X, y, w):
    p = sigmoid(X @ w)
    return -(y * log(p) + (1 - y) * log(1 - p)).mean()


manual = (sigmoid(X @ w) - y) @ X / 3
automatic = grad(nll_loss, 2)(X, y, w)  # with respect to argument 2, counted from 0
print("manual:   ", manual.round(6))
print("automatic:", automatic.round(6))

# %% [markdown]
r"""
`grad(f, 2)` is a function that computes the gradient of `f` with respect to its third argument, as on the slide. One step
of gradient descent with learning rate 3:
"""

# %%
print(f"loss before {nll_loss(X, y, w):.4f}")
w_new = w - 3 * automatic
print(f"loss after  {nll_loss(X, y, w_new):.4f}, weights {w_new.round(4)}")

# %% [markdown]
r"""
## One sample

UCL's recap derives the gradient for one sample. The derivative of the log-likelihood $y \log \hat y + (1 - y) \log (1 -
\hat y)$ has the fractions $y / \hat y$ and $(1 - y) / (1 - \hat y)$, that of the sigmoid is $\hat y (1 - \hat y)$. In the
product the fractions cancel, and $(y - \hat y)\, x_j$ is left. ([All nine
lines](../docs/worked.md#the-nine-lines-of-logistic-regression) with their numbers.)
"""

# %%
weights = [Value(v, name=f"w{j}") for j, v in enumerate(w)]
for sample, target in zip(X, y):
    p = sigmoid(dot(weights, list(sample)))
    log_likelihood = target * log(p) + (1 - target) * log(1 - p)
    found = gradients(log_likelihood, weights)
    print("engine", np.round(found, 6), "  (y - yhat) x", ((target - p.data) * sample).round(6))

# %% [markdown]
r"""
## Deltas

The Hong Kong lecture writes backpropagation with deltas. In a network of tanh units with sums $s_j = \sum_i w_{ij} x_i$
and outputs $x_j = \tanh(s_j)$, and the error $e = (x_1 - y)^2$ at the last unit,

$$\delta_{\text{final}} = 2 (x_1 - y)(1 - x_1^2), \qquad
\delta_i = (1 - x_i^2) \sum_j w_{ij} \delta_j, \qquad \frac{\partial e}{\partial w_{ij}} = \delta_j x_i.$$

The $\delta_j$ are the gradients with respect to the sums, so they are `.grad` of the nodes `s`. (The slide's [network
3-3-3-3-1](../docs/worked.md#a-network-3-3-3-3-1-neuron-by-neuron), with layer indices and sums of several terms, is
worked out neuron by neuron on a page of its own.)
"""

# %%
inputs, target = [0.8, -0.4], 0.3
first = [[Value(v) for v in row] for row in rng.normal(size=(3, 2))]  # a row for each unit: its weights
second = [Value(v, name=f"w_{i}") for i, v in enumerate(rng.normal(size=3))]

s_hidden = [dot(row, inputs) for row in first]
x_hidden = [tanh(s) for s in s_hidden]
s_final = dot(second, x_hidden)
x_final = tanh(s_final)
e = (x_final - target) ** 2
e.backward()

delta = 2 * (x_final.data - target) * (1 - x_final.data**2)
print(f"delta_final {delta:+.6f}   gradient at s_final {s_final.grad:+.6f}")
for i in range(3):
    delta_i = (1 - x_hidden[i].data ** 2) * second[i].data * delta
    print(f"delta_{i}     {delta_i:+.6f}   gradient at s_{i}     {s_hidden[i].grad:+.6f}")
    for j in range(2):
        assert math.isclose(first[i][j].grad, delta_i * inputs[j])
    assert math.isclose(second[i].grad, delta * x_hidden[i].data)
print(f"de/dw_0     {delta * x_hidden[0].data:+.6f}   engine           {second[0].grad:+.6f}   and so on")

# %%
e.name, s_final.name, x_final.name = "e", "s_final", "x_final"
for i in range(3):
    s_hidden[i].name, x_hidden[i].name = f"s_{i}", f"x_{i}"
draw(e, around=s_final, hops=2)

# %% [markdown]
r"""
## Softmax with cross-entropy

From Imperial: for $n$ samples with logits $Z$ (the outputs before the softmax), the gradient of the mean cross-entropy
with respect to $Z$ is $(\hat y - y) / n$, where $y$ is 1 for the right class and 0 for the others. `nn.cross_entropy` is
one node with exactly this rule, so the Jacobian of the softmax is never computed:
"""

# %%
Z = Tensor(rng.normal(size=(5, 4)), name="Z")
classes = np.array([0, 3, 1, 1, 2])
loss = nn.cross_entropy(Z, classes)
loss.name = "loss"
loss.backward()
yhat = np.exp(Z.data) / np.exp(Z.data).sum(axis=1, keepdims=True)
print("equal to (yhat - y) / n:", np.allclose(Z.grad, (yhat - np.eye(4)[classes]) / 5))
draw(loss)

# %% [markdown]
r"""
## Exercises

**1.** Take $g = \tanh$ in Edinburgh's network. Which formulas change? Check the gradient of $W_1$.
"""

# %% tags=["solution"]
x, y = rng.normal(size=(3, 1)), rng.normal(size=(2, 1))
h = tanh(W1 @ x + b1)
yhat = W2 @ h + b2
d_W1 = gradients(0.5 * ((yhat - y) ** 2).sum(), W1)
d_a = W2.data.T @ (yhat.data - y) * (1 - h.data**2)  # only g'(a) is different
print(np.allclose(d_W1, d_a @ x.T))

# %% [markdown]
r"""
**2.** Compute the cross-entropy in two steps, a softmax node and then the logarithm, and compare its gradient
with that of `nn.cross_entropy`. Then multiply the logits by 1000. Which of the two is still right?
"""

# %% tags=["solution"]
for scale in (1.0, 1000.0):
    Z1, Z2 = Tensor(scale * Z.data), Tensor(scale * Z.data)
    one = nn.cross_entropy(Z1, classes)
    with np.errstate(divide="ignore"):
        two = -log(softmax(Z2)[np.arange(5), classes]).mean()
    one.backward()
    two.backward()
    same = np.allclose(Z1.grad, Z2.grad)
    print(f"times {scale:g}: loss {one.item():.4g} and {two.item():.4g}, equal gradients: {same}")
