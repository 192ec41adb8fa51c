# %% [markdown]
r"""
# 13. Hidden features

**Question.** The decision boundary of a linear layer is a straight line. What do the layers before it have to compute, so
that a line is enough?
"""

# %% [markdown]
r"""
## Linear layers collapse

**Predict.** A network has three linear layers, of 20, 20 and 1 units, and no activation between them. What
can it do that a single linear layer cannot?

<details><summary>Answer</summary>

Nothing: $x W_1 W_2 W_3 = x (W_1 W_2 W_3)$, and a product of matrices is a matrix. With biases it is the same.

</details>
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tape
from chainrule.viz import (
    plot_approximation,
    plot_box,
    plot_decision_boundary,
    plot_hidden_space,
    plot_layers,
    plot_network,
    plot_responses,
)

deep = nn.Sequential(
    nn.Linear(2, 20, seed=0),
    nn.Linear(20, 20, seed=1),
    nn.Linear(20, 1, seed=2),
)
one = nn.Linear(2, 1)
w1, w2, w3 = (layer.weight.data for layer in deep)
b1, b2, b3 = (layer.bias.data for layer in deep)
one.weight.data = w1 @ w2 @ w3
one.bias.data = (b1 @ w2 + b2) @ w3 + b3
X, y = nn.datasets.circles(200, seed=0)
print("largest difference of their outputs:", abs(deep(X).data - one(X).data).max().round(12))

# %% [markdown]
r"""
## Two units fail, four succeed

The data are a ring of points around another ring. The network has a first hidden layer of $k$ tanh units, a second of 2,
and an output.

**Predict.** The output of each unit of the first layer is positive on one side of a line, and negative on the other. How
many lines are needed to enclose the inner ring?

<details><summary>Answer</summary>

Three, which make a triangle. Two make a wedge or a strip, which are open at their ends.

</details>
"""


# %%
def trained(k, seed):
    model = nn.MLP(2, [k, 2, 1], "tanh", seed=seed)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    tape = Tape(nn.binary_cross_entropy_with_logits(model(X), y[:, None].astype(float)))
    for _ in range(300):  # full-batch descent; a tape replays what it has recorded
        optimizer.zero_grad()
        tape.forward()
        tape.backward()
        optimizer.step()
    return model


def share_right(model):
    return ((model(X).data[:, 0] > 0) == y).mean()


for k in (2, 3, 4):
    good = sum(share_right(trained(k, seed)) > 0.97 for seed in range(10))
    print(f"{k} units: {good} of 10 seeds get more than 97% right")

# %%
two, four = trained(2, seed=0), trained(4, seed=0)
figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), layout="constrained")
for ax, model, title in zip(axes, (two, four), ("two units", "four units")):
    plot_decision_boundary(model, X, y, ax=ax)
    ax.set_title(f"{title}: {share_right(model):.1%}", loc="left")

# %% [markdown]
r"""
With each of ten seeds two units were not enough: the reason is their number, not the random start.

## The output of each hidden unit

The outputs of the four units of the first layer over the plane: blue is positive, orange negative, and the line
is where the weighted sum is 0:
"""

# %%
plot_responses(four, X, y, layer=0)

# %% [markdown]
r"""
The four lines surround the inner ring. The layers after them determine how close to it the boundary is. The whole
network, with lines as thick as the weights:
"""

# %%
plot_network(four, X)

# %% [markdown]
r"""
## The data in the hidden space

The same samples at the input, after each hidden layer, and after the output layer. Each sample keeps its colour in all
four panels:
"""

# %%
plot_layers(four, X)

# %% [markdown]
r"""
The outputs of the two units of the second hidden layer are the inputs of the output layer. Here they are the two
coordinates of each sample:
"""

# %%
plot_hidden_space(four, X, y)

# %% [markdown]
r"""
Now a line separates the two rings. That is what hidden layers do: they learn features in which the task is
linear.

## One layer approximates anything

With enough units in one hidden layer any continuous function can be approximated. The proof can be drawn:
four ReLUs make a box,

$$\frac1e \big( \mathrm{relu}(x - a) - \mathrm{relu}(x - a - e)
- \mathrm{relu}(x - b) + \mathrm{relu}(x - b - e) \big),$$

which is 1 from $a + e$ to $b$ and 0 outside of $a$ and $b + e$. Boxes side by side approximate any curve. With a
*step* as the activation, which is 1 where its input is 0 or more and 0 elsewhere, two units are enough:
$\mathrm{step}(x - a) - \mathrm{step}(x - b)$. But the slope of a step is 0, so it cannot be trained by gradient descent:
"""

# %%
plot_box(a=1.0, b=2.0, height=1.0)

# %% [markdown]
r"""
`nn.box_network` makes a network with such weights, here with four ReLUs:
"""

# %%
box = nn.box_network(edges=[1.0, 2.0], heights=[1.0], e=0.1)
print(box)
print("weights into the hidden units:", box[0].weight.data.ravel())
print("their biases:                 ", box[0].bias.data)
print("weights out of them:          ", box[2].weight.data.ravel())
for x in (0.9, 1.05, 1.5, 2.05, 2.2):
    print(f"box({x}) = {box(np.array([[x]])).data.item():.2f}")

# %%
plot_approximation(lambda x: np.sin(2 * np.pi * x) + x, boxes=12)

# %% [markdown]
r"""
Such weights exist; this does not mean that gradient descent finds them, or that so many units are a good idea.
[Deep networks need fewer](../docs/claims.md#wide-and-deep), and the number of boxes grows with
[each further input](../docs/claims.md#one-layer-is-enough-but-it-may-have-to-be-large).

## Exercises

**1.** Features can be made by hand, too. TensorFlow Playground offers $x_1, x_2, x_1^2, x_2^2, x_1 x_2, \sin x_1, \sin x_2$.
Train *logistic regression* (one linear unit with a sigmoid) on the first two for the rings, then on all seven. What
share does it get right, and which features have large weights?
"""

# %% tags=["solution"]
x1, x2 = X.T
offered = {
    "x1": x1,
    "x2": x2,
    "x1^2": x1**2,
    "x2^2": x2**2,
    "x1 x2": x1 * x2,
    "sin x1": np.sin(x1),
    "sin x2": np.sin(x2),
}
for names in (["x1", "x2"], list(offered)):
    features = np.column_stack([offered[name] for name in names])
    logistic = nn.Linear(len(names), 1, seed=0)
    optimizer = nn.Adam(logistic.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        nn.binary_cross_entropy_with_logits(logistic(features), y[:, None].astype(float)).backward()
        optimizer.step()
    print(f"{((logistic(features).data[:, 0] > 0) == y).mean():.1%} right, with the weights")
    print("   ", ", ".join(f"{name}: {w:.1f}" for name, w in zip(names, logistic.weight.data[:, 0])))
print("the squares have the largest weights: a weighted sum of x1^2 and x2^2 is small inside of an ellipse")

# %% [markdown]
r"""
**2.** How does the largest error of the boxes for $\sin x$ between 0 and $2\pi$ fall with their number? Try
16, 64 and 256, away from the sloping sides.
"""

# %% tags=["solution"]
x = np.linspace(0.5, 6.2, 500)[:, None]
for boxes in (16, 64, 256):
    edges = np.linspace(0, 2 * np.pi, boxes + 1)
    network = nn.box_network(edges, np.sin, e=edges[1] / 100)
    error = abs(network(x).data - np.sin(x)).max()
    half = edges[1] / 2
    print(f"{boxes:3} boxes, {4 * boxes:4} hidden units: {error:.3f}; half a width: {half:.3f}")
