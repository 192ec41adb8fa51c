"""Looking changes nothing: whatever runs a module in order to look at it leaves the module as it was."""

from __future__ import annotations

import random
from collections import deque
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

from chainrule import nn, viz
from chainrule.autograd import CheckError, Tensor, check_gradients, check_update, no_grad
from chainrule.nn import diagnostics, scalar


class Restless(nn.Module):
    """A module that changes with every call in every way that a module can."""

    def __init__(self, fails: bool = False) -> None:
        self.net = nn.Sequential(
            nn.Linear(2, 3, seed=0),
            nn.BatchNorm1d(3),
            nn.ReLU(),
            nn.Dropout(0.5, seed=1),
            nn.Linear(3, 2, seed=2),
        )
        self.fails = fails
        self.calls, self.seen, self.last = 0, [], {"shape": None}
        self.marks, self.queue, self.array = {0}, deque([0], maxlen=2), np.zeros(3)
        self.generators = (np.random.default_rng(0), random.Random(0), np.random.RandomState(0))
        self.nested = [{"deep": [np.zeros(2)]}]
        self.free = Tensor([1.0])
        self.gone = "here"

    def forward(self, x):
        self.calls += 1
        self.seen.append(self.calls)
        self.last["shape"] = np.shape(x)
        self.marks.add(self.calls)
        self.queue.append(self.calls)
        self.array[:] = self.calls
        self.nested[0]["deep"][0] += 1
        for generator in self.generators:
            generator.random()
        self.free.grad = np.ones(1)
        self.net[0].bias.grad = np.ones(3)
        self.net[0].weight.data *= 1.0 + 1e-9
        self.net[1].weight.data = self.net[1].weight.data * 2
        self.net[4].bias.requires_grad = False
        y = self.net(x)
        self.late = y
        self.net[2].train(not self.net[2].training)
        vars(self).pop("gone", None)
        if self.fails:
            raise RuntimeError("inside")
        return y


class Counting(scalar.MLP):
    """The same for a network of Values."""

    def forward(self, x):
        y = super().forward(x)
        self.calls = getattr(self, "calls", 0) + 1
        self.parameters()[0].grad = 7.0
        self.layers[0].train(not self.layers[0].training)
        return y


def state_of(model: nn.Module) -> list:
    """All that can be seen of a module, as plain data."""
    found: list = []
    for path, module in model.named_modules():
        found.append(
            [path, *((name, plain(value)) for name, value in vars(module).items() if name != "_title")]
        )
    for name, p in model.named_parameters():
        grad = None if p.grad is None else np.asarray(p.grad).tobytes()
        found.append([name, p.name, np.asarray(p.data).tobytes(), id(p.data), grad, p.requires_grad])
    return found


def plain(x):
    if isinstance(x, np.ndarray):
        return x.tobytes()
    if isinstance(x, (np.random.Generator, np.random.RandomState)):
        return repr((x if isinstance(x, np.random.RandomState) else x.bit_generator).__getstate__())
    if isinstance(x, random.Random):
        return x.getstate()
    if isinstance(x, (list, tuple, deque)):
        return [id(x), *map(plain, x)]
    if isinstance(x, dict):
        return [id(x), *((key, plain(value)) for key, value in x.items())]
    if isinstance(x, set):
        return [id(x), *sorted(x)]
    if isinstance(x, Tensor):
        return [id(x), x.data.tobytes(), None if x.grad is None else x.grad.tobytes()]
    return x if isinstance(x, (bool, int, float, str)) else id(x)


def prepared(model: nn.Module) -> nn.Module:
    """In training, in part in evaluation, with gradients and a hook."""
    model.modules()[1].eval()
    for p in model.parameters():
        p.grad = p.data * 1.0 if isinstance(p, Tensor) else float(p.data)
    model.modules()[-1].register_forward_hook(lambda *given: None)
    return model


X = np.random.default_rng(0).standard_normal((8, 2))
Y = np.arange(8) % 2


def hinge(answers, y):
    return nn.hinge_loss(answers, np.where(y, 1.0, -1.0))


