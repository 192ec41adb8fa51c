# %% [markdown]
r"""
# 23. A small GPT

**Question.** How do embeddings, attention, layer norm and residual connections become a model that writes text? And can it copy a
word from far back?

[Notebook 16](16_attention.ipynb) introduces attention. Here it is built into a transformer that predicts the next character, in the order
of Andrej Karpathy's lecture on GPT: a table of pairs, one head, several heads, blocks.

## A text with a memory

The text is made here, by one sentence pattern. The second half of a line repeats the three words of the first half.
"""

# %%
from collections import Counter
from itertools import product

import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import concatenate, log_softmax, no_grad, softmax, swapaxes, where

WHO, COLOURS, ANIMALS = (
    words.split()
    for words in (
        "ada ben eva ida leo max mia tom",
        "blue gold green grey pink red white black",
        "bird cat cow dog fish fox horse owl",
    )
)
# eight pairs that the training text does not have: blue bird, gold cat, ...
NEVER = set(zip(COLOURS, ANIMALS))


def line(who, colour, animal):
    return f"{who} has a {colour} {animal}. the {animal} of {who} is {colour}.\n"


allowed = [words for words in product(WHO, COLOURS, ANIMALS) if words[1:] not in NEVER]
rng = np.random.default_rng(0)
lines = [line(*allowed[i]) for i in rng.integers(0, len(allowed), size=1500)]
text = "\n" + "".join(lines)
characters = sorted(set(text))
number = {character: i for i, character in enumerate(characters)}
data = np.array([number[character] for character in text])
print("".join(lines[:3]))
print(
    f"{len(text):,} characters, {len(characters)} different ones; ln {len(characters)} = {np.log(len(characters)):.4f}"
)

# %% [markdown]
r"""
An example is a window of 50 characters that begins with the end of a line. The target at each position is the character after it. So one
window is 50 examples: the first has one character of context, the last has fifty.
"""

# %%
LENGTH, BATCH = 50, 16
starts = np.flatnonzero(data == number["\n"])[:-2]


def batch(rng):
    windows = data[rng.choice(starts, size=BATCH)[:, None] + np.arange(LENGTH + 1)]
    return windows[:, :-1], windows[:, 1:]


def decoded(numbers):
    return "".join(characters[i] for i in numbers)


x, y = batch(np.random.default_rng(0))
print(x.shape, y.shape)
print(repr(decoded(x[0])))
print(repr(decoded(y[0])))

# %% [markdown]
r"""
The text was made by a program, so the lowest possible loss can be computed. Of the 448 possible lines, count how many continue a
given beginning with a given character. A character that is certain has the loss 0. The three words of the first half are random;
everything after them is certain.
"""

# %%
beginnings = Counter(each[:i] for words in allowed for each in [line(*words)] for i in range(len(each) + 1))
chance = [beginnings[each[: i + 1]] / beginnings[each[:i]] for each in lines for i in range(len(each))]
least = -np.log(chance)  # the loss at each character after the first, for a reader who knows the rules
lowest = least[starts[:, None] + np.arange(LENGTH)].mean()
print(f"lowest possible loss {lowest:.3f}")
print(" ".join(f"{'_' if c == ' ' else c}:{v:.2f}" for c, v in zip(lines[0], least) if v > 0.005))

# %% [markdown]
r"""
## The simplest model: pairs

A table with a row for each character: the logits of the next one. It is an embedding whose rows are as long as the alphabet.
"""


# %%
class Pairs(nn.Module):
    def __init__(self, rng):
        self.table = nn.Embedding(len(characters), len(characters), seed=rng)

    def forward(self, x):
        return self.table(x)


STEPS = 400


def train(model, steps, lr, seed=2):
    """The loss of each step."""
    step = nn.Step(model, nn.cross_entropy, nn.Adam(model.parameters(), lr=lr))
    rng = np.random.default_rng(seed)
    return [step(*batch(rng)) for _ in range(steps)]


pairs = Pairs(np.random.default_rng(1))
curves = {"pairs": train(pairs, STEPS, lr=0.05)}
print(f"loss of pairs: {curves['pairs'][0]:.3f} -> {np.mean(curves['pairs'][-50:]):.3f}")


