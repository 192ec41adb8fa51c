"""The estimators: scikit-learn's own checks, its pipelines and searches, and what happens without it."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn, the extra sklearn, is not installed")

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from chainrule import nn
from chainrule.autograd import KindError, RangeError

IRIS = nn.datasets.load_iris()
# of arrays of other libraries, which neither of the estimators claims to take, and of pandas where that is missing
NOT_OURS = {
    "check_array_api_input",
    "check_classifier_data_not_an_array",
    "check_regressor_data_not_an_array",
}


@pytest.mark.parametrize("estimator", [nn.MLPClassifier, nn.MLPRegressor])
def test_scikit_learns_checks(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks make arrays and stop trainings of which it would warn
        results = check_estimator(estimator(), on_skip=None, on_fail=None)
    assert len(results) > 45
    failed = [(each["check_name"], each["exception"]) for each in results if each["status"] != "passed"]
    assert [each for each in failed if each[0] not in NOT_OURS] == []


def test_pipelines_and_grid_search():
    pipeline = make_pipeline(StandardScaler(), nn.MLPClassifier((8,), max_iter=60, random_state=0))
    search = GridSearchCV(
        pipeline,
        {"mlpclassifier__learning_rate_init": [1e-6, 0.03], "mlpclassifier__activation": ["tanh"]},
        cv=3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(IRIS.data, np.array(IRIS.target_names)[IRIS.target])
    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.03
    assert search.best_score_ > 0.93
    assert search.predict(IRIS.data[:1]).tolist() == ["setosa"]


def test_it_learns_what_scikit_learns_own_learns():
    X, y = nn.datasets.moons(300, noise=0.2, seed=0)
    options = {"hidden_layer_sizes": (32,), "max_iter": 1000, "learning_rate_init": 0.01, "random_state": 0}
    ours, theirs = (
        cross_val_score(each(**options), X, y, cv=3).mean() for each in (nn.MLPClassifier, TheirClassifier)
    )
    assert ours > theirs - 0.02 > 0.9


def test_a_fitted_classifier():
    model = nn.MLPClassifier((8,), max_iter=1000, learning_rate_init=0.03, random_state=0)
    assert model.fit(IRIS.data, IRIS.target + 5) is model
    probabilities = model.predict_proba(IRIS.data)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_array_equal(model.predict(IRIS.data), probabilities.argmax(1) + 5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(IRIS.data)), probabilities)
    assert model.classes_.tolist() == [5, 6, 7]
    assert model.n_iter_ == len(model.loss_curve_) == len(model.history_) < 1000
    assert model.loss_ == model.loss_curve_[-1]
    assert repr(model.network_).startswith("MLP(4 -> 8 -> 3)")
    again = clone(model).fit(IRIS.data, IRIS.target + 5)
    np.testing.assert_array_equal(again.predict_proba(IRIS.data), probabilities)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(IRIS.data), probabilities)  # noqa: S301
    with pytest.raises(NotFittedError):
        clone(model).predict(IRIS.data)


@pytest.mark.parametrize("shape", [(200,), (200, 1), (200, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_regressor_gives_back_the_shape_of_its_targets(shape, dtype, rng):
    X = rng.normal(size=(200, 3)).astype(dtype)
    y = np.tanh(X @ np.ones((3, 2), dtype))[:, : shape[-1] if len(shape) == 2 else 1].reshape(shape)
    model = nn.MLPRegressor(
        (16,), "tanh", solver="sgd", learning_rate_init=0.1, max_iter=500, random_state=0
    ).fit(X, y)
    assert model.predict(X).shape == shape
    assert model.predict(X).dtype == dtype
    assert model.score(X, y) > 0.95


def test_early_stopping_keeps_the_best_of_the_validation_share():
    X, y = nn.datasets.moons(300, noise=0.4, seed=0)
    options = {"early_stopping": True, "n_iter_no_change": 5, "learning_rate_init": 0.02, "random_state": 0}
    model = nn.MLPClassifier((32,), validation_fraction=0.3, **options).fit(X, y)
    scores = model.history_["val_score"]
    assert model.history_.best == int(np.argmax(scores)) + 1
    assert model.history_.ended == "no better val_score for 5 epochs"
    regressor = nn.MLPRegressor((8,), **options).fit(X, X[:, 0] * 2)
    assert max(regressor.history_["val_score"]) > 0.8


def test_alpha_shrinks_the_weights():
    X, y = nn.datasets.moons(100, seed=0)

    def size(alpha):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = nn.MLPClassifier(
                (16,), alpha=alpha, max_iter=50, learning_rate_init=0.01, random_state=0
            ).fit(X, y)
        return sum((p.data**2).sum() for p in model.network_.parameters())

    assert size(0) > size(1) > size(30)


def test_what_they_refuse():
    X, y = IRIS.data, IRIS.target
    for options, words in [
        ({"solver": "lbfgs"}, "no solver 'lbfgs' here; there are adam"),
        ({"activation": "sine"}, "no activation 'sine'.*identity, logistic"),
        ({"max_iter": 0}, "max_iter is 1 or more"),
        ({"alpha": -1}, "alpha is a number, 0 or more"),
        ({"alpha": "x"}, "alpha is a number, 0 or more; given 'x'"),
        ({"max_iter": 2.5}, "max_iter is a whole number"),
        ({"batch_size": "big"}, "batch_size is a whole number; given str 'big'"),
        ({"hidden_layer_sizes": "abc"}, "each of hidden_layer_sizes is a whole number; given str 'abc'"),
        ({"hidden_layer_sizes": (0,)}, "each of hidden_layer_sizes is 1 or more"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "each part needs one"),
    ]:
        with pytest.raises((KindError, RangeError), match=words):
            nn.MLPClassifier(**options).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="still improving after max_iter=1"):
        nn.MLPClassifier(max_iter=1).fit(X, y)


def test_without_scikit_learn_the_rest_works_and_they_say_what_to_install():
    code = """
import sys
sys.modules["sklearn"] = sys.modules["sklearn.base"] = None
from chainrule import nn
nn.fit(nn.MLP(2, [2]), nn.cross_entropy, nn.datasets.moons(20), epochs=1, progress=False)
for name in ("MLPClassifier", "MLPRegressor"):
    try:
        getattr(nn, name)((8,))
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.count("pip install 'chainrule[sklearn]'") == 2, done.stderr


def test_importing_nn_does_not_import_scikit_learn():
    code = "import sys, chainrule.nn; print('sklearn' in sys.modules, hasattr(chainrule.nn, 'nonsense'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr
