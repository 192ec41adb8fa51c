# %% [markdown]
r"""
# 22. A character model, every gradient by hand

**Question.** A network reads three letters and predicts the next one. Between its weights and its loss lie an embedding, batch
normalisation, tanh and cross-entropy. Can you write the gradient of each of 26 arrays by hand, and get the numbers of
`backward()`?

This notebook is for readers who come from Andrej Karpathy's lectures on character models. The data are other: the names are made here.

## Names to learn from

A name has a first syllable, none to two in the middle, and a last one. The dot stands before and after a name. Three letters are
the **context**, and the letter after them is the target.
"""

# %%
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, exp, linear, log, tanh

FIRST, MIDDLE, LAST = (
    syllables.split()
    for syllables in (
        "a ba da e fa ha i ja ka le lo ma mi na o ra sa ta vi",
        "li ri lo no ra na ve mi da so",
        "n na ra s lin la mon ro ta ven",
    )
)


def make_names(count, rng):
    middles = ["".join(rng.choice(MIDDLE, size=rng.integers(0, 3))) for _ in range(count)]
    return [f"{rng.choice(FIRST)}{middle}{rng.choice(LAST)}" for middle in middles]


names = make_names(1000, np.random.default_rng(0))
letters = sorted(set("." + "".join(names)))
number = {letter: i for i, letter in enumerate(letters)}
CONTEXT = 3


def examples(names):
    contexts, targets = [], []
    for name in names:
        text = "." * CONTEXT + name + "."
        for i in range(CONTEXT, len(text)):
            contexts.append([number[letter] for letter in text[i - CONTEXT : i]])
            targets.append(number[text[i]])
    return np.array(contexts), np.array(targets)


X, Y = examples(names)
print(", ".join(names[:8]))
print(len(letters), "letters:", "".join(letters))
print(len(X), "examples; the first:")
for context, target in zip(X[:4], Y):
    print("   ", "".join(letters[i] for i in context), "->", letters[target])

# %% [markdown]
r"""
## 26 arrays

A batch of 32 examples goes through the network in single steps. Each array has a name. The sizes are all different
(32 examples, 10 numbers for a letter, 64 hidden units, 18 letters), so that a shape says which axis is which.

| part | arrays | in the lecture |
| --- | --- | --- |
| embedding | `C`, `E`, `V` | `C`, `emb`, `embcat` |
| linear | `W1`, `b1`, `A` | `W1`, `b1`, `hprebn` |
| batch normalisation | `mean`, `D`, `S`, `var`, `R`, `N`, `gain`, `shift`, `Z` | `bnmeani`, `bndiff`, `bndiff2`, `bnvar`, `bnvar_inv`, `bnraw`, `bngain`, `bnbias`, `hpreact` |
| tanh | `H` | `h` |
| linear | `W2`, `b2`, `logits` | `W2`, `b2`, `logits` |
| cross-entropy | `top`, `L`, `counts`, `total`, `inverse`, `P`, `logP` | `logit_maxes`, `norm_logits`, `counts`, `counts_sum`, `counts_sum_inv`, `probs`, `logprobs` |

One number differs: the variance here is a mean over $n$, as in `nn.BatchNorm1d` when it normalises; the lecture divides by $n - 1$.
"""

# %%
n, DIM, HIDDEN, LETTERS = 32, 10, 64, len(letters)
EPS = 1e-5


def start(rng):
    """The parameters before training. Biases and shift are not 0, gain is not 1: so a mistake changes the numbers."""
    return {
        "C": rng.normal(size=(LETTERS, DIM)),
        "W1": rng.normal(size=(CONTEXT * DIM, HIDDEN)) * (5 / 3) / (CONTEXT * DIM) ** 0.5,
        "b1": rng.normal(size=HIDDEN) * 0.1,
        "gain": 1 + rng.normal(size=HIDDEN) * 0.1,
        "shift": rng.normal(size=HIDDEN) * 0.1,
        "W2": rng.normal(size=(HIDDEN, LETTERS)) * 0.1,
        "b2": rng.normal(size=LETTERS) * 0.1,
    }


rng = np.random.default_rng(1)
first = start(rng)
batch = rng.integers(0, len(X), size=n)
x, y = X[batch], Y[batch]
C, W1, b1, gain, shift, W2, b2 = (Tensor(array, name=name) for name, array in first.items())

