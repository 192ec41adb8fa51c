"""Initial weights: random numbers whose variance keeps a signal from vanishing or exploding over many layers.

Each function returns a new array; give it to `Parameter`. A weight matrix is `(fan_in, fan_out)`, as in
`Z = X W + b`: a unit sums over `fan_in` inputs and its output goes to `fan_out` units. For a kernel
`(out_channels, in_channels, height, width)` both are counted over the window. Glorot suits linear layers and tanh, He
suits ReLU and its family. Biases start at zero, weights never, because units with equal weights learn the same.
`gain` multiplies the standard deviation; `calculate_gain` gives the one that suits an activation. PyTorch's xavier and
kaiming are the first names of Glorot and He.

Read `seeds.py`, `filled.py` and `distributions.py`, then `scaled.py` (Glorot, He, LeCun, orthogonal), `gains.py` and
`spread.py`. It imports `base`.
"""

from ...autograd.extending import named_in as _named_in
from .distributions import normal, uniform
from .filled import constant, ones, zeros
from .gains import calculate_gain
from .scaled import (
    fans,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    orthogonal,
    xavier_normal,
    xavier_uniform,
)
from .seeds import Seed, generator
from .spread import spread_by_layer

__all__ = [
    "Seed",
    "calculate_gain",
    "constant",
    "fans",
    "generator",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "spread_by_layer",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

__getattr__ = _named_in(globals(), "init")
