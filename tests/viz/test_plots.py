"""Plots: the numbers behind each are those worked out by hand, what is drawn shows them, nothing global is touched."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule import nn, viz
from chainrule.autograd import ChainruleError, Tensor, Value, sigmoid
from chainrule.autograd.errors import KindError, RangeError, ShapeError
from chainrule.nn import MLP, datasets, scalar
from chainrule.nn.diagnostics import initial_spread
from chainrule.viz import Recorder
from chainrule.viz.plots import canvas

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")

X, Y = datasets.moons(40, noise=0.1, seed=0)
SIGNS = np.where(Y == 1, 1.0, -1.0)


def tensors(activation="tanh", widths=(5, 3, 1)):
    return MLP(2, list(widths), activation, seed=0)


def values(activation="tanh", widths=(5, 3, 1), compound=True):
    """The same network of Values: weights copied one by one."""
    model, other = scalar.MLP(2, list(widths), activation, compound=compound), tensors(activation, widths)
    for layer, linear in zip(model.layers, other.layers[::2]):
        for j, neuron in enumerate(layer.neurons):
            neuron.b.data = 0.1 * j
            linear.bias.data = 0.1 * np.arange(len(layer.neurons))
            for i, w in enumerate(neuron.w):
                w.data = float(linear.weight.data[i, j])
    return model, other


def by_hand(model, x, g=np.tanh):
    """What each layer of an MLP passes on, in NumPy."""
    found, linears = [], model.layers[::2]
    for linear in linears:
        x = x @ linear.weight.data + linear.bias.data
        x = g(x) if linear is not linears[-1] else x
        found.append(x)
    return found


def bce(scores, y):
    return nn.binary_cross_entropy_with_logits(scores, np.reshape(y, (-1, 1)))


def trained(steps=30):
    model = tensors()
    optimizer, recorder = nn.SGD(model.parameters(), lr=0.5), Recorder(model)
    for _ in range(steps):
        loss = bce(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recorder.record(model, loss, lr=optimizer.lr)
    return model, recorder


# ---------------------------------------------------------------------- all plots


def history():
    found = nn.History()
    for epoch, (a, b) in enumerate([(0.9, 0.8), (0.5, 0.4), (0.2, 0.5), (0.1, 0.6), (0.05, 0.7)], 1):
        found.append({"epoch": epoch, "loss": a, "val_loss": b})
    return found


def with_gradients():
    model = tensors()
    bce(model(X), Y).backward()
    return model


EVERY = {
    "plot_loss": lambda **o: viz.plot_loss(history(), **o),
    "plot_learning_rate": lambda **o: viz.plot_learning_rate([0.1, 0.05, 0.01], **o),
    "plot_update_ratios": lambda **o: viz.plot_update_ratios(trained(3)[1], **o),
    "plot_decision_boundary": lambda **o: viz.plot_decision_boundary(tensors(), X, Y, resolution=12, **o),
    "plot_responses": lambda **o: viz.plot_responses(tensors(), X, Y, resolution=12, **o),
    "plot_hidden_space": lambda **o: viz.plot_hidden_space(tensors(), X, Y, **o),
    "plot_activation_histograms": lambda **o: viz.plot_activation_histograms(tensors(), X, **o),
    "plot_gradient_histograms": lambda **o: viz.plot_gradient_histograms(tensors(), X, Y, bce, **o),
    "plot_gradient_flow": lambda **o: viz.plot_gradient_flow(with_gradients(), **o),
    "plot_loss_surface": lambda **o: viz.plot_loss_surface(tensors(), X, Y, bce, resolution=5, **o),
    "plot_weights": lambda **o: viz.plot_weights(tensors(), **o),
    "plot_network": lambda **o: viz.plot_network(tensors(), X, resolution=8, **o),
    "plot_confusion_matrix": lambda **o: viz.plot_confusion_matrix([0, 1, 1], [0, 0, 1], **o),
    "plot_activation_functions": lambda **o: viz.plot_activation_functions(["relu", "tanh"], **o),
    "plot_approximation": lambda **o: viz.plot_approximation(np.sin, 4, **o),
    "plot_initialisation": lambda **o: viz.plot_initialisation(layers=3, width=8, **o),
    "plot_fit": lambda **o: viz.plot_fit(nn.Linear(1, 1, seed=0), X[:, :1], Y, **o),
    "plot_descent": lambda **o: viz.plot_descent(lambda w: w**2, 1.0, **o),
    "plot_spikes": lambda **o: viz.plot_spikes(nn.LeakyIntegrateAndFire(), **o),
    "plot_box": lambda **o: viz.plot_box(**o),
    "plot_convolution": lambda **o: viz.plot_convolution(np.eye(4), np.ones((2, 2)), at=(1, 2), **o),
    "plot_feature_maps": lambda **o: viz.plot_feature_maps(nn.Conv2d(1, 3, 2, seed=0), np.eye(4), **o),
    "plot_attention": lambda **o: viz.plot_attention(np.full((2, 3, 3), 1 / 3), **o),
    "plot_layers": lambda **o: viz.plot_layers(tensors(), X, Y, **o),
}


def test_every_plot_is_in_the_list_and_has_a_twin_with_its_numbers():
    plots = {name for name in viz.__all__ if name.startswith("plot_") and not name.endswith("_data")}
    assert plots == set(EVERY)
    assert all(f"{name}_data" in viz.__all__ for name in plots)


@pytest.mark.parametrize("name", EVERY)
def test_a_plot_draws_on_its_own_axes_or_on_those_given_and_touches_nothing_else(name, monkeypatch):
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("a plot called show"))
    monkeypatch.setattr(Figure, "show", lambda *a, **k: pytest.fail("a plot called show"))
    before, open_figures = dict(matplotlib.rcParams), pyplot.get_fignums()
    given = Figure(figsize=(5, 4)).subplots()
    assert EVERY[name](ax=given, theme="dark") is given
    own = EVERY[name]()
    assert own._repr_png_().startswith(b"\x89PNG")  # what a notebook shows
    given.figure.canvas.draw()
    for ax, theme in ((own, "light"), (given, "dark")):
        assert matplotlib.colors.to_hex(ax.figure.get_facecolor()) == viz.THEMES[theme].background
        assert ax.get_title(loc="left")
        assert ax.child_axes or not ax.axison or (ax.get_xlabel() and ax.get_ylabel())
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == open_figures


@pytest.mark.parametrize("name", EVERY)
def test_a_plot_draws_in_a_part_of_a_figure(name):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    part, other = figure.subfigures(1, 2)
    other.subplots()
    given = part.subplots()
    assert EVERY[name](ax=given) is given
    figure.draw_without_rendering()


def test_without_matplotlib_the_numbers_are_there_and_a_plot_says_what_to_install(monkeypatch):
    canvas._matplotlib.cache_clear()
    for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(viz.PlotError, match="pip install 'chainrule\\[plot\\]'"):
        viz.plot_loss(history())
    assert viz.plot_loss_data(history())["training"][1][0] == 0.9
    assert viz.plot_decision_boundary_data(tensors(), X, Y, resolution=3).output.shape == (3, 3, 1)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG", "jpg"])
def test_a_plot_is_saved_in_the_format_of_the_suffix(suffix, tmp_path):
    path = viz.plot_loss(history()).save(tmp_path / "new folder" / f"loss.{suffix}")
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF-", "jpg": b"\xff\xd8"}[suffix.lower()]
    assert path.read_bytes().startswith(begins)
    assert list(path.parent.iterdir()) == [path]


def test_a_plot_has_twice_the_resolution_on_demand(tmp_path):
    ax = viz.plot_loss(history())
    once, twice = size(ax.save(tmp_path / "a.png")), size(ax.save(tmp_path / "b.png", dpi=200))
    assert twice == (2 * once[0], 2 * once[1]) == (1280, 840)
    ax.figure.set_dpi(200)
    assert size(ax.save(tmp_path / "c.png")) == twice == size(ax._repr_png_())


def size(png):
    from PIL import Image

    with Image.open(io.BytesIO(png) if isinstance(png, bytes) else png) as image:
        return image.size


def test_a_notebook_shows_plots_in_the_format_that_it_shows_figures_in(monkeypatch):
    IPython = pytest.importorskip("IPython", reason="notebooks are those of IPython")
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.pylabtools import select_figure_formats
    from traitlets.config import Config

    matplotlib.get_backend()  # is chosen by the first who asks, and would look into the shell
    shell = SimpleNamespace(display_formatter=DisplayFormatter(), config=Config())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    ax = viz.plot_loss(history())

    def shown():
        return shell.display_formatter.format(ax, include={"image/png", "image/svg+xml"})

    data, metadata = shown()
    assert set(data) == {"image/png"}
    assert size(data["image/png"]) == (640, 420)
    assert not metadata
    shell.config.InlineBackend.figure_format = "retina"  # %config, before pyplot is imported
    for _ in range(2):
        data, metadata = shown()
        assert size(data["image/png"]) == (1280, 840)
        assert metadata["image/png"] == {"width": 640, "height": 420}
        select_figure_formats(shell, {"retina"})  # what the inline backend does then
        shell.config.clear()
    select_figure_formats(shell, {"svg"})
    data, _ = shown()
    assert set(data) == {"image/svg+xml"}
    assert data["image/svg+xml"].startswith("<?xml")


@pytest.mark.parametrize(
    ("name", "lesson"),
    [("loss", r"no suffix.*\.png.*example loss\.png"), ("a.gif3", r"'\.gif3'.*\.pdf"), ("", "no name")],
)
def test_a_suffix_that_no_plot_has_is_answered_with_a_lesson(name, lesson):
    with pytest.raises(viz.OptionError, match=lesson):
        viz.plot_loss(history()).save(name)


def drawn(ax):
    """Draw the axes; returns the function that gives the place of a part of them in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    return lambda part: part.get_window_extent(canvas.get_renderer())


