# %% [markdown]
r"""
# 17. The engine in ninety lines

**Question.** How little code does automatic differentiation need? This notebook writes an engine from
nothing, in fewer than ninety lines, and then compares its numbers with those of chainrule, bit by bit.

The idea is that of chainrule itself: **one table** of operations, each with its derivatives, and **one loop**
that multiplies and adds. `backward()` needs nothing else.

## The table

A row is an operation: how it computes, and its derivative with respect to each input. The derivatives are written from the
output `y` and the inputs, so that $\tanh' = 1 - y^2$ can use what is known already.
"""

# %%
import math
from itertools import count

TABLE = {}  # every row by its name


class Row:
    """An operation: how it computes, and its derivative with respect to each input."""

    def __init__(self, name, forward, *derivatives):
        self.name, self.forward, self.derivatives = name, forward, derivatives
        TABLE[name] = self

    def __call__(self, *inputs):
        inputs = tuple(x if isinstance(x, Value) else Value(x, constant=True) for x in inputs)
        return Value(self.forward(*(x.data for x in inputs)), row=self, inputs=inputs)


add = Row("add", lambda a, b: a + b, lambda y, a, b: 1, lambda y, a, b: 1)
subtract = Row("subtract", lambda a, b: a - b, lambda y, a, b: 1, lambda y, a, b: -1)
multiply = Row("multiply", lambda a, b: a * b, lambda y, a, b: b, lambda y, a, b: a)
divide = Row("divide", lambda a, b: a / b, lambda y, a, b: 1 / b, lambda y, a, b: -y / b)
power = Row("power", lambda a, b: a**b, lambda y, a, b: b * a ** (b - 1), lambda y, a, b: y * math.log(a))
negative = Row("negative", lambda x: -x, lambda y, x: -1)
exp = Row("exp", math.exp, lambda y, x: y)
log = Row("log", math.log, lambda y, x: 1 / x)
tanh = Row("tanh", math.tanh, lambda y, x: 1 - y * y)
relu = Row("relu", lambda x: max(x, 0.0), lambda y, x: x > 0)  # True counts as 1, False as 0

# %% [markdown]
r"""
All derivatives are in these ten rows. The code that follows has none.

## The value

A `Value` is a number that records its row and its inputs, in the order in which they were written, twice if
it was used twice. The operators of Python find their rows in the table.
"""


# %%
class Value:
    """A number that records how it was computed."""

    created = count()

    def __init__(self, data, row=None, inputs=(), constant=False):
        self.data, self.grad = float(data), None
        self.row, self.inputs, self.order = row, inputs, next(Value.created)
        self.constant = constant or (row is not None and all(x.constant for x in inputs))

    def __neg__(self):
        return negative(self)

    def __repr__(self):
        return f"Value({self.data})"


for name, row in {"add": add, "sub": subtract, "mul": multiply, "truediv": divide, "pow": power}.items():
    setattr(Value, f"__{name}__", lambda a, b, row=row: row(a, b))
    setattr(Value, f"__r{name}__", lambda a, b, row=row: row(b, a))

# %% [markdown]
r"""
## The loop

The backward pass visits each node once, after all nodes that used it. A node is created after its inputs; so
the reverse order of creation is such an order, and no sorting of the graph is needed beyond that.
"""


# %%
def backward(root):
    """Set `.grad` of every node that `root` was computed from."""
    nodes, stack = {root}, [root]
    while stack:  # first: which nodes are there?
        for x in stack.pop().inputs:
            if x not in nodes and not x.constant:
                nodes.add(x)
                stack.append(x)

    gradients = {root: 1.0}
    for node in sorted(nodes, key=lambda node: node.order, reverse=True):
        g = gradients[node]  # complete: whatever used this node has been visited
        for i, x in enumerate(node.inputs):
            if not x.constant:
                local = node.row.derivatives[i](node.data, *(x.data for x in node.inputs))
                contribution = g * local
                gradients[x] = gradients[x] + contribution if x in gradients else contribution

    for node, g in gradients.items():
        leaf = node.row is None
        node.grad = node.grad + g if leaf and node.grad is not None else g


# %%
cells = In[1:4]  # noqa: F821 - Jupyter's list of the cells that were run
print("lines, with empty ones:", sum(len(cell.splitlines()) for cell in cells))

# %% [markdown]
r"""
The engine is complete. Three lines of the loop are the whole of backpropagation: take the gradient of a node, which is
complete, multiply it by the local gradient, and add the product to the gradient of the input.

**Predict.** $y = x \cdot x \cdot x$ at $x = 3$. What are `y` and `x.grad`, and how many contributions have
been added to get the second one?

<details><summary>Answer</summary>

$y = 27$ and $3x^2 = 27$, from three contributions: $x$ is an input three times, once in the outer product and
twice in the inner one. Each contributes $9$.

</details>
"""

# %%
x = Value(3.0)
y = x * x * x
backward(y)
print(y, "  x.grad =", x.grad)

# %% [markdown]
r"""
## Fan-out

If a value is used twice, two paths start there, and the number of paths is multiplied by 2. Here are 30 such doublings,
one after the other: $2^{30}$ paths from the start to the end, about a billion.

**Predict.** How many multiplications does the backward pass need?

<details><summary>Answer</summary>

60. It visits nodes, not paths: 30 nodes with two inputs each. By the time a node is visited, the
contributions of all the paths behind it have been added up into one number.

</details>
"""

# %%
x = Value(1.0)
y = x
for _ in range(30):
    y = y + y
backward(y)
print("x.grad =", x.grad, "  2**30 =", 2**30)

