# %% [markdown]
r"""
# 21. Recap: from an expression to a decision boundary

**Question.** Which steps lead from one formula to a trained network, with nothing but numbers that have gradients?

This notebook repeats notebooks [1](01_chain_rule.ipynb) to [4](04_two_moons.ipynb) in one. It is also for readers who
come from Andrej Karpathy's lecture on micrograd: the steps are those of the lecture.

## An expression

A `Value` holds one number. Arithmetic with Values gives Values.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tape, Value, tanh
from chainrule.viz import draw, plot_decision_boundary, plot_responses


def formula(p, q, r):
    return (p * q - r) ** 2


p, q, r = Value(2.0, name="p"), Value(-1.5, name="q"), Value(1.0, name="r")
J = formula(p, q, r)
J.name = "J"
print(J)

# %% [markdown]
r"""
## Its graph

`J` records the operation that made it and the inputs of that operation, which record theirs. So the whole graph can be drawn from `J`:
"""

# %%
draw(J)

# %% [markdown]
r"""
Blue numbers are values. A dash is a gradient that has not been computed.

## Gradients by finite differences

The gradient of $J$ with respect to $p$ says how much $J$ changes, per unit, when $p$ changes a little.

**Predict.** $pq - r$ is $-4$ here. Does $J$ grow or fall when $p$ gets a little larger? And when $r$ does?

<details><summary>Answer</summary>

$q$ is negative, so $pq - r$ goes further below 0 and its square grows: the gradient with respect to $p$ is positive. A larger $r$ does the
same: its gradient is positive, too.

</details>

Change one number at a time by a small $h$, up and down, and divide:
"""

# %%
h = 1e-4
at = [2.0, -1.5, 1.0]
for i, name in enumerate("pqr"):
    up, down = at.copy(), at.copy()
    up[i] += h
    down[i] -= h
    print(f"dJ/d{name} is about {(formula(*up) - formula(*down)) / (2 * h):.4f}")

# %% [markdown]
r"""
It works, but needs two evaluations of the formula for each input. A network has thousands of weights.

## Gradients by `backward()`

The backward pass computes all of them at once. It starts at $J$ with 1, since $dJ/dJ = 1$. Then it goes through the operations in reverse
order and multiplies by the local gradients:
"""

# %%
J.backward()
for leaf in (p, q, r):
    print(f"dJ/d{leaf.name} = {leaf.grad}")
draw(J)

# %% [markdown]
r"""
The purple numbers are the local gradients. Follow one path from the right: $1 \cdot (-8) = -8$ at the difference, times $1$ at the product
$pq$, times $q = -1.5$ at $p$: 12.

**Predict.** We move $p$, $q$ and $r$ a little against their gradients, by $0.01$ times each. What happens to $J = 16$?

<details><summary>Answer</summary>

It falls, by about $0.01 \cdot (12^2 + 16^2 + 8^2) = 4.64$; a little less than that, since the gradients become smaller on the way.

</details>
"""

# %%
for leaf in (p, q, r):
    leaf.data -= 0.01 * leaf.grad
print(formula(p, q, r))

# %% [markdown]
r"""
That was one step of **gradient descent**. The training of a network is many such steps.

## A neuron

A neuron multiplies each input by a weight, adds a bias, and applies a function that is not linear, here tanh:
"""

# %%
w1, w2, b = Value(1.0, name="w1"), Value(-0.5, name="w2"), Value(0.2, name="b")
x1, x2 = 0.6, -0.4
y = tanh(w1 * x1 + w2 * x2 + b)
y.name = "y"
y.backward()
print("with respect to w1:", w1.grad, " by hand:", (1 - y.data**2) * x1)
draw(y)

# %% [markdown]
r"""
## A network

Neurons with the same inputs are a layer; layers after each other are a network, an MLP. `nn.scalar.MLP` is made of Values, and is called
like micrograd's.

