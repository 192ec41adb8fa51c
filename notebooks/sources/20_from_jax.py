# %% [markdown]
r"""
# 20. Coming from JAX

**Question.** In JAX you transform functions: `grad(f)`, `jacobian(f)`, `vmap(f)`, `jit(f)`. Which of these are
here, what do they give, and what takes the place of the others? One cell compiles through JAX (`pip install
"chainrule[xla]"`); all others run without it.

## Functions in, functions out

`grad`, `value_and_grad`, `jacobian`, `hessian`, `vjp` and `jvp` have JAX's names and arguments; `hvp` is there
too. Nothing has to be wrapped: numbers give numbers, arrays give arrays.
"""

# %%
import numpy as np

from chainrule.autograd import grad, hessian, hvp, jacobian, jvp, tanh, value_and_grad, vjp


def f(x):
    return x**3


print("f'(2)  ", grad(f)(2.0))
print("f''(2) ", grad(grad(f))(2.0))
print("both   ", value_and_grad(f)(2.0))

# %% [markdown]
r"""
The transforms nest, and the derivative of the inner one is with respect to its own input only.

**Predict.** What is $\frac{d}{dx} \left( x \cdot \frac{d}{dy} (x y) \right)$ at $x = 3$?

<details><summary>Answer</summary>

The inner derivative is $x$, so the outer one is that of $x \cdot x$: $2x = 6$. An engine that takes the inner $x$
for a constant gives 3.

</details>
"""

# %%
print(grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0))

# %% [markdown]
r"""
## Trees

Arguments and results may be lists, tuples and dicts, inside each other. The gradient has the form of the
argument. `argnums` says which argument it is; the first one, as in JAX.
"""

# %%
X = np.array([[1.0, 0.5], [1.0, -0.1], [1.0, -1.2]])
targets = np.array([0.0, 0.0, 1.0])


def loss(parameters, X, targets):
    for layer in parameters[:-1]:
        X = tanh(X @ layer["W"] + layer["b"])
    scores = X @ parameters[-1]["W"] + parameters[-1]["b"]
    return ((scores[:, 0] - targets) ** 2).mean()


rng = np.random.default_rng(0)
parameters = [
    {"W": rng.normal(size=(2, 3)), "b": np.zeros(3)},
    {"W": rng.normal(size=(3, 1)), "b": np.zeros(1)},
]
value, gradient = value_and_grad(loss)(parameters, X, targets)
print(f"loss {value:.4f}")
for layer in gradient:
    print({name: g.shape for name, g in layer.items()})

# %% [markdown]
r"""
There is no `tree_map`; a step of gradient descent is a comprehension. With the parameters as one dict of arrays
it is one line. `nn.Module`s are the other way: they hold their parameters, as in PyTorch (notebook
[19](19_from_pytorch.ipynb)).
"""

# %%
for _ in range(200):
    gradient = grad(loss)(parameters, X, targets)
    parameters = [
        {name: p[name] - 0.1 * g[name] for name in p} for p, g in zip(parameters, gradient, strict=True)
    ]
print(f"loss {loss(parameters, X, targets):.6f}")

# %% [markdown]
r"""
## Jacobians, and products with them

$g(x) = (x_1 x_2, \ x_2^2, \ \tanh x_1)$ takes 2 numbers to 3, so its Jacobian is $3 \times 2$.
"""

# %%
from chainrule.autograd import stack


def g(x):
    return stack([x[0] * x[1], x[1] ** 2, tanh(x[0])])


x = np.array([0.5, 2.0])
J = jacobian(g)(x)
print(J.round(4))

y, pullback = vjp(g, x)  # backward: a row vector times J
u = np.array([1.0, 0.0, 2.0])
print("vjp", pullback(u)[0].round(4), "  u @ J", (u @ J).round(4))

v = np.array([1.0, -1.0])  # forward: J times a column vector
print("jvp", jvp(g, x, v)[1].round(4), "  J @ v", (J @ v).round(4))

# %% [markdown]
r"""
`jacobian` does what `jacrev` and `jacfwd` do: it uses backward or forward passes, whichever are fewer, or those that
`mode=` names.

**Predict.** `hvp(f, x, v)` is the Hessian times a vector, without the Hessian. For a function of 1000 numbers, how
many numbers does it save?

<details><summary>Answer</summary>

The Hessian has a million, the product a thousand. `hvp` costs a few times as much as one gradient.

</details>
"""


# %%
def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


