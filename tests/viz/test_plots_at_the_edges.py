"""Plots of what is not finite, plots of wrong arguments, and places where words could touch or be cut off."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from plotted import X, Y, bce

from chainrule import nn, viz
from chainrule.autograd import ChainruleError
from chainrule.autograd.errors import RangeError
from chainrule.nn import MLP

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")


def with_a_nan():
    model = MLP(2, [4, 2], seed=0)
    model.layers[0].weight.data[0, 1] = np.nan
    return model


def test_what_is_not_finite_is_grey_and_named() -> None:
    model, logits = with_a_nan(), nn.cross_entropy
    ax = viz.plot_weights(model)
    assert ax.get_title(loc="left").endswith("grey not finite")
    first, second = (panel.images[0] for panel in ax.child_axes[:2])
    assert first.to_rgba(first.get_array())[0, 1] == pytest.approx(
        matplotlib.colors.to_rgba(viz.THEMES["light"].muted)
    )
    assert np.isfinite(second.get_array()).all()
    ax = viz.plot_network(model, X)
    assert ax.get_title(loc="left").endswith("grey not finite")
    ax.figure.canvas.draw()
    titles = [panel.get_title() for panel in viz.plot_responses(model, X, Y).child_axes]
    assert titles == ["unit 1", "unit 2, not finite", "unit 3", "unit 4"]
    title = viz.plot_decision_boundary(model, X, Y).get_title(loc="left")
    assert title == "The output is NaN or infinite in 100% of the plane"
    texts = [panel.texts[0].get_text() for panel in viz.plot_activation_histograms(model, X).child_axes]
    assert texts == ["not all are finite"] * 2
    viz.plot_gradient_histograms(model, X, Y, logits).figure.canvas.draw()
    with pytest.raises(RangeError, match=r"40 of 40 samples have no place in a picture: layers.0"):
        viz.plot_hidden_space(model, X, Y)
    with pytest.raises(RangeError, match="NaN or infinite on the whole plane"):
        viz.plot_loss_surface(model, X, Y, logits, resolution=3)


def test_a_gradient_that_is_not_finite_is_named_where_its_bar_would_be() -> None:
    model = MLP(2, [4, 2], seed=0)
    nn.cross_entropy(model(X), Y).backward()
    assert not viz.plot_gradient_flow(model).texts
    model.layers[0].weight.grad[0, 0] = np.nan
    (text,) = viz.plot_gradient_flow(model).texts
    assert (text.get_text(), text.get_position()[0]) == ("NaN or infinite", 0)


def history_of(**columns):
    found = nn.History()
    for row in zip(*columns.values()):
        found.append(dict(zip(columns, row)))
    return found


def test_the_epochs_after_the_last_finite_loss_are_marked() -> None:
    nan = float("nan")
    history = history_of(
        epoch=[1, 2, 3, 4, 5], loss=[1.0, 0.5, nan, nan, nan], val_loss=[1.1, 0.9, 0.8, nan, nan]
    )
    ax = viz.plot_loss(history)
    assert ax.get_title(loc="left") == "Loss during training: NaN or infinite from epoch 3 on"
    assert ax.get_xlim()[1] >= 5
    gap = history_of(epoch=[1, 2, 3], loss=[1.0, nan, 0.5])
    assert viz.plot_loss(gap).get_title(loc="left") == "Loss during training"


@pytest.mark.parametrize(
    ("column", "best"), [("accuracy", 0.9), ("mean_error", 0.2), ("loss", 0.2), ("perplexity", None)]
)
def test_the_best_of_an_error_is_the_lowest_and_of_an_accuracy_the_highest(column, best) -> None:
    numbers = [0.4, 0.2, 0.9]
    texts = viz.plot_loss(
        history_of(epoch=[1, 2, 3], **{column: numbers, f"val_{column}": numbers}), column=column
    ).texts
    assert [text.get_text() for text in texts] == ([] if best is None else [f"best: {best}"])


def test_the_title_beside_long_names_stays_in_the_figure() -> None:
    names = [f"a long class name {k}" for k in range(10)]
    rng = np.random.default_rng(0)
    ax = viz.plot_confusion_matrix(rng.integers(0, 10, 200), rng.integers(0, 10, 200), names=names)
    ax.figure.canvas.draw()
    assert ax._left_title.get_window_extent().x1 <= ax.figure.bbox.x1


LAYER = MLP(2, [4, 2], seed=0)


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda: viz.plot_loss([1.0, 2.0]), "a curve is that of a History"),
        (lambda: viz.plot_loss(history_of(loss=[1.0]), column="los"), "did you mean 'loss'"),
        (lambda: viz.plot_loss(history_of(loss=[1.0]), "loss"), "ax is the axes of matplotlib"),
        (lambda: viz.plot_learning_rate(["a"]), "a schedule, a Recorder or a list"),
        (lambda: viz.plot_decision_boundary(LAYER, X, Y, resolution=1), "resolution=1 is not a count"),
        (lambda: viz.plot_decision_boundary(LAYER, X, Y, margin=-1), "margin=-1 is a share"),
        (lambda: viz.plot_decision_boundary(LAYER, X, Y, task="regresion"), "did you mean 'regression'"),
        (lambda: viz.plot_decision_boundary(LAYER, X, Y, threshold="a"), "the threshold is one number"),
        (lambda: viz.plot_decision_boundary(LAYER, X, ["a"] * 40), "targets are numbers; given dtype <U1"),
        (lambda: viz.plot_decision_boundary(LAYER, X * np.nan), "some of them are NaN or infinite"),
        (lambda: viz.plot_decision_boundary(lambda x: x[:3], X), "22500 samples have 22500 outputs"),
        (lambda: viz.plot_responses(LAYER, X, Y[:5]), "there are 40 points and 5 targets"),
        (lambda: viz.plot_hidden_space(LAYER, X, Y[:5]), "there are 40 points and 5 targets"),
        (lambda: viz.plot_layers(LAYER, X, Y[:5]), "there are 40 points and 5 targets"),
        (lambda: viz.plot_activation_histograms(LAYER, X, bins=0), "bins=0 is not a count"),
        (lambda: viz.plot_gradient_histograms(LAYER, X, Y, "mse"), "the loss is a function"),
        (lambda: viz.plot_gradient_flow(3), "diagnostics look into a module"),
        (lambda: viz.plot_loss_surface(LAYER, X, Y, bce, resolution=1), "resolution=1 is not a count"),
        (lambda: viz.plot_loss_surface(LAYER, X, Y, bce, reach=0), "reach=0 is how far"),
        (lambda: viz.plot_loss_surface(LAYER, X, Y, bce, directions=3), "two different directions"),
        (lambda: viz.plot_weights(LAYER, layer=9), "there are no weights 9; there are 'layers.0.weight'"),
        (
            lambda: viz.plot_weights(LAYER, laier=1),
            "plot_weights has no argument 'laier'; did you mean 'layer'",
        ),
        (lambda: viz.plot_weights(LAYER, image_shape=4), "image_shape is a height and a width"),
        (lambda: viz.plot_network(LAYER, X, max_units=0), "max_units=0 is not a count"),
        (lambda: viz.plot_network(LAYER, X, features=3), "features is a function"),
        (lambda: viz.plot_activation_functions([]), "activations are names"),
        (lambda: viz.plot_activation_functions("relu", low=2, high=1), "given low=2 and high=1"),
        (lambda: viz.plot_approximation("sin"), "a function of one number is approximated"),
        (lambda: viz.plot_loss(history_of(loss=[1.0])).save("a.png", dpi=-1), "dpi=-1 is not a resolution"),
    ],
)
def test_a_wrong_argument_is_answered_in_words(mistake, lesson) -> None:
    with pytest.raises(ChainruleError, match=lesson):
        mistake()


def test_a_hidden_layer_of_one_unit_has_one_axis() -> None:
    ax = viz.plot_hidden_space(MLP(2, [1, 2], seed=0), X, Y)
    assert (ax.get_xlabel(), ax.get_ylabel(), len(ax.get_yticks())) == ("unit 1", "", 0)


def test_the_numbers_below_histograms_do_not_touch() -> None:
    layers = [part for k in range(6) for part in (nn.Linear(2, 2, seed=k), nn.Tanh())]
    ax = viz.plot_activation_histograms(nn.Sequential(*layers), X)
    ax.figure.canvas.draw()
    for panel in ax.child_axes:
        low, high = panel.get_xlim()
        shown = [
            label.get_window_extent()
            for label, at in zip(panel.get_xticklabels(), panel.get_xticks())
            if low <= at <= high
        ]
        assert all(a.x1 + 4 < b.x0 for a, b in pairwise(shown))
