# %% [markdown]
r"""
# 4. Training on two moons

**Question.** How does a network of numbers learn to separate two classes, and how long does it take?
"""

# %% [markdown]
r"""
## Data, network, loss

A hundred points of two classes that no line separates. The network has two layers of 16 ReLU neurons, and its
output's sign says the class. The **hinge loss** $\max(0, 1 - y\,\hat y)$, averaged over the points, is 0 for
a point that is on the right side with a margin.
"""

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tape
from chainrule.viz import plot_decision_boundary

X, classes = nn.datasets.moons(100, noise=0.1, seed=1)
targets = np.where(classes == 1, 1, -1)
model = nn.scalar.MLP(2, [16, 16, 1], activation="relu", seed=3)
print(model)
print(len(model.parameters()), "parameters")

# %%
plot_decision_boundary(model, X, classes)

# %% [markdown]
r"""
Before training the line is where chance has put it.

## The loop

A step of **gradient descent** has four lines: compute the loss, forget the old gradients, compute the new
ones, move every parameter a little against its gradient, $p \leftarrow p - \eta\, \partial L / \partial p$.
The optimiser moves all parameters after all gradients are known.

**Predict.** Each of the 100 points passes through 337 parameters. About how many nodes has the graph of one
loss?

<details><summary>Answer</summary>

A multiplication and an addition for each weight and point: about $2 \cdot 320 \cdot 100 = 64\,000$, and some
for the rest.

</details>
"""

# %%
optimizer = nn.SGD(model.parameters(), lr=0.1)

for i in range(8):
    loss = nn.hinge_loss([model(x) for x in X], targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {i}: loss {loss.data:.4f}")

print(f"{len(Tape(loss)):,} nodes")

# %% [markdown]
r"""
## Record once, replay

Every step has recorded the same graph again: the numbers change, the operations do not. A `Tape` keeps the
graph; `tape.forward()` computes it with the parameters' present values, and `tape.backward()` fills their
gradients. The operations that do not depend on each other are done together in NumPy. Three times on the way
the boundary is drawn, with rings around the points on the wrong side:
"""

# %%
tape = Tape(nn.hinge_loss([model(x) for x in X], targets))
figure, panels = plt.subplots(1, 3, sharey=True, figsize=(6.4, 2.4), layout="constrained")
moments = dict(zip((1, 200, 500), panels))
losses = []
for step in range(1, 501):
    losses.append(tape.forward())
    optimizer.zero_grad()
    tape.backward()
    optimizer.step()
    if step in moments:
        ax = plot_decision_boundary(model, X, classes, ax=moments[step])
        ax.set_title(f"step {step}", fontsize=9)
        ax.set_title("", loc="left")
        ax.get_legend().remove()

print(f"loss {losses[0]:.4f} at first, {losses[100]:.4f} after 100 steps, {losses[-1]:.4f} after 500")

# %% [markdown]
r"""
The line moves until it follows the moons. It is a chain of short straight pieces, for the network is made of ReLUs.

## How long?
"""


# %% tags=["measured"]
def seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def recorded():
    nn.hinge_loss([model(x) for x in X], targets).backward()


def replayed():
    tape.forward()
    tape.backward()


optimizer.zero_grad()
new = min(seconds(recorded) for _ in range(3))
again = min(seconds(replayed) for _ in range(20))
print(f"recorded anew {new * 1e3:.0f} ms, replayed {again * 1e3:.2f} ms: {new / again:.0f} times as fast")

# %% [markdown]
r"""
A replay repeats what was recorded. If your code has an `if` that looks at a number, the tape goes the way it
went when it was recorded ([what a replay does not see](../docs/replay.md#what-a-replay-does-not-see)).

## The loss

Before the last point is on its side the loss falls smoothly. After that, points enter and leave the margin
from step to step, each with a kink of the hinge, and the curve jumps.
"""

# %%
figure, ax = plt.subplots(figsize=(6.4, 3))
ax.semilogy(losses, color="#0b5cad")
ax.set(xlabel="step", ylabel="hinge loss")
ax.grid(alpha=0.3)

# %% [markdown]
r"""
## Exercises

**1.** Train a new network with learning rates 0.001, 0.1 and 3, each for 200 steps. What do too small and too
large look like?
"""


# %% tags=["solution"]
def losses_with(lr):
    model = nn.scalar.MLP(2, [16, 16, 1], activation="relu", seed=3)
    optimizer = nn.SGD(model.parameters(), lr=lr)
    tape = Tape(nn.hinge_loss([model(x) for x in X], targets))
    losses = []
    for _ in range(200):
        losses.append(tape.forward())
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()
    return losses


for lr in (0.001, 0.1, 3.0):
    curve = losses_with(lr)
    last = curve[-20:]
    print(f"{lr:5}: {curve[0]:.3f}, highest {max(curve):.3f}, at the end {min(last):.3f} to {max(last):.3f}")
print("too small: 200 steps go as far as two steps with 0.1; too large: it jumps up, and goes on jumping")

# %% [markdown]
r"""
**2.** Can one layer of two neurons separate the moons? And of four? Try `[2, 1]` and `[4, 1]` with 1000
replayed steps, and count the points on the right side.
"""

# %% tags=["solution"]
for width in (2, 4):
    model = nn.scalar.MLP(2, [width, 1], activation="relu", seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.2)
    scores = [model(x) for x in X]
    tape = Tape(nn.hinge_loss(scores, targets))
    for _ in range(1000):
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()
    right = sum((score.data > 0) == (target > 0) for score, target in zip(scores, targets))
    print(f"{width} neurons: {right} of 100 on the right side")