LOOKS = {
    "draw": lambda model, x, y, loss: viz.draw(model, x),
    "draw a function": lambda model, x, y, loss: viz.draw(lambda x: loss(model(x), y), x),
    "draw a method": lambda model, x, y, loss: viz.draw(model.forward, x),
    "draw a partial": lambda model, x, y, loss: viz.draw(partial(_apply, model), x),
    "summary": lambda model, x, y, loss: nn.summary(model, x),
    "statistics": lambda model, x, y, loss: diagnostics.statistics(model, x),
    "statistics with a loss": lambda model, x, y, loss: diagnostics.statistics(model, x, y, loss),
    "dead units": lambda model, x, y, loss: diagnostics.dead_units(model, x),
    "saturation": lambda model, x, y, loss: diagnostics.saturation(model, x),
    "gradient flow": lambda model, x, y, loss: diagnostics.gradient_flow(model),
    "update ratios": lambda model, x, y, loss: diagnostics.update_ratios(model, model.state_dict()),
    "decision boundary": lambda model, x, y, loss: viz.plot_decision_boundary_data(model, x, y, resolution=3),
    "boundary of a function": lambda model, x, y, loss: viz.plot_decision_boundary_data(
        lambda x: np.zeros((len(x), 1)) if model is None else _plain(model, x), x, resolution=3
    ),
    "responses": lambda model, x, y, loss: viz.plot_responses_data(model, x, layer=0, resolution=3),
    "hidden space": lambda model, x, y, loss: viz.plot_hidden_space_data(model, x, y, resolution=3),
    "activations": lambda model, x, y, loss: viz.plot_activation_histograms_data(model, x),
    "gradients": lambda model, x, y, loss: viz.plot_gradient_histograms_data(model, x, y, loss),
    "flow": lambda model, x, y, loss: viz.plot_gradient_flow_data(model),
    "surface": lambda model, x, y, loss: viz.plot_loss_surface_data(model, x, y, loss, resolution=3),
    "weights": lambda model, x, y, loss: viz.plot_weights_data(model),
    "layers": lambda model, x, y, loss: viz.plot_layers_data(model, x),
    "recorder": lambda model, x, y, loss: viz.Recorder(model).record(model, 1.0),
    "check_gradients": lambda model, x, y, loss: check_gradients(lambda x: _apply(model, x), x, order=1),
    "check_update": lambda model, x, y, loss: check_update(lambda x: loss(model(x), y), x),
}
QUIET = {"gradient flow", "update ratios", "flow", "weights", "recorder"}  # these run no module
PLOTS = (
    "decision_boundary",
    "responses",
    "hidden_space",
    "layers",
    "activation_histograms",
    "weights",
    "gradient_flow",
)


def _apply(model, x):
    return model(x)


def _plain(model, x):
    with no_grad():
        return model(x).data


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_changes_nothing_in_a_module(name):
    model = prepared(Restless())
    before = state_of(model)
    with suppress(CheckError):  # its weights change from call to call
        LOOKS[name](model, X, Y, nn.cross_entropy)
    assert state_of(model) == before


@pytest.mark.parametrize("name", sorted(LOOKS.keys() - QUIET))
def test_a_look_that_fails_changes_nothing_in_a_module(name):
    model = prepared(Restless(fails=True))
    before = state_of(model)
    with pytest.raises(RuntimeError, match="inside"):
        LOOKS[name](model, X, Y, nn.cross_entropy)
    assert state_of(model) == before


@pytest.mark.parametrize(
    "name", sorted(LOOKS.keys() - {"check_gradients", "check_update", "boundary of a function"})
)
def test_a_look_changes_nothing_in_a_network_of_values(name):
    model = prepared(Counting(2, [3, 1], seed=0))
    before = state_of(model)
    sample = X if "draw" not in name and name != "summary" else X[0].tolist()
    LOOKS[name](model, sample, Y, hinge if "draw" not in name else lambda answer, y: answer)
    assert state_of(model) == before


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_changes_nothing_in_a_module(name):
    pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")
    model = prepared(Restless())
    before = state_of(model)
    getattr(viz, f"plot_{name}")(*((model,) if name in ("weights", "gradient_flow") else (model, X)))
    assert state_of(model) == before


def test_a_graph_that_was_recorded_before_a_look_is_still_whole():
    model = nn.MLP(2, [3, 2], seed=0)
    loss = nn.cross_entropy(model(X), Y)
    viz.plot_loss_surface_data(model, X, Y, nn.cross_entropy, resolution=3)
    diagnostics.statistics(model, X, Y, nn.cross_entropy)
    loss.backward()
    again = nn.MLP(2, [3, 2], seed=0)
    nn.cross_entropy(again(X), Y).backward()
    for p, q in zip(model.parameters(), again.parameters(), strict=True):
        np.testing.assert_array_equal(p.grad, q.grad)