**Predict.** Two inputs, a layer of 4 neurons, one output. How many weights and biases are there?

<details><summary>Answer</summary>

$4 \cdot 2 + 4$ in the layer and $4 + 1$ in the output: 17.

</details>
"""

# %%
model = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=2)
print(model)
print(len(model.parameters()), "parameters")

# %% [markdown]
r"""
## Four points that no line separates

**Exclusive or**: the target is 1 if one input is 1 and the other is 0, and $-1$ otherwise. The points are the corners of a square; those of
one class are opposite each other.

The **loss** is one number that says how wrong the network is: the mean of the squared differences between its outputs and the targets.
"""

# %%
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
classes = np.array([0, 1, 1, 0])
targets = [-1.0, 1.0, 1.0, -1.0]


def loss_of(model):
    return sum((model(x) - target) ** 2 for x, target in zip(X, targets)) / len(X)


loss = loss_of(model)
print(f"loss {loss.data:.4f}, a graph of {len(Tape(loss))} nodes")

# %% [markdown]
r"""
A step has four parts: compute the loss; delete the old gradients, since `backward()` adds to them; run the backward pass; move each
parameter against its gradient.
"""

# %%
figure, panels = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.6), layout="constrained")
moments = dict(zip((0, 30, 300), panels))
losses = []
for i in range(301):
    if i in moments:
        ax = plot_decision_boundary(model, X, classes, ax=moments[i])
        ax.set_title(f"after {i} steps", fontsize=9)
        ax.set_title("", loc="left")
        ax.get_legend().remove()
        ax.label_outer()
    loss = loss_of(model)
    model.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        parameter.data -= 0.2 * parameter.grad
    losses.append(loss.data)

print("outputs", [round(model(x).data, 3) for x in X])

# %% [markdown]
r"""
Colours show the sign of the output at every place: blue for 1 (the triangles), orange for $-1$ (the dots). The line between them is the
**decision boundary**, and a ring marks a point on the wrong side. Training changes the line until each point is on the right side.
"""

# %%
figure, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
ax.semilogy(losses, color="#0b5cad")
ax.set(xlabel="step", ylabel="mean squared error")
ax.grid(alpha=0.3)

# %% [markdown]
r"""
## What the neurons have learnt

The output of each of the four neurons is near $-1$ on one side of a line and near 1 on the other. The output of the network is a weighted
sum of the four, and a bias:
"""

# %%
plot_responses(model, X, classes, layer=0)

# %% [markdown]
r"""
From here on, numbers become arrays: [notebook 5](05_tensors.ipynb). The rules stay.

## Exercises

**1.** Leave out `model.zero_grad()`. What do the gradients become, and what does the loss do in 100 steps with the same learning rate?
"""


# %% tags=["solution"]
def trained(widths, steps, reset=True):
    model = nn.scalar.MLP(2, widths, activation="tanh", seed=2)
    losses = []
    for _ in range(steps):
        loss = loss_of(model)
        if reset:
            model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= 0.2 * parameter.grad
        losses.append(loss.data)
    return model, losses


_, good = trained([4, 1], 100)
_, bad = trained([4, 1], 100, reset=False)
for name, losses_of in (("with", good), ("without", bad)):
    print(
        f"{name:7} zero_grad: after 100 steps {losses_of[-1]:.4f}, highest of the last 60 {max(losses_of[-60:]):.4f}"
    )
print(
    "Each step uses the sum of all gradients so far, also of the old ones. So it goes too far, again and again."
)

# %% [markdown]
r"""
**2.** Train a network of one neuron, `[1]`, on the four points. What are its outputs, and why can it not do better?
"""

# %% tags=["solution"]
single, losses = trained([1], 300)
print("loss", round(losses[-1], 4), " outputs", [round(single(x).data, 3) for x in X])
print(
    "One linear neuron: its best output for all four points is 0. Any line has a point of the wrong class on one side."
)
