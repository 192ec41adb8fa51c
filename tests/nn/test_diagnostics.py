"""Diagnostics against numbers worked out in NumPy, on networks of Tensors and of Values."""

import json

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, ShapeError, Value, relu
from chainrule.nn import diagnostics


def pair(activation):
    """The same network twice: of Tensors and of Values."""
    tensors = nn.MLP(3, [4, 4, 2], activation, seed=0)
    values = nn.scalar.MLP(3, [4, 4, 2], activation, seed=1)
    for linear, layer in zip(tensors.layers[::2], values.layers, strict=True):
        linear.bias.data = np.linspace(-0.5, 0.5, len(layer.neurons))
        for j, neuron in enumerate(layer.neurons):
            neuron.b.data = float(linear.bias.data[j])
            for i, w in enumerate(neuron.w):
                w.data = float(linear.weight.data[i, j])
    return tensors, values


X = np.random.default_rng(0).standard_normal((20, 3))
Y = np.random.default_rng(1).standard_normal((20, 2))


def test_dead_units():
    for model, first in zip(pair("relu"), ("layers.1", "layer1"), strict=True):
        if first == "layer1":
            model.layers[0].neurons[2].b.data = -100.0
        else:
            model.layers[0].bias.data = model.layers[0].bias.data + np.array([0, 0, -100.0, 0])
        report = diagnostics.dead_units(model, X)
        assert report[0] == diagnostics.DeadUnits(first, 4, 1, 0.25, (2,))
        assert len(report) == 2
    assert len(diagnostics.dead_units(nn.MLP(3, [2, 1], "tanh"), X)) == 0
    assert "nothing to report" in repr(diagnostics.dead_units(nn.MLP(3, [2, 1], "tanh"), X))


def test_one_sample_can_keep_a_unit_alive():
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    model[0].weight.data[:] = 1
    assert diagnostics.dead_units(model, [[-1.0], [-2.0]])[0].dead == 1
    assert diagnostics.dead_units(model, [[-1.0], [0.1]])[0].dead == 0
    assert diagnostics.dead_units(model, [[-1.0], [0.0]])[0].dead == 1


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturation(activation):
    tensors, values = pair(activation)
    tensors.layers[0].weight.data = tensors.layers[0].weight.data * 4
    for j, neuron in enumerate(values.layers[0].neurons):
        for i, w in enumerate(neuron.w):
            w.data = float(tensors.layers[0].weight.data[i, j])
    z = X @ tensors.layers[0].weight.data + tensors.layers[0].bias.data
    slope = 1 - np.tanh(z) ** 2 if activation == "tanh" else 4 * np.exp(-z) / (1 + np.exp(-z)) ** 2
    a, b = (diagnostics.saturation(model, X, threshold=0.2) for model in (tensors, values))
    assert 0 < a[0].saturated < 1
    assert a[0].saturated == b[0].saturated == (slope < 0.2).mean()
    assert a[0].stuck == (slope < 0.2).all(0).mean()
    assert (a[0].activation, a[0].units, len(a), len(b)) == (activation, 4, 2, 2)


def test_gradient_flow_is_the_same_of_tensors_and_of_values():
    tensors, values = pair("tanh")
    with pytest.raises(KindError, match=r"loss\.backward\(\)"):
        diagnostics.gradient_flow(tensors)
    nn.mse_loss(tensors(X), Y).backward()
    nn.mse_loss([values(row) for row in X], Y).backward()
    a, b = diagnostics.gradient_flow(tensors), diagnostics.gradient_flow(values)
    assert [row.layer for row in b] == ["layer1", "layer2", "layer3"]
    for layer, row, other in zip(tensors.layers[::2], a, b, strict=True):
        g = np.concatenate([layer.weight.grad.ravel(), layer.bias.grad])
        assert row.norm == pytest.approx(np.sqrt((g * g).sum()))
        assert (row.parameters, row.rms) == (g.size, pytest.approx(row.norm / g.size**0.5))
        assert (other.parameters, other.norm, other.rms) == (
            g.size,
            pytest.approx(row.norm),
            pytest.approx(row.rms),
        )
    assert a[0].to_next == pytest.approx(a[0].rms / a[1].rms)
    assert a[2].to_next is None


