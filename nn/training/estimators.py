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
from ..base.arguments import flag, whole_number
from ..base.extras import ExtraError
from ..callbacks.best import EarlyStopping
from ..data.loader import DataLoader
from ..data.splits import split
from ..layers.activations import ACTIVATIONS
from ..layers.stacks import MLP
from ..losses.many_classes import cross_entropy
from ..losses.penalties import l2_penalty
from ..losses.regression import mse_loss
from ..optim.adam import Adam, AdamW
from ..optim.adaptive import RMSprop
from ..optim.optimizer import Optimizer
from ..optim.sgd import SGD
from .loop import fit
from .run import Run
from .sample_weights import r2, right_shares, weighted_loss, weighted_score

__all__ = ["MLPClassifier", "MLPRegressor"]


try:
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
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
        warm_start: bool = False,
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
        self.warm_start = warm_start
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    def _train(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None, n_outputs: int, one_epoch: bool
    ) -> None:
        """Train the network on checked inputs and targets; `one_epoch` is `partial_fit`, which goes on."""
        widths, activation, batch_size = self._checked_parameters(n_outputs)
        max_iter = 1 if one_epoch else whole_number(self.max_iter, "max_iter")
        begins = self._begins(one_epoch)
        if begins:
            self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            self.network_ = MLP(X.shape[1], widths, activation, seed=self._seed, dtype=X.dtype)
            self._dtype, self.n_iter_, self.loss_curve_ = X.dtype, 0, []
        elif self.network_.widths[1:] != tuple(widths):
            raise RangeError(
                f"the network {self.network_._headline()} is trained further, and cannot have the layers {widths}, the "
                f"outputs last. Use clone(estimator), or warm_start=False and fit, for a new network"
            )
        parameters = self.network_.parameters()
        if begins or not one_epoch:
            momentum = (
                {"momentum": self.momentum, "nesterov": self.momentum > 0} if self.solver == "sgd" else {}
            )
            self._optimizer = SOLVERS[self.solver](parameters, lr=self.learning_rate_init, **momentum)
        X = X.astype(self._dtype, copy=False)
        if y.dtype.kind == "f":
            y = y.astype(self._dtype, copy=False)
        loss, mean_weight = self._loss, 1.0
        data: tuple[Any, ...] = (X, y)
        if weights is not None:
            there = weights != 0
            X, y, weights = X[there], y[there], weights[there].astype(self._dtype)
            loss, mean_weight = weighted_loss(loss), float(weights.mean())
            data = (X, {"y": y, "weight": weights})
        validation = None
        if self.early_stopping and not one_epoch:
            data, validation = self._divided(X, y, weights)
        batch_size = min(batch_size, len(data[0]))
        loader = DataLoader(*data, batch_size=batch_size, shuffle=self.shuffle, seed=self._seed)
        loader.epoch = self.n_iter_  # another order than in the epochs before
        self.history_ = fit(
            self.network_,
            loss,
            loader,
            optimizer=self._optimizer,
            epochs=max_iter,
            validation=validation,
            metrics={"score": weighted_score(self._score)} if validation is not None else None,
            # scikit-learn adds the penalty to the sum over a batch; here the loss is the mean
            penalty=(lambda model: l2_penalty(model, self.alpha / 2 / (batch_size * mean_weight)))
            if self.alpha
            else None,
            early_stopping=_Converged(
                self.n_iter_no_change,
                self.tol,
                monitor="val_score" if validation is not None else "loss",
                restore_best=validation is not None,
            ),
            progress=bool(self.verbose),
        )
        self.n_iter_ += len(self.history_)
        self.loss_curve_ += self.history_["loss"]
        self.loss_ = self.loss_curve_[-1]
        self.n_layers_, self.n_outputs_ = len(widths) + 1, n_outputs
        if self.history_.ended is None and not one_epoch:
            warnings.warn(
                f"{type(self).__name__} was still improving after max_iter={self.max_iter} epochs. "
                f"Give it more, or a higher learning_rate_init",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _begins(self, one_epoch: bool) -> bool:
        """Whether a new network is made, or else the fitted one is trained further."""
        return not hasattr(self, "network_") or not (one_epoch or self.warm_start)

    def _checked_parameters(self, n_outputs: int) -> tuple[list[int], str, int]:
        """The widths of the layers, the activation, and the size of a batch."""
        for option in ("shuffle", "warm_start", "early_stopping"):
            flag(option, getattr(self, option))
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
        if not isinstance(self.alpha, (int, float, np.number)) or not self.alpha >= 0:
            raise RangeError(f"alpha is a number, 0 or more; given {self.alpha!r}")
        batch_size = 200 if self.batch_size == "auto" else whole_number(self.batch_size, "batch_size")
        return [*hidden, n_outputs], activation, batch_size

    def _divided(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> tuple[Any, Any]:
        """Training and validation data for early stopping."""
        classes = y if y.dtype.kind in "iu" else None
        counts = None if classes is None else np.bincount(classes)
        options: dict[str, Any] = {
            "test_size": self.validation_fraction,
            "seed": self._seed,
            "stratify": counts is not None and counts[counts > 0].min() >= 2,
        }
        if weights is None:
            X, X_val, y, y_val = split(X, y, **options)
            return (X, y), (X_val, y_val)
        X, X_val, weights, w_val, y, y_val = split(X, weights, y, **options)
        return (X, {"y": y, "weight": weights}), (X_val, {"y": y_val, "weight": w_val})

    def _checked_weights(self, sample_weight: Any, X: np.ndarray) -> np.ndarray | None:
        """The weights as an array; `None` where all samples count alike."""
        if sample_weight is None:
            return None
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if not weights.any():
            raise RangeError("each of the sample weights is 0, which leaves no sample to train on")
        return np.asarray(weights)

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        with no_grad():
            return np.asarray(self.network_(X.astype(self._dtype)).data)


class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A network that predicts classes: an MLP with softmax and cross-entropy, as a scikit-learn estimator.

    Outside scikit-learn's pipelines and searches use `nn.MLP` with `nn.fit`.

    `hidden_layer_sizes` and all other parameters are those of scikit-learn's class of this name; `activation` is any of
    `nn.MLP`, or "identity" or "logistic"; `solver` is "adam", "adamw", "sgd" or "rmsprop". `alpha` is the L2
    penalty. Training ends when the training loss has not improved by `tol` for `n_iter_no_change` epochs. With
    `early_stopping` it ends when the accuracy on a share `validation_fraction` of the data has not improved, and the
    best epoch is kept.

    `fit`, `partial_fit` and `score` take a `sample_weight` for each sample. The loss of a batch is the weighted mean
    over its samples. A sample of weight 0 is left out before batches are made; if all data are one batch, a weight of 2
    has the effect of a repeated sample. In smaller batches it has not quite that effect, because the copies of a
    repeated sample come in different batches, and because each batch is divided by the sum of its own weights. A class
    whose samples all have weight 0 stays in `classes_`.

    `partial_fit` trains for one epoch on the samples that it is given, in batches of `batch_size`, and continues with
    the state of the optimiser: for data that come in parts. Calls with the same data are the epochs of `fit`; there is
    no early stopping. With `warm_start`, `fit` starts from the weights of the previous `fit`, with a new optimiser.
    After both, `n_iter_` and `loss_curve_` cover all calls, and `history_` the latest.

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

    classes_: np.ndarray
    _loss, _score = staticmethod(cross_entropy), staticmethod(right_shares)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Train on `X`, `(n, d)`, and the classes `y`, `(n,)`, numbers or words."""
        return self._fitted(X, y, sample_weight, None, False)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> MLPClassifier:
        """Train for one more epoch, on these samples; the first call is given all `classes` that there will be."""
        return self._fitted(X, y, sample_weight, classes, True)

    def _fitted(self, X: Any, y: Any, sample_weight: Any, classes: Any, one_epoch: bool) -> MLPClassifier:
        begins = self._begins(one_epoch)
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], reset=begins)
        check_classification_targets(y)
        weights = self._checked_weights(sample_weight, X)
        there = np.unique(y)
        if one_epoch and begins and classes is None:
            raise RangeError(
                "the first partial_fit is given the classes of all samples that will come, as in partial_fit(X, y, "
                "classes=np.unique(all_y))"
            )
        known = there if begins and classes is None else np.unique(classes) if begins else self.classes_
        if not begins and classes is not None and not np.array_equal(np.unique(classes), known):
            raise RangeError(
                f"classes={classes!r} differ from those of the first call of partial_fit, {known!r}"
            )
        if not np.isin(there, known).all() or (not one_epoch and len(there) < len(known)):
            raise RangeError(
                f"y has the classes {there!r}, and the network was made for {known!r}. For other classes use "
                f"clone(estimator), or warm_start=False and fit"
            )
        self.classes_ = known
        self._train(X, np.searchsorted(known, y), weights, len(known), one_epoch)
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

    Parameters, `sample_weight`, `partial_fit` and `warm_start` are as in `MLPClassifier`. `y` is `(n,)` or `(n, m)`,
    and so are predictions. Targets far from 0, or of large range, should be scaled, for example by
    `sklearn.compose.TransformedTargetRegressor`. `early_stopping` monitors the coefficient of determination.

    After `fit`: `n_iter_`, `loss_`, `loss_curve_`, `network_` (an `nn.MLP`), `history_`.

    >>> import numpy as np
    >>> from chainrule import nn
    >>> X = np.linspace(-2, 2, 100).reshape(-1, 1)
    >>> y = np.sin(X[:, 0])
    >>> model = nn.MLPRegressor((32,), "tanh", batch_size=20, learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.99)
    True
    """

    _loss, _score = staticmethod(mse_loss), staticmethod(r2)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train on `X`, `(n, d)`, and the numbers `y`, `(n,)` or `(n, m)`."""
        return self._fitted(X, y, sample_weight, False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one more epoch, on these samples."""
        return self._fitted(X, y, sample_weight, True)

    def _fitted(self, X: Any, y: Any, sample_weight: Any, one_epoch: bool) -> MLPRegressor:
        X, y = validate_data(
            self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True,
            reset=self._begins(one_epoch),
        )  # fmt: skip
        weights = self._checked_weights(sample_weight, X)
        targets = y.reshape(len(y), -1).astype(X.dtype, copy=False)
        self._flat = y.ndim == 1
        self._train(X, targets, weights, targets.shape[1], one_epoch)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The predictions for each sample."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs
