"""The figures of lectures: their numbers are those worked out by hand, and what is drawn are these numbers."""

from __future__ import annotations

import io
import stat

import numpy as np
import pytest

from chainrule import nn, viz
from chainrule.autograd import ChainruleError, KindError, RangeError, ShapeError, Tensor, log, tanh

pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")

# ---------------------------------------------------------------------- a line and its data


def line(a, b):
    model = nn.Linear(1, 1)
    model.weight.data, model.bias.data = np.array([[a]]), np.array([b])
    return model


def test_a_line_is_drawn_with_its_data_errors_and_equation():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 6.0])
    ax = viz.plot_fit(line(2.0, -0.5), x, y)
    found = viz.plot_fit_data(line(2.0, -0.5), Tensor(x[:, None]), Tensor(y))
    np.testing.assert_array_equal(found.answers, [-0.5, 1.5, 3.5])
    assert found.error == (1.5**2 + 0.5**2 + 2.5**2) / 2
    assert ax.get_title(loc="left") == "y = 2.00 x - 0.50, half the sum of squared errors 4.38"
    (curve,) = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), 2 * curve.get_xdata() - 0.5)
    errors, data = ax.collections
    np.testing.assert_array_equal(data.get_offsets(), np.stack([x, y], 1))
    np.testing.assert_array_equal(errors.get_segments()[2], [[2, 3.5], [2, 6]])


def test_a_line_is_fitted_step_by_step():
    x, y = np.array([[1.0], [2.0]]), np.array([[3.0], [5.0]])
    model = line(0.0, 0.0)
    recorder = viz.Recorder(model)
    a, b = [0.0], [0.0]
    for _ in range(9):
        nn.half_squared_error(model(x), y, reduction="sum").backward()
        model.weight.data, model.bias.data = (p.data - 0.1 * p.grad for p in (model.weight, model.bias))
        model.zero_grad()
        recorder.record(model)
        errors = a[-1] * x + b[-1] - y  # a <- a - alpha sum (yhat - y) x, b <- b - alpha sum (yhat - y)
        a.append(a[-1] - 0.1 * (errors * x).sum())
        b.append(b[-1] - 0.1 * errors.sum())
    found = viz.plot_fit_data(model, x, y, path=recorder)
    assert [step for step, _ in found.earlier] == [0, 1, 2, 4]
    for step, curve in found.earlier:
        np.testing.assert_allclose(curve, a[step] * found.grid + b[step])
    assert model.weight.data.item() == pytest.approx(a[-1])  # as it was
    assert len(viz.plot_fit(model, x, y, path=recorder).lines) == 5


def test_a_curve_has_no_equation_and_two_numbers_a_sample_are_an_error():
    found = viz.plot_fit_data(nn.MLP(1, [3, 1], "tanh", seed=0), [[0.0], [1.0]], [0.0, 1.0])
    assert found.equation == ""
    with pytest.raises(ShapeError, match="one number x and one number y"):
        viz.plot_fit(line(1.0, 0.0), np.zeros((3, 2)), np.zeros(3))


def test_a_recorder_gives_a_model_its_earlier_parameters_for_a_while():
    model = line(1.0, 0.0)
    recorder = viz.Recorder(model)
    for step in range(1, 11):
        model.bias.data = np.array([float(step)])
        recorder.record(model)
    assert [(step, then.bias.data.item()) for step, then in recorder.replay(model, 3)] == [
        (0, 0),
        (5, 5),
        (10, 10),
    ]
    assert [step for step, _ in recorder.replay(model, [2, 7])] == [2, 7]
    states = recorder.replay(model)
    next(states)
    states.close()  # as when an error ends a loop over them
    assert model.bias.data.item() == 10
    with pytest.raises(ShapeError, match="2 parameters and the model has 3"):
        next(recorder.replay(nn.Linear(2, 1)))
    with pytest.raises(RangeError, match="no snapshots"):
        next(viz.Recorder().replay(model))


# ---------------------------------------------------------------------- a descent


