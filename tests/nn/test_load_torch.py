"""What `load_torch` makes of names and arrays; that the outputs are PyTorch's is in test_pytorch_sequences.py."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleWarning, KindError, ShapeError


def counted(*shapes):
    """Arrays of these shapes, no number twice."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [
        np.arange(end - int(np.prod(shape)), end, dtype=float).reshape(shape)
        for shape, end in zip(shapes, ends)
    ]


def test_weights_are_turned_and_numbers_keep_the_dtype_of_the_module():
    layer = nn.Linear(2, 3, dtype=np.float32)
    nn.load_torch(layer, {"weight": np.array([[1, 2], [3, 4], [5, 6]]), "bias": [7, 8, 9]})
    assert layer.weight.data.tolist() == [[1, 3, 5], [2, 4, 6]]
    assert layer.bias.data.tolist() == [7, 8, 9]
    assert layer.weight.dtype == np.float32


def test_the_names_of_layers_and_directions():
    gru = nn.GRU(2, 1, 2, bidirectional=True)
    names = [
        f"{w}_l{k}{r}"
        for k in (0, 1)
        for r in ("", "_reverse")
        for w in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    arrays = counted(*[(3, 2), (3, 1), (3,), (3,)] * 4)
    nn.load_torch(gru, dict(zip(names, arrays)))
    np.testing.assert_array_equal(gru.reverse_cells[1].weight_ih.data, arrays[12].T)
    np.testing.assert_array_equal(gru.cells[1].bias_hh.data, arrays[11])


def test_queries_keys_and_values_stand_below_each_other():
    net = nn.Sequential(nn.Linear(2, 2), nn.MultiHeadAttention(2, 1))
    shapes = {
        "0.weight": (2, 2), "0.bias": (2,), "1.in_proj_weight": (6, 2), "1.in_proj_bias": (6,),
        "1.out_proj.weight": (2, 2), "1.out_proj.bias": (2,),
    }  # fmt: skip
    arrays = dict(zip(shapes, counted(*shapes.values())))
    nn.load_torch(net, arrays)
    np.testing.assert_array_equal(net[1].k_proj.weight.data, arrays["1.in_proj_weight"][2:4].T)
    np.testing.assert_array_equal(net[1].v_proj.bias.data, arrays["1.in_proj_bias"][4:])
    np.testing.assert_array_equal(net[1].out_proj.weight.data, arrays["1.out_proj.weight"].T)


def test_the_loaded_numbers_are_a_copy():
    layer, state = nn.Linear(1, 2), {"weight": np.ones((2, 1)), "bias": np.zeros(2)}
    nn.load_torch(layer, state)
    state["weight"][:] = 7
    assert layer.weight.data.tolist() == [[1, 1]]


def test_a_parameter_of_ones_own_keeps_its_name_and_layout():
    class Scale(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(np.ones((2, 3)))

    scale = Scale()
    nn.load_torch(scale, {"weight": np.arange(6).reshape(2, 3)})
    assert scale.weight.data.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_shared_parameter_needs_equal_numbers_under_both_names():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    a, b = np.eye(2), 2 * np.eye(2)
    nn.load_torch(net, {"0.weight": b, "1.weight": b})
    assert net[0].weight.data.tolist() == b.tolist()
    with pytest.raises(
        ShapeError, match="'1.weight' is shared here, and has other numbers under its other name"
    ):
        nn.load_torch(net, {"0.weight": a, "1.weight": b})
    assert net[0].weight.data.tolist() == b.tolist()


WRONG = {
    "missing": ({"in_proj_bias": None}, "'in_proj_bias' is missing"),
    "extra": ({"bias_k": np.zeros((1, 1, 4))}, "'bias_k' has no counterpart here"),
    "shape": (
        {"in_proj_weight": np.zeros((4, 12))},
        r"has shape \(4, 12\), and would have \(12, 4\) in PyTorch",
    ),
    "axes": ({"in_proj_weight": np.zeros(48)}, r"'in_proj_weight' has shape \(48,\)"),
    "a number": ({"in_proj_bias": 3.0}, r"'in_proj_bias' has shape \(\)"),
    "text": ({"out_proj.bias": "zeros"}, "'out_proj.bias' is .*, which is no array of real numbers"),
    "complex": ({"out_proj.bias": np.zeros(4, complex)}, "'out_proj.bias' is .* no array of real numbers"),
    "objects": ({"out_proj.bias": np.array([None] * 4)}, "'out_proj.bias' is .* no array of real numbers"),
    "ragged": ({"out_proj.weight": [[1], [1, 2]]}, "'out_proj.weight' is .* no array of real numbers"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_does_not_fit_is_said_and_nothing_is_loaded(fault):
    attention = nn.MultiHeadAttention(4, 2, seed=0)
    state = {
        "in_proj_weight": np.zeros((12, 4)), "in_proj_bias": np.zeros(12),
        "out_proj.weight": np.zeros((4, 4)), "out_proj.bias": np.ones(4),
    }  # fmt: skip
    change, message = WRONG[fault]
    state = {name: array for name, array in (state | change).items() if array is not None}
    before = attention.state_dict()
    with pytest.raises(ShapeError, match=f"nothing of it was loaded: .*{message}"):
        nn.load_torch(attention, state)
    for name, array in attention.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_all_faults_are_listed():
    with pytest.raises(
        ShapeError, match="'bias' is missing; 'scale' has no counterpart here; 'weight' has shape"
    ):
        nn.load_torch(nn.Linear(2, 3), {"weight": np.zeros((2, 3)), "scale": np.zeros(1)})


def test_what_is_no_state_is_refused():
    with pytest.raises(KindError, match="takes a dictionary of names and arrays, or .*; .* model.state_dict"):
        nn.load_torch(nn.Linear(2, 3), nn.Linear(2, 3))
    with pytest.raises(KindError, match="sets a module of chainrule.nn; given"):
        nn.load_torch({"weight": np.zeros((3, 2))}, nn.Linear(2, 3))


# ---------------------------------------------------------------------- buffers that are not here

STATE = {"weight": np.arange(6.0).reshape(3, 2), "bias": np.ones(3)}


def test_a_mask_in_a_dict_is_passed_over_and_told():
    layer = nn.Linear(2, 3)
    masks = {"causal_mask": np.ones((4, 4), bool), "position_ids": np.arange(4)}
    with pytest.warns(
        ChainruleWarning, match="passed over buffers that .* not have: causal_mask, position_ids. All"
    ):
        nn.load_torch(layer, STATE | masks)
    np.testing.assert_array_equal(layer.weight.data, STATE["weight"].T)
    layer.register_buffer("causal_mask", np.zeros((4, 4), bool))
    nn.load_torch(layer, STATE | {"causal_mask": masks["causal_mask"]})  # no warning: it has a place
    assert layer.causal_mask.all()


def test_floating_numbers_in_a_dict_may_be_a_parameter():
    with pytest.raises(ShapeError, match="'table' has no counterpart here.*give load_torch PyTorch's module"):
        nn.load_torch(nn.Linear(2, 3), STATE | {"table": np.zeros(5)})


def test_a_module_of_pytorch_says_what_its_buffers_are():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    theirs = torch.nn.Linear(2, 3)
    theirs.register_buffer("table", torch.zeros(5))
    layer = nn.Linear(2, 3)
    with pytest.warns(ChainruleWarning, match="not have: table"):
        nn.load_torch(layer, theirs)
    x = np.arange(4.0).reshape(2, 2)
    expected = theirs(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-5)
    theirs.scale = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(ShapeError, match="'scale' has no counterpart here[^;]*$"):
        nn.load_torch(layer, theirs)
