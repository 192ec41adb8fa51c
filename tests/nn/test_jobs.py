"""Trainings in worker processes: the same numbers in the same order, errors with their seed, Ctrl-C; loky and Dask."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, KindError, RangeError
from chainrule.nn.training.progress import progress_bar

SEEDS = [3, 0, 2, 1]


@pytest.fixture
def joblib():
    return pytest.importorskip("joblib", reason="joblib, the extra jobs, is not installed")


@pytest.fixture(scope="module")
def dask():
    """A cluster of two worker processes on this machine, which later calls of joblib may use."""
    pytest.importorskip("joblib", reason="joblib, the extra jobs, is not installed")
    distributed = pytest.importorskip("dask.distributed", reason="Dask, the extra cluster, is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def experiment_of(**more):
    """An experiment as users write them: a closure, which another process cannot import by its name."""

    def experiment(seed):
        X, X_test, y, y_test = nn.split(*nn.datasets.moons(300, seed=seed), test_size=0.5, seed=seed)
        model = nn.Sequential(
            nn.Linear(2, 16, seed=seed), nn.Dropout(0.1, seed=seed), nn.Linear(16, 2, seed=seed)
        )
        history = nn.fit(model, nn.cross_entropy, (X, y), epochs=3, seed=seed)
        weights = float(np.abs(model.parameters()[0].data).sum())
        found = {
            "loss": history["loss"][-1],
            "accuracy": nn.accuracy(model(X_test), y_test),
            "weights": weights,
        }
        return {**found, **{name: value() for name, value in more.items()}}

    return experiment


# ---------------------------------------------------------------------- the same numbers


def test_workers_give_the_same_bits_in_the_order_of_the_seeds(joblib, capfd):
    here = nn.repeat(experiment_of(), SEEDS, progress=False)
    capfd.readouterr()
    there = nn.repeat(experiment_of(pid=os.getpid), SEEDS, n_jobs=2, progress=False)
    columns = there.to_dict()
    assert os.getpid() not in columns.pop("pid")
    assert columns == here.to_dict()
    assert columns["seed"] == SEEDS
    assert capfd.readouterr().err == ""  # the bars of `fit` are not shown in workers


def test_the_order_is_that_of_the_seeds_whatever_finishes_first(joblib):
    found = nn.repeat(lambda seed: time.sleep(0.4 * (seed == 5)) or seed, [5, 6, 7], n_jobs=2, progress=False)
    assert found["result"] == found.seeds == [5, 6, 7]


# JAX, where another test has imported it, warns of every fork: its threads are not there in the child
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_backends_of_joblib(joblib, backend):
    """`multiprocessing` is one whose results come all at once. `None` takes the number from the configuration."""
    here = nn.repeat(experiment_of(), SEEDS, progress=False)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert nn.repeat(experiment_of(), SEEDS, progress=False).to_dict() == here.to_dict()


def test_dask(joblib, dask):
    here = nn.repeat(experiment_of(), SEEDS, progress=False)
    with joblib.parallel_config(backend="dask"):
        there = nn.repeat(experiment_of(pid=os.getpid), SEEDS, progress=False)
        with pytest.raises(ChainruleError, match="failed for seed 2: ZeroDivisionError"):
            nn.repeat(lambda seed: 1 / (2 - seed), progress=False)
    columns = there.to_dict()
    pids = set(columns.pop("pid"))
    assert os.getpid() not in pids
    assert pids <= set(dask.run(os.getpid).values())
    assert columns == here.to_dict()


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_estimators_in_a_grid_search(joblib, backend, request):
    """Large arrays reach loky's workers as read-only maps of a file; here all are large."""
    selection = pytest.importorskip(
        "sklearn.model_selection", reason="scikit-learn, the extra sklearn, is not installed"
    )
    options = {"backend": backend}
    if backend == "dask":
        request.getfixturevalue("dask")
    else:
        options |= {"n_jobs": 2, "max_nbytes": 100}

    def search():
        network = nn.MLPClassifier(learning_rate_init=0.03, tol=0.01, n_iter_no_change=5, random_state=0)
        grid = {"hidden_layer_sizes": [(2,), (8,)]}
        return selection.GridSearchCV(network, grid, cv=2, error_score="raise")

    iris = nn.datasets.load_iris()
    here = search().fit(iris.data, iris.target)
    with joblib.parallel_config(**options):
        there = search().fit(iris.data, iris.target)
    assert there.cv_results_["mean_test_score"].tolist() == here.cv_results_["mean_test_score"].tolist()
    assert there.best_score_ > 0.9
    regressor = nn.MLPRegressor((8,), learning_rate_init=0.03, tol=0.1, n_iter_no_change=5, random_state=0)
    with joblib.parallel_config(**options):
        scores = selection.cross_val_score(regressor, iris.data[:, :3], iris.data[:, 3], cv=2)
    assert np.isfinite(scores).all()


# ---------------------------------------------------------------------- errors


def test_an_error_names_its_seed_and_keeps_the_original(joblib):
    class Broken(Exception):
        pass

    def experiment(seed):
        if seed == 2:
            raise Broken("the loss became nan")
        return seed

    for n_jobs in (None, 2):
        with pytest.raises(ChainruleError, match="failed for seed 2: Broken: the loss became nan") as caught:
            nn.repeat(experiment, [0, 1, 2], n_jobs=n_jobs, progress=False)
        assert type(caught.value.__cause__) is Broken
        assert set(caught.value.results.seeds) <= {0, 1}
    # the traceback in the worker
    assert re.search(r"line \d+, in experiment", str(caught.value.__cause__.__cause__))


