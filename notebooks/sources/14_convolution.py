# %% [markdown]
r"""
# 14. Convolution

**Question.** A cat can be in any corner of an image. How can a layer recognise a pattern at every place, without
learning it anew for each place?
"""

# %% [markdown]
r"""
## A filter by hand

A convolution moves a small window of weights, the **filter**, over the image. At each place the weights are multiplied by
the pixels under them, and the products are added:

$$h_{ij} = g\Big( \sum_{m,n} w_{mn}\, x_{i+m,\, j+n} + b \Big)$$

**Predict.** The window is $\begin{pmatrix} -1 & 1 \end{pmatrix}$, and $g$ and $b$ are left out. The image is a white
square on a black background, with white 1 and black 0. What is the output?

<details><summary>Answer</summary>

$x_{i,j+1} - x_{i,j}$: 1 at the square's left edge, $-1$ at its right edge, and 0 elsewhere. It finds vertical
edges.

</details>
"""

# %%
import numpy as np

from chainrule import nn
from chainrule.autograd import Tensor, conv
from chainrule.viz import plot_convolution, plot_feature_maps, plot_weights

image = np.zeros((1, 1, 6, 8))  # samples, channels, height, width
image[0, 0, 1:5, 2:6] = 1
edges = nn.Conv2d(1, 1, (1, 2), bias=False)
edges.weight.data = np.array([[[[-1.0, 1.0]]]])
print(image[0, 0].astype(int))
print(edges(image).data[0, 0].astype(int))

# %% [markdown]
r"""
The window at one place (with an orange frame), and the output there. (On the page [Figures of
lectures](../docs/figures.md#a-filter-slides-over-an-image) it moves over the whole image.)
"""

# %%
plot_convolution(image[0, 0], edges.weight.data[0, 0], at=(2, 5))

# %% [markdown]
r"""
The formula written as loops gives the same numbers as the layer:
"""

# %%
rng = np.random.default_rng(0)
x, layer = rng.random((1, 1, 6, 8)), nn.Conv2d(1, 1, 3, seed=0)
w, b = layer.weight.data[0, 0], layer.bias.data[0]
by_hand = np.zeros((4, 6))
for i in range(4):
    for j in range(6):
        by_hand[i, j] = sum(w[m, n] * x[0, 0, i + m, j + n] for m in range(3) for n in range(3)) + b
print("largest difference:", abs(by_hand - layer(x).data[0, 0]).max().round(12))

# %% [markdown]
r"""
## The gradient of a shared weight

Every weight of the window is used at every place, so its gradient is the sum of the contributions of all places, as for
a node that is used several times in [notebook 1](01_chain_rule.ipynb#two-paths). **Predict.** The loss is the sum of all
outputs. What is the gradient of the window $(-1 \;\; 1)$ on the image of the white square?

<details><summary>Answer</summary>

The left weight is multiplied by all pixels but those in the last column, the right one by all but those in the first.
Both sums are 16, the number of white pixels.

</details>
"""

# %%
window = Tensor(edges.weight.data, name="w")
conv(Tensor(image), window).sum().backward()
print("gradient of the window:", window.grad.ravel())

# %% [markdown]
r"""
## Few weights

A unit of a linear layer whose input is a 100 by 100 image has 10,000 weights. A convolution's window of 5 by
5 has 25, for images of any size. Here are eight of each:
"""

# %%
photo = np.zeros((1, 1, 100, 100))
linear = nn.Sequential(nn.Flatten(), nn.Linear(100 * 100, 8, bias=False, seed=0))
convolution = nn.Conv2d(1, 8, 5, padding=2, bias=False, seed=0)
print(nn.summary(linear, photo))
print()
print(nn.summary(convolution, photo))

# %% [markdown]
r"""
## A shifted input gives a shifted output

**Predict.** The pattern in the photo moves 7 pixels down and 11 to the right. How does the output of
the convolution change, and how that of the linear layer?

<details><summary>Answer</summary>

The convolution's output moves by the same 7 and 11: the same weights are multiplied by the same pixels, at another
place. The linear layer has other weights there, and its outputs are other numbers.

</details>
"""

# %%
photo[..., 40:50, 30:45] = rng.random((10, 15))


def shift(images):
    return np.roll(images, (7, 11), axis=(2, 3))


same = np.allclose(convolution(shift(photo)).data, shift(convolution(photo).data))
print("output of the shifted photo = shifted output of the photo:", same)
print("linear layer, before:", linear(photo).data[0, :4].round(2))
print("linear layer, after: ", linear(shift(photo)).data[0, :4].round(2))

# %% [markdown]
r"""
## A small network for digits

Two convolutions with ReLUs, each followed by *max pooling*, which keeps the largest number of each 2 by 2 window; then a
linear layer for the ten classes:
"""

# %%
digits = nn.datasets.load_digits()
images = (digits.data / 16).reshape(-1, 1, 8, 8).astype(np.float32)
X, X_test, y, y_test = nn.split(images, digits.target, test_size=0.25, seed=0, stratify=True)

f32 = {"dtype": np.float32}
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1, seed=0, **f32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1, seed=1, **f32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(64, 10, seed=2, **f32),
)
print(nn.summary(model, X[:1]))

# %% tags=["measured"]
optimizer = nn.Adam(model.parameters(), lr=0.01)
nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=10, progress=False)
correct = nn.accuracy(model(X_test), y_test)
print(f"{correct:.1%} of the test images are right")

# %% [markdown]
r"""
The weights of the eight filters of the first layer after training, and their outputs for one digit, the *feature
maps*. Filter 1 gives map 1, and so on:
"""

# %%
plot_weights(model, image_shape=(3, 3))

# %%
plot_feature_maps(model, X_test[0])

# %% [markdown]
r"""
## Exercises

**1.** How wide is the output of a convolution? Give the formula for images of width $L$, a window of width
$k$, padding $p$ and stride $s$, and check it with the layer.
"""

# %% tags=["solution"]
print("(L + 2p - k) // s + 1 places")
for length, k, p, s in [(28, 5, 0, 1), (28, 3, 1, 1), (28, 3, 1, 2), (27, 4, 2, 3)]:
    layer = nn.Conv2d(1, 1, k, stride=s, padding=p)
    width = layer(np.zeros((1, 1, length, length))).shape[-1]
    formula = (length + 2 * p - k) // s + 1
    print(f"L={length} k={k} p={p} s={s}:  formula {formula}, layer {width}")

# %% [markdown]
r"""
**2.** A linear layer can do what a convolution does. Find its matrix for the edge filter and the 6 by 8
image, by filtering images with a single white pixel, and count the numbers in it that are not 0.
"""

# %% tags=["solution"]
pixels = np.eye(48).reshape(48, 1, 6, 8)
matrix = edges(pixels).data.reshape(48, -1)
same = np.allclose(image.reshape(1, 48) @ matrix, edges(image).data.reshape(1, -1))
others = matrix[matrix != 0]
print("same output:", same)
print(f"{matrix.shape[0]} x {matrix.shape[1]}: {others.size} of {matrix.size:,} numbers are not 0")
print("and only two are different:", np.unique(others))
