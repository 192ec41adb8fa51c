"""Networks on top of the engine: neurons of Values, layers of Tensors, losses, optimisers, data, and the training loop.

Read `ancestors.py` (neurons before backpropagation) and `scalar.py` (a neuron, number by number), then `module.py`
(what has parameters), `layers.py`, `activations.py` and `init.py`, then `losses.py`, `optimizer.py`, `optim.py`,
`data.py` and `training.py`, the loop that uses them all. More layers have a file for each kind: `convolution.py`,
`normalisation.py`, `dropout.py`, `embedding.py`, `recurrent.py`, `attention.py`; `summary.py` and `diagnostics.py`
look at networks, and `looking.py` sees to it that they are as they were afterwards. This package imports
`chainrule.autograd`, NumPy and, for the progress bar, tqdm.
"""

import typing

from . import callbacks, data, datasets, diagnostics, init, losses, optim, saving, scalar, schedules
from .activations import (
    ELU,
    GELU,
    Activation,
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
from .ancestors import LeakyIntegrateAndFire, Perceptron, least_squares
from .approximation import box_network
from .attention import MultiHeadAttention, PositionalEncoding, TransformerEncoder, TransformerEncoderLayer
from .callbacks import EarlyStopping
from .convolution import AvgPool2d, Conv2d, MaxPool2d
from .data import DataLoader, MinMaxScaler, Standardizer, k_fold, one_hot, split
from .dropout import Dropout
from .embedding import Embedding
from .from_torch import load_torch
from .history import History
from .layers import MLP, Flatten, Linear, Maxout, Sequential
from .looking import unchanged
from .losses import (
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
from .metrics import accuracy
from .module import Module, Parameter, ScalarParameter
from .normalisation import BatchNorm1d, BatchNorm2d, LayerNorm
from .optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop, clip_grad_norm_, clip_grad_value_
from .penalties import l1_penalty, l2_penalty
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .repeating import Repeats, repeat
from .saving import load, save
from .summary import Summary, SummaryRow, summary
from .training import evaluate, fit

if typing.TYPE_CHECKING:
    from .estimators import MLPClassifier, MLPRegressor

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
    "fit",
    "evaluate",
    "History",
    "EarlyStopping",
    "repeat",
    "Repeats",
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
    "optim",
    "saving",
    "scalar",
    "schedules",
]


def __getattr__(name: str) -> typing.Any:
    """The estimators, once they are asked for: scikit-learn takes a second to import, and is an extra."""
    if name in ("MLPClassifier", "MLPRegressor"):
        from . import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