def test_descent_on_a_parabola_is_a_geometric_series():
    # w <- w - rate 2 w = (1 - 2 rate) w
    for each in viz.plot_descent_data(lambda w: w * w, 1.5, [0.05, 0.4, 1.05], steps=6):
        expected = 1.5 * (1 - 2 * each.rate) ** np.arange(7)
        np.testing.assert_allclose(each.w, expected)
        np.testing.assert_allclose(each.loss, expected**2)
    low, right, high = viz.plot_descent_data(lambda w: w * w, 1.5, steps=6)
    assert right.loss[-1] < 1e-6 < low.loss[-1] < high.loss[0] < high.loss[-1]


def test_a_descent_that_flies_away_is_not_followed_to_infinity():
    (found,) = viz.plot_descent_data(lambda w: w**4, 10.0, [1.0], steps=50)
    assert len(found.w) < 50
    assert np.isfinite(found.loss).all()
    ax = viz.plot_descent(lambda w: w**4, 10.0, [1.0])
    ax.figure.canvas.draw()
    with pytest.raises(RangeError, match="a rate and a step"):
        viz.plot_descent(tanh, 1.0, [])


# ---------------------------------------------------------------------- spikes


def test_a_neurons_voltage_spikes_and_rate():
    neuron = nn.LeakyIntegrateAndFire(resistance=2.0, capacitance=5.0, threshold=1.0, dt=0.5)
    found = viz.plot_spikes_data(neuron, [0.4, 1.0], steps=40)
    assert found.time[-1] == 20.0
    assert found.spikes[:, 0].sum() == 0
    # V = R I (1 - exp(-t / RC)) = 2 (1 - exp(-t / 10)) reaches 1 at t = 10 log 2 = 6.93: in the 14th half second
    assert np.flatnonzero(found.spikes[:, 1]).tolist() == [13, 27]
    np.testing.assert_allclose(found.voltages[:13, 1], 2 * (1 - np.exp(-found.time[:13] / 10)))
    at = np.searchsorted(found.axis, 1.0)
    assert found.rates[at] == pytest.approx(1 / (10 * np.log(2)), rel=0.05)
    assert (found.rates[found.axis <= 0.5] == 0).all()
    silent, firing, rate = viz.plot_spikes(neuron, [0.4, 1.0], steps=40).child_axes
    assert (silent.get_title(), firing.get_title()) == ("current 0.4: no spike", "current 1: 2 spikes")
    spikes = [segment[0][0] for segment in firing.collections[0].get_segments()]
    assert spikes == [7.0, 14.0]
    np.testing.assert_allclose(rate.lines[0].get_ydata(), found.rates)


# ---------------------------------------------------------------------- boxes


def test_two_step_units_make_a_rectangle():
    found = viz.plot_box_data(1.0, 2.0, height=3.0)
    np.testing.assert_array_equal(found.parts, [3.0 * (found.x >= 1), -3.0 * (found.x >= 2)])
    np.testing.assert_array_equal(found.total, 3.0 * ((found.x >= 1) & (found.x < 2)))
    upper, lower = viz.plot_box(1.0, 2.0, height=3.0).child_axes
    assert [text.get_text() for text in upper.get_legend().get_texts()] == [
        "+3 step(x - 1)",
        "-3 step(x - 2)",
    ]
    np.testing.assert_array_equal(lower.lines[0].get_ydata(), found.total)


def test_four_relus_make_a_box_with_slopes():
    found = viz.plot_box_data(1.0, 2.0, 1.0, activation="relu", e=0.5)
    assert found.weights.tolist() == [2, -2, -2, 2]
    assert found.corners.tolist() == [1, 1.5, 2, 2.5]
    np.testing.assert_allclose(found.total, np.interp(found.x, [1, 1.5, 2, 2.5], [0, 1, 1, 0]), atol=1e-12)


def test_a_function_is_approximated_by_rectangles_of_steps():
    found = viz.plot_approximation_data(np.exp, 4, low=0.0, high=2.0, activation="step")
    edges = np.linspace(0, 2, 5)
    inside = found.x < 2
    place = np.searchsorted(edges, found.x[inside], side="right") - 1
    np.testing.assert_allclose(found.total[inside], np.exp((edges[place] + edges[place + 1]) / 2))
    assert found.units == 2
    ax = viz.plot_approximation(np.exp, 4, low=0.0, high=2.0, activation="step")
    assert ax.get_legend().get_texts()[1].get_text() == "sum of 4 boxes, 8 steps"
    assert viz.plot_approximation_data(np.sin, 40, activation="step").error < 0.02
    with pytest.raises(RangeError, match="'relu' or of 'step' units; given 'tanh'"):
        viz.plot_approximation(np.exp, 4, activation="tanh")