x = np.array([0.5, 2.0, -1.0])
v = np.array([1.0, 0.0, -1.0])
print(hessian(rosenbrock)(x))
print("hvp  ", hvp(rosenbrock, x, v))
print("H @ v", hessian(rosenbrock)(x) @ v)

x = rng.normal(size=1000)
print(hvp(rosenbrock, x, np.ones(1000)).shape)

# %% [markdown]
r"""
## Instead of `vmap`: a gradient for each sample

NumPy's broadcasting already runs a function on a batch. What `vmap(grad(f))` gives beyond that is a
gradient *per sample*. There are three ways to it. First, a loop over samples:
"""


# %%
def error(w, x, target):
    return (tanh(x @ w) - target) ** 2


w = np.array([0.3, -0.8])
by_loop = np.stack([grad(error)(w, x, t) for x, t in zip(X, targets)])
print(by_loop)

# %% [markdown]
r"""
Second, the Jacobian of the vector of all losses: its row $i$ is the gradient of loss $i$.
"""

# %%
by_jacobian = jacobian(error)(w, X, targets)
print(np.allclose(by_loop, by_jacobian))

# %% [markdown]
r"""
Third, on `Value`s: record one sample as a `Tape`, then replay it on arrays. A leaf that is given as an array
has one number for each sample, and `backward()` returns one gradient for each. All samples run at once.
"""

# %%
from chainrule.autograd import Tape, Value

w1, w2, x1, x2, t = (Value(0.0, name=name) for name in ("w1", "w2", "x1", "x2", "t"))
sample = Tape((tanh(w1 * x1 + w2 * x2) - t) ** 2)
n = len(X)
sample.forward(w1=[w[0]] * n, w2=[w[1]] * n, x1=X[:, 0], x2=X[:, 1], t=targets)
found = sample.backward()
print(np.allclose(by_loop, np.stack([found["w1"], found["w2"]], axis=1)))

# %% [markdown]
r"""
## `jit`: record once, replay

Python runs your function in each call, so an `if` or a loop that depends on data does what it says, and `print`
prints. `jit(f)` runs it once for each kind of arguments, and replays what it recorded. As in JAX, shapes, dtypes and
static arguments decide, and it nests with the other transforms. Unless told otherwise there is no compiler: NumPy
repeats its calls, in the memory of the call before.

**Predict.** How often is "recorded" printed?

<details><summary>Answer</summary>

Twice: once for each shape. The second call takes other numbers, and no new recording.

</details>
"""

# %%
from chainrule.autograd import jit


@jit
def energy(x):
    print("recorded for", x.shape)
    return (x * x).sum() / 2


print(energy(np.array([3.0, 4.0])))
print(energy(np.array([6.0, 8.0])))
print(energy(np.array([1.0, 2.0, 2.0])))
print(energy.report())

# %% [markdown]
r"""
The gradient of the loss with the tree of parameters, 200 steps of descent: it is recorded once, and its numbers are
those without `jit`, bit by bit.
"""

# %%
both = value_and_grad(loss)
jitted = jit(both)
for _ in range(200):
    value, gradient = jitted(parameters, X, targets)
    parameters = [
        {name: p[name] - 0.1 * g[name] for name in p} for p, g in zip(parameters, gradient, strict=True)
    ]
print(f"loss {value:.6f}")
print("the same without jit:", jitted(parameters, X, targets)[0] == both(parameters, X, targets)[0])

# %% [markdown]
r"""
A recording contains only the branch that was taken at each `if`. So `jit` raises an error where a number is taken out of
the graph for an `if`, as JAX does, and names the line.

**Predict.** The function is $x$ for positive $x$ and $-x$ otherwise, written with `if`. Recorded at 2, what would a
replay give at $-3$?

<details><summary>Answer</summary>

$-3$: the recorded graph is the branch for positive numbers. So `jit` raises an error. `maximum(x, -x)` and `where` are
operations of the graph, and are computed anew in each replay.

</details>
"""

# %%
from chainrule.autograd import RecordingError, where


def with_if(x):
    return x if x > 0 else -x


try:
    jit(with_if)(2.0)
except RecordingError as error:
    print(str(error).partition("(return")[2])

chosen = jit(lambda x: where(x > 0, x, -x))
print(chosen(2.0), chosen(-3.0), grad(chosen)(-3.0))

# %% [markdown]
r"""
As in JAX, what the function does beside computing, such as printing or reading a file, happens while it is recorded,
and not again. What `make_jaxpr` shows, the tape prints as a program of Python, with the backward pass:
`print(Tape(y).source())`.

## XLA

`jit(f, backend="xla")` gives the same graph to JAX's compiler, for processors and graphics cards. The functions, the
gradients and their conventions are those of chainrule; float64 stays float64, whatever JAX's flag says. For training,
on several devices and machines, there are engines: [Compiled](../docs/compiled.md).
"""

