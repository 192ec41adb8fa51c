"""Plots of layers: what they pass on, the gradients that reach them, their weights, the network itself."""

from __future__ import annotations

import numpy as np
import pytest
from plotted import SIGNS, X, by_hand, tensors, values, with_gradients

from chainrule import nn, viz
from chainrule.autograd.errors import KindError, ShapeError
from chainrule.nn import MLP

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")


# ---------------------------------------------------------------------- layers


def test_histograms_of_activations_count_them_by_hand():
    of_values, of_tensors = values("relu", widths=(5, 3, 1))
    of_tensors.layers[0].bias.data = np.array([0.0, -50.0, 0.2, -50.0, 0.0])
    for neuron, b in zip(of_values.layers[0].neurons, of_tensors.layers[0].bias.data):
        neuron.b.data = float(b)
    outputs = by_hand(of_tensors, X, lambda z: np.maximum(z, 0))
    for model in (of_values, of_tensors):
        found = viz.plot_activation_histograms_data(model, X, bins=7)
        assert len(found) == 3
        for each, array in zip(found, outputs):
            counts, edges = np.histogram(array, 7)
            assert np.abs(np.array(each.statistics.counts) - counts).sum() <= 2  # a rounding at an edge
            np.testing.assert_allclose(each.statistics.edges, edges, atol=1e-12)
            assert each.statistics.mean == pytest.approx(array.mean())
        assert (found[0].units, found[0].dead) == (5, 2)
        assert found[2].dead is None
        panel = viz.plot_activation_histograms(model, X, bins=7).child_axes[0]
        shares = panel.patches[0].get_data().values
        np.testing.assert_allclose(shares, np.array(found[0].statistics.counts) / outputs[0].size)
        assert "2 of 5 units dead" in panel.texts[0].get_text()


def test_saturation_is_shown():
    model = tensors()
    model.layers[0].bias.data = np.array([0.0, 50.0, 0.0, -50.0, 0.0])
    found = viz.plot_activation_histograms_data(model, X)
    flat = 1 - by_hand(model, X)[0] ** 2 < 0.1
    assert found[0].saturated == flat.mean() >= 0.4


@pytest.mark.parametrize("of_values", [True, False])
def test_histograms_of_gradients_count_them_by_hand(of_values):
    scalars, of_tensors = values(widths=(4, 1))
    z = by_hand(of_tensors, X)[-1]
    delta = 2 * (z - SIGNS[:, None]) / len(X)  # of the mean squared error
    arrays = [delta @ of_tensors.layers[-1].weight.data.T, delta]
    model = scalars if of_values else of_tensors
    target = SIGNS if of_values else SIGNS[:, None]
    found = viz.plot_gradient_histograms_data(model, X, target, nn.mse_loss, bins=6)
    low, high = np.log10([min(np.abs(a).min() for a in arrays), max(np.abs(a).max() for a in arrays)])
    for each, array in zip(found, arrays):
        assert each.rms == pytest.approx(np.sqrt((array**2).mean()))
        np.testing.assert_allclose(np.log10(each.edges), np.linspace(low, high, 7), atol=2e-3)
        assert np.abs(each.counts - np.histogram(np.abs(array), each.edges)[0]).sum() == 0
        assert each.counts.sum() == array.size
    assert all(p.grad is None for p in model.parameters())
    panels = viz.plot_gradient_histograms(model, X, target, nn.mse_loss, bins=6).child_axes
    np.testing.assert_array_equal(
        panels[-1].patches[0].get_data().values, found[0].counts
    )  # the input is below


def test_gradient_flow_is_the_root_mean_square_of_each_layers_gradients():
    model = with_gradients()
    found = viz.plot_gradient_flow_data(model)
    for row, linear in zip(found, model.layers[::2]):
        numbers = np.append(linear.weight.grad.ravel(), linear.bias.grad)
        assert row.rms == pytest.approx(np.sqrt((numbers**2).mean()))
    bars = viz.plot_gradient_flow(model).patches
    np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in bars], [row.rms for row in found])
    with pytest.raises(KindError, match=r"backward\(\)"):
        viz.plot_gradient_flow(tensors())


# ---------------------------------------------------------------------- weights


def test_weights_are_shown_as_they_are():
    of_values, of_tensors = values()
    for model in (of_values, of_tensors):
        found = viz.plot_weights_data(model)
        for matrix, linear in zip(found.values(), of_tensors.layers[::2]):
            np.testing.assert_array_equal(matrix, linear.weight.data)
        panels = viz.plot_weights(model).child_axes
        np.testing.assert_array_equal(panels[0].images[0].get_array(), of_tensors.layers[0].weight.data)
    model = MLP(6, [3, 1], seed=0)
    images = viz.plot_weights_data(model, image_shape=(2, 3))
    np.testing.assert_array_equal(images["unit 2"], model.layers[0].weight.data[:, 1].reshape(2, 3))
    with pytest.raises(ShapeError, match="do not make an image of 4 by 4"):
        viz.plot_weights_data(model, image_shape=(4, 4))


