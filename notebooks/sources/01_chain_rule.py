# %% [markdown]
r"""
# 1. The chain rule and a first graph

**Question.** A formula is made of many small steps. How can a program find its exact derivative from the derivatives
of the small steps?
"""

# %% [markdown]
r"""
## Two steps

Take $u = 3x$ and $y = u^2$. The chain rule multiplies the derivatives of the two steps:

$$\frac{dy}{dx} = \frac{dy}{du} \cdot \frac{du}{dx} = 2u \cdot 3$$

**Predict.** What is $dy/dx$ at $x = 2$?

<details><summary>Answer</summary>

$u = 6$, so the derivatives of the steps are $2 \cdot 6 = 12$ and $3$, and their product is $36$.

</details>

A `Value` is a number that records how it was computed. `backward()` starts at the result and goes back to
everything that it was computed from:
"""

# %%
from chainrule.autograd import Value, exp, sigmoid, tanh
from chainrule.viz import draw

x = Value(2.0, name="x")
u = 3 * x
y = u**2
u.name, y.name = "u", "y"

y.backward()
print("y =", y.data, "  dy/du =", u.grad, "  dy/dx =", x.grad)

# %% [markdown]
r"""
`x.grad` holds $dy/dx$: how fast `y` changes when `x` does. No algebra was done and no limit was taken: `36.0`
is the product of two numbers.

## The graph

The whole calculation of `y` is recorded as a graph. `draw` shows it: a box for each number, a circle for each operation.
"""

# %%
draw(y)

# %% [markdown]
r"""
Values are blue and are computed from left to right, in the **forward pass**. Gradients are orange, after the
sign ∂, and are computed from right to left, in the **backward pass**. The purple number on an edge is the **local
gradient**: the derivative of one operation with respect to one of its inputs. Each gradient is the gradient
to its right times the number on the edge between them: $1 \cdot 12 = 12$, then $12 \cdot 3 = 36$. It starts with 1
at `y`, because $dy/dy = 1$.

## A node is local

A node of the graph has an operation, inputs and a value. Its local gradients can be computed from these alone, without
the rest of the graph:
"""

# %%
print("operation:      ", u.op.name)
print("inputs:         ", [each.data for each in u.inputs])
print("value:          ", u.data)
print("local gradients:", u.local_gradients())

# %% [markdown]
r"""
The derivative of a product with respect to one factor is the other factor: 2 for the first input (which is 3), 3 for
the second (which is 2). The chain rule needs nothing else. The backward pass visits the nodes in reverse order, so that
the gradient of a node is complete before it is passed on to its inputs.

## Two paths

In $y = x \cdot (x + 1)$ there are two paths from $x$ to $y$. The chain rule for several variables multiplies the local
gradients along each path, and adds the products.

**Predict.** What is the product along each path at $x = 2$, and what is $dy/dx$?

<details><summary>Answer</summary>

Directly into the multiplication: the local gradient is the other factor, $x + 1 = 3$. Through the addition:
$1 \cdot x = 2$. Their sum is $5$, which is $2x + 1$.

</details>
"""

# %%
x = Value(2.0, name="x")
y = x * (x + 1)
y.name = "y"
y.backward()
print("dy/dx =", x.grad)
draw(y)

# %% [markdown]
r"""
The 1 is a constant: its box is dashed, and no gradient is computed for it.

## Is it the slope?

The gradient says how much `y` changes when `x` changes a little. So change it a little:
"""


# %%
def f(x):
    return x * (x + 1)


for h in (0.1, 0.001, 0.00001):
    print(f"h = {h}:  (f(2 + h) - f(2)) / h = {(f(2 + h) - f(2)) / h:.6f}")

# %% [markdown]
r"""
The smaller the step `h`, the closer the result is to 5. Backpropagation gives the 5 itself, and it gives the derivatives
with respect to *all* inputs in one pass, where the difference needs one more evaluation of `f` for each input. [Notebook
7](07_gradient_checking.ipynb) comes back to this.

## Exercises

**1.** Let $z = \tanh(w x + b)$ with $w = 0.5$, $x = 2$, $b = -0.3$. Compute $\partial z / \partial w$ from
local gradients alone, with $\tanh'(s) = 1 - \tanh^2(s)$, and compare with `w.grad`.
"""

# %% tags=["solution"]
w, x, b = Value(0.5, name="w"), Value(2.0, name="x"), Value(-0.3, name="b")
s = w * x + b
z = tanh(s)
z.backward()
print("by hand:     ", (1 - z.data**2) * 1 * x.data)  # tanh, then the addition, then the multiplication
print("by backward():", w.grad)

# %% [markdown]
r"""
**2.** How fine the nodes are is a choice. The sigmoid is one operation, `sigmoid(x)`, or four: `1 / (1 +
exp(-x))`. Compare the two gradients at $x = 0.7$, and draw both graphs.
"""

# %% tags=["solution"]
one, four = Value(0.7, name="x"), Value(0.7, name="x")
small, large = sigmoid(one), 1 / (1 + exp(-four))
small.backward()
large.backward()
print(f"{one.grad:.12f}  {four.grad:.12f}")
print(draw(small))
print(draw(large))
