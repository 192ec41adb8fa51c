"""Modules: their parts have names, their state comes and goes whole, and they print as a reader would write them."""

import copy

import numpy as np
import pytest

from chainrule.autograd import KindError, ShapeError, Tensor
from chainrule.nn import MLP, Flatten, Identity, Linear, Module, Parameter, ReLU, Sequential, init, scalar


class Tied(Module):
    """Parts in a list, a tuple and a dict, and one weight in two places."""

    def __init__(self):
        self.first = Linear(2, 2, seed=0)
        self.more = [Linear(2, 2, seed=1), (ReLU(), {"deep": Linear(2, 3, seed=2)})]
        self.gain = Parameter([1.0])
        self.again = self.first.weight
        self.note = "not a part"

    def forward(self, x):
        return self.first(x) @ self.again * self.gain


def names(module):
    return [name for name, _ in module.named_parameters()]


def test_parts_are_found_in_order_and_shared_ones_once():
    model = Tied()
    assert names(model) == [
        "gain", "again", "first.bias", "more.0.weight", "more.0.bias", "more.1.1.deep.weight",
        "more.1.1.deep.bias",
    ]  # fmt: skip
    assert len(model.parameters()) == 7
    assert [name for name, _ in model.named_modules()] == ["", "first", "more.0", "more.1.0", "more.1.1.deep"]


def test_parameters_carry_the_name_that_leads_to_them():
    model = Tied()
    for name, parameter in model.named_parameters():
        assert parameter.name == name
    outer = Sequential(model, ReLU())
    assert outer[0].first.bias.name == "0.first.bias"
    model.first = Linear(2, 2)
    assert model.first.bias.name == "0.first.bias"


def test_calls_open_scopes_with_the_name_and_the_headline():
    model = MLP(2, [3, 1], seed=0)
    out = model(np.ones((4, 2)))
    assert out.scope == ("MLP(2 -> 3 -> 1)", "layers.2: Linear(3 -> 1)")
    assert model.layers[0].weight.scope == ()
    linear = Linear(2, 2)
    assert linear(np.ones((1, 2))).scope == ("Linear(2 -> 2)",)
    assert Sequential(linear)(np.ones((1, 2))).scope == ("Sequential()", "0: Linear(2 -> 2)")


def test_repr_is_nested():
    assert repr(Sequential(Linear(2, 3, bias=False), Sequential(ReLU(), Flatten()))) == (
        "Sequential()\n  0: Linear(2 -> 3, bias=False)\n  1: Sequential()\n    0: ReLU()\n    1: Flatten()"
    )


def test_train_and_eval_reach_every_module():
    model = Tied()
    assert model.training
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())


def test_zero_grad_forgets():
    model = MLP(2, [1], seed=0)
    model(np.ones((3, 2))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_a_module_that_holds_its_owner_ends():
    a, b = Identity(), Linear(1, 1)
    a.other, b.other = b, a
    assert len(a.modules()) == 2
    assert len(a.parameters()) == 2


def test_a_parameter_is_a_copied_floating_leaf():
    source = np.ones((2, 2))
    p = Parameter(source)
    source[:] = 5
    assert p.data.max() == 1
    assert Parameter([1, 2]).dtype == np.float64
    assert Parameter(np.ones(2, np.float32)).dtype == np.float32
    assert type(p * 2) is Tensor
    assert p.requires_grad


def test_to_changes_the_dtype_of_everything_that_follows():
    model = MLP(2, [3, 1], seed=0).to(np.float32)
    out = model(np.ones((4, 2)))  # plain float64 numbers are taken in the weights' dtype
    assert out.dtype == np.float32
    out.sum().backward()
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    with pytest.raises(KindError, match="floating"):
        model.to(np.int64)
    with pytest.raises(KindError, match="Python floats of 64 bits"):
        scalar.MLP(2, [1]).to(np.float32)


# ---------------------------------------------------------------------- state


def test_state_is_a_copy_and_comes_back():
    model, other = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=1)
    state = model.state_dict()
    assert list(state) == ["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"]
    other.load_state_dict(state)
    x = np.ones((2, 2))
    np.testing.assert_array_equal(other(x).data, model(x).data)
    state["layers.0.weight"][:] = 9
    assert model.layers[0].weight.data.max() < 9
    assert other.layers[0].weight.data.max() < 9