@pytest.mark.parametrize(("low", "high"), [(0.15, 0.5), (0.02, 0.7), (0.4, 0.9), (3e-4, 2e3), (20, 3e4)])
def test_numbers_on_a_logarithmic_axis_are_plain_where_they_can_be_read(low, high):
    found = nn.History()
    for loss in np.geomspace(high, low, 9):
        found.append({"loss": loss})
    ax = viz.plot_loss(found)
    ax.figure.canvas.draw()
    inside = [
        label.get_text()
        for label in ax.get_yticklabels(which="both")
        if label.get_text() and ax.get_ylim()[0] <= label.get_position()[1] <= ax.get_ylim()[1]
    ]
    assert len(inside) >= 2
    assert [float(text) for text in inside]  # and no "$\\mathdefault{4\\times10^{-1}}$"


def test_a_wide_logarithmic_axis_keeps_its_powers():
    found = nn.History()
    for loss in (1.0, 1e-9):
        found.append({"loss": loss})
    ax = viz.plot_loss(found)
    ax.figure.canvas.draw()
    assert any("10^{-8}" in label.get_text() for label in ax.get_yticklabels())


@pytest.mark.parametrize("widths", [(8, 4, 1), (30, 12, 12, 10, 3)])
def test_labels_of_weights_do_not_reach_into_the_numbers_or_into_other_panels(widths):
    ax = viz.plot_weights(MLP(2, list(widths), seed=0))
    place = drawn(ax)
    panels = ax.child_axes[: len(widths)]
    for panel in panels:
        label = place(panel.yaxis.label)
        bottom, top = panel.get_ylim()  # rows are counted downwards
        numbers = [each for each in panel.get_yticklabels() if top <= each.get_position()[1] <= bottom]
        assert all(place(number).x0 > label.x1 + 3 for number in numbers)
        assert not any(place(other).overlaps(label) for other in panels)
        assert not any(place(other.title).overlaps(place(panel.xaxis.label)) for other in panels)


