"""Networks of Values: primitives only, names and scopes that draw well, and what micrograd's callers expect."""

import math
import sys

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ShapeError, Tape, Value, check_gradients
from chainrule.nn import scalar
from chainrule.nn.layers.activations import ACTIVATIONS


def test_a_neuron_by_hand():
    neuron = scalar.Neuron(2, activation="tanh", seed=0)
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = 0.5, -1.0, 0.25
    out = neuron([2.0, 3.0])
    assert out.data == math.tanh(0.25 + 0.5 * 2 - 1.0 * 3)
    out.backward()
    slope = 1 - out.data**2
    assert [p.grad for p in neuron.parameters()] == [slope * 2, slope * 3, slope]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_neuron_is_one_node_or_many_with_the_same_gradients(activation):
    fine, compound = (scalar.MLP(3, [4, 2], activation, seed=1, compound=c) for c in (False, True))
    x, y = ([Value(v, name=f"x{i}") for i, v in enumerate((0.5, -1.0, 2.0))] for _ in range(2))
    losses = [sum(v * v for v in model(inputs)) for model, inputs in ((fine, x), (compound, y))]
    for loss in losses:
        loss.backward()
    assert losses[0].data == pytest.approx(losses[1].data, rel=1e-13)
    for a, b in zip((*fine.parameters(), *x), (*compound.parameters(), *y), strict=True):
        assert a.grad == pytest.approx(b.grad, rel=1e-12)
    tape = Tape(compound(y))
    assert [n.op.name for n in tape.nodes if n.op] == [f"neuron_{activation}"] * 4 + ["neuron_linear"] * 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_compound_neuron_is_differentiated_replayed_printed_and_drawn(activation):
    neuron = scalar.Neuron(2, activation=activation, compound=True, weights=[0.5, -0.25])
    x, y = Value(2.0, name="x"), Value(1.5, name="y")
    check_gradients(lambda a, b: neuron([a, b]) ** 2, Value(0.3), Value(0.8), order=2)
    tape = Tape(neuron([x, y]))
    rules = [step.rule for step in tape.steps()]
    assert rules[0] == f"neuron_{activation}(w1, w2, x, y, b{_options(tape)})"
    program = {"__name__": "program"}
    exec(str(tape.source()), program)
    x.data = -1.0
    tape.forward()
    tape.backward()
    grads = [p.grad for p in (*neuron.parameters(), x, y)]
    for p in (*neuron.parameters(), x, y):
        p.grad = None
    again = neuron([x, y])
    again.backward()
    np.testing.assert_allclose(tape.outputs[0].data, again.data, rtol=1e-12)
    np.testing.assert_allclose(grads, [p.grad for p in (*neuron.parameters(), x, y)], rtol=1e-12, atol=1e-15)
    x.data = 2.0
    for p in (*neuron.parameters(), x, y):
        p.grad = None
    neuron([x, y]).backward()
    assert [program[f"d_{name}"] for name in ("w1", "w2", "b", "x", "y")] == [
        p.grad for p in (*neuron.parameters(), x, y)
    ]


def _options(tape):
    return "".join(f", {name}={value:g}" for name, value in tape.outputs[0].params.items())


def test_a_compound_network_trains_by_replay():
    model = scalar.MLP(2, [4, 1], "tanh", seed=0, compound=True)
    x, y, t = (Value(0.0, name=name, requires_grad=False) for name in "xyt")
    tape = Tape((model([x, y]) - t) ** 2)
    a, b = np.random.default_rng(0).standard_normal((2, 20))
    tape.forward(x=a, y=b, t=a * b)
    tape.backward()
    replayed = [p.grad for p in model.parameters()]
    model.zero_grad()
    for u, v in zip(a, b, strict=True):
        ((model([u, v]) - u * v) ** 2).backward()
    np.testing.assert_allclose(replayed, [p.grad for p in model.parameters()], rtol=1e-10)


def test_a_rule_of_the_weighted_sum_by_hand():
    neuron = scalar.Neuron(2, activation="sigmoid", compound=True, weights=[2.0, -1.0])
    x = [Value(1.0, name="p"), Value(2.0, name="q")]  # z = 0, y = 1/2, slope 1/4
    assert neuron(x).local_gradients() == (0.25, 0.5, 0.5, -0.25, 0.25)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_compound_neuron_takes_operations_in_proportion_to_its_inputs(activation):
    def operations(n):
        neuron = scalar.Neuron(n, activation=activation, compound=True, seed=0)
        x, count = [Value(0.1) for _ in range(n)], [0]

        def note(frame, event, argument):
            count[0] += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            neuron(x).backward()
        finally:
            sys.setprofile(before)
        return count[0]

    operations(10)
    assert operations(400) < 2.5 * operations(200)


