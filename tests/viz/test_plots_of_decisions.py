"""Plots of the plane: what a network answers at each place, and one colour for one class in all of them."""

from __future__ import annotations

import numpy as np
import pytest
from plotted import SIGNS, X, Y, by_hand, tensors, values

from chainrule import nn, viz
from chainrule.autograd import Tensor, sigmoid
from chainrule.autograd.errors import RangeError
from chainrule.nn import MLP
from chainrule.viz.plots import canvas

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")


# ---------------------------------------------------------------------- the plane


@pytest.mark.parametrize("compound", [True, False])
def test_the_decision_boundary_of_values_and_of_tensors_is_that_by_hand(compound):
    of_values, of_tensors = values(compound=compound)
    found = viz.plot_decision_boundary_data(of_values, X, SIGNS, resolution=7)
    assert found.x1[0] == pytest.approx(X[:, 0].min() - 0.15 * np.ptp(X[:, 0]))
    for i, j in [(0, 0), (2, 5), (6, 3)]:
        scores = by_hand(of_tensors, np.array([[found.x1[j], found.x2[i]]]))[-1]
        np.testing.assert_allclose(found.output[i, j], scores[0], rtol=1e-12)
        assert found.classes[i, j] == (scores[0, 0] > 0)
    score = (by_hand(of_tensors, X)[-1][:, 0] > 0) == (Y == 1)
    assert found.score == score.mean()
    same = viz.plot_decision_boundary_data(of_tensors, X, Y, resolution=7)
    np.testing.assert_allclose(same.output, found.output, rtol=1e-12)
    assert same.score == found.score


def test_classes_of_several_outputs_and_how_sure_they_are():
    def model(x):
        return np.stack([x[:, 0], x[:, 1], np.zeros(len(x))], axis=1)

    points, classes = np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0], [1.0, -1.0]]), np.array([0, 1, 2, 1])
    found = viz.plot_decision_boundary_data(model, points, classes, resolution=9)
    assert found.score == 0.75
    assert found.classes[0, 0] == 2
    assert found.classes[0, -1] == 0
    p = np.sort(np.exp([found.x1[-1], found.x2[0], 0.0]))
    assert found.confidence[0, -1] == pytest.approx((p[-1] - p[-2]) / p.sum())
    ax = viz.plot_decision_boundary(model, points, classes, resolution=9)
    paths = {text.get_text(): handle.get_offsets() for handle, text in zip(*legend_of(ax))}
    np.testing.assert_array_equal(paths["class 0"], points[:1])
    np.testing.assert_array_equal(paths["wrong"], points[3:])


def legend_of(ax):
    handles, _ = ax.get_legend_handles_labels()
    return handles, ax.get_legend().get_texts()


def test_regression_shows_the_answers_and_their_error():
    found = viz.plot_decision_boundary_data(lambda x: x[:, :1] * 2, X, X[:, 0] * 2 + 0.5, resolution=5)
    assert found.classes is None
    assert found.score == pytest.approx(0.25)
    ax = viz.plot_decision_boundary(lambda x: x[:, :1] * 2, X, X[:, 0] * 2 + 0.5, resolution=5)
    np.testing.assert_allclose(ax.images[0].get_array(), np.tile(found.x1 * 2, (5, 1)))
    left, right, bottom, top = ax.images[0].get_extent()
    pixel = (right - left) / 5, (top - bottom) / 5
    np.testing.assert_allclose(np.arange(5) * pixel[0] + left + pixel[0] / 2, found.x1)
    np.testing.assert_allclose(np.arange(5) * pixel[1] + bottom + pixel[1] / 2, found.x2)
    np.testing.assert_allclose(ax.collections[-1].get_array(), X[:, 0] * 2 + 0.5)


def test_behind_a_sigmoid_the_boundary_is_at_a_half():
    model = nn.Sequential(nn.Linear(2, 1, seed=0), nn.Sigmoid())
    found = viz.plot_decision_boundary_data(model, X, Y, resolution=6)
    np.testing.assert_array_equal(found.classes, found.output[..., 0] > 0.5)
    assert 0 < found.classes.mean() < 1