# ---------------------------------------------------------------------- filters


def test_a_filter_slides_over_an_image():
    image, kernel = np.arange(12.0).reshape(3, 4), np.array([[1.0, 0.0], [0.0, -2.0]])
    found = viz.plot_convolution_data(image, kernel, at=(1, 2), bias=0.5)
    by_hand = [[image[i, j] - 2 * image[i + 1, j + 1] + 0.5 for j in range(3)] for i in range(2)]
    np.testing.assert_allclose(found.output, by_hand)
    np.testing.assert_allclose(found.products, [[6, 0], [0, -22]])
    layer = nn.Conv2d(1, 1, 2)
    layer.weight.data, layer.bias.data = kernel[None, None], np.array([0.5])
    np.testing.assert_allclose(layer(image[None, None]).data[0, 0], found.output)
    ax = viz.plot_convolution(image, kernel, at=(1, 1), bias=0.5)
    assert ax.get_title(loc="left") == "5 × 1 + 10 × (−2) + 0.5 = −14.5"
    pixels, weights, output = ax.child_axes
    assert [each.get_title() for each in (pixels, weights, output)] == ["image", "filter", "output"]
    (window,), (cell,) = pixels.patches, output.patches
    assert (window.get_xy(), window.get_width(), window.get_height()) == ((0.5, 0.5), 2, 2)
    assert (cell.get_xy(), cell.get_width()) == ((0.5, 0.5), 1)
    shown = np.asarray(output.images[0].get_array().filled(np.nan))
    np.testing.assert_allclose(shown[0], found.output[0])
    assert np.isnan(shown[1, 2])  # has not been written yet
    assert not np.isnan(shown[1, 1])


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda: viz.plot_convolution(np.eye(3), np.eye(4)), r"shape \(4, 4\) does not fit into.*\(3, 3\)"),
        (lambda: viz.plot_convolution(np.eye(3), np.eye(2), at=(2, 0)), r"2 by 2 places.*given at=\(2, 0\)"),
        (lambda: viz.plot_convolution(np.zeros((1, 3, 3)), np.eye(2)), "an image is a matrix here"),
        (lambda: viz.plot_feature_maps(nn.Flatten(), np.eye(2)), "no layer of this model has feature maps"),
        (lambda: viz.plot_feature_maps(nn.Conv2d(1, 1, 1), np.eye(2), layer="b"), "there are no feature maps 'b'"),
        (lambda: viz.plot_feature_maps(nn.Conv2d(1, 1, 1), np.zeros(3)), "those of one image"),
        (lambda: viz.plot_attention(np.zeros((2, 3, 4, 4))), "take one, as in weights"),
        (lambda: viz.plot_attention(np.eye(3), ["a", "b"]), "3 queries, 3 keys, and 2 names"),
        (lambda: viz.plot_layers(nn.MLP(2, [2, 1]), np.eye(2), colours="classes"), "or with y those of 'classes'"),
        (lambda: viz.animate([]), "given none"),
        (lambda: viz.animate(3), "several plots"),
        (lambda: viz.plot_spikes(3), "those of an nn.LeakyIntegrateAndFire"),
        (lambda: viz.plot_spikes(nn.LeakyIntegrateAndFire(), "a"), "a list of currents is an array of numbers"),
        (lambda: viz.plot_attention("a"), "an array of numbers; given"),
        (lambda: viz.plot_convolution("a", np.eye(2)), "an image is an array of numbers"),
        (lambda: viz.plot_feature_maps(nn.Conv2d(1, 1, 1), "a"), "an image is an array of numbers"),
        (lambda: viz.plot_fit(line(1.0, 0.0), 2.0, 3.0), "one number x and one number y"),
        (lambda: next(viz.Recorder(line(1.0, 0.0)).replay(line(1.0, 0.0), [7])), "1 snapshots, counted from 0"),
        (lambda: viz.animate([3]), "takes plots"),
        (lambda: viz.animate([], seconds=0), "some time"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_a_lesson(mistake, lesson):
    with pytest.raises((KindError, RangeError, ShapeError), match=lesson):
        mistake()


def test_feature_maps_are_the_outputs_of_the_filters():
    model = nn.Sequential(
        nn.Conv2d(1, 3, 2, seed=0),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 2, 2, seed=1),
        nn.Flatten(),
        nn.Linear(2, 1),
    )
    image = np.random.default_rng(0).standard_normal((5, 5))
    title, maps = viz.plot_feature_maps_data(model, image)
    assert title.endswith("ReLU")
    w, b = model[0].weight.data, model[0].bias.data
    by_hand = [
        [[max(0, (image[i : i + 2, j : j + 2] * w[k, 0]).sum() + b[k]) for j in range(4)] for i in range(4)]
        for k in range(3)
    ]
    np.testing.assert_allclose(maps, by_hand)
    pooled = viz.plot_feature_maps_data(model, image, layer=1)[1]
    np.testing.assert_allclose(pooled[:, 0, 1], maps[:, :2, 2:].max(axis=(1, 2)))
    assert viz.plot_feature_maps_data(model, image, layer="3")[1].shape == (2, 1, 1)
    first, one, *_ = viz.plot_feature_maps(model, image).child_axes
    np.testing.assert_array_equal(first.images[0].get_array(), image)
    np.testing.assert_allclose(one.images[0].get_array(), maps[0])