def test_gradients_vanish_through_sigmoids_and_not_through_he_and_relu():
    last_to_first = {}
    for activation in ("sigmoid", "relu"):
        model = nn.MLP(20, [20] * 10 + [1], activation, seed=0)
        x = np.random.default_rng(0).standard_normal((50, 20))
        nn.mse_loss(model(x), np.zeros((50, 1))).backward()
        flow = diagnostics.gradient_flow(model)
        last_to_first[activation] = flow[0].rms / flow[-1].rms
    assert last_to_first["sigmoid"] < 1e-4
    assert last_to_first["relu"] > 1e-2


def test_update_ratios():
    for model in pair("tanh"):
        before = model.state_dict()
        report = diagnostics.update_ratios(model, before)
        assert [row.update for row in report] == [0, 0, 0]
        for p in model.parameters():
            p.data = p.data * 1.01
        for row in diagnostics.update_ratios(model, before):
            assert row.ratio == pytest.approx(0.01)
        with pytest.raises(ShapeError, match="taken before the step"):
            diagnostics.update_ratios(model, {})


def test_statistics_of_outputs_and_gradients():
    tensors, values = pair("tanh")
    before = [tensors.state_dict(), values.state_dict()]
    a = diagnostics.statistics(tensors, X, Y, nn.mse_loss, bins=5)
    b = diagnostics.statistics(values, X, Y, nn.mse_loss, bins=5)
    h = np.tanh(X @ tensors.layers[0].weight.data + tensors.layers[0].bias.data)
    hidden = {row.layer: row for row in a}["layers.1"]
    of_values = {row.layer: row for row in b}["layer1"]
    np.testing.assert_allclose(
        [hidden.mean, hidden.std, hidden.low, hidden.high], [h.mean(), h.std(), h.min(), h.max()]
    )
    np.testing.assert_array_equal(hidden.counts, np.histogram(h, 5)[0])
    with diagnostics.record_outputs(tensors) as outputs:
        nn.mse_loss(tensors(X), Y).backward()
    g = outputs["layers.1"][0].grad
    assert (hidden.grad_mean, hidden.grad_std) == (pytest.approx(g.mean()), pytest.approx(g.std()))
    for name in ("mean", "std", "low", "high", "grad_mean", "grad_std", "edges", "grad_edges"):
        np.testing.assert_allclose(getattr(of_values, name), getattr(hidden, name), rtol=1e-9)
    assert of_values.grad_counts == hidden.grad_counts
    for model, state in zip((tensors, values), before, strict=True):
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(value, state[name])
    assert all(p.grad is None for p in values.parameters())


def test_looking_changes_nothing():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 1))
    nn.mse_loss(model(X), Y[:, :1]).backward()
    state, gradients = model.state_dict(), [p.grad for p in model.parameters()]
    model[1].training = False
    diagnostics.dead_units(model, X)
    diagnostics.statistics(model, X, Y[:, :1], nn.mse_loss)
    assert [module.training for module in model.modules()] == [True, True, False, True, True, True]
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    for p, g in zip(model.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(p.grad, g)
    assert not any(module._hooks for module in model.modules())
    with pytest.raises(KindError, match="a module"):
        diagnostics.dead_units(relu, X)


def test_images_and_units_at_each_place():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, seed=0), nn.ReLU())
    model[0].bias.data = np.array([0.0, -1e3])
    images = np.random.default_rng(0).standard_normal((6, 1, 5, 5))
    report = diagnostics.dead_units(model, images)
    assert (report[0].units, report[0].dead >= 9) == (18, True)