# %%
try:
    compiled = jit(both, backend="xla", device="cpu")
    (_, found), (_, expected) = compiled(parameters, X, targets), both(parameters, X, targets)
    print(found[0]["W"].dtype, np.allclose(found[0]["W"], expected[0]["W"], rtol=1e-12))
except ImportError as error:
    print(error)

# %% [markdown]
r"""
## Randomness

There are no keys, and no hidden global generator. What is random takes a `seed`, a number or a NumPy `Generator`.
The same seed gives the same numbers. A generator continues with new numbers, so two layers that share one are different.
"""

# %%
from chainrule import nn

one, same = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=0)
rng = np.random.default_rng(0)
first, second = nn.Linear(2, 2, seed=rng), nn.Linear(2, 2, seed=rng)
print("same seed:     ", np.array_equal(one.weight.data, same.weight.data))
print("same generator:", np.array_equal(first.weight.data, second.weight.data))

# %% [markdown]
r"""
## Equivalents

| JAX | chainrule |
| --- | --- |
| `jnp.exp(x)`, `jnp.where` | `exp(x)`, `where` of `chainrule.autograd`; `np.exp(x)` works on nodes too |
| `grad`, `value_and_grad`, `hessian`, `vjp`, `has_aux=True` | the same |
| `jvp(f, (x,), (v,))` | the same; for one argument also `jvp(f, x, v)` |
| `jacrev(f)`, `jacfwd(f)` | `jacobian(f)`, `mode="reverse"` or `"forward"` |
| `jvp(grad(f), (x,), (v,))[1]` | `hvp(f, x, v)` |
| `x.at[i].set(v)`, `x.at[i].add(v)` | the same |
| `jax.lax.stop_gradient(x)` | `x.detach()` |
| `jax.checkpoint(f)(x)` | `checkpoint(f, x)` |
| `jax.custom_vjp` | a row: `elementwise(...)` or `structural(...)` |
| `jax.jit(f, static_argnums=1)` | `jit(f, static_argnums=1)`, `backend="xla"` for JAX's compiler |
| `jax.make_jaxpr(f)(x)` | `Tape(y).source()` |
| `jax.debug_nans` | `detect_nonfinite()` |
| `jax.test_util.check_grads` | `check_gradients` |
| `jax.lax.scan`, `cond` | `for`, `if`; under `jit`, `where` |
| `jax.vmap(f)` | broadcasting; for gradients per sample the three ways above |
| a training step with optax, under `jit` | `nn.Step(model, loss, optimizer, engine="xla")`, `nn.fit` |
| `jax.devices()`, `NamedSharding` | `device="gpu"`, `nn.fit(..., engine="xla", devices=4)` |
| `jax.distributed.initialize` | `nn.distributed()` |
| `jax.tree.map` | a comprehension |
| `jax.random.key(0)` | `seed=0` |
| float32 unless `jax_enable_x64` | float64 unless given float32 |

## Exercises

**1.** Find the minimum of $f(x) = x^4 - 3x^2 + x$ near $x = 1$ by Newton's method, $x \leftarrow x - f'(x) / f''(x)$,
with `grad` alone. Six steps are enough.
"""


# %% tags=["solution"]
def quartic(x):
    return x**4 - 3 * x**2 + x


x = 1.0
for _ in range(6):
    x = x - grad(quartic)(x) / grad(grad(quartic))(x)
    print(f"x = {x:.12f}")

# %% [markdown]
r"""
**2.** For the loss with the tree of parameters above, compute the directional derivative along the negative gradient
in two ways: with `jvp`, and as minus the sum of the squares of the gradient. Why are they equal?
"""

# %% tags=["solution"]
parameters = [
    {"W": np.full((2, 3), 0.1), "b": np.zeros(3)},
    {"W": np.array([[0.5], [-0.5], [1.0]]), "b": np.zeros(1)},
]
gradient = grad(loss)(parameters, X, targets)
downhill = [{name: -g for name, g in layer.items()} for layer in gradient]
value, change = jvp(lambda p: loss(p, X, targets), parameters, downhill)
squares = sum((g**2).sum() for layer in gradient for g in layer.values())
print(f"jvp {change:.6f}, minus the sum of squares {-squares:.6f}")
print("The directional derivative along v is the gradient times v; here v is minus the gradient.")