# ---------------------------------------------------------------------- attention, layers


def test_attention_is_drawn_head_by_head():
    attention = nn.MultiHeadAttention(4, num_heads=2, batch_first=True, seed=0)
    x = np.random.default_rng(0).standard_normal((1, 3, 4))
    _, weights = attention(x, need_weights=True, average_attn_weights=False)
    found = viz.plot_attention_data(weights)
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    one, two, _ = viz.plot_attention(weights, ["a", "b", "c"]).child_axes  # and the scale of colours
    np.testing.assert_array_equal(two.images[0].get_array(), found[1])
    assert [text.get_text() for text in one.get_yticklabels()] == ["a", "b", "c"]
    assert one.texts[1].get_text() == f"{found[0, 0, 1]:.2f}"


def test_each_sample_keeps_its_colour_through_the_layers():
    X, _ = nn.datasets.rings(40, seed=0)
    model = nn.MLP(2, [4, 2, 1], "tanh", seed=0)
    spaces = viz.plot_layers_data(model, X)
    hidden = np.tanh(X @ model.layers[0].weight.data + model.layers[0].bias.data)
    np.testing.assert_allclose(spaces[1].values, hidden)
    np.testing.assert_allclose(spaces[2].positions, np.tanh(hidden @ model.layers[2].weight.data))
    np.testing.assert_allclose(spaces[3].positions[:, 0], model(X).data[:, 0])
    panels = viz.plot_layers(model, X).child_axes
    colours = [panel.collections[0].get_facecolors() for panel in panels]
    assert len(np.unique(colours[0].round(6), axis=0)) == 40  # a colour of its own
    for panel, space, same in zip(panels, spaces, colours):
        np.testing.assert_array_equal(same, colours[0])
        np.testing.assert_allclose(panel.collections[0].get_offsets(), space.positions)
    near = np.linalg.norm(X[:, None] - X, axis=-1) + 9 * np.eye(40)
    apart = np.linalg.norm(colours[0][:, None] - colours[0], axis=-1)
    assert apart[np.arange(40), near.argmin(1)].mean() < apart.mean() / 2  # neighbours have similar colours


def test_classes_keep_their_colours_through_the_layers():
    X, y = nn.datasets.rings(40, seed=0)
    panels = viz.plot_layers(nn.MLP(2, [4, 1], "tanh", seed=0), X, y).child_axes
    for panel in panels:
        zero, one = (each.get_facecolors()[0] for each in panel.collections)
        assert zero[0] > zero[2]  # orange
        assert one[2] > one[0]  # blue
    own = viz.plot_layers(nn.MLP(2, [4, 1], "tanh", seed=0), X, y, colours="instances").child_axes[0]
    assert len(own.collections[0].get_facecolors()) == (y == 0).sum()


# ---------------------------------------------------------------------- moving pictures