def test_kernels_are_windows_with_a_column_for_each_filter_and_a_row_for_each_channel():
    layer = nn.Conv2d(2, 3, 2, seed=0)
    w = layer.weight.data
    (matrix,) = viz.plot_weights_data(layer).values()
    assert matrix.shape == (5, 8)  # 2 rows of windows and 3 columns of them, one NaN between two
    for f in range(3):
        for c in range(2):
            np.testing.assert_array_equal(matrix[3 * c : 3 * c + 2, 3 * f : 3 * f + 2], w[f, c])
    assert np.isnan(matrix[2]).all()
    assert np.isnan(matrix[:, [2, 5]]).all()
    assert np.isnan(matrix).sum() == 5 * 8 - w.size
    panel = viz.plot_weights(layer).child_axes[0]
    assert (panel.get_title(), panel.get_xlabel(), panel.get_ylabel()) == (
        "weight  3 × 2 × 2 × 2",
        "filter",
        "input channel",
    )
    assert [(t.get_text(), x) for t, x in zip(panel.get_xticklabels(), panel.get_xticks())] == [
        ("1", 0.5),
        ("2", 3.5),
        ("3", 6.5),
    ]


def test_each_filter_is_an_image_of_its_window():
    one, several = nn.Conv2d(1, 4, 3, seed=0), nn.Conv2d(2, 3, 3, seed=0)
    found = viz.plot_weights_data(one, image_shape=(3, 3))
    assert list(found) == ["filter 1", "filter 2", "filter 3", "filter 4"]
    np.testing.assert_array_equal(found["filter 3"], one.weight.data[2, 0])
    found = viz.plot_weights_data(several, image_shape=(3, 3))
    np.testing.assert_array_equal(found["filter 2, channel 1"], several.weight.data[1, 0])
    assert len(viz.plot_weights(several, image_shape=(3, 3)).child_axes) == 6 + 1  # and the scale of colours
    with pytest.raises(ShapeError, match="windows of 3 by 3, not of 2 by 2"):
        viz.plot_weights(one, image_shape=(2, 2))


def test_lines_of_the_network_are_as_thick_as_its_weights():
    of_values, of_tensors = values()
    for model in (of_values, of_tensors):
        found = viz.plot_network_data(model, X, resolution=5)
        assert found.widths == [2, 5, 3, 1]
        grid = np.array([[a, b] for b in np.linspace(*limits(1), 5) for a in np.linspace(*limits(0), 5)])
        for column, expected in zip(found.responses, [grid, *by_hand(of_tensors, grid)]):
            np.testing.assert_allclose(column, expected.T.reshape(-1, 5, 5), rtol=1e-9)
        ax = viz.plot_network(model, X, resolution=5)
        weight = of_tensors.layers[0].weight.data
        widths = np.array(ax.collections[0].get_linewidths()).reshape(2, 5)
        np.testing.assert_allclose((widths - 0.25) / 4.75, np.abs(weight) / np.abs(weight).max())
        blue = matplotlib.colors.to_rgb(viz.THEMES["light"].value)
        painted = [np.allclose(colour[:3], blue) for colour in ax.collections[0].get_colors()]
        assert painted == (weight.ravel() > 0).tolist()
        np.testing.assert_allclose(ax.images[2].get_array(), found.responses[1][0])


def limits(axis):
    more = 0.15 * np.ptp(X[:, axis])
    return X[:, axis].min() - more, X[:, axis].max() + more


def test_a_network_on_features_made_by_hand_is_drawn_over_the_plane():
    def features(points):
        x1, x2 = points.T
        return np.column_stack([x1, x1 * x2, np.sin(x2)])

    model = MLP(3, [2, 1], "tanh", seed=0)
    found = viz.plot_network_data(model, X, features=features, resolution=5)
    grid = np.array([[a, b] for b in np.linspace(*limits(1), 5) for a in np.linspace(*limits(0), 5)])
    for column, expected in zip(found.responses, [features(grid), *by_hand(model, features(grid))]):
        np.testing.assert_allclose(column, expected.T.reshape(-1, 5, 5), rtol=1e-9)
    ax = viz.plot_network(model, X, features=features, inputs=["x1", "x1 x2", "sin x2"], resolution=5)
    assert {"x1 x2", "sin x2"} <= {text.get_text() for text in ax.texts}
    assert len(ax.images) == 6
    with pytest.raises(ShapeError, match="3 inputs and there are 2 names"):
        viz.plot_network(model, inputs=["a", "b"])
    with pytest.raises(ShapeError, match="rows of 3 numbers"):
        viz.plot_network(model, X, features=lambda points: points)


def test_the_picture_of_a_network_says_what_it_hides_and_what_it_cannot_show():
    texts = [text.get_text() for text in viz.plot_network(MLP(2, [30, 1]), max_units=6).texts]
    assert "and 24 more" in texts
    with pytest.raises(KindError, match="linear layers, one after the other"):
        viz.plot_network(nn.Conv2d(1, 1, 2))