def test_an_error_that_cannot_be_copied_to_another_process(joblib):
    class Odd(Exception):
        def __init__(self, what, where):
            super().__init__(f"{what} in {where}")

    def experiment(seed):
        raise Odd("nan", "layer 2")

    with pytest.raises(ChainruleError, match="failed for seed 7: Odd: nan in layer 2"):
        nn.repeat(experiment, [7], n_jobs=2, progress=False)


def test_a_killed_worker(joblib):
    with pytest.raises(ChainruleError, match=r"without the results of the seeds .*4.*Terminated"):
        nn.repeat(lambda seed: os._exit(1) if seed == 4 else seed, [4], n_jobs=2, progress=False)
    assert nn.repeat(float, [1, 2], n_jobs=2, progress=False).mean == {"result": 1.5}  # others take its place


def test_arguments(joblib):
    with pytest.raises(KindError, match="for seed 1 it returned str 'good'"):
        nn.repeat(lambda seed: seed or "good" if seed != 1 else "good", [1], n_jobs=2, progress=False)
    with pytest.raises(RangeError, match="-1 for all cores; given 0"):
        nn.repeat(float, n_jobs=0)
    for wrong in (1.5, True, "2"):
        with pytest.raises(KindError, match="n_jobs is a whole number"):
            nn.repeat(float, n_jobs=wrong)
    with pytest.raises(KindError, match="a function of a seed"):
        nn.repeat(3)


def test_without_joblib_it_runs_here_and_says_what_to_install():
    code = """
    import sys
    sys.modules["joblib"] = None
    from chainrule import nn
    print(nn.repeat(float, [4], progress=False)["result"])
    try:
        nn.repeat(float, [4], n_jobs=2)
    except ImportError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.stdout.startswith("[4.0]\n"), done.stderr
    assert "pip install 'chainrule[jobs]'" in done.stdout


def test_nothing_imports_joblib_before_it_is_needed():
    code = "import sys; from chainrule import nn; nn.repeat(float); print('joblib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


# ---------------------------------------------------------------------- the bar


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_one_bar_for_all_seeds(n_jobs, capfd):
    if n_jobs:
        pytest.importorskip("joblib", reason="joblib, the extra jobs, is not installed")
    found = nn.repeat(experiment_of(), [0, 1, 2], n_jobs=n_jobs)
    shown = re.split(r"[\r\n]+", capfd.readouterr().err.strip())
    assert all(line.startswith("seeds|") for line in shown)
    assert "100%" in shown[-1]
    assert f"accuracy={found.mean['accuracy']:.4g}" in shown[-1]
    with progress_bar(total=1) as bar:
        assert not bar.disable  # those of `fit` are back


def test_without_its_own_bar_those_of_fit_are_shown(capfd):
    nn.repeat(experiment_of(), [0], progress=False)
    assert "epoch 3/3" in capfd.readouterr().err


# ---------------------------------------------------------------------- Ctrl-C

INTERRUPTED = """
import json, os, signal, sys, time
from chainrule import nn
signal.signal(signal.SIGINT, signal.default_int_handler)  # even if the tests run where it is ignored
FIRST, N_JOBS = json.loads(sys.argv[1])

def experiment(seed):
    if seed >= 2:
        os.write(1, b"training\\n")  # at once, so that two workers cannot write into one line
        model = nn.MLP(2, [2], seed=0)
        nn.fit(model, nn.cross_entropy, nn.datasets.moons(30), epochs=10**6, callbacks=[lambda run: time.sleep(0.01)])
        open("after", "w").close() if N_JOBS else None  # a worker is ended within `fit`
    return seed

try:
    results = nn.repeat(experiment, range(FIRST, 5), n_jobs=N_JOBS, progress=False)
except KeyboardInterrupt:
    print(json.dumps("interrupted"))
else:
    print(json.dumps([results.seeds, results.ended, repr(results).splitlines()[-1]]))
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


@pytest.mark.skipif(os.name == "nt", reason="a group of processes gets one signal on POSIX only")
@pytest.mark.parametrize(("first", "n_jobs"), [(0, None), (2, None), (0, 2), (2, 2)])
def test_ctrl_c_ends_all_and_keeps_what_was_finished(first, n_jobs, tmp_path):
    if n_jobs:
        pytest.importorskip("joblib", reason="joblib, the extra jobs, is not installed")
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, json.dumps([first, n_jobs])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,  # as of a terminal: the signal reaches the workers as well
    )
    assert child.stdout.readline() == "training\n"
    if n_jobs and first:
        assert child.stdout.readline() == "training\n"
    time.sleep(0.3)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)  # all have ended that could still write
    assert child.returncode == 0, err
    assert "Traceback" not in err
    said = json.loads(out.splitlines()[-1])
    if first:
        assert said == "interrupted"
    else:
        seeds, ended, last_line = said
        assert ended == last_line == "interrupted"
        # two workers: the result of the slower one may be on its way
        assert seeds == [0, 1] if n_jobs is None else {*seeds} and {*seeds} <= {0, 1}
    assert list(tmp_path.iterdir()) == []
