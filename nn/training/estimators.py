"""Networks with scikit-learn's protocol: `fit`, `predict` and `score`, for pipelines and searches. Extra `sklearn`.

Names and meanings of the parameters are those of scikit-learn's own `MLPClassifier` and `MLPRegressor`. They are
trained by `nn.fit`. This module is imported when one of its classes is first used; without scikit-learn, their
constructors raise an error that says what to install.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import RangeError, no_grad, softmax
from ..base.arguments import whole_number
from ..base.extras import ExtraError
from ..callbacks.best import EarlyStopping
from ..data.loader import DataLoader
from ..data.splits import split
from ..layers.activations import ACTIVATIONS
from ..layers.stacks import MLP
from ..losses.many_classes import cross_entropy
from ..losses.penalties import l2_penalty
from ..losses.regression import mse_loss
from ..metrics.accuracy import accuracy
from ..optim.adam import Adam, AdamW
from ..optim.adaptive import RMSprop
from ..optim.optimizer import Optimizer
from ..optim.sgd import SGD
from .loop import fit
from .run import Run

__all__ = ["MLPClassifier", "MLPRegressor"]


try:
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:

    class BaseEstimator:  # type: ignore[no-redef]
        """In place of scikit-learn's class: raises an error that says that scikit-learn is missing."""

        def __new__(cls, *args: Any, **options: Any) -> Any:
            what = f"{cls.__name__} has scikit-learn's protocol, from"
            raise ExtraError(
                what, "scikit-learn 1.6 or newer", "sklearn", ". Without it, nn.MLP and nn.fit do the same"
            )

    class ClassifierMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's class."""

    class RegressorMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's class."""

    class MultiOutputMixin:  # type: ignore[no-redef]
        """In place of scikit-learn's class."""


SOLVERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD, "rmsprop": RMSprop}
THEIR_NAMES = {"identity": "linear", "logistic": "sigmoid"}  # of activations


class _Converged(EarlyStopping):
    """Early stopping as in scikit-learn: an epoch has to be better than the best epoch so far by `tol`."""

    def on_epoch_end(self, run: Run) -> None:
        """Compare the next epoch with the best so far."""
        super().on_epoch_end(run)
        self.reference = self.value