def write(model, rng=None, beginning=""):
    """A line, each character drawn from the probabilities of the model; without `rng` the most likely one."""
    ids = [number[character] for character in "\n" + beginning]
    while len(ids) <= LENGTH and (len(ids) == 1 or ids[-1] != number["\n"]):
        with no_grad():  # nothing is recorded
            logits = model(np.array([ids])).data[0, -1]
        ids.append(logits.argmax() if rng is None else nn.sample(softmax(logits), seed=rng))
    return decoded(ids).strip()


def print_lines(model):
    rng = np.random.default_rng(5)
    for _ in range(4):
        print("   ", write(model, rng))


print_lines(pairs)

# %% [markdown]
r"""
The model has learnt which letter often follows which. It uses one character only, so it cannot write whole words.

## The past as a weighted sum

The output at a position may depend on this position and on earlier ones, not on later ones, which are the targets. The simplest use of
the past is its mean.

**Predict.** Three positions hold the numbers 6, 2, 1. What is the mean up to each of them, and by which 3 by 3 matrix does one
multiply to get the three means at once?

<details><summary>Answer</summary>

6, 4, 3. The rows of the matrix are $(1, 0, 0)$, $(\tfrac12, \tfrac12, 0)$, $(\tfrac13, \tfrac13, \tfrac13)$: zeros above the diagonal, and
each row sums to 1.

</details>
"""

# %%
numbers = np.array([[6.0], [2.0], [1.0]])
past = np.tril(np.ones((3, 3), dtype=bool))
scores = np.zeros((3, 3))
weights = softmax(np.where(past, scores, -np.inf), axis=1)
print(weights.round(3))
print((weights @ numbers).ravel())

# %% [markdown]
r"""
The matrix was computed as a softmax: of equal scores, with $-\infty$ for positions that may not be used, since $e^{-\infty} = 0$. With
other scores the mean becomes a weighted mean. Attention computes the scores from the data.

## One head

From the vector at each position, three linear layers compute a query, a key and a value. The score of two positions is the inner product
of the query of one and the key of the other.
"""


# %%
class Head(nn.Module):
    def __init__(self, width, size, rng):
        self.query, self.key, self.value = (nn.Linear(width, size, bias=False, seed=rng) for _ in range(3))

    def weights(self, x):
        q, k = self.query(x), self.key(x)
        length, size = q.shape[-2:]
        past = np.tril(np.ones((length, length), dtype=bool))
        return softmax(where(past, q @ swapaxes(k, -1, -2) / size**0.5, -np.inf), axis=-1)

    def forward(self, x):
        return self.weights(x) @ self.value(x)


class OneHead(nn.Module):
    def __init__(self, width, rng):
        self.token = nn.Embedding(len(characters), width, seed=rng)
        self.position = nn.Embedding(LENGTH, width, seed=rng)
        self.head = Head(width, width, rng)
        self.out = nn.Linear(width, len(characters), seed=rng)

    def forward(self, x):
        vectors = self.token(x) + self.position(np.arange(x.shape[-1]))
        return self.out(self.head(vectors))


one = OneHead(32, np.random.default_rng(1))
changed = x.copy()
changed[:, 20] = number["x"]
same = np.isclose(one(x).data, one(changed).data).all(axis=(0, 2))
print("outputs that a change of character 20 leaves as they were:", np.flatnonzero(same))

# %% [markdown]
r"""
The output at a position depends on the characters up to it, and on nothing after it. So all 50 predictions of a window can be trained at once.

**Predict.** Scores compare contents only. What tells the model that the second of two equal letters is the second?

<details><summary>Answer</summary>

The position embedding: a vector for each of the 50 positions, which is added to the vector of the character and learnt like it.

</details>
"""

# %%
curves["one head"] = train(one, STEPS, lr=0.005)
print(f"loss of one head: {curves['one head'][0]:.3f} -> {np.mean(curves['one head'][-50:]):.3f}")
print_lines(one)

# %% [markdown]
r"""
The loss is far below that of pairs, and some lines begin right. But the head does not copy well, and after a wrong character it writes
nonsense. Copying needs two steps: find which word of the first half is to be repeated, then find the next letter of this word. One head
makes one step.

## Several heads, blocks, and the whole model

- **Several heads**, each of a quarter of the width, have different weights for the positions. Their results are put side by side and mixed
  by a linear layer.
- Two linear layers with ReLU between them work on each position for itself.
- **Residual connections**: what a part computes is added to its input, `x + part(x)`. The addition passes the gradient on unchanged, to the
  part and past it.
- **Layer norm** before each part gives each vector mean 0 and variance 1.

A block is both parts; the model is two blocks between the embeddings and a linear layer.
"""


