# %% [markdown]
r"""
# 10. Losses and output layers

**Question.** Which last layer, and which loss, is right for regression, for yes or no, for one of many classes, and for
several labels at once? And why do these pairs belong together?
"""

# %% [markdown]
r"""
## Four tasks, four pairs

| task | output $\hat y$ | loss | in `nn` |
| --- | --- | --- | --- |
| regression | linear | mean squared error | `mse_loss` |
| binary | sigmoid | binary cross-entropy | `binary_cross_entropy_with_logits` |
| multi-class | softmax | categorical cross-entropy | `cross_entropy` |
| multi-label | sigmoid | binary cross-entropy for each label | `binary_cross_entropy_with_logits` |

The outputs of the last linear layer can be any numbers. They are called the **logits** $z$. In `nn` the sigmoid or the
softmax is part of the loss, so a network ends in a linear layer. A sigmoid is computed for each output alone; the outputs
of a softmax sum to 1:
"""

# %%
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, jacobian, log, sigmoid, softmax

z = Tensor([[2.0, 1.0, -1.0]], name="z")
print("sigmoid:", sigmoid(z).data.round(3), " sum", sigmoid(z).data.sum().round(3))
print("softmax:", softmax(z).data.round(3), " sum", softmax(z).data.sum().round(3))

# %% [markdown]
r"""
## The gradient at the logits

**Predict.** Binary cross-entropy of one sample is $L = -y \log \hat y - (1 - y) \log(1 - \hat y)$ with $\hat
y = s(z)$, and the sigmoid's slope is $\hat y (1 - \hat y)$. What is $dL/dz$?

<details><summary>Answer</summary>

$dL/d\hat y = \frac{\hat y - y}{\hat y (1 - \hat y)}$. Times $\hat y (1 - \hat y)$, the fraction cancels:
$dL/dz = \hat y - y$.

</details>

The same happens for each of the four pairs. The next cell takes four samples of each task with their logits, and
compares the gradient at the logits with the difference between prediction and target. (Where these losses come from: the
product of the probabilities of all labels is the [likelihood](../docs/worked.md#from-the-likelihood-to-the-loss), and the
loss is its negative logarithm.)
"""

# %%
rng = np.random.default_rng(0)
n = 4
classes = np.array([0, 2, 1, 2])
one = rng.standard_normal((n, 1))
three = rng.standard_normal((n, 3))
labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]])
answers = np.array([[1.0], [0.0], [0.0], [1.0]])
heights = np.array([[1.7], [0.3], [-0.4], [2.0]])

tasks = {
    "regression": (one, heights, nn.mse_loss, lambda z: z),
    "binary": (one, answers, nn.binary_cross_entropy_with_logits, sigmoid),
    "multi-class": (three, classes, nn.cross_entropy, softmax),
    "multi-label": (three, labels, nn.binary_cross_entropy_with_logits, sigmoid),
}
for name, (logits, y, loss, output) in tasks.items():
    z = Tensor(logits)
    loss(z, y).backward()
    target = nn.one_hot(y, 3) if name == "multi-class" else y
    difference = output(z).data - target
    ratio = np.unique((difference / z.grad).round(9))
    print(f"{name:11}  (prediction - target) / gradient = {ratio}")

# %% [markdown]
r"""
All gradients are **prediction minus target**, divided by how many numbers the mean is over: the 4 samples, or
the 12 labels of 4 samples. Squares bring a factor of 2, so in regression it is 4 / 2; `half_squared_error`,
$\frac12 \sum (\hat y - y)^2$, has neither. A confident wrong prediction gets a gradient of nearly 1 in size, a right one
of nearly 0.

## One node instead of a Jacobian

Softmax and cross-entropy in two steps need the Jacobian of the softmax, a matrix for each sample. As one operation
they do not: the gradient is $(\hat y - y)/n$. Both give the same numbers:
"""

# %%
z = Tensor([2.0, 1.0, -1.0])
y = np.array([0.0, 1.0, 0.0])
J = jacobian(softmax)(z.data)
print("Jacobian of the softmax:")
print(J.round(3))
p = softmax(z).data
print("Jacobian times dL/dp:", (J.T @ (-y / p)).round(6))
print("prediction - target: ", (p - y).round(6))

