"""Initial weights: random numbers whose variance keeps a signal from vanishing or exploding over many layers.

Each function returns a new array; assign it to a parameter, or give it to `Parameter`. With `_` at the end of its name
it writes into a parameter: `nn.init.he_normal_(layer.weight)`. A weight matrix is `(fan_in, fan_out)`, as in
`Z = X W + b`: a unit sums over `fan_in` inputs and its output goes to `fan_out` units. For a kernel
`(out_channels, in_channels, height, width)` both are counted over the window. Glorot suits linear layers and tanh, He
suits ReLU and its family. Biases start at zero, weights never, because units with equal weights learn the same.
`gain` multiplies the standard deviation; `calculate_gain` gives the one that suits an activation. PyTorch's xavier and
kaiming are the first names of Glorot and He.

Read `seeds.py`, `filled.py` and `distributions.py`, then `scaled.py` (Glorot, He, LeCun, orthogonal), `in_place.py`,
`gains.py` and `spread.py`. It imports `base`.
"""

from ...autograd.extending import named_in as _named_in
from .distributions import normal, uniform
from .filled import constant, ones, zeros
from .gains import calculate_gain
from .in_place import (
    constant_,
    glorot_normal_,
    glorot_uniform_,
    he_normal_,
    he_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    lecun_normal_,
    lecun_uniform_,
    normal_,
    ones_,
    orthogonal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
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
    "constant_",
    "fans",
    "generator",
    "glorot_normal",
    "glorot_normal_",
    "glorot_uniform",
    "glorot_uniform_",
    "he_normal",
    "he_normal_",
    "he_uniform",
    "he_uniform_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_normal_",
    "lecun_uniform",
    "lecun_uniform_",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "spread_by_layer",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]

__getattr__ = _named_in(globals(), "init")
