"""The graph of a batch and of a sample: the numbers of the training, and a run that does not notice."""

import copy
import itertools

import numpy as np
import pytest

from chainrule.autograd import Tape, Value, gradients
from chainrule.viz import OptionError, draw, step
from chainrule.viz.passes.passes import Passes
from chainrule.viz.playground.inside.batch import batch_loss, graph_page
from chainrule.viz.playground.inside.derivation import derivation
from chainrule.viz.playground.inside.names import Names
from chainrule.viz.playground.inside.sample import sample_loss, stepper_page
from chainrule.viz.playground.inside.surface import surface
from chainrule.viz.playground.lab.data import with_features
from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.settings import ACTIVATIONS, INPUTS, Recipe, Settings
from chainrule.viz.stepping.live import live

RUNS = {
    "usual": Settings(samples=60),
    "no hidden layer": Settings(data="plane", layers=[], samples=30),
    "dropout and L2": Settings(
        dropout=0.4, penalty="L2", strength=0.01, layers=[5, 3], activations=["relu", "linear"]
    ),
    "L1 and a schedule": Settings(
        data="bumps", penalty="L1", strength=0.003, schedule="warmup", optimizer="Adam"
    ),
    "all inputs, six layers": Settings(
        data="moons", inputs=INPUTS, layers=[3, 2, 4, 2, 3, 2], activations=ACTIVATIONS[:6], batch=1
    ),
}


def trained(name: str, steps: int = 17) -> Run:
    run = Run(Recipe(RUNS[name]))
    run.train(steps)
    return run


# ---------------------------------------------------------------------- the batch


@pytest.mark.parametrize("name", RUNS)
def test_the_loss_of_a_batch_is_that_of_the_next_step(name):
    run = trained(name)
    loss = batch_loss(run)
    slopes = {node.name: node.grad for node in Tape(loss).leaves if node.grad is not None}
    found = run.step.run(next(run.batches))
    assert loss.item() == found.loss + (found.penalty or 0)
    assert slopes.keys() == {name for name, _ in run.model.named_parameters()}
    for name, p in run.model.named_parameters():
        assert np.array_equal(slopes[name], p.grad)


@pytest.mark.parametrize("name", RUNS)
def test_the_loss_at_a_moment_is_what_it_was_then(name):
    run = trained(name)
    moment, then, again = run.moment(), batch_loss(run).item(), batch_loss(run).item()
    one = sample_loss(run, 3).data
    run.train(9)
    assert then == again == batch_loss(run, moment).item()
    assert one == sample_loss(run, 3, moment).data
    assert then != batch_loss(run).item()


@pytest.mark.parametrize("name", RUNS)
def test_looking_inside_changes_nothing(name):
    """The bits of two runs, of which one is looked at after every step."""
    run, looked_at = trained(name, 4), trained(name, 4)
    moment = looked_at.moment()
    weight = next(iter(dict(run.model.named_parameters())))
    for i in range(6):
        graph = batch_loss(looked_at)
        graph_page(graph)
        stepper_page(sample_loss(looked_at, i))
        for at in (None, moment):
            derivation(looked_at, weight, (0, 0), at)
        surface(looked_at, resolution=3)
        before = str(draw(graph, style="boxes"))
        for each in (run, looked_at):
            each.advance()
        assert str(draw(graph, style="boxes")) == before  # the graph does not follow the run
    for p, q in zip(run.model.parameters(), looked_at.model.parameters()):
        assert np.array_equal(p.data, q.data)
    assert run.rng.bit_generator.state == looked_at.rng.bit_generator.state
    assert run.optimizer.lr == looked_at.optimizer.lr
    assert run.losses_of(run.view()) == looked_at.losses_of(looked_at.view())
    assert all(p.requires_grad for p in looked_at.model.parameters())
    assert not looked_at.viewer.training


def test_the_graph_of_a_batch_has_its_layers_in_boxes():
    text = draw(batch_loss(trained("dropout and L2")), style="boxes", fit=None, depth=1)
    shown = text.dot
    for title in ("hidden layer 1", "hidden layer 2", "output layer", "penalty", "inputs", "loss + penalty"):
        assert title in shown
    scopes = [node.scope[:1] for node in Tape(batch_loss(trained("usual"))).nodes if node.op is not None]
    assert [title for title, _ in itertools.groupby(scopes)] == [
        ("hidden layer 1",),
        ("hidden layer 2",),
        ("output layer",),
        ("loss",),
    ]
    names = {node.name for node in Tape(batch_loss(trained("dropout and L2"))).nodes}
    assert {"inputs", "z1", "a1", "z2", "mask", "logits", "targets", "penalty", "loss", "0.weight"} <= names
    assert "a2" not in names  # a linear unit gives its sum


