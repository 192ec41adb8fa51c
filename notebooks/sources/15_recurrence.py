# %% [markdown]
r"""
# 15. Recurrence

**Question.** A sentence, a melody, a series of measurements: a sequence has no fixed length. How can a network
with a fixed number of weights read one, and what does that do to its gradients?

## One item at a time

A recurrent network keeps a number, or a vector, the **hidden state** $h$. At every item it computes the next state
from the item and the state before, always with the same weights:

$$h_t = \tanh(w\,x_t + u\,h_{t-1} + b)$$

By hand, for a sequence of three numbers:
"""

# %%
from chainrule.autograd import Value, scope, tanh
from chainrule.viz import draw

w, u, b = Value(0.8, name="w"), Value(0.5, name="u"), Value(0.1, name="b")
sequence = [1.0, -0.5, 2.0]

h = Value(0.0, name="h0", requires_grad=False)  # nothing has been read yet
for t, x in enumerate(sequence, 1):
    with scope(f"t = {t}"):
        h = tanh(w * x + u * h + b)
    print(f"h{t} = {h.data:.4f}")

# %% [markdown]
r"""
The loop has been **unrolled** by running it: the graph has the operations of every step, and no loop.

**Predict.** $w$, $u$ and $b$ are three leaves. How many arrows leave each of them?

<details><summary>Answer</summary>

Three, one to each step. So the gradient of each is the sum of three contributions.

</details>
"""

# %%
h.backward()
draw(h, depth=0, show=["data", "grad", "name"])

# %% [markdown]
r"""
Each box with a tab is one step, with its hidden state and the gradient of it (`depth=1` opens them). Backpropagation
through this graph is called backpropagation *through time*, but it is the same backward pass: reverse order, multiply,
add.

The network is as deep as the sequence is long, and **all its layers have the same weights**. The rest of this notebook
shows the consequences.

## Gradients through time

On the path from $h_t$ back to $h_{t-1}$ the gradient is multiplied by $u \cdot (1 - h_t^2)$. Without the tanh it is
multiplied by $u$, at every step.

**Predict.** What is $\partial h_{30} / \partial h_0$ for $h_t = u\,h_{t-1}$ with $u = 0.8$, $1$ and $1.2$, roughly?

<details><summary>Answer</summary>

$u^{30}$: about 0.001, exactly 1, about 237. With the same factor at each step a gradient vanishes or explodes, except
with the factor 1.

</details>
"""

# %%
for factor in (0.8, 1.0, 1.2):
    h0 = h = Value(1.0)
    for _ in range(30):
        h = factor * h
    h.backward()
    print(f"u = {factor}:  dh30/dh0 = {h0.grad:.4g}")

# %% [markdown]
r"""
If $h$ is a vector, $u$ is a matrix. Here is `nn.RNNCell` with 8 hidden units and a sequence of 30 items. Its recurrent
matrix is a rotation times a factor, so that vectors of all directions shrink or grow by the same factor. The result is
the sum of the last state. After the backward pass the gradient at each $h_t$ says how much the result depends on this
state.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor

rng = np.random.default_rng(0)
items = 0.1 * rng.normal(size=(30, 8))
rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))


def gradients_of_the_end(cell, start):
    """The length of the gradient at the state before each item, and at the last state."""
    states = [start]
    for x in items:
        states.append(cell(x, states[-1]))
    # of an LSTM, whose state is a pair, the cell state
    carried = [state[-1] if isinstance(state, tuple) else state for state in states]
    carried[-1].sum().backward()
    return [float(np.linalg.norm(h.grad)) for h in carried]


def zeros():
    return Tensor(np.zeros(8))


lengths = {}
for factor in (0.7, 1.0, 1.4):
    cell = nn.RNNCell(8, 8, seed=0)
    cell.weight_hh.data = factor * rotation
    lengths[f"RNN, rotation times {factor}"] = gradients_of_the_end(cell, zeros())
for name, found in lengths.items():
    print(f"{name}: the gradient at the start is {found[0] / found[-1]:.2g} times that at the end")

# %% [markdown]
r"""
With a factor below 1 the gradient at the first items is almost 0, so their influence cannot be learnt. Above 1 the
gradient grows, until units are saturated: then $1 - h^2$ is small, and the gradient shrinks again.

## A state that is changed by addition

The LSTM has a second state $c$ beside $h$, and changes it by addition:

$$c_t = f_t \, c_{t-1} + i_t \, g_t \qquad h_t = o_t \tanh(c_t)$$

$g$ is the new content, and the gates $f$ (forget), $i$ (input) and $o$ (output) are sigmoids of weighted sums of the
item and of $h_{t-1}$, between 0 and 1. On the direct path through the states $c$ the gradient is multiplied by $f_t$ only.

**Predict.** The bias of the forget gate is 0, so $f \approx \sigma(0)$; then it is 2, so $f \approx \sigma(2)$. What
is left of the gradient along $c$ after 30 steps?