def test_state_is_converted_to_the_dtype_of_the_module():
    model = Linear(2, 2, dtype=np.float32)
    model.load_state_dict({"weight": Tensor(np.eye(2)), "bias": [1, 2]})
    assert model.weight.dtype == model.bias.dtype == np.float32
    assert model.bias.data.tolist() == [1, 2]


def test_a_state_that_does_not_fit_is_listed_and_not_loaded():
    model = MLP(2, [3, 1], seed=0)
    before = model.state_dict()
    state = {
        "layers.0.weight": np.ones((3, 2)),
        "layers.0.bias": np.ones(3),
        "layers.2.weight": np.full((3, 1), "a"),
        "head": np.ones(1),
    }
    with pytest.raises(ShapeError) as info:
        model.load_state_dict(state)
    for part in [
        "MLP(2 -> 3 -> 1)",
        "'layers.2.bias' is missing",
        "'head' is not a parameter here",
        "'layers.0.weight' has shape (3, 2), and (2, 3) here",
        "'layers.2.weight' is of dtype <U1",
        "nothing of it was loaded",
    ]:
        assert part in str(info.value)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_without_strict_the_common_names_are_loaded():
    model = Linear(2, 1, seed=0)
    model.load_state_dict({"bias": [7.0], "extra": [1.0]}, strict=False)
    assert model.bias.data.tolist() == [7]
    with pytest.raises(ShapeError, match="has shape"):
        model.load_state_dict({"bias": [7.0, 8.0]}, strict=False)


def test_state_of_a_scalar_network():
    model, other = scalar.MLP(2, [3, 1], seed=0), scalar.MLP(2, [3, 1], seed=1)
    other.load_state_dict(model.state_dict())
    assert other([1.0, 2.0]).data == model([1.0, 2.0]).data
    assert type(other.parameters()[0].data) is float


class Around(Module):
    """A module around another, which it also holds in a dict and a tuple."""

    def __init__(self, inner):
        self.inner = inner
        self.again = {"a": (inner, 1)}


def test_four_hundred_nested_modules_are_copied():
    model = weight = Linear(1, 1, seed=0)
    for _ in range(400):
        model = Sequential(model)
    other = copy.deepcopy(model)
    names = [name for name, _ in other.named_parameters()]
    assert names == ["0." * 400 + "weight", "0." * 400 + "bias"]
    assert [p.data.tolist() for p in other.parameters()] == [p.data.tolist() for p in weight.parameters()]
    assert set(other.parameters()).isdisjoint(weight.parameters())


def test_a_copy_has_the_shape_of_the_original():
    shared = Linear(2, 2, seed=0)
    shared.register_forward_hook(lambda module, inputs, output: output * 2)
    model = Around(Around(shared))
    model.itself = model
    other, another = copy.deepcopy([model, shared])
    assert other.itself is other
    assert other.inner.inner is another
    assert other.inner.again["a"] == (another, 1)
    assert another is not shared
    assert another._hooks[0].module is another
    assert another.weight.name == "inner.inner.weight"
    assert copy.deepcopy(other.inner).inner is not another


def test_modules_with_a_state_of_their_own_are_copied_by_it():
    class Counted(Linear):
        def __getstate__(self):
            return {**vars(self), "copies": vars(self).get("copies", 0) + 1}

        def __setstate__(self, state):
            vars(self).update(state, restored=True)

    class Once(Linear):
        def __deepcopy__(self, memo):
            return self

    model = Sequential(Counted(1, 1), Once(1, 1))
    other = copy.deepcopy(model)
    assert (other[0].copies, other[0].restored) == (1, True)
    assert other[0] is not model[0]
    assert other[1] is model[1]