# embedding: a row of C for each letter, the three rows side by side
E = C[x]
V = E.reshape(n, CONTEXT * DIM)
# linear
A = linear(V, W1, b1)
# batch normalisation: each hidden unit gets mean 0 and variance 1 over the batch, then a gain and a shift
mean = A.mean(axis=0)
D = A - mean
S = D * D
var = S.mean(axis=0)
R = (var + EPS) ** -0.5
N = D * R
Z = gain * N + shift
# tanh
H = tanh(Z)
# linear
logits = linear(H, W2, b2)
# cross-entropy: probabilities by softmax, then the mean of -log p of the right letters
top = logits.max(axis=1, keepdims=True)  # subtracted so that exp cannot overflow
L = logits - top
counts = exp(L)
total = counts.sum(axis=1, keepdims=True)
inverse = total**-1
P = counts * inverse
logP = log(P)
loss = -logP[range(n), y].mean()

ARRAYS = "C E V W1 b1 A mean D S var R N gain shift Z H W2 b2 logits top L counts total inverse P logP"
tensors = {name: globals()[name] for name in ARRAYS.split()}
print(len(tensors), "arrays")
print(f"loss {loss.item():.4f}; all letters equally likely: ln {LETTERS} = {np.log(LETTERS):.4f}")

# %% [markdown]
r"""
`backward()` computes the gradient of the loss with respect to every one of them. The arrays between the parameters and the loss keep
their gradients, too.
"""

# %%
loss.backward()
print(" ".join(f"{name}{tensor.grad.shape}" for name, tensor in tensors.items()))

# %% [markdown]
r"""
## Three rules

Now by hand. `d_P` stands for the gradient of the loss with respect to `P`; it has the shape of `P`. Three rules are enough:

1. **Elementwise.** From $y = f(x)$, $d_x = f'(x) \cdot d_y$, element by element.
2. **Broadcast and sum.** What was repeated in the forward pass is summed in the backward pass, along the same axis; what was summed is repeated.
3. **Two uses add.** An array that is used twice gets two contributions.

`a.P` is the array of the Tensor `P`. Everything below is NumPy. `compare` prints the largest difference from `.grad`:
"""

# %%
a = SimpleNamespace(**{name: tensor.data for name, tensor in tensors.items()})
rows = np.arange(n)


def compare(name, by_hand):
    grad = tensors[name].grad
    assert by_hand.shape == grad.shape, f"d_{name} has shape {by_hand.shape}, {name} has {grad.shape}"
    print(f"d_{name:8} {by_hand.shape!s:12} largest difference {abs(by_hand - grad).max():.0e}")


# %% [markdown]
r"""
## Cross-entropy, backward

The loss takes 32 elements of `logP`, one in each row, and each counts $-1/32$.

**Predict.** `P = counts * inverse`. `counts` is 32 by 18, and `inverse` is 32 by 1. What has to be done for `d_inverse`
beside a multiplication?

<details><summary>Answer</summary>

Each element of `inverse` was repeated over 18 columns. So the 18 contributions are summed along the columns (rule 2).

</details>
"""

# %%
d_logP = np.zeros((n, LETTERS))
d_logP[rows, y] = -1 / n
d_P = d_logP / a.P  # log'(p) = 1 / p
d_inverse = (d_P * a.counts).sum(axis=1, keepdims=True)
d_total = d_inverse * -(a.total**-2)
d_counts = d_P * a.inverse + d_total  # two uses: in P, and in the sum, which repeats d_total over the columns
d_L = d_counts * a.counts  # exp' is exp
d_top = -d_L.sum(axis=1, keepdims=True)

compare("logP", d_logP)
compare("P", d_P)
compare("inverse", d_inverse)
compare("total", d_total)
compare("counts", d_counts)
compare("L", d_L)
compare("top", d_top)

# %% [markdown]
r"""
**Predict.** `top` was subtracted for safety only. How large is `d_top`?

<details><summary>Answer</summary>

0, up to rounding: the softmax does not change when the same number is subtracted from all logits of a row.

</details>

The logits are used twice, in `L` and in `top`. A maximum passes its gradient to the element that was the largest:
"""

# %%
largest = a.logits == a.top
d_logits = d_L + largest * d_top
print(f"largest element of d_top {abs(d_top).max():.0e}")
compare("logits", d_logits)

