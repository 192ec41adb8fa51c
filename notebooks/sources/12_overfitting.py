# %% [markdown]
r"""
# 12. Data, overfitting and its cures

**Question.** A network can memorise its training samples and be perfect on them. How do we find out that it is
not good on other samples (this is **overfitting**), and what helps?
"""

# %% [markdown]
r"""
## Three parts

Gradients are computed on the **training** set. The **validation** set is for choices: when to stop, how
strong a cure should be. The **test** set is used once, at the end. `nn.split` makes parts that share no
sample, and the same ones for the same seed.
"""

# %%
import functools

import numpy as np

from chainrule import nn
from chainrule.viz import plot_loss

X, y, *_ = nn.datasets.load_digits()
X, X_val, X_test, y, y_val, y_test = nn.split(X, y, validation_size=100, test_size=1000, seed=0)
X, y = X[:150], y[:150]  # few samples, which are easy to memorise
print("training", X.shape, " validation", X_val.shape, " test", X_test.shape)

# %% [markdown]
r"""
## Scaling without a leak

If all columns of the data have about the same size, gradient descent needs fewer steps ([the valley of notebook
11](11_optimisers.ipynb) is rounder). Standardisation gives each column mean 0 and standard deviation 1; min-max scaling
brings it to a range.

**Predict.** `Standardizer` is fitted on the training set. What are the means of the *test* set, scaled by it?

<details><summary>Answer</summary>

Not 0, because the means of other samples were subtracted. With 30 flowers they are up to half a standard deviation off.
A scaler that is fitted on the test set, too, would bring information about it into the training: a leak.

</details>
"""

# %%
lengths, species, *_ = nn.datasets.load_iris()
train, test, *_ = nn.split(lengths, species, seed=0)
standard = nn.Standardizer().fit(train)
print("training:", standard.transform(train).mean(axis=0).round(3) + 0.0)
print("test:    ", standard.transform(test).mean(axis=0).round(3))
unit = nn.MinMaxScaler(0, 1).fit(train)
print(
    "min-max, test: from",
    unit.transform(test).min(axis=0).round(2),
    "to",
    unit.transform(test).max(axis=0).round(2),
)

try:
    standard.fit(test)
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
r"""
## Learning by heart

There are 150 digits, and three in ten of them get a random label. A network with 150 hidden units, one for each
sample, can memorise even those.

**Predict.** What becomes of the loss on the training set, and of that on the validation set, whose labels are
right?

<details><summary>Answer</summary>

The training loss goes to 0. The validation loss falls as long as the network learns what images of one digit have in
common. It rises when the network begins to fit the wrong labels.

</details>
"""

# %%
X, X_val, X_test = X / 16, X_val / 16, X_test / 16  # pixels are from 0 to 16
rng = np.random.default_rng(0)
wrong = rng.random(150) < 0.3
y_noisy = np.where(wrong, rng.integers(0, 10, 150), y)

model = nn.MLP(64, [150, 10], seed=0)
optimizer = nn.Adam(model.parameters(), lr=0.01)
options = {"epochs": 80, "batch_size": 50, "validation": (X_val, y_val), "progress": False}
history = nn.fit(model, nn.cross_entropy, (X, y_noisy), optimizer=optimizer, **options)
print(f"training {nn.accuracy(model(X), y_noisy):.0%}")
print(f"test     {nn.accuracy(model(X_test), y_test):.0%}")
plot_loss(history)

# %% [markdown]
r"""
## Four cures

They are called *regularisation*.

- **Early stopping** keeps the model of the epoch with the lowest validation loss.
- **L2** adds $\lambda \sum w^2$ to the loss, with gradient $2 \lambda w$: large weights shrink.
- **L1** adds $\lambda \sum |w|$, with gradient $\lambda\,\mathrm{sign}(w)$: small weights become 0.
- **Dropout** sets random units to 0 in training and multiplies the others by a factor, so that the expected value
  stays the same; it is off at test time.

The result of one training depends on chance: another seed gives other samples, weights and batches. So each cure is
tried with five seeds, and the mean and the standard deviation are printed. The test set is put aside first, once for all
seeds.
"""

# %%
DIGITS = nn.datasets.load_digits()
X_rest, X_test, y_rest, y_test = nn.split(DIGITS.data / 16, DIGITS.target, test_size=1000, seed=0)