@pytest.mark.parametrize("margin", [0.15, 0.01])
@pytest.mark.parametrize("figsize", [None, (3, 2)])
@pytest.mark.parametrize("n", [2, 6])
def test_the_legend_covers_no_point(margin, figsize, n):
    from matplotlib.figure import Figure

    points = np.random.default_rng(0).random((300, 2))
    classes = np.arange(300) % n
    model = MLP(2, [4, n], seed=0)
    given = Figure(figsize=figsize, layout="constrained").subplots() if figsize else None
    for ax in (
        viz.plot_decision_boundary(model, points, classes, given, resolution=9, margin=margin),
        viz.plot_hidden_space(model, points, classes),
    ):
        legend = drawn(ax)(ax.get_legend())
        assert all(ground.get_extent()[3] >= ax.get_ylim()[1] for ground in ax.images)  # up to the frame
        for each in ax.collections:
            if len(offsets := each.get_offsets()) and each.get_label().startswith("class"):
                where = ax.transData.transform(offsets)
                assert not [p for p in where if legend.contains(*p)]


def test_titles_of_neighbours_do_not_overlap():
    from matplotlib.figure import Figure

    left, right = Figure(figsize=(7, 2.6)).subplots(1, 2)
    viz.plot_decision_boundary(tensors(), X, Y, left, resolution=9)
    viz.plot_loss(history(), right)
    place = drawn(left)
    assert place(left.title).width == 0  # it is the one at the left
    assert not place(left._left_title).overlaps(place(right._left_title))