# %% [markdown]
r"""
## A test of the whole table

Because all derivatives are in a table, one loop can test them. Every row and every input is compared with a difference
quotient:
"""

# %%
a, b, h = 1.3, 0.7, 1e-6
for row in TABLE.values():
    inputs = [a, b][: len(row.derivatives)]
    y = row.forward(*inputs)
    for i, derivative in enumerate(row.derivatives):
        up, down = list(inputs), list(inputs)
        up[i] += h
        down[i] -= h
        slope = (row.forward(*up) - row.forward(*down)) / (2 * h)
        print(f"{row.name:9} input {i}:  rule {derivative(y, *inputs):9.6f}   difference {slope:9.6f}")

# %% [markdown]
r"""
## To the last bit

Now the same expressions in chainrule. It is given as a module; our engine gets the same names in a little
namespace, so that one function serves both. The first expression is the one from micrograd's README.
"""

# %%
from types import SimpleNamespace

import chainrule.autograd as chainrule

ours = SimpleNamespace(Value=Value, tanh=tanh, relu=relu, backward=backward)
theirs = SimpleNamespace(
    Value=chainrule.Value, tanh=chainrule.tanh, relu=chainrule.relu, backward=lambda y: y.backward()
)


def expression(engine):
    a, b = engine.Value(-4.0), engine.Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c - a
    d += d * 2 + engine.relu(b + a)
    d += 3 * d + engine.relu(b - a)
    f = (c - d) ** 2
    g = f / 2 + 10 / f
    engine.backward(g)
    return [g.data, a.grad, b.grad]


print("ours:     ", expression(ours))
print("chainrule:", expression(theirs))
print("equal in every bit:", expression(ours) == expression(theirs))

# %% [markdown]
r"""
Python writes a float with as many digits as it takes to tell it from all others. Then a network: 2 inputs, 4
hidden units, 1 output, trained on exclusive or for 60 steps of gradient descent, with 31 operations for each sample. If
one of them rounded differently, the weights would be different.
"""

# %%
import random

SAMPLES = [(-1, -1, -1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]


def train(engine, steps=60):
    rng = random.Random(0)
    hidden = [[engine.Value(rng.uniform(-1, 1)) for _ in range(3)] for _ in range(4)]
    output = [engine.Value(rng.uniform(-1, 1)) for _ in range(5)]
    parameters = [p for unit in [*hidden, output] for p in unit]
    losses = []
    for _ in range(steps):
        loss = 0.0
        for x1, x2, target in SAMPLES:
            score = output[4]
            for weight, (w1, w2, bias) in zip(output, hidden):
                score = score + weight * engine.tanh(w1 * x1 + w2 * x2 + bias)
            loss = loss + (score - target) ** 2
        for p in parameters:
            p.grad = None
        engine.backward(loss)
        for p in parameters:
            p.data -= 0.05 * p.grad
        losses.append(loss.data)
    return losses, [p.data for p in parameters]


losses, weights = train(ours)
print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}")
print("losses equal in every bit: ", losses == train(theirs)[0])
print("weights equal in every bit:", weights == train(theirs)[1])

# %% [markdown]
r"""
## What chainrule adds

The skeleton is the same, and you can read it in the same order: [the table](../autograd/primitives/__init__.py), [what
a row is](../autograd/engine/table.py), [the value](../autograd/nodes/value.py), [the loop](../autograd/engine/backward.py). What
it adds:

| here | there |
| --- | --- |
| rows on floats | the same rows on arrays, on symbols (printed programs), and on nodes (second derivatives) |
| local gradients only | also *structural* rows for matrices: how a gradient passes on |
| rules looked up in each step | functions made of the rows once; see `recording.py` |
| `math.log(-1)` stops with a bare error | the values that IEEE arithmetic gives, and errors that explain |
| `p.data` changed between the passes: wrong gradients | an error that says so |

## Exercises

**1.** Add the sigmoid as a row, $y = 1 / (1 + e^{-x})$ with $y' = y (1 - y)$, and compare its gradient at $x
= 0.3$ with that of the same formula written in the rows that exist.
"""

# %% tags=["solution"]
sigmoid = Row("sigmoid", lambda x: 1 / (1 + math.exp(-x)), lambda y, x: y * (1 - y))

one, many = Value(0.3), Value(0.3)
backward(sigmoid(one))
backward(1 / (1 + exp(-many)))
print(f"one row: {one.grad:.15f}   four rows: {many.grad:.15f}")

# %% [markdown]
r"""
**2.** The rules are written with operators. So they also work when `y` and the inputs are `Value`s, and the
gradients are then `Value`s that can be differentiated again. Change `backward` into `slopes(root)`, which
returns a dictionary of such gradients, and find $\tanh''(0.5)$. Compare with chainrule.
"""


# %% tags=["solution"]
def slopes(root):
    nodes, stack = {root}, [root]
    while stack:
        for x in stack.pop().inputs:
            if x not in nodes and not x.constant:
                nodes.add(x)
                stack.append(x)
    gradients = {root: Value(1.0, constant=True)}
    for node in sorted(nodes, key=lambda node: node.order, reverse=True):
        for i, x in enumerate(node.inputs):
            if not x.constant:
                contribution = gradients[node] * node.row.derivatives[i](node, *node.inputs)  # all nodes
                gradients[x] = gradients[x] + contribution if x in gradients else contribution
    return gradients


x = Value(0.5)
first = slopes(tanh(x))[x]
second = slopes(first)[x]
print("ours:     ", first.data, second.data)
print("chainrule:", chainrule.grad(chainrule.tanh)(0.5), chainrule.grad(chainrule.grad(chainrule.tanh))(0.5))
