# %% [markdown]
r"""
# 16. Attention

**Question.** A recurrent network keeps everything from a sequence in one state. Can a network use all positions of the
sequence directly, and learn how much weight each of them gets?

## Three positions, by hand

Every position has three vectors: a **query** $q$, a **key** $k$ and a **value** $v$. The query of one position is
compared with the keys of all positions. The inner product of a query and a key is their **similarity score**: the larger
it is, the more of the value at the key's position goes into the result. Here are three positions with queries and keys of
two numbers and values of one:
"""

# %%
import numpy as np

from chainrule.autograd import Value, dot, exp

queries = [[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]
keys = [[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]
values = [Value(10.0, name="v1"), Value(20.0, name="v2"), Value(30.0, name="v3")]

q = [Value(x, name=f"q{i}") for i, x in enumerate(queries[0], 1)]  # the query of the first position
scores = [dot(q, [Value(x, requires_grad=False) for x in key]) / 2**0.5 for key in keys]
print("scores ", [round(s.data, 3) for s in scores])

# %% [markdown]
r"""
The division by $\sqrt{2}$, the root of the number of entries in a key, keeps the scores from growing with that number.

The softmax makes **weights** of the scores: positive numbers with sum 1. The result is the weighted sum of the values.

**Predict.** The values are 10, 20 and 30. Between which two of them is the result, and closest to which?

<details><summary>Answer</summary>

Between 10 and 30, as any weighted mean of the three, and closest to 30: the third key has the highest score.

</details>
"""

# %%
total = exp(scores[0]) + exp(scores[1]) + exp(scores[2])
weights = [exp(s) / total for s in scores]
result = sum(a * v for a, v in zip(weights, values))
result.name = "result"
print("weights", [round(a.data, 3) for a in weights])
print("result ", round(result.data, 3))

# %% [markdown]
r"""
This is attention: **scores, softmax, weighted sum**. The distance between two positions does not matter: each one is
reached in one step.

## What can be learnt

**Predict.** What is the gradient of the result with respect to $v_1$, $v_2$ and $v_3$?

<details><summary>Answer</summary>

The weights: the result is $a_1 v_1 + a_2 v_2 + a_3 v_3$.

</details>
"""

# %%
result.backward()
print("with respect to the values", [round(v.grad, 3) for v in values])
print("with respect to the query ", [round(x.grad, 3) for x in q])

# %% [markdown]
r"""
The gradient also goes through the softmax to the query. That of its first entry is positive: with a larger entry the third
key, which has the largest value, gets more weight, and the result grows. So gradient descent can change the weights.

## All positions at once

With a row for each position, queries, keys and values are matrices, and two products and a softmax do it for all:

$$A = \mathrm{softmax}\left( Q K^T / \sqrt{d} \right) \qquad \text{result} = A V$$
"""

# %%
from chainrule.autograd import Tensor, softmax

Q, K = Tensor(queries, name="Q"), Tensor(keys, name="K")
V = Tensor([[10.0], [20.0], [30.0]], name="V")
A = softmax(Q @ K.T / 2**0.5, axis=1)
print(A.data.round(3))
print((A @ V).data.round(3).ravel())

# %% [markdown]
r"""
The first row is what was computed by hand. Row $i$ has the weights for the query of position $i$.

## MultiHeadAttention

Queries, keys and values are computed by three linear layers from the same sequence; this is *self*-attention. Several
**heads** compute attention side by side, each with its own part of the entries, so that one position can use others in
several ways. `nn.MultiHeadAttention` returns its weights if `need_weights=True`.

Here is a task for which the right weights are known. Each sequence has 8 positions with a number, and one of them is
marked. The target at every position is the number at the marked position.
"""

# %%
from chainrule import nn
from chainrule.viz import plot_attention


def sequences(n, seed):
    rng = np.random.default_rng(seed)
    numbers, marks = rng.normal(size=(n, 8)), rng.integers(0, 8, size=n)
    x = np.stack([numbers, np.eye(8)[marks]], axis=2)  # at each position: a number, and whether it is marked
    return x, numbers[np.arange(n), marks], marks


class Finder(nn.Module):
    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.widen = nn.Linear(2, 8, seed=rng)
        self.attention = nn.MultiHeadAttention(8, num_heads=2, batch_first=True, seed=rng)
        self.out = nn.Linear(8, 1, seed=rng)

    def forward(self, x):
        return self.out(self.attention(self.widen(x)))[..., 0]


model = Finder(seed=0)
X, target, _ = sequences(500, seed=0)
history = nn.fit(
    model,
    nn.mse_loss,
    (X, np.repeat(target[:, None], 8, axis=1)),
    optimizer=nn.Adam(model.parameters(), lr=0.01),
    epochs=25,
    seed=0,
    progress=False,
)
print(f"mean squared error {history['loss'][0]:.3f} -> {history['loss'][-1]:.4f}")

# %% [markdown]
r"""
**Predict.** The weights of one new sequence, a row for each query and a column for each key: what will the picture
look like?

<details><summary>Answer</summary>

A dark column at the marked position, since all positions need its number; in one of the heads at least.

</details>
"""

# %%
x, _, marks = sequences(1, seed=1)
_, heads = model.attention(model.widen(x), need_weights=True, average_attn_weights=False)
print("the mark is at position", marks[0])
plot_attention(heads, [str(k) for k in range(8)])

# %% [markdown]
r"""
In head 2 the marked position gets most of the weight; head 1 is hardly needed. The weights were not given as targets: they
were learnt, because they make the loss small.

## Positions

Scores compare contents. They do not depend on the positions:

**Predict.** Reverse the sequence that goes into self-attention. What becomes of the output?

<details><summary>Answer</summary>

It is reversed too, and otherwise the same, number by number.

</details>
"""

# %%
x, _, _ = sequences(1, seed=2)
forwards, backwards = model(x).data, model(x[:, ::-1]).data
print("the same, reversed:", np.allclose(forwards[:, ::-1], backwards))

# %% [markdown]
r"""
"Dog bites man" and "man bites dog" would have the same outputs, in another order. So the position is added to the content,
as sine and cosine waves of different lengths: `nn.PositionalEncoding`. Each row of this picture has the numbers that are
added at one position; no two rows are equal.
"""

# %%
import matplotlib.pyplot as plt

waves = nn.PositionalEncoding(16)(np.zeros((32, 16))).data
fig, ax = plt.subplots(figsize=(4.2, 4))
image = ax.imshow(waves, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
ax.set(xlabel="entry", ylabel="position")
colours = fig.colorbar(image)

# %% [markdown]
r"""
## A transformer layer

A transformer encoder layer has two parts: self-attention, and two linear layers at each position. The input of each part
is added to its output, and the sum is normalised (layer norm).
"""

# %%
layer = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True, seed=0)
print(nn.summary(layer, np.zeros((1, 8, 8))))

# %% [markdown]
r"""
There is no recurrence in it: all positions are computed at once. The price is memory. There is an attention weight for
each *pair* of positions, so twice the length needs four times the memory. [Sequences](../docs/sequences.md) has the results of two such
layers beside an LSTM's, on the digits of notebook [15](15_recurrence.ipynb) and on a task with a longer memory.

## Exercises

**1.** Multiply the query of the first example by 10, and compare the weights with those from before. What
is their limit as the factor grows, and what happens to the gradient with respect to the query?
"""

# %% tags=["solution"]
for factor in (1, 10):
    query = Tensor(factor * np.array(queries[0]), name="q")
    a = softmax(query @ K.T / 2**0.5)
    (a @ V).sum().backward()
    print(
        f"factor {factor:2}: weights {a.data.round(4)}, gradient with respect to the query {query.grad.round(4)}"
    )
print("The best key gets all the weight. The softmax is saturated then, and its gradient vanishes.")
print("Dividing the scores by the root of d keeps them small.")

# %% [markdown]
r"""
**2.** A network that predicts the next item must not use later items. Pass `is_causal=True` to the attention of the
`Finder`, for the sequence of the picture, and print the weights of head 2. Which weights does position 0 have?
"""

# %% tags=["solution"]
x, _, marks = sequences(1, seed=1)
_, heads = model.attention(model.widen(x), is_causal=True, need_weights=True, average_attn_weights=False)
print(heads.data[0, 1].round(2))
print("Position 0 has the weight 1 for itself. To the right of the diagonal all weights are 0.")