def test_importing_viz_does_not_import_matplotlib():
    code = "import sys, chainrule.viz; print('matplotlib' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    )


# ---------------------------------------------------------------------- curves


def test_losses_are_those_of_the_history_and_the_title_sees_memorising():
    assert viz.plot_loss_data(history()) == {
        "training": ([1, 2, 3, 4, 5], [0.9, 0.5, 0.2, 0.1, 0.05]),
        "validation": ([1, 2, 3, 4, 5], [0.8, 0.4, 0.5, 0.6, 0.7]),
    }
    ax = viz.plot_loss(history())
    assert ax.get_title(loc="left") == "Validation is best at epoch 2; after that the model overfits"
    assert ax.lines[0].get_ydata().tolist() == [0.9, 0.5, 0.2, 0.1, 0.05]
    assert ax.lines[2].get_xydata().tolist() == [[2.0, 0.4]]
    with pytest.raises(RangeError, match="no column 'acuracy' to plot; there are epoch, loss, val_loss"):
        viz.plot_loss_data(history(), "acuracy")


def test_a_long_record_of_steps_is_drawn_with_its_running_mean():
    recorder = Recorder(path=False)
    losses = np.exp(-np.arange(100) / 30)
    for loss in losses:
        recorder.record(tensors(), loss)
    raw, mean = viz.plot_loss(recorder).lines
    np.testing.assert_allclose(raw.get_ydata(), losses)
    np.testing.assert_allclose(mean.get_ydata(), [losses[k - 4 : k + 1].mean() for k in range(4, 100)])
    assert mean.get_xdata()[0] == 5


def test_a_schedule_is_asked_for_its_rates_and_put_back():
    from chainrule.nn.schedules import Cosine, ReduceOnPlateau

    optimizer = nn.SGD([Value(1.0)], lr=0.2)
    schedule = Cosine(optimizer, T_max=10)
    schedule.step()
    before = optimizer.lr
    rates = viz.plot_learning_rate_data(schedule, steps=9)
    np.testing.assert_allclose(rates, 0.1 * (1 + np.cos(np.pi * np.arange(1, 10) / 10)))
    assert optimizer.lr == before
    assert schedule.t == 1
    np.testing.assert_allclose(viz.plot_learning_rate(schedule, steps=9).lines[0].get_ydata(), rates)
    with pytest.raises(KindError, match="changes its rate by what it measures"):
        viz.plot_learning_rate_data(ReduceOnPlateau(nn.SGD([Value(1.0)], lr=0.2)))


