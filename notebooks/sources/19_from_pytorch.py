# %% [markdown]
r"""
# 19. Coming from PyTorch

**Question.** You know `torch.tensor`, `loss.backward()` and `nn.Module`. What are these called here, and which
habits have to change? PyTorch itself is not needed to run this notebook.

chainrule is NumPy with gradients. So where PyTorch and NumPy have different names for a thing, NumPy's is used;
where only PyTorch has a name, as for layers and optimisers, PyTorch's is.

## The training loop
"""

# %%
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, gradients, no_grad, relu


class Net(nn.Module):
    def __init__(self):  # super().__init__() is not needed
        self.fc1 = nn.Linear(64, 32, seed=0)
        self.fc2 = nn.Linear(32, 10, seed=1)

    def forward(self, x):
        return self.fc2(relu(self.fc1(x)))


digits = nn.datasets.load_digits()
X, X_test, y, y_test = nn.split(digits.data / 16, digits.target, test_size=0.25, seed=0)

model = Net()
optimizer = nn.Adam(model.parameters(), lr=0.01)
for epoch in range(5):
    for images, labels in nn.DataLoader(X, y, batch_size=32, seed=epoch):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()

model.eval()
with no_grad():
    print(f"loss {loss.item():.3f}, accuracy on test data {nn.accuracy(model(X_test), y_test):.3f}")
print(model)

# %% [markdown]
r"""
Arrays go straight into a model; they are constants. Everything random takes a `seed`, and there is no global
one. Losses are functions, and modules as well: `nn.CrossEntropyLoss()`. `nn.fit` has the loop in one call.

## Weights: inputs by outputs

**Predict.** What is `nn.Linear(2, 3).weight.shape`?

<details><summary>Answer</summary>

`(2, 3)`, inputs by outputs, for the layer computes $Z = X W + b$, as the lectures write it. PyTorch stores the
transposed matrix, `(3, 2)`, and computes $X W^T + b$.

</details>
"""

# %%
layer = nn.Linear(2, 3, seed=0)
x = np.array([[1.0, 2.0]])
print(layer.weight.shape)
print(np.allclose(layer(x).data, x @ layer.weight.data + layer.bias.data))

# %% [markdown]
r"""
`nn.load_torch(module, state_dict)` takes what `model.state_dict()` gives in PyTorch, tensors or arrays, and transposes
the matrices where it is necessary. Here is such a dictionary, with weights as PyTorch stores them. The first output of the
layer is $1 \cdot 1 + 2 \cdot 2 = 5$:
"""

# %%
from_pytorch = {"weight": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), "bias": np.zeros(3)}
nn.load_torch(layer, from_pytorch)
print(layer.weight.data)
print(layer(x))

# %% [markdown]
r"""
It works for the convolutional, recurrent and attention layers, too, and for a model of your own if its parts have the
same names on both sides.

## Nothing in place

In PyTorch `t[0] = 5` changes a tensor that the graph may still need. Here a tensor is not assigned into; the
error says what to write:
"""

# %%
from chainrule.autograd import ChainruleError, where

t = Tensor([1.0, -2.0, 3.0], name="t")
try:
    t[0] = 5.0
except ChainruleError as error:
    print(error)
print(t.at[0].set(5.0))
print(where(t > 0, t, 0.0))

# %% [markdown]
r"""
`t += 1` is allowed: it makes a new tensor, and `t` is then the name of the new one, as with numbers in Python. The data of
a leaf can be assigned, `p.data -= lr * p.grad`, and optimisers do this. A backward pass through a graph that was recorded
before then raises an error:
"""

# %%
w = Tensor([1.0, 2.0], name="w")
loss = (w * w).sum()
w.data -= 0.1
try:
    loss.backward()
except ChainruleError as error:
    print(error)

# %% [markdown]
r"""
## Gradients without `.grad`

`torch.autograd.grad(y, x)` is `gradients(y, x)`, and `create_graph=True` means the same: the gradient is a
node, and can be differentiated again.

**Predict.** For $y = x^3$ at $x = 2$: what are the first and the second derivative?

<details><summary>Answer</summary>

$3x^2 = 12$ and $6x = 12$.

</details>
"""

# %%
x = Tensor(2.0, name="x")
y = x**3
slope = gradients(y, x, create_graph=True)
print("first:", slope, "  second:", gradients(slope, x), "  x.grad:", x.grad)

# %% [markdown]
r"""
`x.grad` is `None`: no `backward()` was called. `retain_graph` does not exist, because a graph stays as long as
one of its nodes. A gradient is an array, or a float for a `Value`. The nodes between keep theirs after
`backward()`, without `retain_grad()`.

## A state, saved and loaded
"""

# %%
copy = Net()
copy.load_state_dict(model.state_dict())
nn.save(model, "digits.npz")
nn.load("digits.npz", copy)
print({name: array.shape for name, array in copy.state_dict().items()})
print(np.array_equal(copy(X_test).data, model(X_test).data))

# %% [markdown]
r"""
## Where the numbers differ

If `where` does not select $\sqrt{x}$ at $x = 0$, the gradient in PyTorch is `nan` there, from $0 \cdot \infty$. In
chainrule a zero gradient stays zero:
"""

# %%
from chainrule.autograd import sqrt

