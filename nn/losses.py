"""Losses: how wrong a prediction is, as one number to run backward from.

Each takes `(prediction, target)` and a `reduction`: "mean", "sum" or "none" (one loss for each element, or for each
sample where a loss is about a whole row). Predictions are Tensors; the losses that compare element by element also
take a `Value`, or a list of them. Targets are plain arrays or numbers, or nodes. All are stable for extreme inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import (
    Node,
    Primitive,
    Tensor,
    Value,
    absolute,
    elementwise,
    exp,
    log,
    log_softmax,
    logsumexp,
    maximum,
    mean,
    minimum,
    relu,
    reshape,
    sigmoid,
    softplus,
    square,
    structural,
    where,
)
from ..autograd import sum as sum_of
from ..autograd.errors import KindError, RangeError, ShapeError
from ..autograd.primitives import astype, shifted_exp, softmax
from .data import one_hot_array
from .half import in_float32

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]

# ---------------------------------------------------------------------- what the losses share


def _reduce(losses: Any, reduction: str) -> Any:
    """The losses of a Tensor, an array, or a list of Values as one number, unless that is not asked for."""
    n = len(losses) if isinstance(losses, list) else losses.size
    if _checked(reduction, n) == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum_of(losses)


def _reduce_array(losses: np.ndarray, reduction: str) -> Any:
    """The same inside of a row, on a plain array and after `_checked`."""
    if reduction == "none":
        return losses
    return losses.sum() / losses.size if reduction == "mean" else losses.sum()


def _checked(reduction: str, n: float, why: str = "the batch is empty") -> str:
    """The reduction, if it can be done with `n` losses."""
    if reduction not in ("mean", "sum", "none"):
        raise RangeError(f"reduction is 'mean', 'sum' or 'none'; given {reduction!r}")
    if n == 0 and reduction == "mean":
        raise ShapeError(f"the mean loss of no samples is not a number: {why}")
    return reduction


def _refuse_probabilities(x: Any, made_by: Primitive, what: str, instead: str) -> None:
    """Raise for what a softmax or sigmoid has just made, where the loss takes the numbers before it."""
    first = x[0] if isinstance(x, (list, tuple)) and len(x) else x
    while isinstance(first, Node) and first.op is astype:
        first = first.inputs[0]
    if isinstance(first, Node) and first.op is made_by:
        raise RangeError(
            f"{what} takes the {made_by.name} itself, and was given the output of one: the gradient would be that "
            f"of another loss. Leave it out of the model, or write {instead}"
        )


def _refuse_positive(log_p: np.ndarray, what: str) -> None:
    if log_p.size and log_p.max() > 1e-3:  # more than rounding
        raise RangeError(
            f"{what} takes logarithms of probabilities, which are 0 at most; given up to {log_p.max():g}. Of logits "
            f"write log_softmax(x), of probabilities log(p)"
        )


def _pair(prediction: Any, target: Any, what: str) -> tuple[Any, Any]:
    """Prediction and target as two Tensors or arrays of one shape and dtype, two Values, or two flat lists."""
    if isinstance(prediction, (Value, list, tuple)):
        values, targets = _flat(prediction), _flat(target)
        if len(values) != len(targets):
            raise ShapeError(f"{what} was given {len(values)} predictions and {len(targets)} targets")
        return (values[0], targets[0]) if isinstance(prediction, Value) else (values, targets)
    if not isinstance(prediction, Tensor):
        prediction = np.asarray(prediction, None if np.asarray(prediction).dtype.kind == "f" else np.float64)
    if not isinstance(target, Tensor):
        target = np.asarray(target, prediction.dtype)
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{what} compares element by element and was given predictions of shape {prediction.shape} and targets "
            f"of shape {target.shape}, which would broadcast to something else, or not at all. "
            f"Reshape one of them: a column of predictions (n, 1) wants y.reshape(-1, 1)"
        )
    return prediction, target


def _flat(nested: Any) -> list[Any]:
    """The Values and numbers in nested lists and arrays."""
    if isinstance(nested, Tensor):
        if nested.requires_grad:
            raise KindError(
                f"{nested.describe()} stands beside Values, which do not mix. Write y.data for targets that are given"
            )
        nested = nested.data
    if isinstance(nested, (np.ndarray, np.generic)):
        return list(nested.ravel().tolist())
    if isinstance(nested, (list, tuple)):
        return [x for each in nested for x in _flat(each)]
    return [nested]


def _is_node(x: Any) -> bool:
    return isinstance(x, Node)


def _compare(loss: Callable[[Any, Any], Any], pair: tuple[Any, Any], reduction: str) -> Any:
    """`loss` of each element of the pair, reduced."""
    prediction, target = pair
    if isinstance(prediction, list):
        return _reduce([loss(p, t) for p, t in zip(prediction, target)], reduction)
    if isinstance(prediction, Value):
        _checked(reduction, 1)
        return loss(prediction, target)
    return _reduce(loss(prediction, target), reduction)


def _plain(x: Any) -> np.ndarray:
    """The numbers behind a node, an array or a list of Values."""
    if isinstance(x, list):
        return np.array([v.data if isinstance(v, Node) else v for v in x], dtype=np.float64)
    return np.asarray(x.data if isinstance(x, Node) else x)


# ---------------------------------------------------------------------- regression


@in_float32
def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean squared error, `1/n sum (yhat - y)^2` over all elements.

    Raises `ShapeError` where the shapes differ, even if they would broadcast.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import mse_loss
    >>> mse_loss(Tensor([1.0, 4.0]), [1.0, 2.0])
    Tensor(2.)
    """
    return _compare(lambda p, t: square(p - t), _pair(prediction, target, "mse_loss"), reduction)