@pytest.mark.parametrize(
    ("output", "target", "threshold"),
    [
        (lambda x: 4 * x[:, :1] - 2, lambda right: right, 0),  # logits
        (lambda x: 4 * x[:, :1] - 2, lambda right: 2 * right - 1, 0),  # of classes -1 and +1
        (lambda x: sigmoid(Tensor(8 * x[:, :1] - 4)), lambda right: right, 0.5),  # probabilities
        (lambda x: 1.3 * x[:, :1] - 0.15, lambda right: right, 0.5),  # estimates of the targets
    ],
)
def test_the_boundary_of_a_perfect_network_is_where_its_classes_change(output, target, threshold):
    points = np.random.default_rng(0).random((40, 2))
    right = (points[:, 0] > 0.5).astype(int)
    found = viz.plot_decision_boundary_data(output, points, target(right), resolution=40)
    assert (found.threshold, found.score) == (threshold, 1.0)
    np.testing.assert_array_equal(found.classes, np.tile(found.x1 > 0.5, (40, 1)))
    ax = viz.plot_decision_boundary(output, points, target(right), resolution=9)
    assert f", where the output is {threshold}: 100.0% on the right side" in ax.get_title(loc="left")
    assert viz.plot_decision_boundary_data(output, points, resolution=9).classes.any()


def test_probabilities_without_targets_have_their_boundary_at_a_half():
    found = viz.plot_decision_boundary_data(lambda x: sigmoid(Tensor(x[:, :1])), X, resolution=9)
    assert found.threshold == 0.5
    chosen = viz.plot_decision_boundary_data(
        lambda x: sigmoid(Tensor(x[:, :1])), X, threshold=0.7, resolution=9
    )
    assert chosen.threshold == 0.7


def test_classes_that_no_output_stands_for_are_an_error_and_not_a_class_of_their_own():
    with pytest.raises(RangeError, match="1 output knows the classes 0 to 1; the targets have 0 to 2"):
        viz.plot_decision_boundary(tensors(), X, np.arange(40) % 3, resolution=5)
    with pytest.raises(RangeError, match="2 outputs knows the classes 0 to 1.*task='regression'"):
        viz.plot_decision_boundary(tensors(widths=(3, 2)), X, np.arange(40) % 3, resolution=5)


@pytest.mark.parametrize("of_values", [True, False])
def test_responses_are_those_of_the_hidden_units(of_values):
    scalars, of_tensors = values()
    model = scalars if of_values else of_tensors
    for k, layer in enumerate(["layer1", "layer2"] if of_values else ["layers.0", "layers.2"]):
        found = viz.plot_responses_data(model, X, layer=layer, resolution=6)
        grid = np.array([[a, b] for b in found.x2 for a in found.x1])
        expected = by_hand(of_tensors, grid)[k].T.reshape(-1, 6, 6)
        np.testing.assert_allclose(found.values, expected, rtol=1e-10)
    ax = viz.plot_responses(model, X, resolution=6)
    for panel, unit in zip(ax.child_axes, found.values):
        np.testing.assert_allclose(panel.images[0].get_array(), unit)
    with pytest.raises(RangeError, match="no hidden layer 'nowhere'"):
        viz.plot_responses_data(model, X, layer="nowhere")


def test_a_dead_unit_is_named():
    model = tensors("relu")
    model.layers[2].bias.data = np.array([0.0, -100.0, 0.0])
    assert viz.plot_responses_data(model, X).dead.tolist() == [False, True, False]
    assert viz.plot_responses(model, X, resolution=5).child_axes[1].get_title() == "unit 2, dead"


def test_the_hidden_space_of_many_units_is_that_of_the_principal_components():
    model = tensors(widths=(5, 1))
    found = viz.plot_hidden_space_data(model, X)
    h = by_hand(model, X)[0]
    np.testing.assert_allclose(found.values, h, rtol=1e-12)
    variances, directions = np.linalg.eigh(np.cov(h.T))
    expected = (h - h.mean(0)) @ directions[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(found.positions), np.abs(expected), atol=1e-10)
    np.testing.assert_allclose(found.shares, variances[::-1][:2] / variances.sum())
    ax = viz.plot_hidden_space(model, X, Y)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), found.positions[Y == 0])


@pytest.mark.parametrize("of_values", [True, False])
def test_the_hidden_space_of_two_units_has_the_last_layers_decision(of_values):
    scalars, of_tensors = values(widths=(2, 1))
    found = viz.plot_hidden_space_data(scalars if of_values else of_tensors, X, resolution=9)
    np.testing.assert_allclose(found.positions, by_hand(of_tensors, X)[0], rtol=1e-10)
    last = of_tensors.layers[-1]
    at = np.array([found.beyond.x1[3], found.beyond.x2[7]])
    assert found.beyond.output[7, 3, 0] == pytest.approx(
        float(at @ last.weight.data[:, 0] + last.bias.data[0])
    )