# %%
class Block(nn.Module):
    def __init__(self, width, heads, rng):
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = [Head(width, width // heads, rng) for _ in range(heads)]
        self.mix = nn.Linear(width, width, seed=rng)
        self.wide = nn.Linear(width, 4 * width, seed=rng)
        self.narrow = nn.Linear(4 * width, width, seed=rng)

    def forward(self, x):
        normal = self.norm1(x)
        x = x + self.mix(concatenate([head(normal) for head in self.heads], axis=-1))
        return x + self.narrow(nn.relu(self.wide(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, width=32, heads=4, blocks=2, seed=1):
        rng = np.random.default_rng(seed)
        self.token = nn.Embedding(len(characters), width, seed=rng)
        self.position = nn.Embedding(LENGTH, width, seed=rng)
        self.blocks = [Block(width, heads, rng) for _ in range(blocks)]
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(characters), seed=rng)
        for layer in (self.token, self.position, self.out):
            layer.weight.data *= 0.1  # small logits at first: all characters are about equally likely

    def forward(self, x):
        vectors = self.token(x) + self.position(np.arange(x.shape[-1]))
        for block in self.blocks:
            vectors = block(vectors)
        return self.out(self.norm(vectors))


model = GPT()
first = {name: array.copy() for name, array in model.state_dict().items()}
print(f"{sum(p.size for p in model.parameters()):,} parameters")
print(
    f"loss before training {nn.cross_entropy(model(x), y).item():.4f}, ln {len(characters)} = {np.log(len(characters)):.4f}"
)

# %% [markdown]
r"""
## Beside PyTorch

The losses of the first fifty steps beside those that PyTorch 2 computed from the same weights, with the same batches, in float64, by its own
`layer_norm`, `scaled_dot_product_attention`, `cross_entropy` and `Adam`. A test of this repository computes them anew.
"""

# %%
PYTORCH = {
    1: 3.25571013103,
    2: 3.10506640586,
    3: 3.01404884418,
    5: 2.84925678341,
    10: 2.52753967868,
    20: 1.77818891290,
    50: 0.65577590372,
}

optimizer = nn.Adam(model.parameters(), lr=0.006)
step = nn.Step(model, nn.cross_entropy, optimizer)
rng = np.random.default_rng(2)
batches = [batch(rng) for _ in range(STEPS)]
losses = [step(*each) for each in batches[:50]]
print("step   chainrule      PyTorch")
for i, theirs in PYTORCH.items():
    print(f"{i:4}   {losses[i - 1]:.10f}   {theirs:.10f}")
largest = max(abs(losses[i - 1] - theirs) for i, theirs in PYTORCH.items())
print(f"largest difference {largest:.0e};  engine: {step.engine}")

# %% [markdown]
r"""
`nn.Step` has recorded the graph of one batch and replays it with each new one.

## Training
"""

# %%
for i, each in enumerate(batches[50:], 50):
    if i == STEPS - 150:
        optimizer.lr /= 10  # smaller steps at the end
    losses.append(step(*each))
curves["GPT"] = losses

figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
for (name, curve), colour in zip(curves.items(), ("#999999", "#e08214", "#0b5cad")):
    ax.plot(curve, color=colour, label=name)
    print(f"{name:9} {np.mean(curve[-50:]):.3f}")
ax.axhline(lowest, color="black", linestyle="--", linewidth=1, label="lowest possible")
ax.set(xlabel="step", ylabel="cross-entropy", ylim=(0, None))
legend = ax.legend(frameon=False)

# %% [markdown]
r"""
The GPT comes close to the lowest possible loss. So it must have learnt to copy. Its own lines, drawn character by character:
"""

# %%
print_lines(model)

# %% [markdown]
r"""
**Predict.** The training text never has a pink fish, and no other pair of `NEVER`. We give the model the first half of such a line.
Can it complete the second half?

<details><summary>Answer</summary>

It can if it has learnt to copy, and cannot if it has memorised whole lines.

</details>
"""


# %%
def all_right(model, lines):
    """How many lines are completed without a mistake: each most likely character of the second half is the right one."""
    count = 0
    for each in lines:
        ids = np.array([number[c] for c in "\n" + each])
        half = each.index(".") + 1
        count += (model(ids[None, :-1]).data[0].argmax(axis=-1) == ids[1:])[half:].all()
    return count


unseen = [line(who, *pair) for who in WHO for pair in sorted(NEVER)]
for each in unseen[:4]:
    print("   ", each[: each.index(".") + 1], "->", write(model, beginning=each[: each.index(".") + 1]))
print(
    f"completed without a mistake: {all_right(model, unseen)} of 64 unseen lines, {all_right(model, lines[:32])} of 32 lines of the text"
)

# %% [markdown]
r"""
In more than half of the unseen lines the words are copied right. In others the model writes an animal that the training text has with this
colour.

## What is copied from where

Change one word of the first half, and keep the second half as it was. At which characters does the loss become large? In the picture each row
is one change, and each column a character of the second half. Dark is a large loss, $-\log p$ of the character.
"""

# %%
words = ("mia", "green", "owl")
changes = {
    "nothing": words,
    "mia → tom": ("tom", "green", "owl"),
    "green → black": ("mia", "black", "owl"),
    "owl → dog": ("mia", "green", "dog"),
}


def halves(words):
    whole = line(*words)
    return whole[: whole.index(".") + 1], whole[whole.index(".") + 1 :]


second = halves(words)[1]
surprise = []
for changed in changes.values():
    ids = np.array([number[c] for c in "\n" + halves(changed)[0] + second])
    log_p = log_softmax(model(ids[None, :-1])[0]).data
    surprise.append(-log_p[np.arange(len(ids) - 1), ids[1:]][-len(second) :])

figure, ax = plt.subplots(figsize=(6.4, 2), layout="constrained")
image = ax.imshow(surprise, cmap="Blues", aspect="auto", vmin=0, vmax=6)
ax.set_xticks(range(len(second)), second.replace(" ", "␣").replace("\n", "⏎"), family="monospace")
ax.set_yticks(range(len(changes)), changes)
bar = figure.colorbar(image, label="loss")

# %% [markdown]
r"""
Where nothing was changed, the loss is about 0. With another word in the first half, it is large at letters of the same word in the second half,
and hardly anywhere else. So each of the three words is read from its own place in the first half, more than ten characters back.

## Exercises

**1.** Leave out the mask, so that each output depends on the whole window, the targets included. Train this model for 150 steps and compare
its loss with the lowest possible one. Does it complete lines?
"""


# %% tags=["solution"]
class WithoutMask(Head):
    def weights(self, x):
        q, k = self.query(x), self.key(x)
        return softmax(q @ swapaxes(k, -1, -2) / q.shape[-1] ** 0.5, axis=-1)


unmasked = GPT()
rng = np.random.default_rng(1)
for block in unmasked.blocks:
    block.heads = [WithoutMask(32, 8, rng) for _ in range(4)]
found = train(unmasked, 150, lr=0.006)
print(f"loss {np.mean(found[-20:]):.3f}; lowest possible with a mask: {lowest:.3f}")
right = sum(write(unmasked, beginning=each[: each.index(".") + 1]) == each.strip() for each in lines[:16])
print(f"{right} of 16 lines of the text are completed without a mistake")
print("A loss below the lowest possible one is a sign of a mistake: the targets are among the inputs.")
print("When a line is written, the later characters are not there yet.")

# %% [markdown]
r"""
**2.** `nn.MultiHeadAttention` has all heads of a layer in one matrix. Give it the weights of the first block's heads and of `mix`, and compare
the outputs, with `is_causal=True`.
"""

# %% tags=["solution"]
block = model.blocks[0]
library = nn.MultiHeadAttention(32, num_heads=4, batch_first=True)
for part in ("query", "key", "value"):
    layer = getattr(library, f"{part[0]}_proj")
    layer.weight.data = np.concatenate([getattr(head, part).weight.data for head in block.heads], axis=1)
    layer.bias.data = np.zeros(32)
library.out_proj.weight.data, library.out_proj.bias.data = block.mix.weight.data, block.mix.bias.data
normal = block.norm1(model.token(x) + model.position(np.arange(LENGTH)))
mine = block.mix(concatenate([head(normal) for head in block.heads], axis=-1))
print("the same:", np.allclose(library(normal, is_causal=True).data, mine.data))
