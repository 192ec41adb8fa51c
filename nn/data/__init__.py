"""Data on its way to a network: batches, splits, folds, one-hot codes, scalers.

A data set is arrays whose first axes count the same samples, the targets last: usually `X` with one sample in each
row and `y` with a target for each. Read `samples.py`, `loader.py` and `splits.py`; `codes.py`, `sampling.py` and
`scalers.py` are independent. The data sets themselves are in `chainrule.nn.datasets`. It imports `base` and `init`.
"""

from ...autograd.extending import named_in as _named_in
from .codes import one_hot
from .loader import DataLoader
from .sampling import sample
from .scalers import MinMaxScaler, Standardizer
from .splits import k_fold, split

__all__ = ["DataLoader", "MinMaxScaler", "Standardizer", "k_fold", "one_hot", "sample", "split"]

__getattr__ = _named_in(globals(), "data")