# ---------------------------------------------------------------------- the recorder


def test_a_recorder_notes_gradients_updates_and_path():
    model = MLP(2, [1], seed=0)
    weight, bias = model.layers[0].weight, model.layers[0].bias
    recorder = Recorder(model)
    start = np.append(weight.data.ravel(), bias.data)
    weight.grad, bias.grad = np.array([[3.0], [0.0]]), np.array([4.0])
    weight.data, bias.data = weight.data + 0.3, bias.data + 0.4
    recorder.record(model, Value(0.7), accuracy=0.5)
    (row,) = recorder.rows
    assert (row["step"], row["loss"], row["accuracy"]) == (1, 0.7, 0.5)
    assert row["gradient_norms"] == {"layers.0": pytest.approx(5.0)}
    moved = np.linalg.norm([0.3, 0.3, 0.4]) / np.linalg.norm(start)
    assert row["update_ratios"] == {"layers.0": pytest.approx(moved)}
    np.testing.assert_allclose(recorder.path, [start, start + [0.3, 0.3, 0.4]])
    steps, ratios = viz.plot_update_ratios_data(recorder)["layers.0"]
    assert (steps, ratios) == ([1], [pytest.approx(moved)])
    np.testing.assert_allclose(viz.plot_update_ratios(recorder).lines[0].get_ydata(), ratios)
    with pytest.raises(ShapeError, match="Make one Recorder for each model"):
        recorder.record(tensors())


def test_a_recorder_goes_through_json():
    _, recorder = trained(4)
    other = Recorder()
    other.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
    assert other.rows == recorder.rows
    np.testing.assert_array_equal(other.path, recorder.path)


@pytest.mark.parametrize(("every", "n"), [("batch", 6), ("epoch", 3)])
def test_fit_calls_a_recorder(every, n):
    model, recorder = tensors(), Recorder(every=every)
    found = nn.fit(model, bce, (X, Y), epochs=3, batch_size=20, callbacks=[recorder], progress=False)
    assert len(recorder) == n
    assert recorder.path.shape == (n + 1, sum(p.size for p in model.parameters()))
    losses = np.reshape(recorder.columns()["loss"], (3, -1)).mean(axis=1)
    np.testing.assert_allclose(losses, found["loss"])


def test_a_long_path_is_thinned_evenly():
    model, recorder = scalar.Neuron(1, seed=0), Recorder()
    for step in range(1, 1001):
        model.b.data = float(step)
        recorder.record(model)
    steps = recorder.path[:, 1]
    assert 200 <= len(steps) <= 400
    assert np.ptp(np.diff(steps)) == 0


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


# ---------------------------------------------------------------------- the loss surface


@pytest.mark.parametrize("of_values", [True, False])
def test_the_loss_surface_between_chosen_directions_is_that_by_hand(of_values):
    scalars, of_tensors = values(widths=(3, 1))
    model = scalars if of_values else of_tensors
    n = sum(np.size(p.data) for p in model.parameters())
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, n))
    target = SIGNS if of_values else SIGNS[:, None]
    before = [np.copy(p.data) for p in model.parameters()]
    found = viz.plot_loss_surface_data(
        model, X, target, nn.mse_loss, directions=(u, v), reach=0.5, resolution=3
    )
    for now, then in zip(model.parameters(), before):
        np.testing.assert_array_equal(now.data, then)
    at = np.concatenate([np.ravel(p) for p in before]) + 0.5 * u - 0.5 * v
    if of_values:  # neuron by neuron: two weights and a bias
        W, b = at[:9].reshape(3, 3)[:, :2].T, at[:9].reshape(3, 3)[:, 2]
        w, c = at[9:12], at[12]
    else:
        W, b, w, c = at[:6].reshape(2, 3), at[6:9], at[9:12], at[12]
    loss = ((np.tanh(X @ W + b) @ w + c - SIGNS) ** 2).mean()
    assert found.loss[0, 2] == pytest.approx(loss, rel=1e-10)
    assert found.loss.shape == (3, 3)


