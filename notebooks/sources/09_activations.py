# %% [markdown]
r"""
# 9. Activations and initial weights

**Question.** Backpropagation multiplies a gradient layer after layer by the slope of an activation and by
weights. With which activation, and with which initial weights, is the gradient at the first layer of a deep network
neither almost 0 nor huge?
"""

# %% [markdown]
r"""
## Activations and their slopes

An activation $g$ is applied to each output $x$ of a linear layer. In the backward pass the gradient is multiplied by
the derivative of $g$ at $x$, the slope:

| activation | $g(x)$ | slope |
| --- | --- | --- |
| sigmoid | $s = 1 / (1 + e^{-x})$ | $s (1 - s)$ |
| tanh | $t = \tanh x = (e^{2x} - 1) / (e^{2x} + 1)$ | $1 - t^2$ |
| ReLU | $\max(0, x)$ | 1 above 0; 0 at 0 and below |
| leaky ReLU | $\max(0.1\,x, x)$ | 1 above 0, 0.1 below |
| ELU | $x$ above 0, $\alpha (e^x - 1)$ below, here $\alpha = 1$ | 1 above 0, $\alpha e^x$ below |
| linear | $x$ | 1 |

**Predict.** How steep is the sigmoid at most, and how steep is tanh? By how much do the slopes of ten
sigmoids shrink a gradient at least?

<details><summary>Answer</summary>

$s (1 - s)$ is largest at $s = 1/2$: $1/4$. Tanh has slope $1$ at $0$. Ten sigmoids multiply by $(1/4)^{10}
\approx 10^{-6}$ at most, unless large weights make up for it.

</details>

The engine computes each slope here. The background is shaded where the slope is below 1/20:
"""

# %%
from chainrule import nn
from chainrule.viz import (
    plot_activation_functions,
    plot_gradient_flow,
    plot_initialisation,
)

shown = ["sigmoid", "tanh", "relu", nn.LeakyReLU(0.1), "elu", "linear"]
plot_activation_functions(shown)

# %% [markdown]
r"""
Two activations are not functions of one number. *Softmax* computes probabilities from all outputs of a layer together
([notebook 10](10_losses.ipynb)). A *maxout* unit, `nn.Maxout`, is the largest of several linear units, so
that its shape is learnt, too.

## Vanishing gradients

Eight hidden layers of sigmoids, and one backward pass. The bars are the gradients of the weights in each
layer, from the input on the left to the output on the right:
"""

# %%
X, y = nn.datasets.moons(200, seed=0)
deep = nn.MLP(2, [16] * 8 + [2], activation="sigmoid", seed=0)
nn.cross_entropy(deep(X), y).backward()
plot_gradient_flow(deep)

# %% [markdown]
r"""
On average a quarter of the gradient is left after each layer. A step of gradient descent changes the last layers, and
the first ones hardly. The next cell trains nothing; it computes the gradients of the same network with other activations,
and prints the gradient of the first layer divided by that of the last. (The name `"leaky_relu"` stands for PyTorch's slope
of 0.01; the lectures' 0.1 is `nn.LeakyReLU(0.1)`.)
"""

# %%
from chainrule.nn import diagnostics

for activation in ("sigmoid", "tanh", "relu", "leaky_relu"):
    deep = nn.MLP(2, [16] * 8 + [2], activation=activation, seed=0)
    nn.cross_entropy(deep(X), y).backward()
    flow = diagnostics.gradient_flow(deep)
    print(f"{activation:10}  first / last = {flow[0].rms / flow[-1].rms:.2g}")

# %% [markdown]
r"""
## Dead units

A ReLU multiplies a gradient by 1 or by 0. **Predict.** What happens to a unit whose weighted sum is negative for every
sample?

<details><summary>Answer</summary>

Its output is 0 for every sample, and its slope is 0 for every sample. So the gradients of its weights are 0, and they
do not change: the unit is dead.

</details>

In a network with two hidden layers some units can be dead before the training, because of their random weights. Here
7 of 64 are:
"""

# %%
print(diagnostics.dead_units(nn.MLP(2, [64, 64, 2], seed=3), X))

# %% [markdown]
r"""
With a learning rate that is far too high, steps are so long that more units become dead:
"""


# %%
def after_long_steps(activation):
    model = nn.Sequential(nn.Linear(2, 16, seed=0), activation, nn.Linear(16, 2, seed=1))
    optimizer = nn.SGD(model.parameters(), lr=30)
    for _ in range(5):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    nn.cross_entropy(model(X), y).backward()
    return model