def test_diagnostics_write_no_gradient_to_the_samples_nor_to_what_else_the_loss_uses():
    model, x, scale = nn.MLP(2, [3, 2], seed=0), Tensor(X, requires_grad=True), Tensor(2.0)
    diagnostics.statistics(model, x, Y, lambda answer, y: nn.cross_entropy(answer, y) * scale)
    assert x.grad is None
    assert scale.grad is None


def test_training_goes_on_to_the_same_numbers_whether_someone_looked_or_not():
    def trained(look):
        model = nn.Sequential(
            nn.Linear(2, 4, seed=0), nn.BatchNorm1d(4), nn.Dropout(0.5, seed=0), nn.Linear(4, 2, seed=1)
        )
        optimizer = nn.Adam(model.parameters(), lr=0.05)
        for _ in range(5):
            loss = nn.cross_entropy(model(X), Y)
            optimizer.zero_grad()
            look(model)
            loss.backward()
            look(model)
            optimizer.step()
            look(model)
        return model.state_dict()

    def look(model):
        viz.draw(model, X)
        viz.draw(lambda x: nn.cross_entropy(model(x), Y), X)
        nn.summary(model, X)
        diagnostics.statistics(model, X, Y, nn.cross_entropy)
        viz.plot_loss_surface_data(model, X, Y, nn.cross_entropy, resolution=2)

    expected = trained(lambda model: None)
    for name, array in trained(look).items():
        np.testing.assert_array_equal(array, expected[name])


def test_a_loss_that_is_a_module_is_as_it_was():
    class Weighted(nn.Module):
        def __init__(self):
            self.calls = 0

        def forward(self, answer, y):
            self.calls += 1
            return nn.cross_entropy(answer, y)

    loss, model = Weighted(), nn.MLP(2, [3, 2], seed=0)
    diagnostics.statistics(model, X, Y, loss)
    viz.plot_gradient_histograms_data(model, X, Y, loss)
    viz.plot_loss_surface_data(model, X, Y, loss, resolution=2)
    assert loss.calls == 0


class Trainer:
    """No module, but has one."""

    def __init__(self, model):
        self.model, self.others = model, {"list": [Restless()]}

    def predict(self, x):
        return _plain(self.model, x)

    def __call__(self, x):
        return self.others["list"][0](x) + self.model(x)


def test_modules_are_found_in_other_objects():
    trainer = Trainer(prepared(Restless()))
    states = [state_of(model) for model in (trainer.model, trainer.others["list"][0])]
    viz.plot_decision_boundary_data(trainer.predict, X, resolution=3)
    viz.draw(trainer, X)
    viz.draw(lambda x: trainer.model(x), X)
    assert [state_of(model) for model in (trainer.model, trainer.others["list"][0])] == states


def test_a_check_of_gradients_gives_the_lesson_about_dropout_and_draws_no_numbers():
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Dropout(0.5, seed=1))
    first = nn.Dropout(0.5, seed=1)(np.ones(8))
    with pytest.raises(CheckError, match="random in it"):
        check_gradients(lambda x: model(x), X)
    np.testing.assert_array_equal(model[1](np.ones(8)), first)


def test_unchanged_nests_and_is_for_modules_of_any_depth():
    inner = model = nn.BatchNorm1d(2)
    for _ in range(3000):
        around = nn.Module()
        vars(around)["inside"] = [model]  # past the names, which grow with the depth
        model = around
    with nn.unchanged(model):
        with nn.unchanged(model):
            inner(X)
            assert inner.num_batches_tracked == 1
        assert inner.num_batches_tracked == 0
        inner(X)
    assert inner.num_batches_tracked == 0
    assert inner.running_mean.tolist() == [0.0, 0.0]


def test_a_loss_that_is_no_node_or_a_constant_is_a_lesson():
    model = nn.MLP(2, [3, 2], seed=0)
    with pytest.raises(TypeError, match="differentiates a node"):
        diagnostics.statistics(model, X, Y, lambda answer, y: 1.0)
    with pytest.raises(RuntimeError, match="a constant"):
        diagnostics.statistics(model, X, Y, lambda answer, y: Tensor(answer.data).sum().detach())