# ---------------------------------------------------------------------- one colour for one thing


def signed_network():
    """One hidden unit and one output, both with the sign of x1: class 1 is where it is positive."""
    model = MLP(2, [1, 1], "tanh", seed=0)
    model.layers[0].weight.data = np.array([[3.0], [0.0]])
    model.layers[2].weight.data = np.array([[4.0]])
    return model


def pixels(ax):
    """Draw the axes; returns the function that gives the colour at a place of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawing = FigureCanvasAgg(ax.figure)
    drawing.draw()
    image = np.asarray(drawing.buffer_rgba())[..., :3].astype(int)

    def at(panel, place):
        x, y = panel.transData.transform(place)
        return image[len(image) - 1 - round(y), round(x)]

    return at


def is_blue(colour):
    red, _, blue = colour
    assert abs(blue - red) > 25, colour
    return bool(blue > red)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_class_1_and_positive_are_blue_and_class_0_and_negative_orange_at_the_same_spot(theme):
    square = np.array([[a, b] for a in (-1.0, -0.5, 0.5, 1.0) for b in (-1.0, -0.5, 0.5, 1.0)])
    side = (square[:, 0] > 0).astype(int)
    model = signed_network()
    two = MLP(2, [1, 2], "tanh", seed=0)
    two.layers[0].weight.data, two.layers[2].weight.data = (
        model.layers[0].weight.data,
        np.array([[-4.0, 4.0]]),
    )
    for name, ax, spots in [
        *(
            (
                f"{each}: {what}",
                viz.plot_decision_boundary(each, square, side, resolution=60, theme=theme),
                spots,
            )
            for each in (model, two)
            for what, spots in (
                ("ground", [(-0.75, 0.25), (0.75, 0.25)]),
                ("points", [(-0.5, 0.5), (0.5, 0.5)]),
            )
        ),
        ("space", viz.plot_hidden_space(model, square, side, theme=theme), [(-0.995, 0.0), (0.995, 0.0)]),
    ]:
        at = pixels(ax)
        assert [is_blue(at(ax, spot)) for spot in spots] == [False, True], name
    (panel,) = viz.plot_responses(model, square, side, resolution=30, theme=theme).child_axes
    at = pixels(panel)
    assert [is_blue(at(panel, spot)) for spot in [(-0.75, 0.25), (0.75, 0.25)]] == [False, True]
    assert [is_blue(at(panel, spot)) for spot in [(-0.5, 0.5), (0.5, 0.5)]] == [False, True]
    ax = viz.plot_network(model, square, theme=theme)
    at = pixels(ax)
    for unit in ax.images[2:]:  # the hidden unit and the output
        left, right, bottom, top = unit.get_extent()
        spots = [(left + share * (right - left), (bottom + top) / 2) for share in (0.2, 0.8)]
        assert [is_blue(at(ax, spot)) for spot in spots] == [False, True]
    assert is_blue(at(ax, (2.6 + 1.3, 0.0)))  # the positive weight between them
    ax = viz.plot_weights(model, theme=theme)
    assert is_blue(pixels(ax)(ax.child_axes[1], (0, 0)))


def test_further_classes_have_colours_of_their_own():
    for theme in viz.THEMES.values():
        colours = canvas.class_colours(theme, 10)
        assert colours[:2] == [theme.gradient, theme.value]
        assert len(set(colours)) == 10


def test_a_perceptron_is_drawn_with_its_line():
    points = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    perceptron = nn.Perceptron(2).fit(points, [0, 0, 0, 1])
    ax = viz.plot_decision_boundary(perceptron, points, [0, 0, 0, 1])
    assert (
        ax.get_title(loc="left")
        == "Decision boundary of the perceptron, x . w + b = 0: 100.0% on the right side"
    )
    (line,) = [
        path
        for each in ax.collections
        for path in each.get_paths()
        if len(path.vertices) > 20 and not len(each.get_offsets()) > 1
    ]
    np.testing.assert_allclose(line.vertices[:, 1], perceptron.line(line.vertices[:, 0]), atol=1e-9)
    found = viz.plot_decision_boundary_data(perceptron, points, [0, 0, 0, 1], resolution=5)
    np.testing.assert_allclose(
        found.output[2, 3, 0], np.array([found.x1[3], found.x2[2]]) @ perceptron.weight + perceptron.bias
    )
