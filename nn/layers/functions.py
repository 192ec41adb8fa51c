"""Activations as functions, under the names that `jax.nn` and `torch.nn.functional` have: those of the engine."""

from ...autograd import elu, gelu, leaky_relu, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "log_softmax",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]
