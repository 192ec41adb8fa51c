"""What is assigned to a module: a parameter is never lost in silence, and in-place operators change it or say how."""

import copy
import operator
import pickle
import re

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, ShapeError, Tensor, Value, no_grad
from chainrule.nn import Parameter, ScalarParameter

OPERATORS = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "//=": operator.ifloordiv,
    "%=": operator.imod,
    "**=": operator.ipow,
}


def names(module):
    return [name for name, _ in module.named_parameters()]


def layer():
    return nn.Sequential(nn.Linear(2, 3, seed=0), nn.Tanh(), nn.Linear(3, 1, seed=1))


# ---------------------------------------------------------------------- in-place operators


@pytest.mark.parametrize("symbol", OPERATORS)
@pytest.mark.parametrize("other", [2, 2.0, np.float32(2), np.array(2.0), True])
@pytest.mark.parametrize("make", [lambda: Parameter([1.0, 3.0]), lambda: ScalarParameter(3.0)])
def test_in_place_operators_change_a_parameter_where_nothing_is_recorded(symbol, other, make):
    p = same = make()
    want = OPERATORS[symbol](np.array(p.data), np.array(other, float))
    with no_grad():
        p = OPERATORS[symbol](p, other)
    assert p is same
    np.testing.assert_array_equal(p.data, want)
    assert type(p.data) is (float if isinstance(p, ScalarParameter) else np.ndarray)
    with pytest.raises(KindError, match=rf"p\.data {re.escape(symbol)}.*under no_grad\(\); and q = p"):
        OPERATORS[symbol](p, other)
    np.testing.assert_array_equal(p.data, want)


def test_the_step_of_descent_that_people_write():
    model = layer()
    model(np.ones((4, 2))).sum().backward()
    before = model.state_dict()
    with no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(p.data, before[name] - 0.1 * p.grad)


def test_matrix_products_arrays_and_lists_in_place():
    p = Parameter(np.eye(2, dtype=np.float32))
    with no_grad():
        p @= np.array([[0.0, 1.0], [2.0, 0.0]])
        p += [[1, 1], [1, 1]]
        p -= [0, 1]
    assert p.data.tolist() == [[1, 1], [3, 0]]
    assert p.dtype == np.float32
    for wrong in (np.ones(3), np.ones((5, 2, 2)), [1, 2, 3]):
        with no_grad(), pytest.raises(ShapeError):
            p += wrong
    v = ScalarParameter(1.0)
    with no_grad(), pytest.raises(ShapeError, match="holds one number"):
        v += np.ones(2)
    for wrong in ("text", None):
        for each in (p, v):
            with no_grad(), pytest.raises((KindError, TypeError)):
                each += wrong
    assert p.data.tolist() == [[1, 1], [3, 0]]
    assert v.data == 1


@pytest.mark.parametrize("recorded", [True, False])
def test_beside_a_node_an_in_place_operator_computes(recorded):
    """The sum of a neuron, as people write it, is the same in training and in evaluation."""
    w, x, b = ScalarParameter(2.0), Value(3.0), ScalarParameter(1.0)
    v, y = Parameter([1.0, 2.0]), Tensor([10.0, 20.0])

    def compute():
        z = b
        z += w * x
        t = v
        t *= y
        return z, t

    if recorded:
        z, t = compute()
        z.backward()
        t.sum().backward()
        assert (b.grad, w.grad, v.grad.tolist()) == (1, 3, [10, 20])
    else:
        with no_grad():
            z, t = compute()
    assert (z.data, t.data.tolist()) == (7, [10, 40])
    assert (b.data, v.data.tolist()) == (1, [1, 2])


def test_a_graph_that_was_recorded_before_notices_a_change_in_place():
    p = Parameter([1.0, 2.0])
    loss = (p * p * p).sum()
    with no_grad():
        p *= 2
    with pytest.raises(RuntimeError, match="assigned new .data"):
        loss.backward()


# ---------------------------------------------------------------------- attributes


def test_a_weight_that_is_scaled_stays_a_parameter():
    """The lecture's idiom."""
    model = layer()
    before, expected = model[2].weight, 0.1 * model[2].weight.data
    with no_grad():
        model[2].weight *= 0.1
        model[2].bias -= 1
    assert model[2].weight is before
    np.testing.assert_array_equal(model[2].weight.data, expected)
    assert model[2].bias.data.tolist() == [-1]
    assert names(model) == names(layer())
    with pytest.raises(KindError, match=r"2\.weight.*p\.data \*= \.\.\."):
        model[2].weight *= 0.1
    np.testing.assert_array_equal(model.state_dict()["2.weight"], expected)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    model(np.ones((4, 2))).sum().backward()
    optimizer.step()
    assert not np.array_equal(model[2].weight.data, expected)