@pytest.mark.parametrize("of_values", [True, False])
def test_random_directions_have_the_length_of_each_filter(of_values):
    scalars, of_tensors = values(widths=(3, 1))
    model = scalars if of_values else of_tensors
    target = SIGNS if of_values else SIGNS[:, None]
    found = viz.plot_loss_surface_data(model, X, target, nn.mse_loss, resolution=3)
    for direction in found.directions:
        if of_values:
            parts = direction[:9].reshape(3, 3)
            lengths, biases = np.linalg.norm(parts[:, :2], axis=1), parts[:, 2]
        else:
            lengths, biases = np.linalg.norm(direction[:6].reshape(2, 3), axis=0), direction[6:9]
        np.testing.assert_allclose(lengths, np.linalg.norm(of_tensors.layers[0].weight.data, axis=0))
        assert (biases == 0).all()
        assert np.linalg.norm(direction[9:12]) == pytest.approx(
            np.linalg.norm(of_tensors.layers[2].weight.data)
        )
    assert abs(np.dot(*found.directions)) < 0.99 * np.prod(np.linalg.norm(found.directions, axis=1))


def test_the_path_is_where_the_training_was():
    model, recorder = trained()
    found = viz.plot_loss_surface_data(model, X, Y, bce, path=recorder, resolution=3)
    moved = recorder.path - recorder.path[-1]
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(found.path, moved @ found.directions.T, atol=1e-10)
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-12)
    for axis, positions in ((found.a, found.path[:, 0]), (found.b, found.path[:, 1])):
        assert positions.min() - axis[0] == pytest.approx(
            axis[-1] - positions.max()
        )  # in the middle of the picture
        assert positions.min() > axis[0]
    energies = np.linalg.svd(moved, compute_uv=False) ** 2
    assert found.explained == pytest.approx(energies[:2].sum() / energies.sum())
    ax = viz.plot_loss_surface(found)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), found.path)
    with pytest.raises(ShapeError, match="a path has two snapshots"):
        viz.plot_loss_surface_data(model, X, Y, bce, path=np.zeros((3, 2)))
    with pytest.raises(RangeError, match="'random', 'path' or two vectors"):
        viz.plot_loss_surface_data(model, X, Y, bce, directions="downhill")


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


# ---------------------------------------------------------------------- the others


def test_the_confusion_matrix_counts():
    scores = np.array([[3.0, 1, 0], [0, 2, 1], [0, 2, 1], [1, 0, 5], [4, 0, 1]])
    target = np.array([0, 1, 2, 2, 2])
    expected = [[1, 0, 0], [0, 1, 0], [1, 1, 1]]
    assert viz.plot_confusion_matrix_data(Tensor(scores), target).tolist() == expected
    assert viz.plot_confusion_matrix_data(scores.argmax(1), nn.one_hot(target)).tolist() == expected
    ax = viz.plot_confusion_matrix(scores, target, names=["a", "b", "c"])
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    assert shown == {(0, 0): "1", (1, 1): "1", (0, 2): "1", (1, 2): "1", (2, 2): "1"}  # (answer, truth)
    assert ax.get_title(loc="left") == "60.0% of 5 right; most often c is taken for a"
    with pytest.raises(ShapeError, match="2 predictions and 3 targets"):
        viz.plot_confusion_matrix_data([0, 1], [0, 1, 1])
    counts = nn.confusion_matrix(scores, target, names=["a", "b", "c"])
    assert [t.get_text() for t in viz.plot_confusion_matrix(counts).get_xticklabels()] == ["a", "b", "c"]
    assert viz.plot_confusion_matrix_data([0.3, -0.2], [1, -1]).tolist() == [[1, 0], [0, 1]]


