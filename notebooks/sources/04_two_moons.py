# %% [markdown]
r"""
# 4. Training on two moons

**Question.** How does a network of numbers learn to separate two classes, and how long does it take?
"""

# %% [markdown]
r"""
## Data, network, loss

A hundred points of two classes that no line separates. The network has two layers of 16 neurons with the activation
**ReLU**, $\max(0, x)$, and one output $\hat y$. The sign of the output is the class. The targets $y$ are 1 and $-1$. The
**hinge loss** of a point is $\max(0, 1 - y\,\hat y)$: it is 0 if the output has the right sign and is at least 1 in size
(a *margin*). The loss is its mean over the points.
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
The black line is the **decision boundary**, where the output is 0. Before training the weights are random, and so is the
line.

## The loop

A step of **gradient descent** has four lines: compute the loss, delete the old gradients, compute the new
ones, move every parameter a little against its gradient, $p \leftarrow p - \eta\, \partial L / \partial p$.
The factor $\eta$ is the **learning rate**, `lr` in the code. The **optimiser** makes this move for all parameters.

**Predict.** The network has 337 parameters, and the loss uses them for each of the 100 points. About how many nodes does
the graph of one loss have?

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
gradients. Operations that do not depend on each other are computed together by NumPy. The boundary is drawn after 1,
200 and 500 steps; points on the wrong side have a ring:
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
The line moves until it runs between the moons. It consists of short straight pieces, because ReLU does.

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
A replay repeats what was recorded. If your code has an `if` that depends on a number, the tape repeats the branch that
was taken at the recording ([limits of a replay](../docs/replay.md#limits-of-a-replay)).

## The loss

At first the loss falls smoothly. Near the end it is small, and single points enter and leave the margin from step to
step. There the slope of the hinge loss changes at once, and the curve jumps.
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
**2.** Can one hidden layer of two neurons separate the moons? And one of four? Try `[2, 1]` and `[4, 1]` with 1000
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
