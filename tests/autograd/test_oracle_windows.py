"""PyTorch as an oracle of convolution and pooling, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.autograd import Tensor, avg_pool, conv, gradients, max_pool

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")
F = torch.nn.functional
SPACE: dict[int, tuple[int, ...]] = {1: (11,), 2: (9, 8), 3: (5, 6, 7)}


def compare(ours: Any, theirs: Any, *arrays: np.ndarray) -> None:
    a = [Tensor(x) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = ours(*a), theirs(*b)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10, atol=1e-12)
    g = np.cos(np.arange(y.size)).reshape(y.shape)
    for mine, other in zip(gradients(y, a, g), torch.autograd.grad(z, b, torch.tensor(g)), strict=True):
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("space", SPACE)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": 2},
        {"stride": 2, "padding": 1},
        {"stride": 4},
        {"dilation": 2, "padding": 2},
        {"groups": 2, "stride": 2, "dilation": 2, "padding": 1},
        {"padding": "same"},
        {"padding": "same", "dilation": 2},
    ],
    ids=str,
)
def test_conv(space: int, options: dict[str, Any], rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 4, *SPACE[space]))
    kernel = (
        (3, 3, 3) if options.get("padding") == "same" else (3, 2, 3)
    )  # where it is even, PyTorch warns of a copy
    w = rng.standard_normal((6, 4 // options.get("groups", 1), *kernel[:space]))
    theirs = getattr(F, f"conv{space}d")
    compare(lambda x, w: conv(x, w, **options), lambda x, w: theirs(x, w, **options), x, w)


@pytest.mark.parametrize("space", SPACE)
@pytest.mark.parametrize("options", [(2,), (3, 2), (3, 1, 1), (2, 4), (3, 2, 1)], ids=str)
def test_pools(space: int, options: Any, rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, *SPACE[space]))
    compare(lambda x: max_pool(x, *options), lambda x: getattr(F, f"max_pool{space}d")(x, *options), x)
    compare(lambda x: avg_pool(x, *options), lambda x: getattr(F, f"avg_pool{space}d")(x, *options), x)


@pytest.mark.parametrize("space", SPACE)
def test_dilated_max_pool(space: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, *SPACE[space]))
    theirs = getattr(F, f"max_pool{space}d")
    compare(lambda x: max_pool(x, 2, 1, 1, 2), lambda x: theirs(x, 2, 1, 1, 2), x)
