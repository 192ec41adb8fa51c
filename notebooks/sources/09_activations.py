# %% [markdown]
r"""
# 9. Activations and initial weights

**Question.** Backpropagation multiplies a gradient layer after layer by the slope of an activation and by
weights. Which activation, and which initial weights, let a gradient arrive at the first layer of a deep
network?
"""

# %% [markdown]
r"""
## Activations and their slopes

An activation stands behind each linear layer and bends what passes through it, number by number. Backward, a
gradient is multiplied by its slope:

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

The engine computes each slope here. The ground is shaded where less than a twentieth of a gradient gets
through:
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
Two activations do not work number by number. *Softmax* makes probabilities of all outputs of a layer together
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
On average each layer takes three quarters away. A step of gradient descent moves the last layers, and the
first hardly at all. The same network with other activations, as the gradient of the first layer divided by
that of the last one. (By its name, `"leaky_relu"` has PyTorch's slope of 0.01; the lectures' 0.1 is
`nn.LeakyReLU(0.1)`.)
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

A ReLU lets a gradient through unchanged, or not at all. **Predict.** What happens to a unit whose weighted
sum is negative for every sample?

<details><summary>Answer</summary>

It puts out 0 for every sample, and its slope is 0 for every sample. So its weights get no gradient and never
change: the unit is dead.

</details>

In a deep network some units are dead before the training, by their random weights. Here are 7 of 64:
"""

# %%
print(diagnostics.dead_units(nn.MLP(2, [64, 64, 2], seed=3), X))

# %% [markdown]
r"""
A learning rate that is far too high throws more of them there:
"""


# %%
def after_wild_steps(activation):
    model = nn.Sequential(nn.Linear(2, 16, seed=0), activation, nn.Linear(16, 2, seed=1))
    optimizer = nn.SGD(model.parameters(), lr=30)
    for _ in range(5):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()
    optimizer.zero_grad()
    nn.cross_entropy(model(X), y).backward()
    return model


model = after_wild_steps(nn.ReLU())
print(diagnostics.dead_units(model, X))

# %% [markdown]
r"""
The columns of the first layer's weights that belong to dead units have no gradient. With leaky ReLUs none is
without:
"""

# %%
leaky = after_wild_steps(nn.LeakyReLU(0.1))
for name, network in [("ReLU", model), ("leaky ReLU", leaky)]:
    stuck = (network[0].weight.grad == 0).all(axis=0)
    print(f"{name}: {stuck.sum()} of {stuck.size} units get no gradient")

# %% [markdown]
r"""
## Fifty layers

Weights matter as much as slopes. A unit sums over $n_{in}$ inputs, so with weights of variance $v$ its sum
has a mean square of $v \, n_{in}$ times that of an input. To keep it from layer to layer, forward and
backward, *Glorot* takes $v = 2 / (n_{in} + n_{out})$, for tanh; *He* takes $v = 2 / n_{in}$, because a ReLU
throws half of the signal away.

**Predict.** The layers have 100 units each, with ReLUs. What do normal weights with variance 0.1 do to a
signal, what do those with variance 1, and what do Glorot's?

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
A variance of 0.1 is a standard deviation of $\sqrt{0.1} \approx 0.32$; `nn.init.normal` takes the deviation,
`std`. Whether a variance is too high depends on the width: with 20 units in each layer 0.1 would be He's. In the
table, *first* and *last* are the mean squares of the signal in the first and in the last layer, *grad_first*
and *grad_last* those of the gradient. Glorot's weights suit tanh as long as the signal is small, where tanh is
nearly a line; one near 1 is worn down, to about $1/(2l)$ after $l$ layers:
"""

# %%
print(diagnostics.initial_spread(activation="tanh"))

# %% [markdown]
r"""
Glorot's $1/100$ after fifty layers is little beside the $10^{-98}$ of weights with deviation 0.01. Tanh
flattens large numbers, so the signal itself cannot explode. With variance 1 it is near 1 everywhere, the
units are saturated, and the gradients tell. Layers of `nn` choose weights that suit: `nn.MLP(...,
activation="relu")` takes He's, `activation="tanh"` takes Glorot's. Biases start at 0.

## Exercises

**1.** Which weights keep a signal over fifty *linear* layers? Compute the factor by which one layer changes
the mean square with He's weights and with Glorot's, and check both with `nn.init.spread_by_layer`.
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