def test_it_computes_what_the_tensor_network_computes():
    tensors, values = nn.MLP(2, [5, 3], "tanh", seed=2), scalar.MLP(2, [5, 3], "tanh", seed=0)
    for layer, linear in zip(values.layers, tensors.layers[::2], strict=True):
        for j, neuron in enumerate(layer.neurons):
            neuron.b.data = float(linear.bias.data[j])
            for i, w in enumerate(neuron.w):
                w.data = float(linear.weight.data[i, j])
    x = [0.3, -0.7]
    np.testing.assert_allclose([v.data for v in values(x)], tensors(x).data, rtol=1e-12)
    sum(values(x)).backward()
    tensors(x).sum().backward()
    neurons = values.layers[0].neurons
    np.testing.assert_allclose(
        [[n.w[i].grad for n in neurons] for i in range(2)], tensors.layers[0].weight.grad
    )


def test_same_seed_same_weights_as_a_tensor_network():
    weights = [p.data for p in scalar.MLP(2, [3, 1], seed=4).parameters()]
    assert weights == [p.data for p in scalar.MLP(2, [3, 1], seed=4).parameters()]
    assert weights != [p.data for p in scalar.MLP(2, [3, 1], seed=5).parameters()]
    matrix = nn.MLP(2, [3, 1], seed=4).layers[0].weight.data
    assert weights[0:2] == matrix[:, 0].tolist()


def test_names_and_scopes():
    model = scalar.MLP(2, [2, 1], seed=0)
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        "layer1.neuron1.w1", "layer1.neuron1.w2", "layer1.neuron1.b",
        "layer1.neuron2.w1", "layer1.neuron2.w2", "layer1.neuron2.b",
        "layer2.neuron1.w1", "layer2.neuron1.w2", "layer2.neuron1.b",
    ]  # fmt: skip
    assert [p.name for p in model.parameters()] == names
    out = model([1.0, 2.0])
    assert out.scope == (
        "MLP(2 -> 2 -> 1)",
        "layer2: Layer(2 -> 1, linear)",
        "layer2.neuron1: Neuron(2, linear)",
    )
    inputs = [node for node in Tape(out).leaves if not node.requires_grad]
    assert [(node.name, node.data, node.scope) for node in inputs] == [("x1", 1.0, ()), ("x2", 2.0, ())]


def test_inputs_stand_once_in_the_graph():
    model = scalar.MLP(2, [3, 1], seed=0)
    x = [Value(1.0, name="a"), Value(2.0, name="b")]
    model(x).backward()
    assert x[0].grad is not None
    mixed = model([Value(1.0), 2.0])
    assert isinstance(mixed, Value)
    assert isinstance(model(np.array([1.0, 2.0])), Value)


def test_what_micrograd_s_callers_write():
    neuron, linear = scalar.Neuron(2), scalar.Neuron(2, nonlin=False)
    assert (neuron.activation, linear.activation) == ("relu", "linear")
    assert len(scalar.Layer(2, 3)([1, 2])) == 3
    model = scalar.MLP(2, [4, 4, 1])
    assert isinstance(model([Value(1.0), Value(2.0)]), Value)
    assert [layer.activation for layer in model.layers] == ["relu", "relu", "linear"]
    assert len(model.parameters()) == 37  # micrograd's count: 12 + 20 + 5
    model([1.0, 1.0]).backward()
    model.zero_grad()
    for p in model.parameters():
        assert p.grad is None
        p.data -= 0.1


def test_a_layer_of_one_neuron_may_stand_in_the_middle():
    assert isinstance(scalar.MLP(2, [1, 1], seed=0)([1.0, 2.0]), Value)  # micrograd fails here


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("compound", [False, True])
def test_the_wrong_number_of_inputs_raises(n, compound):
    model = scalar.MLP(2, [3, 1], compound=compound)
    with pytest.raises(ShapeError, match=rf"layer1\.neuron1, .* has 2 weights and was given {n} inputs"):
        model([1.0] * n)
    with pytest.raises(
        ShapeError, match=rf"the neuron, a Neuron\(2, relu\), has 2 weights and was given {n}"
    ):
        scalar.Neuron(2, compound=compound)([1.0] * n)


def test_a_whole_array_of_samples_raises_and_says_what_to_write():
    model = scalar.MLP(2, [4, 1], seed=0)
    with pytest.raises(ShapeError, match=r"takes one sample.*shape \(20, 2\).*\[model\(x\) for x in X\]"):
        model(np.zeros((20, 2)))
    assert len([model(x) for x in np.zeros((20, 2))]) == 20


def test_gradients_by_differences():
    model = scalar.MLP(2, [3, 1], "tanh", seed=0)
    check_gradients(lambda a, b: model([a, b]), Value(0.3), Value(-0.8))


def test_it_learns_xor():
    model = scalar.MLP(2, [4, 1], activation="tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [-1, 1, 1, -1]
    for _ in range(100):
        optimizer.zero_grad()
        loss = nn.mse_loss([model(x) for x in X], y)
        loss.backward()
        optimizer.step()
    assert loss.data < 1e-2