def test_activations_and_their_derivatives():
    found = viz.plot_activation_functions_data(
        ["tanh", "sigmoid", nn.LeakyReLU(0.1)], low=-2, high=3, points=6
    )
    x = np.array([-2.0, -1, 0, 1, 2, 3])
    s = 1 / (1 + np.exp(-x))
    expected = {
        "tanh": (np.tanh(x), 1 - np.tanh(x) ** 2),
        "sigmoid": (s, s * (1 - s)),
        "LeakyReLU(negative_slope=0.1)": (np.where(x > 0, x, 0.1 * x), np.where(x > 0, 1, 0.1)),
    }
    assert set(found) == set(expected)
    for name, (value, derivative) in expected.items():
        np.testing.assert_array_equal(found[name][0], x)
        np.testing.assert_allclose(found[name][1], value)
        np.testing.assert_allclose(found[name][2], derivative)
    curves = viz.plot_activation_functions("tanh", low=-2, high=3).lines
    np.testing.assert_allclose(curves[3].get_ydata(), 1 - np.tanh(curves[3].get_xdata()) ** 2)


def test_boxes_stand_at_the_height_of_the_function_in_their_middle():
    found = viz.plot_approximation_data(np.exp, 4, low=0.0, high=2.0, steepness=0.1)
    assert found.boxes.shape == (4, 1001)
    for k, (a, b) in enumerate(pairwise(np.linspace(0, 2, 5))):
        inside = (found.x > a + 0.026) & (found.x < b - 0.026)
        np.testing.assert_allclose(found.total[inside], np.exp((a + b) / 2))
        outside = (found.x < a - 0.026) | (found.x > b + 0.026)
        np.testing.assert_allclose(found.boxes[k][outside], 0, atol=1e-12)
    np.testing.assert_array_equal(found.target, np.exp(found.x))
    with pytest.raises(RangeError, match="1 box or more"):
        viz.plot_approximation_data(np.exp, 0)


def test_initial_weights_are_compared_layer_by_layer():
    initialisers = {"large": partial(nn.init.normal, std=1.0), "suited": nn.init.he_normal}
    found = viz.plot_initialisation_data(initialisers, layers=4, width=20, samples=10)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((10, 20))
    for k in range(4):
        x = np.maximum(x @ nn.init.normal((20, 20), std=1.0, seed=rng), 0)
        assert found[0].activations[k] == pytest.approx((x**2).mean())
    ax = viz.plot_initialisation(initialisers, layers=4, width=20, samples=10)
    np.testing.assert_allclose(ax.child_axes[0].lines[0].get_ydata(), found[0].activations)
    np.testing.assert_allclose(ax.child_axes[1].lines[1].get_ydata(), found[1].gradients)


def test_the_usual_normal_weights_have_the_variances_of_their_names():
    for found in (viz.plot_initialisation_data(layers=1, width=400), initial_spread(layers=1, width=400)):
        by_name = {row.initialiser: row.first for row in found}
        for variance in (0.1, 1.0):  # after a ReLU the mean square is half of variance x fan-in
            assert by_name[f"normal, variance {variance:g}"] == pytest.approx(variance * 400 / 2, rel=0.1)