<details><summary>Answer</summary>

$\sigma(0)^{30} = 0.5^{30} \approx 10^{-9}$, and $\sigma(2)^{30} = 0.88^{30} \approx 0.02$. In fact more is left in both
cases, because there are other paths, through $h$ and the gates.

</details>
"""

# %%
for bias in (0.0, 2.0):
    cell = nn.LSTMCell(8, 8, seed=0)
    cell.bias_ih.data[8:16] = bias  # the gates are in the order i, f, g, o, with 8 units each
    name = f"LSTM, forget bias {bias:.0f}"
    lengths[name] = found = gradients_of_the_end(cell, (zeros(), zeros()))
    print(f"{name}: the gradient at the start is {found[0] / found[-1]:.2g} times that at the end")

fig, ax = plt.subplots(figsize=(6.4, 4))
for (name, found), style in zip(lengths.items(), (":", "-", "--", ":", "-")):
    ax.semilogy(found, style, color="#0b5cad" if "LSTM" in name else "#b04a00", label=name)
ax.set(xlabel="t, number of items so far", ylabel="length of the gradient at state t")
ax.legend(fontsize=8)
ax.grid(alpha=0.3)

# %% [markdown]
r"""
Read the curves from right to left, as the backward pass goes. The curve of the LSTM with an open forget gate (bias 2)
stays level. Its weights need not be special for that, as the rotation is: the gate can be learnt.

## Digits, row by row

An image of 8 by 8 pixels is taken as a sequence of 8 rows. The network gets one row at a time, and classifies the digit
after the last row. `nn.LSTM` applies the cell to the rows in order.
"""

# %%
digits = nn.datasets.load_digits()
images = digits.data.reshape(-1, 8, 8) / 16  # image, row, pixel
X, X_test, y, y_test = nn.split(images, digits.target, test_size=0.25, seed=0, stratify=True)


class Reader(nn.Module):
    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.lstm = nn.LSTM(8, 32, batch_first=True, seed=rng)
        self.out = nn.Linear(32, 10, seed=rng)

    def forward(self, x):
        hidden, _ = self.lstm(x)  # image, row, unit
        return self.out(hidden[:, -1])  # after the last row


model = Reader(seed=0)
optimizer = nn.Adam(model.parameters(), lr=0.01)
history = nn.fit(
    model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=15, batch_size=64, seed=0, progress=False
)
print(f"loss in the first epoch {history['loss'][0]:.2f}, in the last {history['loss'][-1]:.2f}")
print(f"accuracy on the test set {nn.accuracy(model(X_test), y_test):.2f}")
print(f"{sum(p.size for p in model.parameters()):,} weights")

# %% [markdown]
r"""
The number of weights does not depend on the length of the sequence: the same network could read 100 rows.

**Predict.** The output can be computed before the end, too. How often is it right after row 1, after row 4, after row 8?

<details><summary>Answer</summary>

Only the output after row 8 was trained. Before that the rows so far are often not enough to recognise the digit, and the
output layer was not trained with these states: after four rows it is right one time in ten, as by chance.

</details>
"""

# %%
hidden, _ = model.lstm(X_test)
for row in range(8):
    scores = model.out(hidden[:, row])
    print(f"after row {row + 1}: {nn.accuracy(scores, y_test):.2f}")

# %% [markdown]
r"""
## Exercises

**1.** For the three numbers at the top compute $\partial h_3 / \partial u$ by hand, with
$\frac{d h_t}{d u} = (1 - h_t^2) \, (h_{t-1} + u \frac{d h_{t-1}}{d u})$ from $t = 1$ to $3$, and compare with `u.grad`.
"""

# %% tags=["solution"]
h, slope = 0.0, 0.0
for x in sequence:
    new = np.tanh(w.data * x + u.data * h + b.data)
    slope = (1 - new**2) * (h + u.data * slope)
    h = new
print(f"by hand {slope:.12f}, by backward() {u.grad:.12f}")

# %% [markdown]
r"""
**2.** Exploding gradients are often cut: if all gradients together are longer than a limit, they are scaled down
to it, with `nn.clip_grad_norm_(parameters, limit)`. Use `nn.RNN(8, 8)` with a recurrent matrix of 1.4 times the
rotation, and take the sum of the last state after `items` as the loss. How long is the gradient before, and after
cutting it to 1?
"""

# %% tags=["solution"]
rnn = nn.RNN(8, 8, seed=0)
rnn.cells[0].weight_hh.data = 1.4 * rotation
_, last = rnn(items)
last.sum().backward()
before = nn.clip_grad_norm_(rnn.parameters(), 1.0)  # it returns the length before
after = np.sqrt(sum((p.grad**2).sum() for p in rnn.parameters()))
print(f"before {before:.2f}, after {after:.2f}")