def test_deepcopy_is_another_model():
    model = MLP(2, [3, 1], seed=0)
    other = copy.deepcopy(model)
    other.layers[0].weight.data += 1
    assert not np.array_equal(model.layers[0].weight.data, other.layers[0].weight.data)
    assert isinstance(other.layers[0].weight, Parameter)


# ---------------------------------------------------------------------- layers


def test_linear_is_x_w_plus_b():
    layer = Linear(2, 3, seed=0)
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    layer.bias.data[:] = [1, 2, 3]
    np.testing.assert_array_equal(layer(x).data, x @ layer.weight.data + [1, 2, 3])
    assert layer(np.ones((5, 4, 2))).shape == (5, 4, 3)
    assert layer([1.0, 2.0]).shape == (3,)
    assert layer(np.ones((0, 2))).shape == (0, 3)
    assert Linear(2, 3, bias=False).bias is None


def test_linear_gradients_are_the_lecture_s():
    layer = Linear(2, 3, seed=0)
    x, g = Tensor([[1.0, 2.0], [3.0, 4.0]]), np.arange(6.0).reshape(2, 3)
    layer(x).backward(g)
    np.testing.assert_allclose(x.grad, g @ layer.weight.data.T)
    np.testing.assert_allclose(layer.weight.grad, x.data.T @ g)
    np.testing.assert_allclose(layer.bias.grad, g.sum(0))


@pytest.mark.parametrize("x", [np.ones((4, 3)), np.ones(5), np.ones((2, 1)), np.float64(1)])
def test_linear_names_itself_when_the_width_is_wrong(x):
    model = MLP(2, [3, 1], seed=0)
    with pytest.raises(ShapeError, match=r"layers\.0, a Linear\(2 -> 3\), takes rows of 2 numbers; given"):
        model(x)


def test_layers_refuse_values_and_text():
    model = MLP(2, [1])
    with pytest.raises(KindError, match="nn.scalar"):
        model(scalar.MLP(2, [2])([1.0, 2.0]))
    with pytest.raises(KindError, match="works on Tensors and arrays"):
        model("text")


@pytest.mark.parametrize("width", [0, -1])
def test_widths_are_positive(width):
    with pytest.raises(ValueError, match="1 or more"):
        Linear(2, width)


@pytest.mark.parametrize(
    "make", [lambda: Linear(2, 1.5), lambda: MLP(2, 3), lambda: MLP(2, []), lambda: Linear(2, True)]
)
def test_widths_are_whole_numbers_in_a_list(make):
    with pytest.raises(KindError):
        make()


def test_sequential_is_a_list_of_modules():
    model = Sequential(Linear(2, 3, seed=0), ReLU(), Linear(3, 1, seed=1))
    assert len(model) == 3
    assert list(model)[1] is model[1]
    assert names(model) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    model.scale = Parameter([1.0])  # what a subclass adds is found as well
    assert "scale" in names(model)
    with pytest.raises(KindError, match=r"Sequential\(\*layers\)"):
        Sequential([ReLU()])


def test_mlp_starts_its_weights_as_suits_the_activation():
    model = MLP(50, [40, 30, 20], activation="relu", seed=3)
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(model.layers[0].weight.data, init.he_uniform((50, 40), seed=rng))
    np.testing.assert_array_equal(model.layers[2].weight.data, init.he_uniform((40, 30), seed=rng))
    np.testing.assert_array_equal(model.layers[4].weight.data, init.glorot_uniform((30, 20), seed=rng))
    assert MLP(2, [3, 1], seed=5).state_dict().keys() == MLP(2, [3, 1], "tanh", seed=5).state_dict().keys()


def test_stacked_linear_layers_collapse_into_one():
    a, b = Linear(3, 4, bias=False, seed=0), Linear(4, 2, bias=False, seed=1)
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(Sequential(a, b)(x).data, x @ (a.weight.data @ b.weight.data))


def test_flatten_keeps_the_samples():
    x = Tensor(np.arange(24.0).reshape(2, 3, 4))
    assert Flatten()(x).shape == (2, 12)


def test_forward_has_to_be_written():
    with pytest.raises(NotImplementedError, match=r"forward\(self, x\)"):
        Module()(1)
