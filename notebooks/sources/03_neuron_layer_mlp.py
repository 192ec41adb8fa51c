# %% [markdown]
r"""
# 3. A neuron, a layer, a network

**Question.** We have numbers with gradients. How much code does a neural network need beyond them?
"""

# %% [markdown]
r"""
## A neuron

A neuron has a weight for each input, and a bias. It computes $g(w_1 x_1 + w_2 x_2 + \dots + b)$ with an
**activation** $g$, here tanh.
"""

# %%
import random
from itertools import pairwise

from chainrule import nn
from chainrule.autograd import Tape, Value, tanh
from chainrule.viz import draw

random.seed(0)


def neuron(w, b, x):
    z = b
    for w_i, x_i in zip(w, x):
        z = z + w_i * x_i
    return tanh(z)


x = [0.5, -1.0]
w = [Value(random.gauss(0, 1), name=f"w{i}") for i in (1, 2)]
b = Value(0.0, name="b")
y = neuron(w, b, x)
y.name = "y"
y.backward()
draw(y)

# %% [markdown]
r"""
The gradient with respect to a weight is its input times the gradient of the weighted sum, here of `v4`. If an input
is 0, the gradient of its weight is 0.

## A layer, and layers

A layer is several neurons with the same inputs. A network is several layers: the outputs of one layer are the inputs of
the next. It is called an **MLP**, a multi-layer perceptron:
"""


# %%
class Layer:
    def __init__(self, n_inputs, n_outputs, linear=False):
        self.w = [[Value(random.gauss(0, n_inputs**-0.5)) for _ in range(n_inputs)] for _ in range(n_outputs)]
        self.b = [Value(0.0) for _ in range(n_outputs)]
        self.linear = linear

    def __call__(self, x):
        sums = [sum((w_i * x_i for w_i, x_i in zip(w, x)), b) for w, b in zip(self.w, self.b)]
        return sums if self.linear else [tanh(z) for z in sums]

    def parameters(self):
        return [p for w in self.w for p in w] + self.b


class MLP:
    def __init__(self, *widths):
        pairs = list(pairwise(widths))
        self.layers = [Layer(m, n, linear=i == len(pairs) - 1) for i, (m, n) in enumerate(pairs)]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]


model = MLP(2, 4, 1)
(output,) = model(x)
output.backward()
print("output", round(output.data, 4), "from", len(Tape(output)), "nodes")

# %% [markdown]
r"""
The last layer is linear (it has no activation), so that the output can be any number. The number $m$ of inputs is the
**fan-in** of a layer, the number $n$ of neurons its **fan-out**. The weights start as random numbers with standard
deviation $1/\sqrt{m}$; [notebook 9](09_activations.ipynb) explains why.

**Predict.** How many parameters does this network have, 2 inputs, 4 neurons, 1 output?

<details><summary>Answer</summary>

$2 \cdot 4$ weights and 4 biases, then $4 \cdot 1$ weights and 1 bias: 17. A layer from $m$ to $n$ has $mn +
n$.

</details>
"""

# %%
parameters = model.parameters()
print(f"{len(parameters)} parameters, with a gradient: {sum(p.grad is not None for p in parameters)}")

# %% [markdown]
r"""
## The one in the library

`nn.scalar.MLP` is this class, with seeds, names, activations by name, and errors that explain. Given the same
weights, it gives the same output:
"""

# %%
theirs = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=0)
for mine, layer in zip(model.layers, theirs.layers):
    for w, b, neuron in zip(mine.w, mine.b, layer.neurons):
        neuron.b.data = b.data
        for p, q in zip(neuron.w, w):
            p.data = q.data
print(theirs)
print("mine", output.data, " theirs", theirs(x).data)

# %% [markdown]
r"""
In a drawing each network, layer and neuron is a box. With `depth=1` the box of the network is open, with `depth=2` those
of the layers as well. A closed box shows its outputs and their gradients:
"""

# %%
loss = (theirs(x) - 1) ** 2
loss.name = "loss"
loss.backward()
draw(loss, depth=1)

# %%
draw(loss, depth=2)

# %% [markdown]
r"""
## How large is a node?

A neuron can be many small nodes, or one. With `compound=True` it is one node, whose local gradients are those
of the whole neuron. The gradients are the same:
"""

# %%
few = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=1, compound=True)
many = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=1)
for network in (few, many):
    y = network(x)
    y.backward()
    print(len(Tape(y)), "nodes; gradient of the first weight", network.parameters()[0].grad)
draw(few.layers[0].neurons[0](x))

# %% [markdown]
r"""
## Exercises

**1.** Layers without an activation collapse: $x W_1 W_2 \dots W_k$ is $x W$ with one matrix $W$. Build two
linear layers with `Layer(2, 3, linear=True)` and `Layer(3, 1, linear=True)`, and find the one neuron that
computes the same. (Hint: what is the gradient of the output with respect to the inputs?)
"""

# %% tags=["solution"]
first, second = Layer(2, 3, linear=True), Layer(3, 1, linear=True)
x1, x2 = Value(0.5), Value(-1.0)
(y,) = second(first([x1, x2]))
y.backward()  # of a linear function the gradient is the same everywhere: it is the weights
w1, w2 = x1.grad, x2.grad
print(y.data, "is", w1 * 0.5 + w2 * -1.0)
(elsewhere,) = second(first([7.0, 3.0]))
print(elsewhere.data, "is", w1 * 7.0 + w2 * 3.0)

# %% [markdown]
r"""
**2.** A perceptron has one layer, and one line separates its two classes. No line can do this for exclusive or, which is
1 for (0, 1) and (1, 0), and 0 for (0, 0) and (1, 1). Choose by hand the weights of a network that computes it, with two
ReLU neurons and one linear output. (ReLU is $\max(0, x)$.)
"""

# %% tags=["solution"]
xor = nn.scalar.MLP(2, [2, 1], activation="relu", seed=0)
for p, number in zip(
    xor.parameters(), [1, 1, 0, 1, 1, -1, 1, -2, 0]
):  # two neurons (w1, w2, b), then the output
    p.data = float(number)
for x in ([0, 0], [0, 1], [1, 0], [1, 1]):
    print(x, xor(x).data)  # relu(x1 + x2) - 2 relu(x1 + x2 - 1)
