"""A summary counts by layer what a network has, on paper and in memory, and leaves the model as it was."""

import json

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, ShapeError, Tape, no_grad


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, seed=0), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(8 * 14 * 14, 10, seed=1),
    )  # fmt: skip


def test_layers_shapes_and_counts():
    found = nn.summary(convolutional(), np.zeros((2, 1, 28, 28)))
    assert [(row.name, row.kind, row.output, row.parameters) for row in found.rows] == [
        ("", "Sequential", (2, 10), 0),
        ("0", "Conv2d", (2, 8, 28, 28), 8 * 9 + 8),
        ("1", "BatchNorm2d", (2, 8, 28, 28), 16),
        ("2", "ReLU", (2, 8, 28, 28), 0),
        ("3", "MaxPool2d", (2, 8, 14, 14), 0),
        ("4", "Dropout", (2, 8, 14, 14), 0),
        ("5", "Flatten", (2, 8 * 14 * 14), 0),
        ("6", "Linear", (2, 10), 8 * 14 * 14 * 10 + 10),
    ]
    assert found.rows[1].input == (2, 1, 28, 28)
    assert found.parameters == 80 + 16 + 15_690 == sum(row.parameters for row in found.rows)
    assert found.by_kind == {"Conv2d": 80, "BatchNorm2d": 16, "Linear": 15_690}
    assert found.parameter_bytes == 8 * found.parameters
    assert json.loads(json.dumps(found.to_dict()))["rows"][6]["module"] == "Flatten()"
    assert "6: Linear(1568 -> 10) (2, 10) 15,690 " in " ".join(str(found).split())


def test_memory_is_that_of_the_graph():
    model, x = nn.MLP(6, [5, 3], dtype=np.float32), np.zeros((10, 6), np.float32)
    found = nn.summary(model, x)
    held = Tape(model(x)).memory()
    assert found.activation_bytes == held.total.data - held.leaves.data
    assert found.activation_bytes == sum(row.activations for row in found.rows)
    assert found.rows[2].activations == 4 * 10 * 5  # the ReLU's own output
    part = nn.summary(nn.Sequential(model)[0], x)  # a part of another model
    assert [row.activations for row in part.rows] == [row.activations for row in found.rows]


def test_an_image_needs_ten_thousand_weights_for_each_hidden_unit():
    image = np.zeros((1, 100, 100))
    dense = nn.summary(nn.Sequential(nn.Flatten(), nn.Linear(100 * 100, 5, bias=False)), image)
    assert dense.parameters == 5 * 10_000
    assert nn.summary(nn.Conv2d(1, 5, 5, bias=False), image[:, None]).parameters == 5 * 25


def test_the_model_is_afterwards_as_it_was():
    model = convolutional()
    model[4].eval()
    before, drawn = model.state_dict(), model[4].generator.bit_generator.state
    with no_grad():
        assert nn.summary(model, np.ones((1, 1, 28, 28))).activation_bytes > 0
    assert [module.training for module in model.modules()] == [True] * 5 + [False, True, True]
    assert not any(module._hooks for module in model.modules())
    assert model[4].generator.bit_generator.state == drawn
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(ShapeError):
        nn.summary(model, np.ones((1, 3, 28, 28)))
    assert not any(module._hooks for module in model.modules())
    assert model.training


def test_a_shared_layer_is_counted_once_and_its_calls_are():
    layer = nn.Linear(3, 3)
    found = nn.summary(nn.Sequential(layer, nn.ReLU(), layer), np.ones((1, 3)))
    assert found.parameters == 12
    assert [(row.name, row.calls) for row in found.rows] == [("", 1), ("0", 2), ("1", 1)]
    assert "(1, 3) x2" in str(found)


def test_a_scalar_network_and_what_is_not_called():
    found = nn.summary(nn.scalar.MLP(2, [3, 1]), [0.5, 1.0])
    assert [(row.name, row.output) for row in found.rows][:3] == [
        ("", ()), ("layer1", (3,)), ("layer1.neuron1", ()),
    ]  # fmt: skip
    assert found.parameters == 13
    model = nn.Sequential(nn.Linear(2, 2))
    model.spare = nn.Linear(2, 4)
    row = nn.summary(model, np.ones((1, 2))).rows[-1]
    assert (row.name, row.calls, row.output, row.parameters) == ("spare", 0, None, 12)
    with pytest.raises(KindError, match="takes a model and an example"):
        nn.summary(np.ones(3), model)


def test_a_parameter_under_two_names_counts_once():
    class Twice(nn.Module):
        def __init__(self):
            self.a = nn.Parameter(np.ones(3))
            self.b = self.a

        def forward(self, x):
            return x * self.a * self.b

    assert nn.summary(Twice(), np.ones(3)).parameters == 3