class _Estimator(BaseEstimator):  # type: ignore[misc]  # untyped
    """What both estimators share: parameters, and training."""

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        momentum: float = 0.9,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    def _train(self, X: np.ndarray, y: np.ndarray, n_outputs: int, loss: Any, metric: Any) -> None:
        """Make the network and train it on checked inputs and targets."""
        sizes = self.hidden_layer_sizes
        hidden = [
            whole_number(width, "each of hidden_layer_sizes")
            for width in (sizes if isinstance(sizes, (tuple, list, np.ndarray)) else [sizes])
        ]
        if self.solver not in SOLVERS:
            raise RangeError(f"there is no solver {self.solver!r} here; there are {', '.join(SOLVERS)}")
        activation = THEIR_NAMES.get(self.activation, self.activation)
        if activation not in ACTIVATIONS:
            known = ", ".join([*ACTIVATIONS, *THEIR_NAMES])
            raise RangeError(f"there is no activation {self.activation!r} here; there are {known}")
        max_iter = whole_number(self.max_iter, "max_iter")
        batch_size = 200 if self.batch_size == "auto" else whole_number(self.batch_size, "batch_size")
        if not isinstance(self.alpha, (int, float, np.number)) or not self.alpha >= 0:
            raise RangeError(f"alpha is a number, 0 or more; given {self.alpha!r}")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        data, validation = (X, y), None
        if self.early_stopping:
            classes = y if y.dtype.kind in "iu" else None
            stratify = classes is not None and np.bincount(classes).min() >= 2
            X, X_val, y, y_val = split(X, y, test_size=self.validation_fraction, seed=seed, stratify=stratify)
            data, validation = (X, y), (X_val, y_val)
        self.network_ = MLP(X.shape[1], [*hidden, n_outputs], activation, seed=seed, dtype=X.dtype)
        batch_size = min(batch_size, len(X))
        momentum = {"momentum": self.momentum, "nesterov": self.momentum > 0} if self.solver == "sgd" else {}
        optimizer = SOLVERS[self.solver](self.network_.parameters(), lr=self.learning_rate_init, **momentum)
        self.history_ = fit(
            self.network_,
            loss,
            DataLoader(*data, batch_size=batch_size, shuffle=self.shuffle, seed=seed),
            optimizer=optimizer,
            epochs=max_iter,
            validation=validation,
            metrics=metric if validation is not None else None,
            # scikit-learn adds the penalty to the sum over a batch; here the loss is the mean
            penalty=(lambda model: l2_penalty(model, self.alpha / 2 / batch_size)) if self.alpha else None,
            early_stopping=_Converged(
                self.n_iter_no_change,
                self.tol,
                monitor="val_score" if validation is not None else "loss",
                restore_best=validation is not None,
            ),
            progress=bool(self.verbose),
        )
        self._dtype = X.dtype
        self.n_iter_ = len(self.history_)
        self.loss_curve_ = self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_layers_, self.n_outputs_ = len(hidden) + 2, n_outputs
        if self.history_.ended is None:
            warnings.warn(
                f"{type(self).__name__} was still improving after max_iter={self.max_iter} epochs. "
                f"Give it more, or a higher learning_rate_init",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        with no_grad():
            return np.asarray(self.network_(X.astype(self._dtype)).data)


class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A network that predicts classes: an MLP with softmax and cross-entropy, as a scikit-learn estimator.

    `hidden_layer_sizes` and all other parameters are those of scikit-learn's class of this name; `activation` is any of
    `nn.MLP`, or "identity" or "logistic"; `solver` is "adam", "adamw", "sgd" or "rmsprop". `alpha` is the L2
    penalty. Training ends when the training loss has not improved by `tol` for `n_iter_no_change` epochs. With
    `early_stopping` it ends when the accuracy on a share `validation_fraction` of the data has not improved, and the
    best epoch is kept.

    After `fit`: `classes_`, `n_iter_`, `loss_`, `loss_curve_`, `network_` (an `nn.MLP`), `history_`.

    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from chainrule import nn
    >>> iris = nn.datasets.load_iris()
    >>> network = nn.MLPClassifier((16,), max_iter=1000, learning_rate_init=0.02, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network)
    >>> bool(cross_val_score(model, iris.data, iris.target, cv=5).mean() > 0.93)
    True
    """

    def fit(self, X: Any, y: Any) -> MLPClassifier:
        """Train on `X`, `(n, d)`, and the classes `y`, `(n,)`, numbers or words."""
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._train(X, codes, len(self.classes_), cross_entropy, {"score": accuracy})
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes_`."""
        return np.asarray(softmax(self._outputs(X).astype(np.float64)))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sample."""
        outputs = self._outputs(X)
        return np.asarray(self.classes_[outputs.argmax(1)])


class MLPRegressor(MultiOutputMixin, RegressorMixin, _Estimator):  # type: ignore[misc]
    """A network that predicts numbers: an MLP with a linear output and squared error, as a scikit-learn estimator.

    Parameters as in `MLPClassifier`. `y` is `(n,)` or `(n, m)`, and so are predictions. Targets far from 0, or of large
    range, should be scaled, for example by `sklearn.compose.TransformedTargetRegressor`. `early_stopping` monitors the
    coefficient of determination.

    After `fit`: `n_iter_`, `loss_`, `loss_curve_`, `network_` (an `nn.MLP`), `history_`.

    >>> import numpy as np
    >>> from chainrule import nn
    >>> X = np.linspace(-2, 2, 100).reshape(-1, 1)
    >>> y = np.sin(X[:, 0])
    >>> model = nn.MLPRegressor((32,), "tanh", batch_size=20, learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.99)
    True
    """

    def fit(self, X: Any, y: Any) -> MLPRegressor:
        """Train on `X`, `(n, d)`, and the numbers `y`, `(n,)` or `(n, m)`."""
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        targets = y.reshape(len(y), -1).astype(X.dtype, copy=False)
        self._flat = y.ndim == 1
        self._train(X, targets, targets.shape[1], mse_loss, {"score": _r2})
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The predictions for each sample."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs


def _r2(prediction: Any, target: np.ndarray) -> float:
    residual = ((prediction.data - target) ** 2).sum()
    spread = ((target - target.mean(0)) ** 2).sum()
    return float(1 - residual / spread) if spread else 0.0