model = after_long_steps(nn.ReLU())
print(diagnostics.dead_units(model, X))

# %% [markdown]
r"""
Each unit has a column in the weights of the first layer. For dead units the gradient of this column is 0. With leaky
ReLUs there is no such column:
"""

# %%
leaky = after_long_steps(nn.LeakyReLU(0.1))
for name, network in [("ReLU", model), ("leaky ReLU", leaky)]:
    dead = (network[0].weight.grad == 0).all(axis=0)
    print(f"{name}: the gradient is 0 for {dead.sum()} of {dead.size} units")

# %% [markdown]
r"""
## Fifty layers

Weights matter as much as slopes. A unit sums over $n_{in}$ inputs, so with random weights of variance $v$ the mean
square of its sum is $v \, n_{in}$ times the mean square of an input. It should be about the same in every layer, forward
and backward. Two choices of $v$ are usual. *Glorot*'s is $v = 2 / (n_{in} + n_{out})$, for tanh; *He*'s is $v = 2 /
n_{in}$, for ReLU, which sets half of the sums to 0.

**Predict.** There are fifty layers of 100 units each, with ReLUs. By which factor does the mean square of the outputs
change with normal weights of variance 0.1, of variance 1, and with Glorot's?

<details><summary>Answer</summary>

Variance 0.1 is 5 times He's $2/100$: each layer multiplies the mean square by 5. Variance 1 is 50 times He's.
After fifty layers that is $5^{50} \approx 10^{35}$ and $50^{50} \approx 10^{85}$. Glorot's variance is
$2/200$, half of He's: each layer halves the mean square, which leaves $2^{-50} \approx 10^{-15}$.

</details>
"""

# %%
plot_initialisation(activation="relu")

# %%
print(diagnostics.initial_spread(activation="relu"))

# %% [markdown]
r"""
A variance of 0.1 is a standard deviation of $\sqrt{0.1} \approx 0.32$; `nn.init.normal` takes the standard deviation,
`std`. Whether a variance is too high depends on the width: with 20 units in each layer 0.1 would be He's. In the
table, *first* and *last* are the mean squares of the outputs of the first and of the last layer, *grad_first*
and *grad_last* those of the gradients. Glorot's weights are made for tanh with small inputs, where tanh is
nearly a line. Larger outputs become smaller from layer to layer; after $l$ layers their mean square is about $1/(2l)$:
"""

# %%
print(diagnostics.initial_spread(activation="tanh"))

# %% [markdown]
r"""
With Glorot's weights the mean square after fifty layers is about 1/100. (With a standard deviation of 0.01 it would be
$10^{-98}$.) Outputs of tanh are between $-1$ and 1, so they cannot explode. But with variance 1 nearly all of them are
near $-1$ or 1, the units are saturated, and the gradients explode on the way back: see *grad_first*. Layers of `nn` choose
suitable weights: `nn.MLP(..., activation="relu")` takes He's, `activation="tanh"` takes Glorot's. Biases start at 0.

## Exercises

**1.** With which initial weights does the mean square stay the same over fifty *linear* layers? Compute the factor by
which one layer changes it with He's weights and with Glorot's, and check both with `nn.init.spread_by_layer`.
"""

# %% tags=["solution"]
for weights, factor in [(nn.init.he_normal, 2), (nn.init.glorot_normal, 1)]:
    found = nn.init.spread_by_layer(weights, "linear")["activations"]
    measured = (found[-1] / found[0]) ** (1 / 49)
    print(f"{weights.__name__}: {factor} expected, {measured:.2f} measured, per layer")

# %% [markdown]
r"""
**2.** Biases may start at zero. May weights start all equal? Give both weight matrices of a network with four
hidden units the value 0.5, take 100 steps, and look at the weights of the hidden units.
"""

# %% tags=["solution"]
equal = nn.MLP(2, [4, 2], activation="tanh", seed=0)
for layer in (equal.layers[0], equal.layers[2]):
    layer.weight.data = nn.init.constant(layer.weight.shape, 0.5)
optimizer = nn.SGD(equal.parameters(), lr=0.5)
for _ in range(100):
    optimizer.zero_grad()
    nn.cross_entropy(equal(X), y).backward()
    optimizer.step()
print("one column for each hidden unit:")
print(equal.layers[0].weight.data.round(4))
print("equal units get equal gradients and stay equal: four units do the work of one")
