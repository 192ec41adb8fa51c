"""Networks on top of the engine: neurons of Values, layers of Tensors, losses, optimisers, data, and the training loop.

There is a folder for each idea. Its `__init__.py` says what it holds, in which order to read it, and what it imports.
In reading order: `scalar/` (a neuron, number by number), `base/` (modules and parameters), `init/` and `layers/`,
`losses/` and `metrics/`, `optim/` and `schedules/`, `data/` and `datasets/`, `engines/` (one step: recorded anew,
replayed, or compiled by XLA), `training/` (the loop that uses them all) and `callbacks/`, `saving/`, `processes/`
(workers, and processes on several machines); then `diagnostics/` (the inside of networks) and `ancestors/` (neurons
before backpropagation).
This package imports `chainrule.autograd`, NumPy and, for the progress bar, tqdm.
"""

import typing

from ..autograd.extending import named_in as _named_in
from . import callbacks, data, datasets, diagnostics, init, losses, metrics, optim, saving, scalar, schedules
from .ancestors.approximation import box_network
from .ancestors.perceptron import Perceptron
from .ancestors.regression import least_squares
from .ancestors.spiking import LeakyIntegrateAndFire
from .base.module import Module
from .base.parameter import Parameter, ScalarParameter
from .callbacks import EarlyStopping
from .data import DataLoader, MinMaxScaler, Standardizer, k_fold, one_hot, sample, split
from .diagnostics.looking import unchanged
from .diagnostics.summary import Summary, SummaryRow, summary
from .engines.step import Step
from .layers.activations import (
    ELU,
    GELU,
    Activation,
    Heaviside,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .layers.attention import MultiHeadAttention
from .layers.cells import GRUCell, LSTMCell, RNNCell
from .layers.convolution import AvgPool2d, Conv2d, MaxPool2d
from .layers.dropout import Dropout
from .layers.embedding import Embedding
from .layers.functions import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from .layers.linear import Linear, Maxout
from .layers.normalisation import BatchNorm1d, BatchNorm2d, LayerNorm
from .layers.recurrent import GRU, LSTM, RNN
from .layers.stacks import MLP, Flatten, Sequential
from .layers.transformer import PositionalEncoding, TransformerEncoder, TransformerEncoderLayer
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from .losses.penalties import l1_penalty, l2_penalty
from .metrics import ConfusionMatrix, accuracy, confusion_matrix
from .optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop, clip_grad_norm_, clip_grad_value_
from .processes.distributed import Processes, distributed
from .saving import load, save
from .saving.from_torch import load_torch
from .training.evaluation import evaluate
from .training.history import History
from .training.loop import fit
from .training.repeating import Repeats, repeat

if typing.TYPE_CHECKING:
    from .training.estimators import MLPClassifier, MLPRegressor

__all__ = [
    "Module",
    "Parameter",
    "ScalarParameter",
    "Linear",
    "Sequential",
    "MLP",
    "Flatten",
    "Maxout",
    "Dropout",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "Embedding",
    "LeakyIntegrateAndFire",
    "Perceptron",
    "least_squares",
    "box_network",
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
    "Step",
    "summary",
    "Summary",
    "SummaryRow",
    "unchanged",
    "RNN",
    "LSTM",
    "GRU",
    "RNNCell",
    "LSTMCell",
    "GRUCell",
    "MultiHeadAttention",
    "PositionalEncoding",
    "TransformerEncoderLayer",
    "TransformerEncoder",
    "load_torch",
    "Activation",
    "Heaviside",
    "Identity",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "GELU",
    "SiLU",
    "Softmax",
    "LogSoftmax",
    "mse_loss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "half_squared_error",
    "l1_loss",
    "hinge_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "nll_loss",
    "huber_loss",
    "smooth_l1_loss",
    "kl_div",
    "l1_penalty",
    "l2_penalty",
    "accuracy",
    "confusion_matrix",
    "ConfusionMatrix",
    "Optimizer",
    "SGD",
    "Adagrad",
    "Adadelta",
    "RMSprop",
    "Adam",
    "AdamW",
    "clip_grad_norm_",
    "clip_grad_value_",
    "DataLoader",
    "split",
    "k_fold",
    "Standardizer",
    "MinMaxScaler",
    "one_hot",
    "sample",
    "fit",
    "evaluate",
    "History",
    "EarlyStopping",
    "repeat",
    "Repeats",
    "distributed",
    "Processes",
    "MLPClassifier",
    "MLPRegressor",
    "save",
    "load",
    "callbacks",
    "data",
    "datasets",
    "diagnostics",
    "init",
    "losses",
    "metrics",
    "optim",
    "saving",
    "scalar",
    "schedules",
]


def __getattr__(name: str) -> typing.Any:
    """Import the estimators at their first use: scikit-learn takes a second to import, and is an extra."""
    if name in ("MLPClassifier", "MLPRegressor"):
        from .training import estimators

        return getattr(estimators, name)
    return _named(name)


_named = _named_in(globals(), "nn")