def test_variance_is_kept_over_fifty_layers_by_he_and_by_glorot_and_lost_by_others():
    for activation, keeps in (("relu", "he"), ("linear", "glorot")):
        for row in diagnostics.initial_spread(activation=activation, width=60):  # where 0.1 is no good guess
            forward, backward = row.last / row.first, row.grad_first / row.grad_last
            if row.initialiser.startswith(keeps):
                assert 0.05 < forward < 20
                assert 0.05 < backward < 20
            else:
                assert not 1e-10 < forward < 1e10
                assert not 1e-10 < backward < 1e10
            assert len(row.activations) == len(row.gradients) == 50


def test_reports_are_tables_and_data():
    report = diagnostics.saturation(pair("tanh")[0], X)
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert repr(report).splitlines()[0].split() == ["layer", "activation", "units", "saturated", "stuck"]
    assert [row.layer for row in report] == report.to_dict()["layer"] == ["layers.1", "layers.3"]
    with pytest.raises(AttributeError):
        report.rows = ()


# ---------------------------------------------------------------------- hooks


def test_forward_hooks():
    layer, calls = nn.Linear(3, 2, seed=0), []
    first = layer.register_forward_hook(lambda module, inputs, output: calls.append((module, inputs, output)))
    second = layer.register_forward_hook(lambda module, inputs, output: output * 2)
    y = layer(X)
    assert calls[0][0] is layer
    assert calls[0][1][0] is X
    np.testing.assert_array_equal(y.data, 2 * calls[0][2].data)
    second.remove()
    second.remove()
    np.testing.assert_array_equal(layer(X).data, calls[1][2].data)
    first.remove()
    layer(X)
    assert len(calls) == 2
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    with pytest.raises(KindError, match="function of module"):
        layer.register_forward_hook(3)


def test_outputs_are_kept_for_each_call():
    shared = nn.Linear(2, 2, seed=0)
    model = nn.Sequential(shared, nn.Tanh(), shared)
    with diagnostics.record_outputs(model) as outputs:
        model(np.ones((1, 2)))
    model(np.ones((1, 2)))
    assert [len(outputs[path]) for path in ("0", "1", "")] == [2, 1, 1]
    neuron = nn.scalar.Neuron(2, seed=0)
    with diagnostics.record_outputs(neuron) as outputs:
        neuron([1.0, 2.0])
    assert isinstance(outputs[""][0], Value)


@pytest.mark.parametrize("look", [diagnostics.dead_units, diagnostics.saturation, diagnostics.statistics])
@pytest.mark.parametrize("make", [nn.MLP, nn.scalar.MLP])
def test_no_samples_are_a_lesson(look, make):
    with pytest.raises(ShapeError, match="given none, an array of shape"):
        look(make(2, [3, 1], seed=0), np.zeros((0, 2)))


def test_a_layer_of_zeros_that_stays_so_has_not_moved():
    model = nn.Linear(2, 1, seed=0)
    model.weight = np.zeros((2, 1))
    (row,) = diagnostics.update_ratios(model, model.state_dict())
    assert (row.weights, row.update, row.ratio) == (0, 0, 0)


def test_parameters_in_lists_and_dicts_belong_to_their_module():
    class Scales(nn.Module):
        def __init__(self):
            self.scales, self.named = [nn.Parameter([3.0]), nn.Parameter([4.0])], {"c": nn.Parameter([5.0])}

        def forward(self, x):
            return x * self.scales[0] * self.scales[1] * self.named["c"]

    model = nn.Sequential(Scales())
    loss = lambda: model(np.ones(1)).sum()  # noqa: E731
    loss().backward()
    (row,) = nn.diagnostics.gradient_flow(model)
    assert (row.layer, row.parameters) == ("0", 3)
    assert row.norm == pytest.approx((20**2 + 15**2 + 12**2) ** 0.5)  # of 3 * 4 * 5
    assert nn.diagnostics.check_parameters(model, loss).compared == 1