# ---------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda: viz.plot_decision_boundary(tensors(), np.zeros((5, 3))), "takes rows of 2 numbers"),
        (lambda: viz.plot_decision_boundary(tensors(), X, Y[:3]), "40 points and 3 targets"),
        (lambda: viz.plot_responses(MLP(2, [1]), X), "no hidden one to look at"),
        (lambda: viz.plot_hidden_space(np.tanh, X), "takes a module of nn, and draws its layers"),
        (lambda: viz.plot_loss(history(), theme="drak"), "theme='drak' is not known"),
        (lambda: viz.plot_confusion_matrix([0, 1]), "compares predictions with targets"),
        (
            lambda: viz.plot_confusion_matrix(nn.confusion_matrix([0, 1], [0, 1]), names="a"),
            "2 classes and 1",
        ),
        (lambda: viz.plot_update_ratios(history()), "those of a Recorder"),
        (lambda: Recorder().record(3.0, 1.0), "follows a module"),
    ],
)
def test_a_mistake_is_answered_with_a_lesson(mistake, lesson):
    with pytest.raises((KindError, ShapeError, RangeError, viz.OptionError), match=lesson):
        mistake()


def test_asking_a_network_changes_nothing():
    model = nn.Sequential(
        nn.Linear(2, 4, seed=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2, seed=1)
    )
    model.train()
    before = model.state_dict()
    once, again = (viz.plot_decision_boundary_data(model, X, Y, resolution=4).output for _ in range(2))
    np.testing.assert_array_equal(once, again)
    viz.plot_gradient_histograms_data(model, X, Y, nn.cross_entropy)
    viz.plot_responses_data(model, X, resolution=3)
    assert model.training
    assert all(m.training for m in model.modules())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert all(p.grad is None for p in model.parameters())


def test_data_in_one_argument_is_a_lesson() -> None:
    with pytest.raises(KindError, match=r"Is that \(X, y\)"):
        viz.plot_decision_boundary_data(lambda X: X[:, 0], (np.zeros((4, 2)), np.zeros(4)))
    with pytest.raises(ShapeError, match="all of one length"):
        viz.plot_decision_boundary_data(lambda X: X[:, 0], [[1.0, 2.0], [3.0]])


# ---------------------------------------------------------------------- one sample, one unit, one element


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("samples", [1, 2, 5])
def test_plots_of_few_samples_in_every_dtype(samples, dtype) -> None:
    X, y = np.linspace(-1, 1, 2 * samples, dtype=dtype).reshape(samples, 2), np.arange(samples) % 2
    model = nn.MLP(2, [3, 2], seed=0, dtype=dtype)
    space = viz.plot_hidden_space_data(model, X, y)
    assert space.positions.shape == (samples, 2)
    assert np.isfinite(space.positions).all()
    for plot in (viz.plot_decision_boundary, viz.plot_responses, viz.plot_hidden_space):
        plot(model, X, y, resolution=3).figure.canvas.draw()
    viz.plot_activation_histograms(model, X).figure.canvas.draw()
    viz.plot_gradient_histograms(model, X, y, nn.cross_entropy).figure.canvas.draw()
    viz.plot_loss_surface(model, X, y, nn.cross_entropy, resolution=3).figure.canvas.draw()


def test_one_number_may_be_an_array_of_one_element() -> None:
    recorder = viz.Recorder()
    model = nn.Linear(2, 1, seed=0)
    recorder.record(model, Tensor([[0.5]]), accuracy=np.array([0.25]), error=Value(2.0))
    recorder.record(model, np.float32(0.5), accuracy=1, error=np.array(3))
    assert recorder.columns() == {
        "step": [1, 2],
        "loss": [0.5, 0.5],
        "accuracy": [0.25, 1.0],
        "error": [2.0, 3.0],
    }
    viz.plot_update_ratios(recorder).figure.canvas.draw()  # nothing has moved
    with pytest.raises(KindError, match="the loss is one number; given a Tensor of shape \\(2,\\)"):
        recorder.record(model, Tensor([1.0, 2.0]))
    found = viz.plot_approximation_data(lambda x: np.array([x * x]), 3)
    np.testing.assert_allclose(found.target, found.x**2)


def test_a_module_without_layers_has_no_histograms() -> None:
    with pytest.raises(KindError, match="no layers inside it"):
        viz.plot_activation_histograms(nn.Linear(2, 1), np.ones((3, 2)))


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
        (lambda: viz.plot_gradient_flow(3), "layers are those of a module"),
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