@in_float32
def half_squared_error(prediction: Any, target: Any, reduction: str = "sum") -> Any:
    """Half the squared error, `1/2 sum (yhat - y)^2`: its gradient is `yhat - y`, which is why one halves it.

    Raises `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import half_squared_error
    >>> yhat = Tensor([1.0, 4.0])
    >>> half_squared_error(yhat, [0.0, 2.0]).backward()
    >>> yhat.grad
    array([1., 2.])
    """
    pair = _pair(prediction, target, "half_squared_error")
    return _compare(lambda p, t: 0.5 * square(p - t), pair, reduction)


@in_float32
def l1_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean absolute error, `1/n sum |yhat - y|`; its gradient is 0 where they are equal.

    Raises `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import l1_loss
    >>> l1_loss(Tensor([1.0, 4.0]), [2.0, 2.0])
    Tensor(1.5)
    """
    return _compare(lambda p, t: absolute(p - t), _pair(prediction, target, "l1_loss"), reduction)


@in_float32
def huber_loss(prediction: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the squared error up to a distance of `delta`, and from there along its tangent: outliers count less.

    Raises `ShapeError` where the shapes differ, `RangeError` for a `delta` that is not positive.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import huber_loss
    >>> yhat = Tensor([1.0, 4.0])
    >>> loss = huber_loss(yhat, [0.5, 0.0], reduction="sum")
    >>> loss.backward()
    >>> loss.item(), yhat.grad
    (3.625, array([0.5, 1. ]))
    """
    if not delta > 0:
        raise RangeError(f"delta is the distance at which the squares end, above 0; given {delta}")

    def huber(p: Any, t: Any) -> Any:
        distance = absolute(p - t)
        near = minimum(distance, delta)
        return near * (distance - 0.5 * near)

    return _compare(huber, _pair(prediction, target, "huber_loss"), reduction)


@in_float32
def smooth_l1_loss(prediction: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` divided by its `beta`, there called delta: far out it is the absolute error, less `beta / 2`.

    With `beta=0` it is `l1_loss`. Raises what `huber_loss` raises.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import smooth_l1_loss
    >>> smooth_l1_loss(Tensor([1.0, 4.0]), [0.5, 0.0], reduction="none", beta=0.5)
    Tensor([0.25, 3.75])
    """
    if beta == 0:
        return l1_loss(prediction, target, reduction)
    losses = huber_loss(prediction, target, reduction, beta)
    return [loss / beta for loss in losses] if isinstance(losses, list) else losses / beta


# ---------------------------------------------------------------------- two classes


@in_float32
def hinge_loss(scores: Any, target: Any, reduction: str = "mean") -> Any:
    """The hinge loss of scores, `max(0, 1 - y s)`, for classes that are called -1 and +1.

    Raises `RangeError` for other targets, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import hinge_loss
    >>> hinge_loss([Value(0.5), Value(-2.0)], [1, -1])
    Value(0.25)
    """
    pair = _pair(scores, target, "hinge_loss")
    t = _plain(pair[1])
    if not (np.abs(t) == 1).all():
        raise RangeError(
            f"hinge_loss calls the two classes -1 and +1; given targets from {t.min():g} to {t.max():g}. "
            f"Write 2 * y - 1 for classes called 0 and 1"
        )
    return _compare(lambda s, t: relu(1 - t * s), pair, reduction)


SMALL = 1e-12  # a probability below this counts as this in a gradient, which would be infinite at 0


def _bce(p: float, t: float) -> float:
    likely, unlikely = (math.log(p) if p > 0 else -100.0), (math.log1p(-p) if p < 1 else -100.0)
    return -t * max(likely, -100.0) - (1 - t) * max(unlikely, -100.0)


def _bce_of_arrays(p: Any, t: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -t * np.maximum(np.log(p), -100) - (1 - t) * np.maximum(np.log1p(-p), -100)


_binary_cross_entropy = elementwise(
    "binary_cross_entropy",
    _bce,
    _bce_of_arrays,
    [
        lambda y, p, t: (1 - t) / maximum(1 - p, SMALL) - t / maximum(p, SMALL),
        lambda y, p, t: log(maximum(1 - p, SMALL)) - log(maximum(p, SMALL)),
    ],
)
_binary_cross_entropy_with_logits = elementwise(
    "binary_cross_entropy_with_logits",
    lambda z, t: max(z, 0.0) - t * z + math.log1p(math.exp(-abs(z))),
    lambda z, t: np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z))),
    [lambda y, z, t: sigmoid(z) - t, lambda y, z, t: -z],
)


@in_float32
def binary_cross_entropy(probabilities: Any, target: Any, reduction: str = "mean") -> Any:
    """The cross-entropy of probabilities of "yes", `-y log p - (1 - y) log(1 - p)`.

    Targets are 0 or 1, or probabilities. A logarithm counts as -100 at least, as in PyTorch, so that a
    certain wrong answer costs 100 and not infinity; its gradient is 1e12 then. That of a certain right one is 1, from
    inside of the range, where PyTorch has 0. After a sigmoid, prefer `binary_cross_entropy_with_logits`.

    Raises `RangeError` for probabilities or targets outside of 0 to 1, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import binary_cross_entropy
    >>> binary_cross_entropy(Tensor([0.5, 1.0]), [1, 1], reduction="none").data.round(4)
    array([0.6931, 0.    ])
    """
    pair = _pair(probabilities, target, "binary_cross_entropy")
    _check_probabilities(_plain(pair[0]), "binary_cross_entropy was given predictions", LOGITS_INSTEAD)
    _check_probabilities(_plain(pair[1]), "binary_cross_entropy was given targets", CALL_THEM_0_1)
    return _compare(_binary_cross_entropy, pair, reduction)


@in_float32
def binary_cross_entropy_with_logits(
    logits: Any, target: Any, reduction: str = "mean", *, pos_weight: Any = None
) -> Any:
    """The same of logits, the numbers before the sigmoid, as one node: its local gradient is `sigmoid(z) - y`.

    `pos_weight` is how often a "yes" counts, a number, or one for each column, for data with few of them.

    Raises `RangeError` for targets outside of 0 to 1, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import binary_cross_entropy_with_logits
    >>> z = Tensor([0.0, 1000.0])
    >>> loss = binary_cross_entropy_with_logits(z, [1, 0], reduction="sum")
    >>> loss.backward()
    >>> round(loss.item(), 4), z.grad
    (1000.6931, array([-0.5,  1. ]))
    """
    _refuse_probabilities(
        logits, sigmoid, "binary_cross_entropy_with_logits", "binary_cross_entropy for probabilities"
    )
    pair = _pair(logits, target, "binary_cross_entropy_with_logits")
    _check_probabilities(_plain(pair[1]), "binary_cross_entropy_with_logits was given targets", CALL_THEM_0_1)
    if pos_weight is not None:
        weight = _weights("pos_weight", pos_weight, pair[0])
        return _compare(lambda z, t: weight * t * softplus(-z) + (1 - t) * softplus(z), pair, reduction)
    return _compare(_binary_cross_entropy_with_logits, pair, reduction)


LOGITS_INSTEAD = (
    "They are probabilities; for numbers before the sigmoid write binary_cross_entropy_with_logits"
)
CALL_THEM_0_1 = "The two classes are called 0 and 1; write (y + 1) / 2 for classes called -1 and +1"


def _weights(name: str, weight: Any, x: Any) -> Any:
    """A weight, or one for each number along the last axis of `x`, in its dtype."""
    if isinstance(x, (Value, list)):
        if np.ndim(weight):
            raise ShapeError(f"of Values, {name} is one number for all; given shape {np.shape(weight)}")
        found = np.asarray(weight, np.float64)
    else:
        found = np.asarray(weight, x.dtype)
        if found.shape not in ((), x.shape[-1:]):
            raise ShapeError(
                f"{name} has shape {found.shape}; it is one number for all, or one for each of the last axis of "
                f"scores of shape {x.shape}: shape {x.shape[-1:]}"
            )
    if found.size and not found.min() >= 0:
        raise RangeError(f"{name} says how often a class counts, 0 or more; given {found.min():g}")
    return found if found.ndim or not isinstance(x, (Value, list)) else float(found)


def _check_probabilities(p: np.ndarray, given: str, instead: str) -> None:
    if p.size and not (p.min() >= 0 and p.max() <= 1) and not np.isnan(p).any():
        raise RangeError(f"{given} from {p.min():g} to {p.max():g}. {instead}")


# ---------------------------------------------------------------------- many classes


def _picked(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """What rows of `x` say of their classes `t`; of probabilities, what they say on average."""
    if t.dtype.kind in "iu":
        if t.size and not (t.min() >= 0 and t.max() < x.shape[-1]):  # in a replay, the first to look
            raise RangeError(
                f"the classes of this cross_entropy are 0 to {x.shape[-1] - 1}; given {t.min()} to {t.max()}. "
                f"Samples that do not count have to be there when the loss is recorded"
            )
        return x.reshape(-1, x.shape[-1])[np.arange(t.size), t.ravel()].reshape(t.shape)
    return (t * np.where(t == 0, 0, x)).sum(-1)  # what is impossible and does not happen costs nothing


def _cross_entropies(x: np.ndarray, t: np.ndarray, reduction: str) -> Any:
    e, z, _ = shifted_exp(x, (x.ndim - 1,))
    return _reduce_array(np.log(e.sum(-1)) - _picked(z, t), reduction)


def _per_sample(g: Any, x: Any, reduction: str) -> Any:
    """The gradient at each sample's loss, as a column."""
    if reduction == "none":
        return reshape(g, shape=(*x.shape[:-1], 1))
    return g / math.prod(x.shape[:-1]) if reduction == "mean" else g


