# %% [markdown]
r"""
# 18. Coming from micrograd

**Question.** You have followed Andrej Karpathy's [micrograd](https://github.com/karpathy/micrograd). What can
you keep writing, and where are the results of chainrule different? Everything below runs both.

(micrograd is a small package on PyPI. It comes with `pip install ".[notebook]"`.)

## What is the same

The expression of micrograd's README, written once, with `Value` from either:
"""

# %%
from micrograd.engine import Value as MicroValue

from chainrule.autograd import Value
from chainrule.viz import draw


def readme(Value):
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    return g.data, a.grad, b.grad


print("micrograd:", readme(MicroValue))
print("chainrule:", readme(Value))

# %% [markdown]
r"""
So is the network, `MLP(inputs, [widths])`: the hidden layers have ReLU, the last layer is linear, and
`parameters()` has the same numbers in the same order. With the same weights it computes the same:
"""

# %%
import random

from micrograd.nn import MLP as MicroMLP

from chainrule.nn.scalar import MLP

random.seed(0)  # micrograd takes its weights from Python's global generator
micro, model = MicroMLP(2, [16, 16, 1]), MLP(2, [16, 16, 1], seed=0)
for p, q in zip(model.parameters(), micro.parameters(), strict=True):
    p.data = q.data
print("micrograd:", micro([0.5, -1.0]).data)
print("chainrule:", model([0.5, -1.0]).data)
print(model)

# %% [markdown]
r"""
And so is the loop: `model.zero_grad()`, `loss.backward()`, `p.data -= lr * p.grad`. `draw_dot` and `trace` are in
`chainrule.viz` under these names.

## Inputs are ordered, and may be repeated

micrograd keeps the inputs of a node in a set. A set has no order, and no element twice.

**Predict.** How many arrows go into the multiplication in a drawing of $a \cdot a$, with one library and with
the other?

<details><summary>Answer</summary>

One with micrograd's set, two with chainrule. The gradient $2a$ is right in both, since micrograd's closure keeps
both operands; but micrograd's picture is wrong.

</details>
"""

# %%
a, m = Value(3.0, name="a"), MicroValue(3.0)
print("micrograd:", (m * m)._prev)
print("chainrule:", (a * a).inputs)
draw(a * a)

# %% [markdown]
r"""
With the order known, subtraction and division can be operations of their own. In micrograd $a - b$ is
$a + b \cdot (-1)$ and $a / b$ is $a \cdot b^{-1}$, which costs nodes.

## A second backward pass

**Predict.** $y = x \cdot x \cdot x$ at $x = 3$ has the gradient 27. Gradients accumulate; they are not reset.
What is `x.grad` after a second `y.backward()`?

<details><summary>Answer</summary>

54: the pass has been made twice, so the sum is $27 + 27$. micrograd gives 72.

</details>
"""

# %%
for number in (MicroValue, Value):
    x = number(3.0)
    y = x * x * x
    y.backward()
    once = x.grad
    y.backward()
    print(f"{number.__module__:25} once {once},  twice {x.grad}")

# %% [markdown]
r"""
Where do the other 18 come from? In micrograd the node $x \cdot x$ in the middle still has the gradient 3 of the first
pass. The second pass adds 3, so 6 is passed on. In chainrule the nodes between the leaves and the root get the gradient of
the latest pass only, and leaves accumulate.

## No gradient is not a gradient of zero

Before a backward pass has reached a node, its `.grad` is `None` in chainrule and `0` in micrograd. So a node that was not
reached can be distinguished from a gradient of zero:
"""

# %%
used, unused, cut = Value(2.0, name="used"), Value(2.0, name="unused"), Value(-2.0, name="cut")
(used + cut.relu()).backward()
for v in (used, cut, unused):
    print(f"{v.name:7} {v.grad}")

# %% [markdown]
r"""
An update written by hand has to skip a parameter that the loss does not reach, `if p.grad is not None`. The
optimisers of `chainrule.nn` do so.

## Mistakes are errors

A neuron with three weights is given two inputs, in both libraries:
"""

# %%
from micrograd.nn import Neuron as MicroNeuron

from chainrule.autograd import ChainruleError
from chainrule.nn.scalar import Neuron

print("micrograd:", type(MicroNeuron(3)([1.0, 2.0])).__name__, "- the third weight is left out")
try:
    Neuron(3, seed=0)([1.0, 2.0])
except ChainruleError as error:
    print("chainrule:", error)

# %% [markdown]
r"""
## Long chains

micrograd finds the nodes by recursion, as deep as the graph. Python allows a depth of about a thousand. chainrule uses
a loop:
"""

# %%
for number in (MicroValue, Value):
    x = y = number(0.0)
    for _ in range(5_000):
        y = y + 1
    try:
        y.backward()
        print(number.__module__, "x.grad =", x.grad)
    except RecursionError:
        print(number.__module__, "RecursionError")

# %% [markdown]
r"""
## Speed

The network from above on 20 points: forward, loss, backward. Then the same graph, recorded once and replayed
as a `Tape`, which computes whole layers of numbers at a time in NumPy. The times are of the machine that ran this
notebook last; [the benchmarks](../docs/benchmarks.md) have careful ones.
"""

# %% tags=["measured"]
from time import perf_counter

from chainrule import nn
from chainrule.autograd import Tape

X, labels = nn.datasets.moons(20, noise=0.1, seed=0)
signs = [1 if label else -1 for label in labels]


def loss_of(network):
    losses = [(1 + -sign * network(list(x))).relu() for x, sign in zip(X.tolist(), signs)]
    return sum(losses) * (1 / len(losses))


def milliseconds(step, repeats):
    start = perf_counter()
    for _ in range(repeats):
        step()
    return (perf_counter() - start) / repeats * 1000


tape = Tape(loss_of(model))
tape.forward(), tape.backward()  # the first replay makes its plan
print(f"micrograd          {milliseconds(lambda: loss_of(micro).backward(), 5):8.2f} ms")
print(f"chainrule          {milliseconds(lambda: loss_of(model).backward(), 5):8.2f} ms")
print(f"chainrule, replay  {milliseconds(lambda: (tape.forward(), tape.backward()), 50):8.2f} ms")

# %% [markdown]
r"""
## Every name

`Value(2.0, label="a")` and `v.label` work; `_prev`, `_op` and `_backward` lead to names that are public here.
The table below is the one from which names are translated and errors are answered. "works" means that the name is
taken as it is.
"""

# %%
from chainrule.autograd.extending import names_of

for name in names_of("micrograd"):
    print(name)

# %% [markdown]
r"""
## What there is besides

| you write in micrograd | you can write here | what it gives |
| --- | --- | --- |
| `Value(2.0)` | `Value(2.0, name="w1")` | the name in drawings, steps, programs, errors |
| `x.relu()` | `tanh(x)`, `exp(x)`, `sigmoid(x)`, ... | [about a hundred operations](../docs/primitives.md) |
| `x**2`, a number as exponent | `x**y` | both have gradients |
| `MLP(2, [16, 1])` | `MLP(2, [16, 1], activation="tanh", seed=0)` | a choice, and the same weights every time |
| `draw_dot(y)` | `draw(y)`, `step(y)` | values, gradients, local gradients; one step at a time |
| loops over numbers | `Tensor` | the same on arrays |

Two more differences: initial weights are He's or Glorot's (micrograd's are uniform between -1 and 1), and
`repr(v)` shows the value, and the gradient after a backward pass.

## Exercises

**1.** Train `MLP(2, [8, 1])` on the 20 points above for 50 steps with learning rate 0.5, in micrograd's words
only (`zero_grad`, `backward`, `p.data -= ...`), and print how many points are on the right side.
"""

# %% tags=["solution"]
network = MLP(2, [8, 1], seed=1)
for _ in range(50):
    loss = loss_of(network)
    network.zero_grad()
    loss.backward()
    for p in network.parameters():
        p.data -= 0.5 * p.grad
right = sum((network(x).data > 0) == (sign > 0) for x, sign in zip(X.tolist(), signs))
print(f"loss {loss.data:.3f}, {right} of {len(X)} right")

# %% [markdown]
r"""
**2.** $z = a - b / a$. Count the nodes that each library makes for it, without the leaves $a$ and $b$. In
micrograd walk along `_prev`; in chainrule ask `Tape(z)`.
"""


# %% tags=["solution"]
def micro_nodes(node, seen):
    if node not in seen:
        seen.add(node)
        for child in node._prev:
            micro_nodes(child, seen)
    return seen


def z(a, b):
    return a - b / a


print("micrograd:", len(micro_nodes(z(MicroValue(2.0), MicroValue(3.0)), set())) - 2)
print("chainrule:", len(Tape(z(Value(2.0), Value(3.0)))) - 2)