def test_the_pages_are_those_of_draw_and_step():
    run = trained("usual")
    loss, one = batch_loss(run), sample_loss(run, 0)
    assert graph_page(loss) == draw(loss, style="boxes").html()
    assert stepper_page(one) == step(one).html()
    assert "http://" not in graph_page(loss).replace("http://www.w3.org", "")


# ---------------------------------------------------------------------- one sample


SAMPLES = {
    **RUNS,
    **{f"of {name}": Settings(samples=40, activations=name, layers=[3, 2]) for name in ACTIVATIONS},
    "numbers": Settings(data="bumps", samples=40, inputs=["x1x2", "sin(x2)"], layers=[3]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_has_the_loss_and_the_gradients_of_the_network_of_arrays(name):
    run = Run(Recipe(SAMPLES[name]))
    run.train(11)
    names = Names(run.settings)
    for i in (0, 7, len(run.inputs) - 1):
        loss = sample_loss(run, i)
        loss.backward()
        leaves = {leaf.name: leaf for leaf in Tape(loss).leaves}
        model = copy.deepcopy(run.view())
        expected = run.loss(model(run.inputs[i : i + 1]), run.data.y[i : i + 1])
        assert loss.data == pytest.approx(float(expected.data), rel=1e-12, abs=1e-12)
        parameters = model.parameters()
        for n, (p, slope) in enumerate(zip(parameters, gradients(expected, parameters))):
            for index in np.ndindex(p.shape):
                leaf = leaves.pop(names.parameter(n // 2, index))
                assert leaf.data == p.data[index]
                assert leaf.grad == pytest.approx(slope[index], rel=1e-12, abs=1e-12)
        assert leaves.keys() <= {"x1", "x2", "y"}


def test_the_gradient_reaches_the_point_itself():
    """By finite differences through the network of arrays."""
    run = trained("all inputs, six layers")
    loss = sample_loss(run, 2)
    loss.backward()
    found = {leaf.name: leaf.grad for leaf in Tape(loss).leaves}

    def at(point):
        return float(
            run.loss(run.view()(with_features(point[None], run.settings.inputs)), run.data.y[2:3]).data
        )

    for i, name in enumerate(("x1", "x2")):
        step = np.zeros(2)
        step[i] = 1e-6
        slope = (at(run.data.X[2] + step) - at(run.data.X[2] - step)) / 2e-6
        assert found[name] == pytest.approx(slope, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_of_a_sample_is_live(name):
    run = Run(Recipe(SAMPLES[name]))
    program, data = live(Passes(sample_loss(run, 1), None, 4))
    assert program != "null"
    assert "why" not in data
    tape = Tape(sample_loss(run, 1))
    assert all(isinstance(node, Value) for node in tape.nodes)
    parameters = sum(p.size for p in run.model.parameters())
    assert len(data["descends"]) == parameters


def test_the_largest_network_is_live_as_well():
    settings = Settings(inputs=INPUTS, layers=[8] * 6, activations=["gelu"])
    loss = sample_loss(Run(Recipe(settings)), 0)
    assert len(Tape(loss).nodes) <= 5000
    assert live(Passes(loss, None, 4))[0] != "null"


def test_names_of_a_sample_are_different_and_in_scopes():
    tape = Tape(sample_loss(trained("dropout and L2"), 0))
    named = [node.name for node in tape.nodes if node.name is not None]
    assert len(named) == len(set(named))
    scopes = {node.name: node.scope for node in tape.nodes}
    assert scopes["z1[2]"] == ("hidden layer 1", "unit 2")
    assert scopes["logit"] == ("output layer", "unit 1")
    assert scopes["loss"] == ("loss",)


@pytest.mark.parametrize("i", [-1, 30])
def test_a_sample_that_is_not_there(i):
    with pytest.raises(OptionError, match="numbered from 0"):
        sample_loss(trained("usual", 0), i)