# %% [markdown]
r"""
## The second linear layer, and tanh

For $Z = XW + b$ the gradients are $d_X = d_Z W^T$, $d_W = X^T d_Z$, and the sum of $d_Z$ over the batch for $b$
([notebook 5](05_tensors.ipynb#the-rules)). The shapes say which matrix is transposed: `d_W2` is 64 by 18, a product of `H`,
32 by 64, and `d_logits`, 32 by 18. The derivative of tanh is $1 - \tanh^2$.
"""

# %%
d_H = d_logits @ a.W2.T
d_W2 = a.H.T @ d_logits
d_b2 = d_logits.sum(axis=0)
d_Z = (1 - a.H**2) * d_H

compare("H", d_H)
compare("W2", d_W2)
compare("b2", d_b2)
compare("Z", d_Z)

# %% [markdown]
r"""
## Batch normalisation, backward

Here every example of the batch depends on every other, by the mean and the variance.

**Predict.** How many contributions does `d_A` have, and how many does `d_D`?

<details><summary>Answer</summary>

Two each. `D` is used in `S` and in `N`. `A` is used in `D` and in `mean`.

</details>
"""

# %%
d_gain = (d_Z * a.N).sum(axis=0)
d_shift = d_Z.sum(axis=0)
d_N = d_Z * a.gain
d_R = (d_N * a.D).sum(axis=0)
d_var = d_R * -0.5 * (a.var + EPS) ** -1.5
d_S = np.ones((n, HIDDEN)) * d_var / n  # a mean over n elements: each counts 1/n
d_D = d_N * a.R + d_S * 2 * a.D
d_mean = -d_D.sum(axis=0)
d_A = d_D + d_mean / n

compare("gain", d_gain)
compare("shift", d_shift)
compare("N", d_N)
compare("R", d_R)
compare("var", d_var)
compare("S", d_S)
compare("D", d_D)
compare("mean", d_mean)
compare("A", d_A)

# %% [markdown]
r"""
## The first linear layer, and the embedding

The rows of `E` are rows of `C`. A letter that occurs 20 times in the batch is a row that is used 20 times, and its 20 contributions
are added. `np.add.at` does that; `d_C[x] += d_E` would count each letter once only.
"""

# %%
d_V = d_A @ a.W1.T
d_W1 = a.V.T @ d_A
d_b1 = d_A.sum(axis=0)
d_E = d_V.reshape(n, CONTEXT, DIM)
d_C = np.zeros((LETTERS, DIM))
np.add.at(d_C, x, d_E)

compare("V", d_V)
compare("W1", d_W1)
compare("b1", d_b1)
compare("E", d_E)
compare("C", d_C)

# %% [markdown]
r"""
All 26 agree.

## Beside PyTorch

The same network with the same numbers in PyTorch 2 (float64, `retain_grad()` on every array) has these norms of the gradients. A test of this repository
computes them anew; PyTorch itself is not needed here.
"""

# %%
PYTORCH_LOSS = 3.020068166990
PYTORCH_NORMS = {
    "C": 0.148689082593,
    "E": 0.152416888936,
    "V": 0.152416888936,
    "W1": 0.361002760343,
    "b1": 0.0,
    "A": 0.085590351651,
    "mean": 0.128440523485,
    "D": 0.088550768196,
    "S": 0.004595853679,
    "var": 0.025998074412,
    "R": 0.067294599245,
    "N": 0.095354987515,
    "gain": 0.057351392668,
    "shift": 0.135529628803,
    "Z": 0.094420131343,
    "H": 0.138338086649,
    "W2": 0.946923213828,
    "b2": 0.271398140833,
    "logits": 0.173203734155,
    "top": 0.0,
    "L": 0.173203734155,
    "counts": 0.771747123291,
    "total": 0.022546076199,
    "inverse": 1.625256977866,
    "P": 4.916619263215,
    "logP": 0.176776695297,
}

print(f"loss: {loss.item():.12f} here, {PYTORCH_LOSS:.12f} in PyTorch")
different = {name: abs(np.linalg.norm(tensors[name].grad) - norm) for name, norm in PYTORCH_NORMS.items()}
print(f"{len(different)} norms, largest difference {max(different.values()):.0e}")