def _distribution(t: Any, x: Any) -> Any:
    return one_hot(t, n_classes=x.shape[-1]) if t.ndim < x.ndim else t


# classes as rows of zeros with a single one; whole numbers in, so nothing is differentiated
one_hot = structural("one_hot", one_hot_array, [lambda g, y, t, n_classes: None])
_cross_entropy = structural(
    "cross_entropy",
    _cross_entropies,
    [
        lambda g, y, x, t, reduction: (
            (softmax(x, axis=(x.ndim - 1,)) - _distribution(t, x)) * _per_sample(g, x, reduction)
        ),
        lambda g, y, x, t, reduction: -log_softmax(x) * _per_sample(g, x, reduction),
    ],
)
_nll = structural(
    "nll",
    lambda x, t, reduction: _reduce_array(-_picked(x, t), reduction),
    [
        lambda g, y, x, t, reduction: _distribution(t, x) * -_per_sample(g, x, reduction),
        lambda g, y, x, t, reduction: x * -_per_sample(g, x, reduction),
    ],
)


@in_float32
def cross_entropy(
    logits: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """The cross-entropy of the softmax of logits, as one node: its gradient is `(softmax(x) - y) / n`.

    `logits` are `(..., classes)`. `target` has either a whole number for each row, the class, `(...)`; or a
    probability for each class, `(..., classes)`, such as `one_hot` gives. The loss is
    `-sum y log softmax(x)` for each row. A list with the logits of one sample as Values, or one such list for each
    sample, is taken as well. The classes are along the last axis, whereas PyTorch has them along the second one: of
    logits `(n, classes, length)` write `cross_entropy(moveaxis(x, 1, -1), y)`. Where both fit, as with
    `(n, 5, 5)`, it is the last axis that is taken.

    `weight` is how much each class counts; the mean is then that of weighted samples. Samples of the class
    `ignore_index` do not count at all. `label_smoothing` takes that share of each target and spreads it
    evenly over the classes.

    Raises `KindError` for classes that are not whole numbers, `RangeError` for a class or a
    probability that cannot be, `ShapeError` for targets of another shape.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import cross_entropy
    >>> logits = Tensor([[0.0, 0.0], [1000.0, 0.0]])
    >>> loss = cross_entropy(logits, [1, 0])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad
    (0.3466, array([[ 0.25, -0.25],
           [ 0.  ,  0.  ]]))
    """
    _refuse_probabilities(logits, softmax, "cross_entropy", "nll_loss(log(p), y) for probabilities")
    if isinstance(logits, (list, tuple)) and any(isinstance(v, Value) for v in _flat(logits)):
        return _cross_entropy_of_values(logits, target, reduction, weight, ignore_index, label_smoothing)
    x, target, ignored = _classes(logits, target, "cross_entropy", ignore_index)
    if weight is None and not label_smoothing and not ignored:
        return _cross_entropy(x, target, reduction=_checked(reduction, math.prod(x.shape[:-1])))
    return _weighted(log_softmax(x), target, reduction, weight, ignore_index, label_smoothing)


@in_float32
def nll_loss(
    log_probabilities: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
) -> Any:
    """The negative log-likelihood of log-probabilities, such as `log_softmax` gives; the rest as in `cross_entropy`.

    Raises what `cross_entropy` raises.

    >>> from chainrule.autograd import Tensor, log_softmax
    >>> from chainrule.nn import nll_loss
    >>> nll_loss(log_softmax(Tensor([[0.0, 0.0]])), [1]).item()
    0.6931471805599453
    """
    x, target, ignored = _classes(log_probabilities, target, "nll_loss", ignore_index)
    _refuse_positive(_plain(x), "nll_loss")
    if weight is None and not ignored:
        return _nll(x, target, reduction=_checked(reduction, math.prod(x.shape[:-1])))
    return _weighted(x, target, reduction, weight, ignore_index, 0.0)


@in_float32
def kl_div(log_probabilities: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """How far log-probabilities are from target probabilities: `y (log y - log p)`, the Kullback-Leibler divergence.

    "mean" is over all elements, as in PyTorch; `reduction="batchmean"` divides by the number of samples and is the
    divergence of the textbooks. Where `y` is 0, nothing is added. With `log_target` the targets are logarithms, too.

    Raises `ShapeError` where the shapes differ, `RangeError` for negative targets.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import kl_div
    >>> kl_div(Tensor(np.log([[0.5, 0.5]])), [[1.0, 0.0]], "batchmean").item()
    0.6931471805599453
    """
    if isinstance(log_probabilities, (list, tuple)) and not any(map(_is_node, _flat(log_probabilities))):
        log_probabilities = np.asarray(log_probabilities, np.float64)
    x, y = _pair(log_probabilities, target, "kl_div")
    if isinstance(x, (Value, list)):
        raise KindError("kl_div works on Tensors: one row of log-probabilities for each sample")
    _refuse_positive(_plain(x), "kl_div")
    if log_target:
        losses = exp(y) * (y - x)
    else:
        if y.size and not _plain(y).min() >= 0:
            raise RangeError(
                f"kl_div was given a target of {_plain(y).min():g}; write log_target=True for logarithms"
            )
        possible = _plain(y) > 0
        losses = where(possible, y * (log(where(possible, y, 1)) - x), 0)
    if reduction != "batchmean":
        return _reduce(losses, reduction)
    n = len(x) if x.ndim else 1
    _checked("mean", n)
    return _reduce(losses, "sum") / n


def _weighted(
    log_p: Any, target: Any, reduction: str, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    """The cross-entropies of log-probabilities and targets that are changed by the options."""
    weights = _class_weights(weight, log_p, label_smoothing)
    if target.ndim == log_p.ndim:
        return _reduce(_nll(log_p, _smoothed(target, weights, label_smoothing), reduction="none"), reduction)
    options: dict[str, Any] = {"weights": weights, "ignored": ignore_index, "smoothing": label_smoothing}
    _, count = _class_shares(_plain(target), **options)
    return _weighted_nll(
        log_p, target, reduction=_checked_count(reduction, count, math.prod(target.shape)), **options
    )


def _class_weights(weight: Any, x: Any, smoothing: float) -> np.ndarray:
    if not 0 <= smoothing <= 1:
        raise RangeError(f"label_smoothing is a share of the target, from 0 to 1; given {smoothing}")
    return np.broadcast_to(_weights("weight", 1 if weight is None else weight, x), x.shape[-1:])


def _smoothed(y: Any, weights: np.ndarray, smoothing: float) -> Any:
    return (y * (1 - smoothing) + smoothing / len(weights)) * weights


def _class_shares(
    t: np.ndarray, weights: np.ndarray, ignored: int, smoothing: float, mean: bool = False
) -> tuple[np.ndarray, Any]:
    """How much each class of each sample counts, and how much all samples do; as parts of that for a `mean`."""
    kept = (t != ignored).astype(weights.dtype)
    classes = np.where(kept, t, 0)
    count = (weights[classes] * kept).sum()
    y = one_hot_array(classes, len(weights)).astype(weights.dtype)
    shares = _smoothed(y, weights, smoothing) * kept[..., None]
    return shares / count if mean else shares, count


def _weighted_nlls(log_p: np.ndarray, t: np.ndarray, reduction: str, **options: Any) -> Any:
    shares, count = _class_shares(t, **options)
    losses = -_picked(log_p, shares)
    return losses.sum() / count if reduction == "mean" else _reduce_array(losses, reduction)


# whole numbers in, so nothing is differentiated
class_shares = structural(
    "class_shares",
    lambda t, **options: _class_shares(t, **options)[0],
    [lambda g, y, t, weights, ignored, smoothing, mean: None],
)
_weighted_nll = structural(
    "weighted_nll",
    _weighted_nlls,
    [
        lambda g, y, x, t, reduction, weights, ignored, smoothing: (
            class_shares(t, weights=weights, ignored=ignored, smoothing=smoothing, mean=reduction == "mean")
            * -_per_sample(g, x, "none" if reduction == "none" else "sum")
        ),
        lambda g, y, x, t, reduction, weights, ignored, smoothing: None,
    ],
)


def _checked_count(reduction: str, count: float, n: int) -> str:
    return _checked(reduction, count, NONE_COUNTS if n else "the batch is empty")


NONE_COUNTS = "each is of the class ignore_index, or of one whose weight is 0"


def _cross_entropy_of_values(
    logits: Any, target: Any, reduction: str, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    """The same of the logits of one sample, a list of Values, or of a list of such lists."""
    one = not isinstance(logits[0], (list, tuple))
    rows = [list(row) for row in ([logits] if one else logits)]
    if any(isinstance(v, (list, tuple)) for row in rows for v in row) or len({len(row) for row in rows}) > 1:
        raise ShapeError(
            "of Values, cross_entropy takes one list of logits for each sample, all of one length"
        )
    if isinstance(target, Tensor) and target.requires_grad:
        raise KindError(f"{target.describe()} stands beside Values, which do not mix. Write y.data")
    t = np.asarray(_plain(target) if isinstance(target, Node) else target)
    x, t, _ = _classes(
        np.array([_plain(row) for row in rows]), t[None] if one else t, "cross_entropy", ignore_index
    )
    weights = _class_weights(weight, x, label_smoothing)
    if t.ndim == x.ndim:
        shares, count = _smoothed(t, weights, label_smoothing), float(len(rows))
    else:
        shares, total = _class_shares(t, weights, ignore_index, label_smoothing)
        count = float(total)
    losses = [_cross_entropy_of_row(row, each) for row, each in zip(rows, shares.tolist())]
    _checked_count(reduction, count, len(losses))
    if one:
        return losses[0] / count if reduction == "mean" and count != 1 else losses[0]
    if reduction == "mean" and count != len(losses):
        return sum_of(losses) / count
    return _reduce(losses, reduction)


def _cross_entropy_of_row(row: list[Any], shares: list[float]) -> Any:
    """`-sum share log softmax(x)` of the logits of one sample."""
    some = [(share, v) for share, v in zip(shares, row) if share]
    if not some:
        return where(False, row[0], 0.0)  # a sample that does not count
    normaliser = logsumexp(row)
    terms = [normaliser - v if share == 1 else share * (normaliser - v) for share, v in some]
    return terms[0] if len(terms) == 1 else sum_of(terms)


MOVE_THE_CLASSES = (
    ". Classes are along the last axis; PyTorch's second one is moved there by moveaxis(x, 1, -1)"
)


def _classes(x: Any, target: Any, what: str, ignore_index: int = -100) -> tuple[Any, Any, bool]:
    """Logits and targets that fit each other, as Tensors or arrays, and whether any class is to be ignored."""
    if isinstance(x, Value) or (isinstance(x, Sequence) and any(isinstance(v, Value) for v in _flat(x))):
        raise KindError(
            f"{what} works on Tensors: one row of numbers for each sample. Of Values, logsumexp(logits) - "
            f"logits[k] is the cross-entropy of one sample of class k"
        )
    if not isinstance(x, Tensor):
        x = np.asarray(x)
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
    target = target if isinstance(target, Tensor) else np.asarray(target)
    t, ignored = _plain(target), False
    if x.ndim and not x.shape[-1]:
        raise ShapeError(f"{what} was given scores of shape {x.shape}, which are of no class")
    if not x.ndim or t.shape not in (x.shape, x.shape[:-1]):
        raise ShapeError(
            f"{what} was given scores of shape {x.shape} and targets of shape {t.shape}. Targets have one whole "
            f"number for each row of scores, shape {x.shape[:-1]}, or one probability for each score, shape {x.shape}"
            + (MOVE_THE_CLASSES if t.shape == x.shape[:1] + x.shape[2:] else "")
        )
    if t.ndim == x.ndim:
        target = target if isinstance(target, Tensor) else target.astype(x.dtype, copy=False)
        sums = t.sum(-1, dtype=np.float64)
        if t.size and not (t.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
            second = t.ndim > 2 and np.abs(t.sum(1, dtype=np.float64) - 1).max() < 1e-3
            raise RangeError(
                f"{what} was given targets of the scores' shape {x.shape}, which are probabilities then; but a row "
                f"of them sums to {sums.flat[np.abs(sums - 1).argmax()]:g}, or has a negative one"
                + (MOVE_THE_CLASSES if second else "")
            )
    elif t.dtype.kind not in "iu":
        raise KindError(
            f"{what} was given classes of dtype {t.dtype}, shape {t.shape}; a class is a whole number from 0 to "
            f"{x.shape[-1] - 1}. Write y.astype(int), or one_hot(y) for probabilities"
        )
    elif t.size and (ignore_index >= 0 or not (t.min() >= 0 and t.max() < x.shape[-1])):
        counted = t[t != ignore_index]
        ignored = counted.size < t.size
        if counted.size and not (counted.min() >= 0 and counted.max() < x.shape[-1]):
            raise RangeError(
                f"{what} was given {x.shape[-1]} scores for each sample, so classes are 0 to {x.shape[-1] - 1}; "
                f"the targets have {counted.min()} to {counted.max()}"
            )
    return x, target, ignored