def three_plots():
    return (viz.plot_convolution(np.eye(3), np.ones((2, 2)), at=at) for at in [(0, 0), (0, 1), (1, 0)])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".WEBP"])
def test_a_moving_picture_has_all_plots_and_holds_the_last(suffix, tmp_path):
    from PIL import Image

    moving = viz.animate(three_plots(), seconds=0.2)
    assert moving.times == [200, 200, 1000]
    path = moving.save(tmp_path / f"a{suffix}")
    with Image.open(path) as image:
        assert image.n_frames == 3
        for k in range(3):
            image.seek(k)
            frame = np.asarray(image.convert("RGB"), int)
            assert np.abs(frame - np.asarray(moving.frames[k], int)).mean() < 6
    assert moving._repr_html_().startswith('<img alt="Animation of 3 pictures" src="data:image/webp;base64,')
    with pytest.raises(viz.OptionError, match=r"\.gif, \.webp, \.mp4"):
        moving.save(tmp_path / "a.png")


def test_plots_of_different_size_are_one_moving_picture(tmp_path):
    from PIL import Image

    plots = [viz.plot_convolution(np.eye(n), np.ones((2, 2)), at=(0, 0)) for n in (3, 9)]
    with Image.open(viz.animate(plots).save(tmp_path / "a.gif")) as image:
        assert image.size == max(frame.size for frame in viz.animate(plots).frames)


def test_mp4_is_written_by_ffmpeg_where_it_is(tmp_path, monkeypatch):
    moving = viz.animate(three_plots(), seconds=0.2)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(viz.DrawingError, match=r"ffmpeg, which is not installed.*\.gif"):
        moving.save(tmp_path / "a.mp4")
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\n/usr/bin/wc -c > "$(eval echo \\${$#})"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    width, height = moving.frames[0].size
    written = moving.save(tmp_path / "a.mp4").read_text()
    assert int(written) == (5 + 5 + 25) * width * height * 3  # 25 frames a second
    program.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    with pytest.raises(viz.DrawingError, match="no such codec"):
        moving.save(tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_a_training_as_a_moving_picture():
    X, y = nn.datasets.moons(40, seed=0)
    model, recorder = nn.MLP(2, [4, 2], seed=0), viz.Recorder()
    nn.fit(model, nn.cross_entropy, (X, y), epochs=4, callbacks=[recorder], progress=False)
    after = [np.array(p.data) for p in model.parameters()]
    moving = viz.animate(
        viz.plot_decision_boundary(then, X, y, resolution=12) for _, then in recorder.replay(model, 3)
    )
    assert len(moving.frames) == 3
    assert len({frame.tobytes() for frame in moving.frames}) == 3
    for p, data in zip(model.parameters(), after):
        np.testing.assert_array_equal(p.data, data)
    file = io.BytesIO()
    moving.frames[0].save(file, "png")
    assert file.getvalue()


def test_a_title_claims_sums_only_where_they_are_so() -> None:
    assert viz.plot_attention([[0.5, 0.5]]).get_title(loc="left") == "Attention weights: each row sums to 1"
    assert viz.plot_attention([[2.0, 0.5]]).get_title(loc="left") == "Attention weights"


def test_a_descent_is_drawn_where_the_function_is_finite() -> None:
    ax = viz.plot_descent(log, 1.0, [0.1])
    assert np.isfinite(ax.child_axes[0].get_ylim()).all()


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda: viz.plot_descent(lambda w: w * w, "a"), "the start is one number"),
        (lambda: viz.plot_spikes(nn.LeakyIntegrateAndFire(), []), "at one current or several"),
        (lambda: viz.plot_attention([[1.0]], ["a"], 3), "ax is the axes of matplotlib"),
        (lambda: viz.plot_attention([[1.0]], nams=["a"]), "did you mean 'names'"),
        (lambda: viz.plot_box(hight=2.0), "did you mean 'height'"),
        (lambda: viz.animate([viz.plot_box()], seconds="a"), "seconds='a'"),
        (lambda: viz.animate([viz.plot_box()]).save("a.png"), "Use one of .gif, .webp, .mp4"),
    ],
)
def test_a_wrong_argument_is_answered_in_words(mistake, lesson) -> None:
    with pytest.raises(ChainruleError, match=lesson):
        mistake()