# %% [markdown]
r"""
## Extreme logits

**Predict.** A network is very confident of the wrong class: its logits are $(1000, 0)$ and the class is the
second. What is the loss, and what does `-log(softmax(z))` give?

<details><summary>Answer</summary>

$-\log \frac{e^0}{e^{1000} + e^0} \approx 1000$. The softmax is computed first and its second number is
rounded to 0; the logarithm of 0 is minus infinity.

</details>
"""

# %%
z = Tensor([[1000.0, 0.0]])
with np.errstate(divide="ignore"):
    print("-log(softmax):", -log(softmax(z)).data[0, 1])
loss = nn.cross_entropy(z, [1])
loss.backward()
print("cross_entropy: ", loss.item(), "  gradient", z.grad)

z = Tensor([[-1000.0], [1000.0]])
loss = nn.binary_cross_entropy_with_logits(z, [[1], [1]])
loss.backward()
print("binary:        ", loss.item(), "  gradient", z.grad.ravel())

# %% [markdown]
r"""
`nn.cross_entropy` does not take the logarithm of a probability. It computes $\log \sum e^{z} - z_k$, where the largest
logit is subtracted from all logits first. So the loss is finite, and the gradient is exact: this is the reason why the
losses take logits.

## Multi-class and multi-label, trained

Images of digits are trained with one label each (which digit?), and with three labels each (is it even, is it above 4, is
it a prime?). Only the width of the last layer and the loss differ.
"""

# %%
digits = nn.datasets.load_digits()
X = digits.data / 16
digit = digits.target
kinds = np.stack([digit % 2 == 0, digit > 4, np.isin(digit, [2, 3, 5, 7])], axis=1) * 1.0
X, X_test, digit, digit_test, kinds, kinds_test = nn.split(X, digit, kinds, seed=0)

which = nn.MLP(64, [32, 10], seed=0)
nn.fit(which, nn.cross_entropy, (X, digit), epochs=15, progress=False)
print(f"which digit:            {nn.accuracy(which(X_test), digit_test):.0%} right")

three_labels = nn.MLP(64, [32, 3], seed=0)
loss = nn.binary_cross_entropy_with_logits
nn.fit(three_labels, loss, (X, kinds), epochs=15, progress=False)
right = ((three_labels(X_test).data > 0) == kinds_test).mean(axis=0)
print("even, above 4, prime:  ", *(f"{share:.0%}" for share in right), "right")

# %% [markdown]
r"""
## Exercises

**1.** Why not the squared error after a sigmoid? Compare its gradient at the logit with that of binary
cross-entropy, where the target is 1 and the logit is $-10$, $-5$, $0$ and $5$.
"""

# %% tags=["solution"]
for logit in (-10.0, -5.0, 0.0, 5.0):
    squared, entropy = Tensor([logit]), Tensor([logit])
    nn.mse_loss(sigmoid(squared), [1.0]).backward()
    nn.binary_cross_entropy_with_logits(entropy, [1.0]).backward()
    a, b = squared.grad[0], entropy.grad[0]
    print(f"z = {logit:5}:  squared error {a:9.6f}   cross-entropy {b:9.6f}")
print("the squared error after a flat sigmoid has almost no gradient where the prediction is most wrong")

# %% [markdown]
r"""
**2.** What is the cross-entropy of a network that gives each of ten classes the same probability? Compare it with
that of an untrained network, and with that of an untrained network whose last weights are 30 times as large.
"""

# %% tags=["solution"]
print(f"log(10) = {np.log(10):.3f}: each class has probability 1/10")
untrained = nn.MLP(64, [32, 10], seed=1)
print(f"untrained:          {nn.cross_entropy(untrained(X_test), digit_test).item():.3f}")
untrained.layers[-1].weight.data = untrained.layers[-1].weight.data * 30
print(f"with large weights: {nn.cross_entropy(untrained(X_test), digit_test).item():.3f}")
print("a first loss far above log(10): the network is confident of random predictions")
