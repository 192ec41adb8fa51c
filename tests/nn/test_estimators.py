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
# of arrays of other libraries, which neither of the estimators claims to take
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
    names = {each["check_name"] for each in results}
    assert {
        "check_sample_weight_equivalence_on_dense_data",
        "check_estimators_partial_fit_n_features",
    } <= names
    failed = [(each["check_name"], str(each["exception"])) for each in results if each["status"] != "passed"]
    assert [
        each for each in failed if each[0] not in NOT_OURS and "pandas is not installed" not in each[1]
    ] == []


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


# ---------------------------------------------------------------------- weights of samples


def moons_with_weights():
    X, y = nn.datasets.moons(40, noise=0.3, seed=0)
    return X, y, np.random.default_rng(1).integers(0, 4, len(X))


OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 30, "learning_rate_init": 0.02, "random_state": 0}
WITHOUT_WARNING = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@WITHOUT_WARNING
@pytest.mark.parametrize("estimator", [nn.MLPClassifier, nn.MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_in_one_batch_weights_are_copies(estimator, solver):
    X, y, w = moons_with_weights()
    weighted = estimator(solver=solver, alpha=0.1, **OPTIONS).fit(X, y, sample_weight=w)
    repeated = estimator(solver=solver, alpha=0.1, **OPTIONS).fit(X.repeat(w, 0), y.repeat(w))
    plain = estimator(solver=solver, alpha=0.1, **OPTIONS).fit(X, y)
    predict = "predict_proba" if estimator is nn.MLPClassifier else "predict"
    np.testing.assert_allclose(getattr(weighted, predict)(X), getattr(repeated, predict)(X), rtol=1e-9)
    assert np.abs(getattr(weighted, predict)(X) - getattr(plain, predict)(X)).max() > 1e-3
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    assert weighted.score(X, y, sample_weight=w) == pytest.approx(repeated.score(X.repeat(w, 0), y.repeat(w)))


@WITHOUT_WARNING
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("estimator", [nn.MLPClassifier, nn.MLPRegressor])
def test_in_any_batches_a_weight_of_zero_is_a_sample_left_out(estimator, early_stopping):
    X, y, w = moons_with_weights()
    options = {"batch_size": 7, "early_stopping": early_stopping, "n_iter_no_change": 100, **OPTIONS}
    weighted = estimator(**options).fit(X, y, sample_weight=w > 0)
    removed = estimator(**options).fit(X[w > 0], y[w > 0])
    np.testing.assert_allclose(weighted.predict(X), removed.predict(X), rtol=1e-9)
    np.testing.assert_allclose(
        estimator(**options).fit(X, y, sample_weight=3.0).loss_curve_,
        estimator(**options).fit(X, y, sample_weight=np.full(len(X), 3)).loss_curve_,
    )


def test_the_loss_of_a_weighted_batch_is_that_of_scikit_learn():
    from sklearn.metrics import log_loss, r2_score

    from chainrule.nn.training.sample_weights import r2, weighted_loss

    X, y, w = moons_with_weights()
    model = nn.MLP(2, [4, 2], seed=0)
    loss = weighted_loss(nn.cross_entropy)(model(X), {"y": y, "weight": w.astype(float)})
    p = np.exp(model(X).data) / np.exp(model(X).data).sum(1, keepdims=True)
    assert loss.item() == pytest.approx(log_loss(y, p, sample_weight=w), rel=1e-9)
    numbers = X[:, :1] + 0.1
    assert r2(numbers, X[:, :1], w) == pytest.approx(r2_score(X[:, 0], numbers[:, 0], sample_weight=w))


@WITHOUT_WARNING
def test_weights_pass_through_a_pipeline():
    X, y, w = moons_with_weights()
    pipeline = make_pipeline(StandardScaler(), nn.MLPClassifier(**OPTIONS))
    assert pipeline.fit(X, y, mlpclassifier__sample_weight=w).score(X, y) > 0.7


# ---------------------------------------------------------------------- data in parts, and more epochs


@WITHOUT_WARNING
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_calls_of_partial_fit_with_all_data_are_the_epochs_of_fit(solver):
    X, y = nn.datasets.moons(60, noise=0.2, seed=0)
    options = {"solver": solver, "batch_size": 16, **OPTIONS, "max_iter": 5}
    fitted, parts = nn.MLPClassifier(**options).fit(X, y), nn.MLPClassifier(**options)
    for _ in range(5):
        assert parts.partial_fit(X, y, classes=[0, 1]) is parts
    np.testing.assert_array_equal(parts.predict_proba(X), fitted.predict_proba(X))
    assert parts.loss_curve_ == fitted.loss_curve_
    assert parts.n_iter_ == 5
    regressor, numbers = nn.MLPRegressor(**options).fit(X, X), nn.MLPRegressor(**options)
    for _ in range(5):
        numbers.partial_fit(X, X)
    np.testing.assert_array_equal(numbers.predict(X), regressor.predict(X))


@WITHOUT_WARNING
def test_partial_fit_takes_data_in_parts():
    rng = np.random.default_rng(0)
    names = np.array(IRIS.target_names)[IRIS.target]
    X = (IRIS.data - IRIS.data.mean(0)) / IRIS.data.std(0)
    model = nn.MLPClassifier((16,), learning_rate_init=0.02, random_state=0)
    model.partial_fit(X[:10], names[:10], classes=np.unique(names))  # of one class only
    assert model.classes_.tolist() == sorted(set(names))
    for _ in range(30):
        for part in np.array_split(rng.permutation(len(X)), 3):
            model.partial_fit(X[part], names[part], sample_weight=np.ones(len(part)))
    assert model.score(X, names) > 0.95
    assert model.n_iter_ == 91
    more = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own, with the state of its optimiser
    np.testing.assert_array_equal(
        more.partial_fit(X, names).predict_proba(X), model.partial_fit(X, names).predict_proba(X)
    )
    with pytest.raises(ValueError, match="y has the classes .*'tulip'"):
        model.partial_fit(X[:1], ["tulip"])
    with pytest.raises(ValueError, match="classes=.* differ from those of the first call"):
        model.partial_fit(X, names, classes=["setosa", "tulip"])
    with pytest.raises(ValueError, match="first partial_fit is given the classes"):
        clone(model).partial_fit(X, names)
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :2], names)


