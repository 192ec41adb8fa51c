# %% [markdown]
r"""
# 11. Optimisers, learning rates and schedules

**Question.** The gradient says in which direction the loss grows. How far should a step go, and how can an
optimiser do better than to follow the gradient of the moment?
"""

# %% [markdown]
r"""
## Too low, right, too high

Gradient descent is `w -= lr * w.grad`. Take a loss of two weights, a long narrow valley with its lowest point
at 0:

$$L(w) = \tfrac12 (w_1^2 + 25\, w_2^2)$$

**Predict.** One step changes $w_2$ to $w_2 - lr \cdot 25 w_2$. For which learning rates does it get closer to
0? How much of $w_1$ is left after a step at the highest of these rates?

<details><summary>Answer</summary>

It is multiplied by $1 - 25\, lr$, which lies between $-1$ and $1$ if $0 < lr < 2/25 = 0.08$. At 0.08 each
step leaves $1 - 0.08 = 92\,\%$ of $w_1$: the steep direction sets the limit, and the flat one has to be
patient.

</details>
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor
from chainrule.nn import schedules
from chainrule.viz import Recorder, plot_learning_rate, plot_loss_surface

steepness = np.array([1.0, 25.0])


def valley(w):
    return 0.5 * (steepness * w**2).sum()


def descend(make, steps=40):
    w = Tensor([-9.0, 2.0], name="w", requires_grad=True)
    optimizer = make([w])
    path = [w.data.copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(w).backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


for lr in (0.004, 0.04, 0.078, 0.082):
    path = descend(lambda w, lr=lr: nn.SGD(w, lr=lr))
    print(f"lr {lr:.3f}:  loss after 40 steps {valley(path[-1]):10.4f}")

# %% [markdown]
r"""
0.004 creeps, 0.082 explodes. Between them lies the best rate for this valley, $2 / (1 + 25)$.

## Momentum and adaptive rates

**Momentum** adds up gradients, so that what always points the same way grows, and what changes its sign
cancels. **AdaGrad, RMSProp, AdaDelta and Adam** divide the gradient of each weight by the gradient's usual size,
so that steep and flat directions move alike. Adam does both. (The lectures have the last two.)
"""

# %%
optimizers = {
    "SGD": lambda w: nn.SGD(w, lr=0.07),
    "momentum": lambda w: nn.SGD(w, lr=0.02, momentum=0.8),
    "AdaGrad": lambda w: nn.Adagrad(w, lr=2.0),
    "RMSProp": lambda w: nn.RMSprop(w, lr=0.3),
    "AdaDelta": lambda w: nn.Adadelta(w, lr=2.0, eps=0.01),
    "Adam": lambda w: nn.Adam(w, lr=0.3),
}
figure, grid = plt.subplots(3, 2, sharex=True, sharey=True, figsize=(6.4, 4), layout="constrained")
figure.supxlabel("$w_1$")
figure.supylabel("$w_2$")
a, b = np.meshgrid(np.linspace(-10, 3, 60), np.linspace(-2.6, 2.6, 60))
for axes, (name, make) in zip(grid.flat, optimizers.items()):
    path = descend(make)
    axes.contour(a, b, 0.5 * (a**2 + 25 * b**2), levels=10, colors="0.75", linewidths=0.7)
    axes.plot(*path.T, ".-", color="#b04a00", linewidth=1, markersize=4)
    axes.plot(0, 0, "*", color="#1460aa", markersize=9)
    axes.set_title(f"{name}: loss {valley(path[-1]):.2g} after 40 steps", fontsize=9)

# %% [markdown]
r"""
The star is the lowest point. SGD jumps across the valley and creeps along it; momentum swings and arrives.
AdaGrad and AdaDelta turn towards the star at once; RMSProp and Adam, which has momentum, too, cross the valley
first. The rates were chosen for this valley: an adaptive optimiser needs a learning rate, too, and AdaDelta an
`eps`, which says how far its first steps go.

## Schedules

High rates get far, low rates settle. A schedule begins with the one and ends with the other:
"""

# %%
parameter = Tensor([0.0], name="w", requires_grad=True)


def rate():
    return nn.SGD([parameter], lr=0.1)


plot_learning_rate(
    {
        "every epoch": schedules.ExponentialDecay(rate(), gamma=0.95),
        "after 30 epochs": schedules.StepDecay(rate(), step_size=30, gamma=0.3),
        "cosine, with a warm-up": schedules.Warmup(schedules.Cosine(rate(), T_max=90), steps=10),
    },
    steps=100,
)

# %% [markdown]
r"""
A fourth kind looks at how the training goes: `ReduceOnPlateau` lowers the rate when the validation loss has
stopped improving. `nn.fit` steps any of them. **Predict.** Here it waits for 3 epochs without an improvement.
Where does the rate fall?

<details><summary>Answer</summary>

The last improvement is that of epoch 3. Epochs 4, 5 and 6 are waited for, epoch 7 is one too many: from epoch
8 on the rate is a tenth.

</details>
"""

# %%
schedule = schedules.ReduceOnPlateau(rate(), patience=3)
for epoch, loss in enumerate([0.9, 0.6, 0.5, 0.5, 0.52, 0.5, 0.51, 0.5, 0.49], 1):
    print(f"epoch {epoch}: rate {schedule.optimizer.lr:.3f}, validation loss {loss}")
    schedule.step(loss)

# %% [markdown]
r"""
## The surface of a network's loss

A network has as many directions as weights, and its loss is not a bowl. A plane through the weights shows
some of it: here the plane in which the training moved most, by principal components. (Two random directions,
scaled filter by filter, are the way of Li et al., 2018: `directions="random"`.)
"""

# %%
X, y = nn.datasets.moons(200, seed=0)
model = nn.MLP(2, [16, 2], activation="tanh", seed=3)
recorder = Recorder(model)
optimizer = nn.SGD(model.parameters(), lr=0.5, momentum=0.9)
for _ in range(60):
    optimizer.zero_grad()
    loss = nn.cross_entropy(model(X), y)
    loss.backward()
    optimizer.step()
    recorder.record(model, loss)
plot_loss_surface(model, X, y, nn.cross_entropy, path=recorder)

# %% [markdown]
r"""
In two random directions, around the same weights, there are hills and a second valley:
"""

# %%
plot_loss_surface(model, X, y, nn.cross_entropy, directions="random", reach=3.0)

# %% [markdown]
r"""
## Exercises

**1.** Find the best learning rate of gradient descent in the valley by trying, to two digits. Is it $2 / (1 +
25)$?
"""

# %% tags=["solution"]
rates = np.arange(0.060, 0.0805, 0.001)
losses = [valley(descend(lambda w, lr=lr: nn.SGD(w, lr=lr), steps=200)[-1]) for lr in rates]
print(f"the best of them after 200 steps: {rates[np.argmin(losses)]:.3f};  2 / 26 = {2 / 26:.4f}")

# %% [markdown]
r"""
**2.** Full batch, mini-batches, or one sample at a time? Train the network on the moons for 20 epochs with
batches of 200, 20 and 1, at the same rate of 0.1, and count steps.
"""

# %% tags=["solution"]
for size in (200, 20, 1):
    model = nn.MLP(2, [16, 2], activation="tanh", seed=3)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    options = {"epochs": 20, "batch_size": size, "progress": False}
    nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, **options)
    loss = nn.cross_entropy(model(X), y).item()
    print(f"batches of {size:3}: {20 * 200 // size:4} steps, loss {loss:.3f}")
print("the same arithmetic in more steps, each with a noisier gradient")
