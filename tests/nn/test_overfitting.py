"""A network that learns wrong labels by heart, and the four cures, as in benchmarks/results_overfitting.py."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def experiment(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("results_overfitting")


def test_it_is_learnt_by_heart_and_each_cure_helps_on_what_was_held_out(experiment):
    middle = {"none": [None], "early stopping": [10], "L1": [4e-3], "L2": [1e-2], "dropout": [0.9]}
    found = experiment.results([0], middle, progress=False)
    alone = found.pop("none")
    assert alone["training"] == [1.0]
    assert alone["test"][0] < 0.75
    for cure, columns in found.items():
        assert columns["training"][0] < 0.9, cure
        assert columns["test"][0] > alone["test"][0] + 0.05, cure
        assert columns["strength"] == middle[cure]


@pytest.mark.parametrize("seed", [0, 4])
def test_no_sample_is_in_two_parts_and_only_what_is_held_out_has_right_labels(experiment, seed):
    digits = experiment.nn.datasets.load_digits()
    right = {(x / 16).astype("float32").tobytes(): y for x, y in zip(digits.data, digits.target)}
    assert len(right) == len(digits.target)
    parts = experiment.data(seed)
    names = [{x.tobytes() for x in X} for X, _ in parts]
    assert [len(each) for each in names] == [200, 200, 1397]
    assert len(set.union(*names)) == 1797
    wrong = [sum(right[x.tobytes()] != label for x, label in zip(X, y)) / len(y) for X, y in parts]
    assert wrong[0] == pytest.approx(0.3, abs=0.1)
    assert wrong[1] == pytest.approx(0.3, abs=0.1)
    assert wrong[2] == 0


def test_the_strength_is_the_best_in_validation_whatever_is_held_out(experiment, monkeypatch):
    validation = {0: {1: 0.5, 2: 0.7, 3: 0.7}, 1: {1: 0.9, 2: 0.1, 3: 0.2}}

    def train(cure, strength, seed):
        return {"validation": validation[seed][strength], "test": float(strength == 3)}

    monkeypatch.setattr(experiment, "train", train)
    found = experiment.results([0, 1], {"L1": [1, 2, 3]}, progress=False)
    assert found == {"L1": {"strength": [2, 1], "validation": [0.7, 0.9], "test": [0.0, 0.0]}}
