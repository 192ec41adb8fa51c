# %% [markdown]
r"""
# 5. From numbers to arrays: the linear layer

**Question.** A layer multiplies matrices. What is the derivative of a matrix with respect to a matrix, and why is it
never computed?
"""

# %% [markdown]
r"""
## One node for many

`X` holds $n = 4$ samples in rows of $d = 3$ inputs, `W` is $d \times m$, `b` has $m = 2$ numbers, and the
layer is $Z = X W + b$. With `Value`s it would take a multiplication and an addition for each weight and sample. A
`Tensor` is a whole array in one node.
"""

# %%
import numpy as np

from chainrule.autograd import Tensor, gradients, jacobian, tanh
from chainrule.viz import draw

rng = np.random.default_rng(0)
X = Tensor(rng.normal(size=(4, 3)), name="X")
W = Tensor(rng.normal(size=(3, 2)), name="W")
b = Tensor(rng.normal(size=2), name="b")
Z = X @ W + b
A = tanh(Z)
L = (A**2).mean()
Z.name, A.name, L.name = "Z", "A", "L"
L.backward()
draw(Z)

# %% [markdown]
r"""
A box shows the numbers of an array, values in blue and gradients in orange. (Of larger arrays it shows the mean, the
range, and a coloured cell for each number.) The edges of elementwise operations have local gradients. A product of
matrices has none. Its edges have a rule: what is computed from the gradient `g` that arrives.

## The rules

**Predict.** $L$ is one number, so $\partial L / \partial W$ has one entry for each entry of $W$. Only one
product of $X$ and $\partial L / \partial Z$, with transposes, has the shape of $W$. Which? And which has the
shape of $X$?

<details><summary>Answer</summary>

$\partial L/\partial W = X^T\, \partial L/\partial Z$, which is $(3 \times 4)(4 \times 2)$, and $\partial
L/\partial X = \partial L/\partial Z\; W^T$, which is $(4 \times 2)(2 \times 3)$. The bias is added to every
row, so its gradient is the sum of the rows, $\mathbf 1^T\, \partial L/\partial Z$.

</details>
"""

# %%
G = Z.grad  # dL/dZ
for name, found, rule in [
    ("dL/dX = dL/dZ W^T", X.grad, G @ W.data.T),
    ("dL/dW = X^T dL/dZ", W.grad, X.data.T @ G),
    ("dL/db = 1^T dL/dZ", b.grad, np.ones(4) @ G),
    ("dL/dZ = dL/dA * (1 - A^2)", Z.grad, A.grad * (1 - A.data**2)),
]:
    print(f"{name:27} shape {found.shape!s:7} equal: {np.allclose(found, rule)}")

# %% [markdown]
r"""
The gradient with respect to an array has the shape of this array. The last line is the activation: it is elementwise, so
the gradient is multiplied elementwise. `formulas` writes both passes of a small graph as one writes them on paper;
$\odot$ multiplies element by element. (A page works out the layer [element by
element](../docs/worked.md#a-linear-layer-element-by-element).)
"""

# %%
from chainrule.viz import formulas

formulas(L)

# %% [markdown]
r"""
## Jacobians

The derivative of a vector with respect to a vector is a matrix, the **Jacobian**: entry $(i, j)$ is $\partial z_i /
\partial x_j$. `jacobian` computes it, with one backward pass for each output (or one forward pass for each input, where
there are fewer).

**Predict.** What is the Jacobian of $z = Wx$, of $z = x$, and of $z = xW$ with a row vector $x$?

<details><summary>Answer</summary>

$W$, the identity, and $W^T$.

</details>
"""

# %%
M = rng.normal(size=(2, 3))
x3, x2 = rng.normal(size=3), rng.normal(size=2)
print("z = W x:", np.array_equal(jacobian(lambda x: M @ x)(x3), M))
print("z = x:  ", np.array_equal(jacobian(lambda x: x)(x3), np.eye(3)))
print("z = x W:", np.array_equal(jacobian(lambda x: x @ M)(x2), M.T))
print("tanh, a diagonal:")
print(jacobian(tanh)(x3).round(3))

# %% [markdown]
r"""
## A matrix with respect to a matrix

The derivative of $Z$ with respect to $X$ has an entry for each entry of $Z$ and each entry of $X$: four dimensions.
"""

# %%
J = jacobian(lambda X: X @ W.data + b.data)(X.data)
print("shape", J.shape, "of which", np.count_nonzero(J), "of", J.size, "entries are not 0")
print(
    "J[0, :, 0, :], output of sample 0, input of sample 0, is W^T:", np.array_equal(J[0, :, 0, :], W.data.T)
)
print("J[0, :, 1, :], output of sample 0, input of sample 1:", J[0, :, 1, :].ravel())

# %% [markdown]
r"""
Most of it is zero, because a sample's output does not depend on another sample; the rest is $W^T$, once for
every sample. The chain rule multiplies it by $\partial L / \partial Z$ and sums, $\frac{\partial L}{\partial X_{kl}}
= \sum_{ij} \frac{\partial L}{\partial Z_{ij}} \frac{\partial Z_{ij}}{\partial X_{kl}}$. The rule $\partial L / \partial
Z\; W^T$ gives the same numbers without it:
"""

# %%
contracted = np.einsum("ij,ijkl->kl", G, J)
print("sum over the 4-dimensional array equals dL/dZ W^T:", np.allclose(contracted, G @ W.data.T))

n, d, m = 128, 784, 256
print(f"for {n} images of {d} pixels and {m} units it would hold {n * m * n * d * 8 / 1e9:.0f} GB")
print(f"the weights hold {d * m * 8 / 1e6:.1f} MB")

# %% [markdown]
r"""
So no engine computes this array. For a product of matrices the engine has only the rule, which computes `g @ W.T` from
`g`.

## Exercises

**1.** Write the rules of the inner product $z = x \cdot w$ and of $Z = X W$ for a batch of matrices, `X` of
shape (5, 4, 3) and `W` of shape (3, 2). Check them against the engine with a random gradient at the output.
"""

# %% tags=["solution"]
x, w = Tensor(rng.normal(size=3)), Tensor(rng.normal(size=3))
dx, dw = gradients(x @ w, [x, w])
print(np.array_equal(dx, w.data), np.array_equal(dw, x.data))  # each is the other

X, W = Tensor(rng.normal(size=(5, 4, 3))), Tensor(rng.normal(size=(3, 2)))
g = rng.normal(size=(5, 4, 2))
dX, dW = gradients(X @ W, [X, W], g)
print(
    np.allclose(dX, g @ W.data.T), np.allclose(dW, np.einsum("bni,bnj->ij", X.data, g))
)  # summed over the batch

# %% [markdown]
r"""
**2.** `b` was added to four rows. Find the shape and the entries of the Jacobian of $Z$ with respect to $b$, and compute
`b.grad` from it.
"""

# %% tags=["solution"]
Jb = jacobian(lambda b: np.zeros((4, 2)) + b)(np.zeros(2))
print(Jb.shape)
print(Jb[0])  # the identity, in each of the four rows
print(np.allclose(np.einsum("ij,ijk->k", G, Jb), b.grad))
