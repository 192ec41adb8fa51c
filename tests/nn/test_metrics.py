"""Accuracy and the confusion matrix: what a single score means, and the counts worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, Value, no_grad, sigmoid, stack
from chainrule.nn.metrics import decision_threshold

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
X, Y = nn.datasets.moons(203, noise=0.2, seed=0)


# ---------------------------------------------------------------------- what a single score means


@pytest.mark.parametrize(
    ("scores", "target", "threshold"),
    [
        ([0.01, 0.97, 0.6, 0.2], [0, 1, 1, 0], 0.5),  # probabilities
        ([0.9, 0.1, 0.95, 0.2], [0, 1, 0, 1], 0.5),  # probabilities, all on the wrong side
        ([-0.03, 1.04, 0.9, 0.1], [0, 1, 1, 0], 0.5),  # estimates of the targets, as mse_loss trains them
        ([-4.0, 3.5, 2.0, -0.1], [0, 1, 1, 0], 0.0),  # logits
        ([-0.2, 0.3, 0.1, -0.4], [0, 1, 1, 0], 0.0),  # logits of a network that has learnt little
        ([0.2, 0.9], [-1, 1], 0.0),
        ([-1e300, 1e300], [0, 1], 0.0),
        ([np.nan, 0.3, 0.7], [1, 0, 1], 0.5),
        ([np.nan], [1], 0.0),
    ],
)
def test_the_threshold_is_found_from_scores_and_targets(scores, target, threshold):
    assert decision_threshold(scores, target) == threshold
    assert decision_threshold(Tensor(np.reshape(scores, (-1, 1))), np.array(target)) == threshold
    assert decision_threshold([Value(s) for s in scores], target) == threshold


def test_what_a_sigmoid_made_is_a_probability_wherever_it_was_moved():
    p = sigmoid(Tensor([[3.0], [-1.0], [0.2]]))
    assert decision_threshold(p, [1, 0, 1]) == 0.5
    for moved in (p.reshape(-1), p[:, 0], p.T, [sigmoid(Value(2.0)), sigmoid(Value(1.0))], stack([p, p])):
        assert decision_threshold(moved, [-1, 1]) == 0.5  # whatever the targets
    assert decision_threshold(p * 4 - 2, [1, 0, 1]) == 0.0
    assert nn.accuracy(sigmoid(Tensor([0.3, -0.2])), [1, 0]) == 1.0
    assert nn.accuracy(sigmoid(Tensor([0.3, -0.2])), [1, 0], threshold=0) == 0.5


def test_a_perfect_network_for_targets_0_and_1_is_perfect():
    model = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        scores = [model(row) for row in XOR[0].tolist()]
        nn.mse_loss(scores, XOR[1]).backward()
        optimizer.step()
    assert max(abs(float(s) - t) for s, t in zip(scores, XOR[1])) < 0.2
    scores = [s + 0.01 for s in scores]
    assert nn.accuracy(scores, XOR[1]) == 1
    assert nn.accuracy(scores, XOR[1], threshold=0) == 0.5


LOSSES = {  # the loss, what stands behind the network, and what its scores mean
    "logits": (lambda s, y: nn.binary_cross_entropy_with_logits(s, y.reshape(-1, 1)), None, 0.0),
    "probabilities": (lambda s, y: nn.binary_cross_entropy(s, y.reshape(-1, 1)), nn.Sigmoid(), 0.5),
    "estimates": (lambda s, y: nn.mse_loss(s, y.reshape(-1, 1)), None, 0.5),
    "hinge": (lambda s, y: nn.hinge_loss(s, 2 * y.reshape(-1, 1) - 1), None, 0.0),
}


@pytest.mark.parametrize("name", LOSSES)
def test_in_a_training_the_loss_says_what_a_score_means_for_every_batch(name):
    loss, last, threshold = LOSSES[name]
    model = nn.Sequential(nn.Linear(2, 1, seed=0), *([last] if last else []))

    def by_hand(scores, y):
        return float(((np.ravel(scores.data) > threshold) == (y == 1)).mean())

    noise = np.random.default_rng(0).normal(size=Y.shape) > 0.4  # nothing to learn: scores are close together
    metrics = {"accuracy": nn.accuracy, "by_hand": by_hand}
    for y in (Y, noise.astype(int)):
        history = nn.fit(
            model, loss, (X, y), validation=(X, y), epochs=4, batch_size=4, metrics=metrics, progress=False
        )
        assert history["accuracy"] == history["by_hand"]
        assert history["val_accuracy"] == history["val_by_hand"]
        found = nn.evaluate(model, loss, (X, y), metrics, batch_size=3)
        assert found["accuracy"] == found["by_hand"]


def test_a_loss_that_does_not_say_it_leaves_it_to_the_scores():
    def loss(scores, y):
        if not y.any() or y.all():
            raise ValueError("a loss of other targets")
        return nn.binary_cross_entropy_with_logits(scores, y.reshape(-1, 1), pos_weight=3.0)

    model = nn.MLP(2, [4, 1], seed=0)
    assert nn.evaluate(model, loss, (X, Y), [nn.accuracy])["accuracy"] == nn.accuracy(model(X), Y)


# ---------------------------------------------------------------------- the confusion matrix


def test_the_counts_of_the_confusion_matrix():
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(300, 4)), rng.integers(0, 4, 300)
    found = nn.confusion_matrix(Tensor(scores), target)
    expected = [[sum((scores.argmax(1) == j) & (target == i)) for j in range(4)] for i in range(4)]
    assert found.counts.tolist() == expected
    assert found.names == ("0", "1", "2", "3")
    assert found.accuracy == nn.accuracy(scores, target)
    assert found.recall[1] == expected[1][1] / sum(expected[1])
    assert found.precision[2] == expected[2][2] / sum(row[2] for row in expected)
    assert nn.confusion_matrix(scores.argmax(1), nn.one_hot(target, 4)).counts.tolist() == expected
    assert nn.confusion_matrix([0], [0], 3).counts.shape == (3, 3)
    assert nn.confusion_matrix(scores[:1], [0]).counts.shape == (4, 4)


def test_single_scores_are_read_as_accuracy_reads_them():
    with no_grad():
        p = sigmoid(Tensor([[2.0], [1.0], [-3.0]]))
    for scores, target in ((p, [1, 0, 0]), ([0.3, -2.0, 1.0], [1, 0, 0]), ([0.3, 2.0, -1.0], [-1, 1, -1])):
        found = nn.confusion_matrix(scores, target)
        assert found.accuracy == nn.accuracy(scores, target)
        assert found.counts.sum() == 3
    assert nn.confusion_matrix([0.3, 0.4], [0, 1], threshold=0.2).counts.tolist() == [[0, 1], [0, 1]]


def test_the_confusion_matrix_is_a_table():
    found = nn.confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1], names=["cat", "dog", "bird"])
    assert repr(found).splitlines() == [
        "75% of 4 right; rows: the true class, columns: the predicted one",
        "            cat  dog  bird  recall",
        "cat           1    1     0     50%",
        "dog           0    2     0    100%",
        "bird          0    0     0       -",
        "precision  100%  67%     -",
    ]
    assert "<th>dog</th><td>0</td><td>2</td>" in found._repr_html_()
    y = np.repeat(np.arange(10), 1000)
    wrong = np.where(np.arange(len(y)) == 5, 9, y)
    lines = repr(nn.confusion_matrix(wrong, y)).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("99% of 10000")  # 100% is said of all only
    assert repr(found).isascii()


@pytest.mark.parametrize(
    ("mistake", "error", "lesson"),
    [
        (lambda: nn.confusion_matrix([0, 1], [0, 1, 1]), ShapeError, "2 predictions and 3 targets"),
        (lambda: nn.confusion_matrix([], []), ShapeError, "0 predictions and 0 targets"),
        (lambda: nn.confusion_matrix([0, 3], [0, 1], 2), RangeError, "they are 0 to 1; given 3"),
        (lambda: nn.confusion_matrix([0, 3], [0, 1], names="ab"), RangeError, "they are 0 to 1; given 3"),
        (lambda: nn.confusion_matrix([0, 1], [0, -2]), RangeError, "-1 and \\+1; given -2"),
        (lambda: nn.confusion_matrix([0, 1], [0.5, 1]), KindError, "class numbers.*0.5"),
        (lambda: nn.confusion_matrix([0, 1], ["a", "b"]), KindError, "np.unique"),
    ],
)
def test_mistakes_are_answered_by_lessons(mistake, error, lesson):
    with pytest.raises(error, match=lesson):
        mistake()


def test_a_score_that_is_nan_predicts_no_class():
    assert nn.accuracy([[np.nan, 1.0], [2.0, 1.0]], [0, 0]) == 0.5
    assert nn.accuracy([np.nan, 0.9], [0, 1], threshold=0.5) == 0.5
    with pytest.raises(RangeError, match="NaN predicts no class"):
        nn.confusion_matrix([[np.nan, 1.0]], [0])