# %% [markdown]
r"""
## The short forms

Seven steps of the cross-entropy have one short gradient. For one example with probabilities $p$ and the right letter $t$,

$$\ell = -\log p_t = -z_t + \log \sum_j e^{z_j} \qquad \frac{\partial \ell}{\partial z_i} = \frac{e^{z_i}}{\sum_j e^{z_j}} - [i = t] = p_i - y_i$$

where $y$ is 1 at the right letter and 0 elsewhere. The mean over the batch divides by $n$.
"""

# %%
short = a.P.copy()
short[rows, y] -= 1
short /= n
compare("logits", short)

# %% [markdown]
r"""
Gradient descent moves against the gradient, along $y - p$. In the picture each row is an example: the logit of the right letter goes up
(purple), those of the others go down (orange), most where the probability is largest.

**Predict.** What is the sum of each row?

<details><summary>Answer</summary>

0: the probabilities sum to 1, and so do the $y$. What one logit is raised by, the others are lowered by.

</details>
"""

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
image = ax.imshow(-n * short[:10], cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
ax.set_xticks(range(LETTERS), letters)
ax.set_yticks(
    range(10), ["".join(letters[i] for i in context) + " → " + letters[t] for context, t in zip(x[:10], y)]
)
ax.tick_params(axis="y", labelfontfamily="monospace")
ax.set(xlabel="letter", title="y - p for ten examples")
bar = figure.colorbar(image)

# %% [markdown]
r"""
Batch normalisation from `A` to `Z` has nine arrays. Put the lines for `d_N`, `d_R`, `d_var`, `d_S`, `d_D` and `d_mean` into each
other. With $g = d_Z \cdot \text{gain}$, and $N$ the normalised array, they become

$$d_A = R \left( g - \operatorname{mean}(g) - N \operatorname{mean}(g N) \right)$$

with means over the batch. The two means are there because two changes of `A` have no effect on $N$: adding the same number to all
examples, and multiplying all by the same factor.
"""

# %%
g = d_Z * a.gain
compare("A", a.R * (g - g.mean(axis=0) - a.N * (g * a.N).mean(axis=0)))

# %% [markdown]
r"""
## Training without an engine

With the short forms the whole backward pass is a dozen lines. This loop uses no Tensor: NumPy and these lines train the network.
"""


# %%
def loss_and_gradients(p, x, y):
    """The loss of a batch, and its gradients with respect to the seven parameters."""
    n = len(x)
    V = p["C"][x].reshape(n, -1)
    A = V @ p["W1"] + p["b1"]
    R = (A.var(axis=0) + EPS) ** -0.5
    N = (A - A.mean(axis=0)) * R
    H = np.tanh(p["gain"] * N + p["shift"])
    logits = H @ p["W2"] + p["b2"]
    P = np.exp(logits - logits.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    loss = -np.log(P[np.arange(n), y]).mean()

    d_logits = P
    d_logits[np.arange(n), y] -= 1
    d_logits /= n
    d_Z = (1 - H**2) * (d_logits @ p["W2"].T)
    g = d_Z * p["gain"]
    d_A = R * (g - g.mean(axis=0) - N * (g * N).mean(axis=0))
    d_C = np.zeros_like(p["C"])
    np.add.at(d_C, x, (d_A @ p["W1"].T).reshape(n, CONTEXT, DIM))
    return loss, {
        "C": d_C,
        "W1": V.T @ d_A,
        "b1": d_A.sum(axis=0),
        "gain": (d_Z * N).sum(axis=0),
        "shift": d_Z.sum(axis=0),
        "W2": H.T @ d_logits,
        "b2": d_logits.sum(axis=0),
    }


STEPS = 6000
p = {name: array.copy() for name, array in first.items()}
rng = np.random.default_rng(2)
batches = [rng.integers(0, len(X), size=n) for _ in range(STEPS)]
losses = []
for i, batch in enumerate(batches):
    loss, d = loss_and_gradients(p, X[batch], Y[batch])
    losses.append(loss)
    for name in p:
        p[name] -= (0.1 if i < 4000 else 0.01) * d[name]
print(
    f"mean loss of the first 100 steps {np.mean(losses[:100]):.3f}, of the last 1000 {np.mean(losses[-1000:]):.3f}"
)

# %% [markdown]
r"""
How good is that? The names come from a known source, so the lowest loss that is possible with a context of three letters can be
computed: for each context, how likely is each next letter?
"""

# %%
from collections import Counter, defaultdict
from itertools import product

likelihood = Counter()
for k in range(3):
    for parts in product(FIRST, *[MIDDLE] * k, LAST):
        likelihood["".join(parts)] += 1 / (3 * len(FIRST) * len(MIDDLE) ** k * len(LAST))

after = defaultdict(Counter)
for name, share in likelihood.items():
    text = "." * CONTEXT + name + "."
    for i in range(CONTEXT, len(text)):
        after[text[i - CONTEXT : i]][text[i]] += share
every = sum(share for counter in after.values() for share in counter.values())
lowest = -sum(
    share * np.log(share / sum(counter.values())) for counter in after.values() for share in counter.values()
)
print(f"{len(likelihood):,} names are possible; lowest possible loss {lowest / every:.3f}")

figure, ax = plt.subplots(figsize=(6.4, 3), layout="constrained")
ax.plot(
    range(50, STEPS + 1, 50),
    np.reshape(losses, (-1, 50)).mean(axis=1),
    color="#0b5cad",
    label="mean of 50 steps",
)
ax.axhline(lowest / every, color="#666666", linestyle="--", label="lowest possible")
ax.set(xlabel="step", ylabel="cross-entropy")
legend = ax.legend(frameon=False)

# %% [markdown]
r"""
## New names

A single name is no batch: it has no mean and no variance. So the two are computed once, over all examples, and kept. Then letters are
drawn one after the other, each from the probabilities that the network gives, until a dot comes.
"""

# %%
A = p["C"][X].reshape(len(X), -1) @ p["W1"] + p["b1"]
centre, scale = A.mean(axis=0), (A.var(axis=0) + EPS) ** -0.5


def probabilities(contexts):
    A = p["C"][contexts].reshape(len(contexts), -1) @ p["W1"] + p["b1"]
    H = np.tanh(p["gain"] * (A - centre) * scale + p["shift"])
    return nn.softmax(H @ p["W2"] + p["b2"], axis=1)


def new_name(rng):
    context, name = [number["."]] * CONTEXT, ""
    while True:
        drawn = nn.sample(probabilities(np.array([context]))[0], seed=rng)
        if letters[drawn] == ".":
            return name
        name += letters[drawn]
        context = [*context[1:], drawn]


rng = np.random.default_rng(3)
made = [new_name(rng) for _ in range(200)]
print(", ".join(made[:16]))
possible = [name for name in made if name in likelihood]
print(
    f"{len(possible)} of 200 could come from the source, {sum(name not in names for name in possible)} of them are new"
)

# %% [markdown]
r"""
The others are mostly too long: three letters of context do not contain the number of syllables before them. The model of
[the next notebook](23_small_gpt.ipynb) has a longer context.

## Exercises

**1.** `d_b1` is 0 up to rounding, whatever the batch. Why? Print its largest element beside that of `d_shift`, and say which of the
two parameters can be left out.
"""

# %% tags=["solution"]
print(f"largest element of d_b1 {abs(d_b1).max():.0e}, of d_shift {abs(d_shift).max():.3f}")
print("The mean that is subtracted contains b1, so b1 has no effect. shift, which is added later, has one.")
print("b1 can be left out: nn.Linear(..., bias=False) before nn.BatchNorm1d.")

# %% [markdown]
r"""
**2.** Build the same network of layers: `nn.Embedding`, `nn.Flatten`, `nn.Linear`, `nn.BatchNorm1d`, `nn.Tanh`, `nn.Linear`. Give it the
numbers in `first`, train it on the first 100 batches by `nn.Step`, and compare the losses with `losses`.
"""

# %% tags=["solution"]
model = nn.Sequential(
    nn.Embedding(LETTERS, DIM),
    nn.Flatten(),
    nn.Linear(CONTEXT * DIM, HIDDEN),
    nn.BatchNorm1d(HIDDEN),
    nn.Tanh(),
    nn.Linear(HIDDEN, LETTERS),
)
for parameter, array in zip(model.parameters(), first.values(), strict=True):
    parameter.data = array.copy()
step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
theirs = [step(X[batch], Y[batch]) for batch in batches[:100]]
print(f"step 1: {theirs[0]:.6f} and {losses[0]:.6f}, step 100: {theirs[99]:.6f} and {losses[99]:.6f}")
print(f"largest difference {abs(np.subtract(theirs, losses[:100])).max():.0e}")