@WITHOUT_WARNING
def test_warm_start_continues_from_the_weights_of_the_fit_before():
    X, y = nn.datasets.moons(60, noise=0.2, seed=0)
    model = nn.MLPClassifier(warm_start=True, **OPTIONS).fit(X, y)
    first = model.loss_
    network = model.network_
    model.set_params(learning_rate_init=1e-12, max_iter=2).fit(X, y)
    assert model.network_ is network
    assert model.loss_ == pytest.approx(first, rel=0.05)
    assert model.n_iter_ == len(model.loss_curve_) == 32
    assert len(model.history_) == 2
    cold = clone(model).set_params(warm_start=False, **OPTIONS).fit(X, y)
    assert cold.fit(X, y).n_iter_ == 30
    np.testing.assert_allclose(cold.loss_, first)
    with pytest.raises(
        RangeError, match=r"MLP\(2 -> 8 -> 2\) is trained further, and cannot have the layers \[4, 2\]"
    ):
        model.set_params(hidden_layer_sizes=(4,)).fit(X, y)
    with pytest.raises(RangeError, match="y has the classes"):
        model.set_params(hidden_layer_sizes=(8,)).fit(X, np.zeros(len(X)))


def test_weights_that_they_refuse():
    X, y, w = moons_with_weights()
    for weights in (np.zeros(len(X)), -np.ones(len(X)), np.full(len(X), np.nan), w[:-1], w[:, None]):
        with pytest.raises(ValueError):  # noqa: PT011 - some of these texts are scikit-learn's
            nn.MLPClassifier().fit(X, y, sample_weight=weights)


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
