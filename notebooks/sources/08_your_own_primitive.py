# %% [markdown]
r"""
# 8. A primitive of your own

**Question.** What has to be declared, so that the engine can compute and differentiate a new function?
"""

# %% [markdown]
r"""
## One row

All the calculus of the engine is a table with one row for each operation. A row says how to compute the
value, on a float and on an array, and the derivative with respect to each input. The **softplus** $\log(1 + e^x)$ is a
smooth ReLU, and its derivative is the sigmoid:
"""

# %%
import math

import numpy as np

from chainrule import nn
from chainrule.autograd import TABLE, Tape, Tensor, Value, check_gradients, elementwise, grad, sigmoid
from chainrule.viz import draw, plot_activation_functions, step

TABLE.pop("soft", None)  # a name is taken once; so this cell can run again
soft = elementwise(
    "soft", lambda x: math.log1p(math.exp(x)), lambda x: np.log1p(np.exp(x)), [lambda y, x: sigmoid(x)]
)

# %% [markdown]
r"""
Nothing else is needed. (The engine has this function already, as `softplus`; therefore the new one has another name. The
rule gets the output `y` and the input `x`.)

**Predict.** What are the first and the second derivative of the softplus at 0?

<details><summary>Answer</summary>

$s(0) = \tfrac12$, and $s(0)\,(1 - s(0)) = \tfrac14$.

</details>

## Derivatives of every order

The rule is written with `sigmoid`, which has a row of its own. So the engine can differentiate the rule, too:
"""

# %%
print("value: ", soft(0.0))
print("first: ", grad(soft)(0.0))
print("second:", grad(grad(soft))(0.0))
print("third: ", grad(grad(grad(soft)))(0.0))

t = Tensor([-1.0, 0.0, 1.0])
soft(t).sum().backward()
print("on an array:", t.grad.round(4))

# %% [markdown]
r"""
## Check

Is the rule right? The check of [notebook 7](07_gradient_checking.ipynb) compares first and second derivatives
with differences:
"""

# %%
print(check_gradients(soft, np.linspace(-3, 3, 7)))

# %% [markdown]
r"""
## Draw, step, print

Drawings, steps and printed programs use the same row. The text of the local gradient is not stored: the rule is
computed with symbols in place of numbers.
"""

# %%
x = Value(0.5, name="x")
y = soft(2 * x)
y.name = "y"
y.backward()
draw(y)

# %%
print(step(y))

# %%
print(Tape(y).source())

# %% [markdown]
r"""
The program contains the new function, so it still needs nothing but `math`.

## In a network

As an activation for a network the function is a class of two lines:
"""


# %%
class Soft(nn.Activation):
    function = soft


plot_activation_functions([Soft()])

# %%
X, y = nn.datasets.moons(100, noise=0.1, seed=0)
model = nn.Sequential(nn.Linear(2, 16, seed=0), Soft(), nn.Linear(16, 2, seed=1))
optimizer = nn.Adam(model.parameters(), lr=0.05)
nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=300, seed=0, progress=False)
print(f"{nn.accuracy(model(X), y):.0%} of the moons on the right side")

# %% [markdown]
r"""
## Exercises

**1.** Add the swish, $x\, s(x)$ with the sigmoid $s$. Its derivative can be written with the output: $y +
s(x)(1 - y)$. Check it.
"""

# %% tags=["solution"]
swish = elementwise(
    "swish",
    lambda x: x / (1 + math.exp(-x)),
    lambda x: x / (1 + np.exp(-x)),
    [lambda y, x: y + sigmoid(x) * (1 - y)],
)
print(check_gradients(swish, np.linspace(-3, 3, 7)))
print(grad(swish)(1.0), grad(grad(swish))(1.0))

# %% [markdown]
r"""
**2.** The softplus above is infinite for large inputs: try `soft(1000.0)`. Write a row that is not, with the
same rule. (Hint: $\log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|})$.)
"""

# %% tags=["solution"]
print(soft(1000.0))  # e^1000 is more than a float can hold

stable = elementwise(
    "stable_soft",
    lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    [lambda y, x: sigmoid(x)],
)
print(stable(1000.0), grad(stable)(1000.0), stable(-1000.0), grad(stable)(-1000.0))
print(check_gradients(stable, np.linspace(-3, 3, 7)))