def experiment(seed, dropout=0.0, **cure):
    X, X_val, y, y_val = nn.split(X_rest, y_rest, test_size=100, seed=seed)
    rng = np.random.default_rng(seed)
    X, y = X[:150], np.where(rng.random(150) < 0.3, rng.integers(0, 10, 150), y[:150])
    model = nn.Sequential(
        nn.Linear(64, 150, seed=rng),
        nn.ReLU(),
        nn.Dropout(dropout, seed=seed),
        nn.Linear(150, 10, seed=rng),
    )
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    options = {"epochs": 80, "batch_size": 50, "validation": (X_val, y_val), "progress": False}
    nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, seed=seed, **options, **cure)
    return {"training": nn.accuracy(model(X), y), "test": nn.accuracy(model(X_test), y_test)}


cures = {
    "none": {},
    "early stopping": {"early_stopping": 10},
    "L1": {"penalty": lambda model: nn.l1_penalty(model, 0.004)},
    "L2": {"penalty": lambda model: nn.l2_penalty(model, 0.01)},
    "dropout": {"dropout": 0.8},
}
for name, options in cures.items():
    found = nn.repeat(functools.partial(experiment, **options), seeds=range(5), progress=False)
    training, test, deviation = *found.mean.values(), found.std["test"]
    print(f"{name:15} training {training:4.0%}   test {test:4.0%}, deviation {deviation:.1%}")

# %% [markdown]
r"""
Without a cure the network predicts all labels of the training set, also the wrong ones, and is wrong on a third of the
test set. Each cure makes it worse on the training set and better on the test set. (The strengths of
L1, L2 and dropout were the best on validation samples of ten other seeds, none of which is in the test set.
The same with more samples, and strengths chosen for each seed by itself: [results](../docs/results.md#overfitting-and-its-cures).)

## More data

**Predict.** The best cure is simple: more samples, with the same share of wrong labels. Which of the
cures above is it better than, and why does the network no longer memorise the wrong labels?

<details><summary>Answer</summary>

Four times the data is better than all of them. The network has 150 units, as before, which are too few to memorise 180
wrong labels among 600: what the right ones have in common is easier to learn.

</details>
"""


# %%
def with_samples(seed, n, units=150):
    X, _, y, _ = nn.split(X_rest, y_rest, test_size=100, seed=seed)
    rng = np.random.default_rng(seed)
    X, y = X[:n], np.where(rng.random(n) < 0.3, rng.integers(0, 10, n), y[:n])
    model = nn.MLP(64, [units, 10], seed=rng)
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    steps = {"epochs": 80 * 150 // n, "batch_size": 50}  # as many steps for any number of samples
    nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, seed=seed, progress=False, **steps)
    return {"training": nn.accuracy(model(X), y), "test": nn.accuracy(model(X_test), y_test)}


for n in (75, 150, 300, 600):
    found = nn.repeat(functools.partial(with_samples, n=n), seeds=range(5), progress=False)
    training, test = found.mean.values()
    print(f"{n:3} samples   training {training:4.0%}   test {test:4.0%}")

# %% [markdown]
r"""
The number of units, the **capacity**, determines what can be learnt at all. With too few units not even the right
labels are learnt (underfitting: bad on both sets, take more). With too many the wrong ones are memorised (overfitting:
good on the training set only, take fewer): here 150 units are hardly better on the test set than 10.
"""

# %%
for units in (1, 4, 10, 150):
    found = nn.repeat(functools.partial(with_samples, n=150, units=units), seeds=range(5), progress=False)
    training, test = found.mean.values()
    print(f"{units:3} units   training {training:4.0%}   test {test:4.0%}")

# %% [markdown]
r"""
## Exercises

**1.** Apply dropout with $p = 0.8$ to an array of ones. What are the mean and the share of zeros in the result, in
training and in evaluation?
"""

# %% tags=["solution"]
dropout = nn.Dropout(0.8, seed=0)
for mode in (dropout.train, dropout.eval):
    mode()
    out = np.asarray(dropout(np.ones((100, 1000))))
    zeros, others = (out == 0).mean(), out.max()
    print(f"{mode.__name__:5}  zeros {zeros:4.0%}   others {others:.0f}   mean {out.mean():.2f}")

# %% [markdown]
r"""
**2.** L1 makes weights 0, L2 makes them small. Train the network above with each, and compare the share of
weights in the first layer with $|w| < 0.01$.
"""

# %% tags=["solution"]
for name in ("none", "L1", "L2"):
    model = nn.MLP(64, [150, 10], seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    options = {"epochs": 80, "batch_size": 50, "progress": False, **cures[name]}
    nn.fit(model, nn.cross_entropy, (X, y_noisy), optimizer=optimizer, **options)
    w = model.layers[0].weight.data
    small, size = (abs(w) < 0.01).mean(), np.sqrt((w**2).mean())
    print(f"{name:4}  |w| < 0.01: {small:4.0%}   root mean square {size:.3f}")
