"""Plots: the numbers behind each are those worked out by hand, what is drawn shows them, nothing global is touched."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from plotted import X, Y, bce, drawn, history, tensors, trained, with_gradients

from chainrule import nn, viz
from chainrule.autograd import Tensor, Value
from chainrule.autograd.errors import KindError, RangeError, ShapeError
from chainrule.nn import MLP
from chainrule.nn.diagnostics import initial_spread
from chainrule.viz import Recorder
from chainrule.viz.plots import canvas

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")


# ---------------------------------------------------------------------- all plots


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
