# %% [markdown]
r"""
# 11. Optimisers, learning rates and schedules

**Question.** The gradient says in which direction the loss grows. How long should a step be, and how can an
optimiser do better than following the present gradient?
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
step leaves $1 - 0.08 = 92\,\%$ of $w_1$. The steep direction limits the learning rate, and in the flat direction
many steps are needed.

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
With 0.004 the loss falls slowly, with 0.082 it explodes. The best rate for this valley is between them: $2 / (1 + 25)$.

## Momentum and adaptive rates

**Momentum** adds up the gradients of many steps: components that keep their sign grow, components that change their sign
cancel. **AdaGrad, RMSProp, AdaDelta and Adam** divide the gradient of each weight by its size in the past steps, so
that steps in steep and in flat directions are about equally long. Adam does both. (The lectures cover AdaDelta and Adam.)
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
The star is the lowest point, each dot a step, and each thin line has the same loss everywhere. SGD jumps from side to side
of the valley, and moves slowly along it. Momentum swings as well, and reaches the star. AdaGrad and AdaDelta turn towards
the star at once; RMSProp and Adam cross the valley first. The rates were chosen for this valley: an adaptive optimiser
needs a learning rate, too, and AdaDelta an `eps`, which determines the length of its first steps.

## Schedules

With a high learning rate the first steps are long. With a low one the last steps come closer to the minimum. A schedule
begins with a high rate and ends with a low one:
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
A fourth kind depends on the validation loss: `ReduceOnPlateau` lowers the rate when it has stopped improving. `nn.fit`
takes any of them (`schedule=`). **Predict.** With `patience=3` it accepts 3 epochs without an improvement. In which
epoch does the rate fall?

<details><summary>Answer</summary>

The last improvement is that of epoch 3. Epochs 4, 5 and 6 are accepted, epoch 7 is one too many: from epoch
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

The loss of a network depends on all its weights, and it is not a simple valley. A picture can show it on a plane through
the trained weights. Here it is the plane in which the training moved most, found by principal components:
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
The path ends at the star, where the loss is low. In a plane of two random directions through the same weights there are
hills and a second valley. (The directions are scaled as in Li et al., 2018.)
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
print("the same number of samples in more steps, each with a noisier gradient")
