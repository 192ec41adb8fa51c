"""PyTorch as an oracle for layers: with copied weights the same outputs and the same gradients, to 1e-10 in float64."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 4, 9, 8))
ROWS = RNG.standard_normal((6, 4))
TOKENS = np.array([[1, 2, 2, 0], [3, 1, 1, 4]])


def copied(ours, theirs):
    """`theirs` with our numbers; a linear layer there has its weights the other way round."""
    state = {
        name: torch.tensor(array.T.copy() if isinstance(theirs, torch.nn.Linear) else array)
        for name, array in ours.state_dict().items()
    }
    theirs.double().load_state_dict(state)
    return theirs


def disturbed(layer):
    """Weights that are not 0 and 1, so that a mistake in using them shows."""
    for parameter in layer.parameters():
        parameter.data = parameter.data + RNG.standard_normal(parameter.shape) / 3
    return layer


def check(ours, theirs, x, tolerance=1e-10):
    differentiable = x.dtype.kind == "f"
    a, b = Tensor(x) if differentiable else x, torch.tensor(x, requires_grad=differentiable)
    got, want = ours(a), theirs(b)
    np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=tolerance, atol=tolerance)
    upstream = RNG.standard_normal(got.shape)
    for parameter in (*ours.parameters(), *theirs.parameters()):
        parameter.grad = None
    got.backward(upstream)
    want.backward(torch.tensor(upstream))
    theirs_named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        grad = theirs_named[name].grad.numpy()
        grad = grad.T if isinstance(theirs, torch.nn.Linear) and grad.ndim > 1 else grad
        np.testing.assert_allclose(parameter.grad, grad, rtol=tolerance, atol=tolerance, err_msg=name)
    if differentiable:
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=tolerance, atol=tolerance)


CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": "same"},
    {"padding": "valid"},
    {"dilation": 2, "padding": (2, 1)},
    {"stride": (2, 1), "padding": (1, 0)},
    {"groups": 2, "padding": 1},
    {"groups": 4, "bias": False},
    {"stride": 2, "dilation": (1, 2), "groups": 2},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("kernel_size", [3, (1, 2)])
def test_conv2d(options, kernel_size):
    ours = disturbed(nn.Conv2d(4, 8, kernel_size, seed=0, **options))
    check(ours, copied(ours, torch.nn.Conv2d(4, 8, kernel_size, **options)), IMAGES)


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"stride": (2, 3), "padding": 1}], ids=str)
@pytest.mark.parametrize("kernel_size", [2, (3, 2)])
@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
def test_pooling(name, kernel_size, options):
    check(getattr(nn, name)(kernel_size, **options), getattr(torch.nn, name)(kernel_size, **options), IMAGES)


def test_pooling_with_dilation():
    check(nn.MaxPool2d(2, dilation=2, stride=1), torch.nn.MaxPool2d(2, dilation=2, stride=1), IMAGES)


@pytest.mark.parametrize("options", [{}, {"eps": 1e-2, "momentum": 0.3}, {"momentum": None}, {"affine": False},
                                     {"track_running_stats": False}], ids=str)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "x"), [("BatchNorm1d", ROWS), ("BatchNorm1d", IMAGES[..., 0]), ("BatchNorm2d", IMAGES)],
    ids=["1d", "1d with length", "2d"],
)  # fmt: skip
def test_batch_normalisation(name, x, options):
    ours = disturbed(getattr(nn, name)(4, **options))
    theirs = copied(ours, getattr(torch.nn, name)(4, **options))
    check(ours.eval(), theirs.eval(), x)  # before any training
    ours.train()
    theirs.train()
    for scale in (1, 3):
        check(ours, theirs, scale * x + 2)
    for buffer, want in zip(dict(ours.named_buffers()).values(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(buffer, want.numpy(), rtol=1e-12)
    check(ours.eval(), theirs.eval(), x)


LAYER_NORMS = [(8, {}), ((9, 8), {"eps": 1e-2}), (8, {"elementwise_affine": False}), (8, {"bias": False})]


@pytest.mark.parametrize(("shape", "options"), LAYER_NORMS, ids=str)
def test_layer_normalisation(shape, options):
    ours = disturbed(nn.LayerNorm(shape, **options))
    check(ours, copied(ours, torch.nn.LayerNorm(shape, **options)), IMAGES)


@pytest.mark.parametrize("padding_idx", [None, 1, -1])
def test_embedding(padding_idx):
    ours = disturbed(nn.Embedding(5, 3, padding_idx, seed=0))
    theirs = copied(ours, torch.nn.Embedding(5, 3, padding_idx))
    check(ours, theirs, TOKENS)


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    ours = disturbed(nn.Linear(4, 3, bias, seed=0))
    check(ours, copied(ours, torch.nn.Linear(4, 3, bias)), ROWS)


def test_a_small_convolutional_network():
    ours = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1, seed=0), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 3, seed=1), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
    )  # fmt: skip
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(4, 6, 3, padding=1), torch.nn.BatchNorm2d(6), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(6, 5, 3), torch.nn.Tanh(), torch.nn.AvgPool2d(2), torch.nn.Flatten(),
    )  # fmt: skip
    check(ours, copied(ours, theirs), IMAGES)


def test_dropout_in_evaluation_and_its_extremes():
    for p in (0.0, 1.0):
        check(nn.Dropout(p), torch.nn.Dropout(p), ROWS)
    check(nn.Dropout(0.5).eval(), torch.nn.Dropout(0.5).eval(), ROWS)