@pytest.mark.parametrize(
    "given",
    [
        np.full((2, 3), 7.0),
        np.full((2, 3), 7),
        np.full((2, 3), 7, np.float32),
        [[7.0] * 3] * 2,
        Tensor(np.full((2, 3), 7.0), requires_grad=False),
        Tensor(np.full((2, 3), 7)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_numbers_that_are_assigned_are_written_into_the_parameter(given):
    model = nn.Linear(2, 3, seed=0)
    weight = model.weight
    model.weight = given
    assert model.weight is weight
    assert weight.data.tolist() == [[7] * 3] * 2
    assert (weight.dtype, weight.requires_grad, names(model)) == (np.float64, True, ["weight", "bias"])
    if isinstance(given, np.ndarray):
        given[:] = 0
        assert weight.data.max() == 7
    with no_grad():
        model.weight = model.weight * 2  # a constant, where nothing is recorded
    assert model.weight is weight
    assert weight.data.max() == 14


def test_what_cannot_be_written_into_a_parameter_is_refused():
    model = layer()
    linear, before = model[0], model.state_dict()
    for given, error, text in [
        (
            linear.weight * 0.1,
            KindError,
            r"weight of 0, a Linear\(2 -> 3\), is a parameter.*computed by multiply",
        ),
        (Tensor(np.ones((2, 3))), KindError, r"Write weight\.data = t\.data to give it these numbers"),
        (Value(1.0), KindError, "is a parameter"),
        (np.ones((3, 2)), ShapeError, r"\(3, 2\)"),
        (0.0, ShapeError, r"\(\)"),
        ([[1, 2], [3]], KindError, "holds real numbers"),
        ("text", KindError, "holds real numbers; given str 'text'"),
        (np.ones((2, 3)) * 1j, KindError, "holds real numbers"),
        (lambda x: x, KindError, "holds real numbers"),
        ([], ShapeError, r"\(0,\)"),
    ]:
        with pytest.raises(error, match=text):
            linear.weight = given
    assert names(model) == list(before)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_parameters_modules_and_none_take_the_place_of_a_parameter():
    model = nn.Linear(2, 3, seed=0)
    other = Parameter(np.ones((2, 3)))
    model.weight = other
    assert model.parameters()[0] is other
    assert other.name == "weight"
    model.bias = None
    assert names(model) == ["weight"]
    assert model(np.ones((1, 2))).data.tolist() == [[2, 2, 2]]
    model.weight = nn.Linear(1, 1)
    assert names(model) == ["weight.weight", "weight.bias"]
    del model.weight
    assert names(model) == []
    tied = layer()
    tied[2].weight = tied[0].bias  # a weight in two places
    assert names(tied) == ["0.weight", "0.bias", "2.bias"]
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, seed=0), 1, nn.LayerNorm(4))
    count = len(names(stack))
    stack.norm = None
    assert len(names(stack)) == count - 2


@pytest.mark.parametrize(
    "given", [2, 2.0, np.float32(2), np.array(2.0), Value(2.0, requires_grad=False)], ids=repr
)
def test_numbers_that_are_assigned_to_a_bias_of_values(given):
    neuron = nn.scalar.Neuron(2, seed=0)
    b = neuron.b
    neuron.b = given
    assert neuron.b is b
    assert type(b.data) is float
    assert b.data == 2
    for wrong, error in (
        (Value(1.0), KindError),
        (b * 2, KindError),
        (np.ones(2), ShapeError),
        ("x", KindError),
    ):
        with pytest.raises(error):
            neuron.b = wrong
    assert b.data == 2


def test_weights_in_lists_and_dicts_are_not_lost():
    neuron = nn.scalar.Neuron(2, seed=0)
    first, before = neuron.w[0], neuron.w[0].data
    with no_grad():
        neuron.w[0] *= 0.1
    assert neuron.w[0] is first
    assert first.data == 0.1 * before
    with pytest.raises(KindError, match=r"p\.data \*="):
        neuron.w[0] *= 0.1
    for wrong in (0.5, 1, np.float32(2), Value(0.5), neuron.w[0] * 2.0):
        lost = copy.deepcopy(neuron)
        lost.w[0] = wrong
        for look in (lost.parameters, lost.state_dict, lambda lost=lost: nn.scalar.Layer.parameters(lost)):
            with pytest.raises(KindError, match="w1 is a number, among parameters or where one was"):
                look()
        lost.w[0] = ScalarParameter(0.5)
        assert names(lost) == ["w1", "w2", "b"]
    single = nn.scalar.Neuron(1, seed=0)
    single.w[:] = [0.5]
    with pytest.raises(KindError, match="w1 is a number, among parameters or where one was"):
        single.parameters()
    for wrong in ([0.5, 0.5], np.ones(2), [Value(1.0), Value(2.0)], 3):
        with pytest.raises(
            KindError, match="w of the module, a Neuron.*, holds parameters, which would no longer be trained"
        ):
            neuron.w = wrong
    neuron.w = [ScalarParameter(1.0)]
    assert names(neuron) == ["w1", "b"]

    class Named(nn.Module):
        def __init__(self):
            self.by_name = {"a": Parameter([1.0]), "b": [Parameter([2.0])]}
            self.constant = {"a": 1.0, "b": [2, True]}
            self.layers = (nn.Linear(1, 1), 0.5)  # a number beside modules is no parameter's place

    module = Named()
    assert names(module) == ["by_name.a", "by_name.b.0", "layers.0.weight", "layers.0.bias"]
    for spoil, name in [
        (lambda m: m.by_name.update(a=np.ones(1)), "by_name.a"),
        (lambda m: m.by_name["b"].append(0.5), "by_name.b.1"),
        (lambda m: m.by_name["b"].__setitem__(0, Value(1.0)), "by_name.b.0"),
    ]:
        lost = copy.deepcopy(module)
        spoil(lost)
        with pytest.raises(KindError, match=f"{name} is a number"):
            lost.parameters()
    module.layers = []  # filled later, as people do
    module.layers += [nn.Linear(1, 1), [Parameter([1.0])]]
    assert "layers.1.0" in names(module)
    module.layers[1][0] = 0.5
    with pytest.raises(KindError, match=r"layers\.1\.0 is a number"):
        module.parameters()
    module.by_name = {}
    module.layers = [3]
    module.constant = 3
    assert names(module) == []


# ---------------------------------------------------------------------- buffers


def test_a_buffer_keeps_its_shape_and_its_dtype():
    batch = nn.BatchNorm1d(2)
    given = np.array([1, 2])
    batch.running_mean = given
    batch.running_var = Tensor([3.0, 4.0], requires_grad=False)
    batch.num_batches_tracked = 7
    given[:] = 9
    state = batch.state_dict()
    assert state["running_mean"].tolist() == [1, 2]
    assert state["running_var"].tolist() == [3, 4]
    assert state["num_batches_tracked"] == 7
    assert [state[name].dtype for name in batch._buffers] == [np.float64, np.float64, np.int64]
    batch.running_mean *= 2  # in place, as an array
    assert batch.running_mean.tolist() == [2, 4]
    for name, wrong, error, text in [
        (
            "running_mean",
            np.ones(3),
            ShapeError,
            r"running_mean of the module, a BatchNorm1d\(2\), has shape \(2,\)",
        ),
        ("running_mean", 0.0, ShapeError, "given float 0.0"),
        ("running_var", None, KindError, "holds real numbers"),
        ("running_var", "text", KindError, "holds real numbers"),
    ]:
        with pytest.raises(error, match=text):
            setattr(batch, name, wrong)
    with pytest.raises(KindError, match="running_mean belongs to the state"):
        del batch.running_mean
    assert batch.running_mean.tolist() == [2, 4]
    assert batch(np.array([[1.0, 2.0], [3.0, 5.0]])).shape == (2, 2)


def test_a_read_only_buffer_is_copied_when_it_is_changed():
    batch = nn.BatchNorm1d(2)
    for name in batch._buffers:
        array = np.array(getattr(batch, name))
        array.flags.writeable = False
        vars(batch)[name] = array  # as a file that is mapped into memory leaves it
    batch(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert batch.running_mean.tolist() == pytest.approx([0.2, 0.4])
    assert batch.num_batches_tracked == 1
    assert array.tolist() == 0
    assert {type(a) for a in batch.state_dict().values()} == {np.ndarray}


def test_a_state_that_does_not_fit_a_buffer_is_refused_whole():
    batch = nn.BatchNorm1d(2)
    state = batch.state_dict()
    for wrong in (
        {**state, "num_batches_tracked": np.array(1.5)},
        {**state, "running_mean": [[1], [2, 3]]},
        {**state, "running_var": {"a": 1}},
        {**state, "weight": "text"},
    ):
        with pytest.raises(ShapeError, match="nothing of it was loaded"):
            batch.load_state_dict(wrong)
        for name, array in batch.state_dict().items():
            np.testing.assert_array_equal(array, state[name])


# ---------------------------------------------------------------------- copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301 - our own
def test_copies_of_parameters_are_changed_by_themselves(copied):
    model = layer()
    twin = copied(model)
    with no_grad():
        twin[0].weight *= 0
    assert twin[0].weight.data.max() == 0
    assert model[0].weight.data.max() > 0
    assert isinstance(twin[0].weight, Parameter)