x = Tensor([0.0, 4.0], name="x")
where(x > 0, sqrt(x), 0.0).sum().backward()
print(x.grad)

# %% [markdown]
r"""
Numbers are float64 unless you give float32 arrays, or say so: `Tensor(data, dtype=np.float32)`,
`nn.Linear(2, 3, dtype=np.float32)`, `model.to(np.float32)`. Equal maxima share a gradient evenly.
[The conventions](../docs/conventions.md) are a page.

## Equivalents

| PyTorch | chainrule |
| --- | --- |
| `torch.tensor(a, requires_grad=True)` | `Tensor(a)`; floating numbers get gradients unless `requires_grad=False` |
| `torch.exp(t)`, `torch.cat`, `torch.stack` | `exp(t)` or `np.exp(t)`, `concatenate`, `stack` |
| `dim=1`, `keepdim=True` | `axis=1`, `keepdims=True` |
| `t.view(2, 3)`, `t.unsqueeze(0)`, `t.permute(1, 0)` | `t.reshape(2, 3)`, `t[None]`, `t.transpose(1, 0)` |
| `t.max(dim=1)`, a pair | `t.max(axis=1)`, the maxima; `t.argmax(axis=1)` |
| `t.clamp(0, 1)`, `t ** 0.5`, `a @ b` | `clip(t, 0, 1)`, `t ** 0.5`, `a @ b` |
| `t.detach()`, `t.item()`, `t.detach().numpy()` | `t.detach()`, `t.item()`, `t.data` |
| `torch.autograd.grad(y, x)` | `gradients(y, x)` |
| `torch.func.grad`, `jacrev`, `hessian`, `vjp`, `jvp` | `grad`, `jacobian`, `hessian`, `vjp`, `jvp` |
| `torch.no_grad()` | `no_grad()` |
| `torch.utils.checkpoint.checkpoint` | `checkpoint` |
| `torch.autograd.set_detect_anomaly(True)` | `with detect_nonfinite():` |
| `torch.autograd.gradcheck` | `check_gradients`, to second order |
| `torch.autograd.Function` | a row: `elementwise(...)` or `structural(...)` |
| `nn.CrossEntropyLoss()(z, y)`, `F.mse_loss` | `nn.cross_entropy(z, y)`, `nn.mse_loss` |
| the same of `z` with shape `(n, classes, length)` | `nn.cross_entropy(moveaxis(z, 1, -1), y)`: classes are along the last axis |
| `nn.MultiheadAttention` | `nn.MultiHeadAttention` |
| `optim.SGD(..., momentum=0.9)`, `optim.AdamW` | `nn.SGD(..., momentum=0.9)`, `nn.AdamW` |
| `lr_scheduler.StepLR` | `nn.schedules.StepDecay` |
| `nn.utils.clip_grad_norm_` | `nn.clip_grad_norm_` |
| `DataLoader(TensorDataset(X, y), shuffle=True)` | `nn.DataLoader(X, y, seed=0)` |
| `torch.manual_seed(0)` | `seed=0`, for each thing that is random |
| `torch.save(model.state_dict(), path)` | `nn.save(model, path)` |
| `torch.compile(f)` | `jit(f)`; `nn.fit` replays its steps by itself |
| `.cuda()`, `.to(device)` | `nn.fit(..., engine="xla", device="gpu")`, through JAX; `jit(f, backend="xla")` |
| `DistributedDataParallel`, `DistributedSampler` | `nn.distributed()`, `DataLoader(..., shard=processes.shard)` |
"""

# %% [markdown]
r"""
## Every name

Many names of PyTorch work here, such as `t.view(2, 3)`, `t.unsqueeze(0)` and `dim=1`. Others raise an error, which says
what to write, and where the numbers would differ.
The table below is the one from which names are translated and errors are answered. "works" means that the name is
taken as it is.
"""

# %%
from chainrule.autograd.extending import names_of

for name in names_of("PyTorch"):
    print(name)

# %% [markdown]
r"""
## Exercises

**1.** In PyTorch's words: `a = torch.cat([u, v], dim=1).max(dim=1).values.mean()`. Write it here, for
`u = Tensor([[1.0, 5.0]])` and `v = Tensor([[5.0, 2.0]])`, and print both gradients. What happens at the tie?
"""

# %% tags=["solution"]
from chainrule.autograd import concatenate

u, v = Tensor([[1.0, 5.0]], name="u"), Tensor([[5.0, 2.0]], name="v")
a = concatenate([u, v], axis=1).max(axis=1).mean()
a.backward()
print(a, u.grad, v.grad, "the two maxima share the gradient")

# %% [markdown]
r"""
**2.** A penalty on the gradient needs a second derivative. For `w = Tensor([1.0, -1.0])` and
$f(x) = \tanh(w \cdot x)$ at $x = (0.5, 0.2)$ compute $\lVert \partial f / \partial x \rVert^2$ and its gradient
with respect to $w$.
"""

# %% tags=["solution"]
from chainrule.autograd import tanh

w, x = Tensor([1.0, -1.0], name="w"), Tensor([0.5, 0.2], name="x")
slope = gradients(tanh((w * x).sum()), x, create_graph=True)
penalty = (slope**2).sum()
penalty.backward()
print(f"penalty {penalty.item():.4f}, its gradient with respect to w {w.grad.round(4)}")
