# %% [markdown]
r"""
# 7. Gradient checking

**Question.** How do you find out that a gradient is wrong, when it comes from a program that you do not
trust?
"""

# %% [markdown]
r"""
## Two differences

The gradient is a slope, so measure the slope. There are two ways: the **one-sided** difference $(L(w +
\varepsilon) - L(w)) / \varepsilon$, and the **central** difference $(L(w + \varepsilon) - L(w - \varepsilon))
/ 2\varepsilon$.

**Predict.** For which $\varepsilon$ is each of them most accurate: the smaller the better?

<details><summary>Answer</summary>

No. A smaller $\varepsilon$ makes the error of the formula smaller, which is of the order of $\varepsilon$ for
the one-sided and $\varepsilon^2$ for the central difference. But the two losses then agree in more and more
digits, and what is left after the subtraction is rounding, of the order of $10^{-16} / \varepsilon$. The best
$\varepsilon$ is about $10^{-8}$ for the one-sided difference, and $10^{-5}$ to $10^{-6}$ for the central one.

</details>
"""

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

from chainrule import nn
from chainrule.autograd import CheckError, Value, check_gradients, check_update, relu, tanh


def loss(w):
    return (tanh(w * 2.0 - 0.3) - 1) ** 2


w = Value(0.5, name="w")
loss(w).backward()

steps = 10.0 ** -np.arange(1, 14)
one_sided = [abs((loss(0.5 + e) - loss(0.5)) / e - w.grad) for e in steps]
central = [abs((loss(0.5 + e) - loss(0.5 - e)) / (2 * e) - w.grad) for e in steps]

figure, ax = plt.subplots(figsize=(6.4, 3.4))
ax.loglog(steps, one_sided, "o-", color="#b04a00", label="one-sided")
ax.loglog(steps, central, "s-", color="#0b5cad", label="central")
ax.set(xlabel="step ε", ylabel="distance from the gradient")
ax.legend()
ax.grid(alpha=0.3)

# %% [markdown]
r"""
At its best the central difference agrees in about ten digits, the one-sided in seven. Both need one or two more
evaluations of the loss for every weight. That is far too slow for training, and good enough for a check.

## The gradient in an update

There is another way to find the gradient, from outside of the program: let an optimiser make one step.
Plain gradient descent moves $w$ by $-\eta\, \partial L/\partial w$, so the gradient is $(w_{\text{before}} -
w_{\text{after}}) / \eta$. Imperial's lecture calls this method 1, and the central difference method 2. They
should agree:
"""

# %%
rng = np.random.default_rng(0)
X, y = nn.datasets.moons(20, noise=0.1, seed=0)
model = nn.MLP(2, [4, 2], activation="tanh", seed=0)
weight = model.parameters()[0]

before, lr = weight.data.copy(), 0.01
nn.cross_entropy(model(X), y).backward()
nn.SGD(model.parameters(), lr=lr).step()
method_1 = (before - weight.data) / lr

for p in model.parameters():  # back to where it was
    p.data = p.data + lr * p.grad
method_2, e = np.zeros_like(before), 1e-5
for i in np.ndindex(before.shape):
    ends = []
    for sign in (+1, -1):
        weight.data = before.copy()
        weight.data[i] += sign * e
        ends.append(nn.cross_entropy(model(X), y).item())
    method_2[i] = (ends[0] - ends[1]) / (2 * e)

print("method 1:", method_1.ravel().round(6))
print("method 2:", method_2.ravel().round(6))

# %% [markdown]
r"""
Method 1 checks the optimiser as well as the gradient. `check_update` does both and compares them.

## In one call

`check_gradients` compares gradients with central differences, for any function of numbers and arrays, for each element
of every input, with first and second derivatives:
"""

# %%
A, B = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
print(check_gradients(lambda a, b: tanh(a @ b), A, B))
print(check_gradients(lambda w: loss(w), 0.5))
print(check_update(lambda a: (tanh(a) ** 2).sum(), A))

# %% [markdown]
r"""
## A broken rule

Here is a new operation, the square, with a derivative that is wrong: a thousandth too large. (`elementwise` declares an
operation; [notebook 8](08_your_own_primitive.ipynb) explains it.) Training would hardly change. The check finds the
mistake, and prints where it is:
"""

# %%
from chainrule.autograd import TABLE, elementwise

TABLE.pop("almost_square", None)  # a name is taken once; so this cell can run again
square = elementwise("almost_square", lambda x: x * x, lambda x: x * x, [lambda y, x: 2.002 * x])

try:
    check_gradients(square, np.array([1.0, -3.0]))
except CheckError as error:
    print(error)

# %% [markdown]
r"""
The message names the output and the element of the input, and both numbers: 2.002 instead of 2.

## Kinks

ReLU has no derivative at 0. From the left its slope is 0, from the right 1, and the central difference gives
1/2, which is neither. The engine takes 0 there, a convention; so compare with the left side:
"""


# %%
def report(side):
    try:
        return check_gradients(relu, 0.0, order=1, side=side)
    except CheckError as error:
        return error


for side in ("left", "right", "both"):
    print(f"{side:6}", report(side))


# %% [markdown]
r"""
## Exercises

**1.** Declare a product with a wrong rule: its second local gradient is 0. What does the check print? Then try a rule that
is wrong only in its second derivative: $\sin$ with the rule `math.cos(x)`. (`math.cos` gives a plain number, so the engine
takes the derivative for a constant.)
"""

# %% tags=["solution"]
wrong_product = elementwise(
    "wrong_product", lambda a, b: a * b, lambda a, b: a * b, [lambda y, a, b: b, lambda y, a, b: 0 * a]
)
try:
    check_gradients(wrong_product, 2.0, 3.0)
except CheckError as error:
    print(error)

wrong_sin = elementwise(
    "wrong_sin", math.sin, np.sin, [lambda y, x: math.cos(float(x.data) if hasattr(x, "data") else x)]
)
print("first order:", check_gradients(wrong_sin, 0.5, order=1))
try:
    check_gradients(wrong_sin, 0.5, order=2)
except CheckError as error:
    print("second order:", error)

# %% [markdown]
r"""
**2.** Why can method 1 not be used with Adam? Recover a "gradient" from one step of Adam with learning rate
0.01 and look at it.
"""

# %% tags=["solution"]
p = nn.Parameter([1.0, -2.0, 30.0])
before = p.data.copy()
optimizer = nn.Adam([p], lr=0.01)
(p**2).sum().backward()
optimizer.step()
print("true gradient:", p.grad)
print("from the step:", ((before - p.data) / 0.01).round(6))  # Adam divides by the size of the gradient
