"""PyTorch as an oracle for recurrent networks, attention, and what `load_torch` takes over: outputs and gradients."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ShapeError, Tape, Tensor
from chainrule.nn.saving.from_torch import entries_of

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

NEAR = {"rtol": 1e-10, "atol": 1e-12}
DOUBLE = {"dtype": torch.float64}


def data(rng, *shape):
    """The same numbers on both sides, differentiable."""
    x = rng.standard_normal(shape)
    return Tensor(x), torch.tensor(x, requires_grad=True)


def flat(outputs):
    """All arrays in nested tuples."""
    return [x for each in outputs for x in flat(each)] if isinstance(outputs, tuple) else [outputs]


def as_theirs(module):
    """The gradients of a module's parameters under PyTorch's names and in its layout: what `load_torch` undoes."""
    found = {}
    for entry in entries_of(module):
        grads = [p.grad for p in entry.parts if isinstance(p, Tensor)]
        if grads:
            found[entry.name] = np.concatenate([g.T if entry.turned else g for g in grads])
    return found


def compare(ours, theirs, inputs, rng):
    """Outputs, and the gradients by parameters and inputs of their weighted sum, are the same on both sides."""
    got, want = (flat(found) for found in (ours, theirs))
    assert len(got) == len(want)
    total, other = 0.0, 0.0
    for a, b in zip(got, want):
        np.testing.assert_allclose(a.data, b.detach().numpy(), **NEAR)
        weights = rng.standard_normal(a.shape)
        total, other = total + (a * weights).sum(), other + (b * torch.tensor(weights)).sum()
    total.backward()
    other.backward()
    for a, b in inputs:
        np.testing.assert_allclose(a.grad, b.grad.numpy(), **NEAR)


def compare_parameters(module, model):
    found = as_theirs(module)
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(found[name], parameter.grad.numpy(), **NEAR, err_msg=name)
    assert found.keys() == dict(model.named_parameters()).keys()


CELLS = [
    ("RNNCell", {}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("LSTMCell", {}),
    ("GRUCell", {}),
    ("GRUCell", {"bias": False}),
]


@pytest.mark.parametrize("batch", [(), (4,)])
@pytest.mark.parametrize(("name", "options"), CELLS)
def test_a_cell(name, options, batch, rng):
    ours, theirs = getattr(nn, name)(3, 5, **options), getattr(torch.nn, name)(3, 5, **options, **DOUBLE)
    nn.load_torch(ours, theirs.state_dict())
    x, *state = (data(rng, *batch, n) for n in ((3, 5, 5) if name == "LSTMCell" else (3, 5)))
    given = [tuple(s[side] for s in state) if len(state) > 1 else state[0][side] for side in (0, 1)]
    compare(ours(x[0], given[0]), theirs(x[1], given[1]), [x, *state], rng)
    compare_parameters(ours, theirs)


LAYERS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "num_layers": 2, "bias": False}),
    ("LSTM", {}),
    ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    ("GRU", {"num_layers": 2}),
    ("GRU", {"bidirectional": True, "batch_first": True}),
]


@pytest.mark.parametrize("given", ["a state", "no state", "one sequence", "lengths"])
@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_a_recurrent_layer(name, options, given, rng):
    ours, theirs = getattr(nn, name)(3, 5, **options), getattr(torch.nn, name)(3, 5, **options, **DOUBLE)
    nn.load_torch(ours, theirs.state_dict())
    first = options.get("batch_first", False)
    batch = () if given == "one sequence" else (4,)
    x = data(rng, *batch, 11, 3) if first else data(rng, 11, *batch, 3)
    walks = options.get("num_layers", 1) * (1 + options.get("bidirectional", False))
    state = [data(rng, walks, *batch, 5) for _ in range(1 + (name == "LSTM"))] if given != "no state" else []
    starts = [
        tuple(s[side] for s in state) if len(state) > 1 else state[0][side] if state else None
        for side in (0, 1)
    ]
    if given == "lengths":
        lengths = [11, 3, 7, 1]
        packed = torch.nn.utils.rnn.pack_padded_sequence(x[1], lengths, first, enforce_sorted=False)
        output, last = theirs(packed, starts[1])
        want = (torch.nn.utils.rnn.pad_packed_sequence(output, first)[0], last)
        compare(ours(x[0], starts[0], lengths), want, [x, *state], rng)
    else:
        compare(ours(x[0], starts[0]), theirs(x[1], starts[1]), [x, *state], rng)
    compare_parameters(ours, theirs)


def masks(kind, rng):
    """Options here, and options there, of attention from 5 queries to 6 keys, in a batch of 3 with 2 heads."""
    padding = np.array([[False] * 6, [False] * 4 + [True] * 2, [True] + [False] * 5])
    square = np.triu(np.ones((5, 6), bool), 2)
    each = rng.random((6, 5, 6)) < 0.3
    each[..., 1] = False
    added = np.where(square, -np.inf, rng.standard_normal((5, 6)))
    chosen = {
        "none": {},
        "padding": {"key_padding_mask": padding},
        "mask": {"attn_mask": square},
        "mask for each head": {"attn_mask": each},
        "added": {"attn_mask": added},
        "both": {"attn_mask": square, "key_padding_mask": padding},
    }[kind]
    return chosen, {name: torch.tensor(mask) for name, mask in chosen.items()}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["none", "padding", "mask", "mask for each head", "added", "both"])
def test_attention(kind, first, rng):
    ours, theirs = (
        nn.MultiHeadAttention(8, 2, batch_first=first),
        torch.nn.MultiheadAttention(8, 2, batch_first=first, **DOUBLE),
    )
    nn.load_torch(ours, {k: torch.randn_like(v) for k, v in theirs.state_dict().items()})
    theirs.load_state_dict({k: torch.tensor(v) for k, v in layout(ours).items()})
    q, k, v = (data(rng, 3, n, 8) if first else data(rng, n, 3, 8) for n in (5, 6, 6))
    here, there = masks(kind, rng)
    average = kind != "both"
    got = ours(q[0], k[0], v[0], need_weights=True, average_attn_weights=average, **here)
    want = theirs(q[1], k[1], v[1], need_weights=True, average_attn_weights=average, **there)
    compare(got, want, [q, k, v], rng)
    compare_parameters(ours, theirs)


def layout(module):
    """The parameters and buffers of a module as PyTorch has them."""
    return {
        entry.name: np.concatenate([np.atleast_1d(p.data.T if entry.turned else p.data) for p in entry.parts])
        for entry in entries_of(module)
    }


def test_causal_attention_of_one_sequence(rng):
    ours, theirs = (
        nn.MultiHeadAttention(6, 3, bias=False),
        torch.nn.MultiheadAttention(6, 3, bias=False, **DOUBLE),
    )
    nn.load_torch(ours, theirs.state_dict())
    x = data(rng, 4, 6)
    ahead = torch.nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
    want = theirs(x[1], x[1], x[1], attn_mask=ahead)[0]
    compare(ours(x[0], is_causal=True), want, [x], rng)
    compare_parameters(ours, theirs)


ENCODERS = [
    {},
    {"norm_first": True, "activation": "gelu"},
    {"batch_first": True, "bias": False, "layer_norm_eps": 1e-3},
]


@pytest.mark.parametrize("options", ENCODERS)
def test_transformer_encoder_layers(options, rng):
    sizes = {"d_model": 8, "nhead": 2, "dim_feedforward": 12, "dropout": 0.0}
    ours = nn.TransformerEncoder(nn.TransformerEncoderLayer(**sizes, **options), 2, nn.LayerNorm(8))
    layer = torch.nn.TransformerEncoderLayer(**sizes, **options, **DOUBLE)
    theirs = torch.nn.TransformerEncoder(
        layer, 2, torch.nn.LayerNorm(8, **DOUBLE), enable_nested_tensor=False
    )
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    nn.load_torch(ours, theirs.state_dict())
    x = data(rng, 5, 5, 8)
    padding, ahead = np.arange(5) >= np.array([[5], [4], [3], [2], [1]]), np.triu(np.ones((5, 5), bool), 1)
    want = theirs(x[1], mask=torch.tensor(ahead), src_key_padding_mask=torch.tensor(padding))
    compare(ours(x[0], mask=ahead, src_key_padding_mask=padding), want, [x], rng)
    compare_parameters(ours, theirs)


def test_dropout_between_layers_and_in_attention_is_off_in_evaluation(rng):
    for ours, theirs in (
        (nn.LSTM(3, 5, 2, dropout=0.5), torch.nn.LSTM(3, 5, 2, dropout=0.5, **DOUBLE)),
        (nn.TransformerEncoderLayer(4, 2, 8), torch.nn.TransformerEncoderLayer(4, 2, 8, **DOUBLE)),
    ):
        nn.load_torch(ours, theirs.state_dict())
        x = data(rng, 6, 2, 3 if isinstance(ours, nn.LSTM) else 4)
        compare(ours.eval()(x[0]), theirs.eval()(x[1]), [x], rng)


class Net(nn.Module):
    def __init__(self):
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        )
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.features(x))


class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten()
        )
        self.head = torch.nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.features(x))


def test_load_torch_of_nested_modules_with_running_statistics(rng):
    ours, theirs = Net(), TorchNet().double()
    x = rng.standard_normal((7, 1, 4, 4))
    theirs(torch.tensor(x))  # so that the statistics are not as they start
    nn.load_torch(ours, theirs.state_dict())
    want = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(x).data, want, **NEAR)
    assert int(ours.features[1].num_batches_tracked) == 1


def test_load_torch_of_an_embedding_and_layer_norm(rng):
    ours = nn.Sequential(nn.Embedding(7, 4), nn.LayerNorm(4))
    theirs = torch.nn.Sequential(torch.nn.Embedding(7, 4, **DOUBLE), torch.nn.LayerNorm(4, **DOUBLE))
    nn.load_torch(ours, theirs.state_dict())
    words = rng.integers(0, 7, (3, 5))
    np.testing.assert_allclose(ours(words).data, theirs(torch.tensor(words)).detach().numpy(), **NEAR)


def test_load_torch_takes_parameters_of_any_floating_dtype_but_keeps_that_of_the_module():
    theirs = torch.nn.Linear(2, 3)  # float32
    ours = nn.Linear(2, 3)
    nn.load_torch(ours, dict(theirs.named_parameters()))
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().numpy().T)
    assert ours.weight.dtype == np.float64
    nn.load_torch(ours, theirs.bfloat16().state_dict())  # which NumPy does not have
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().float().numpy().T)
    sparse = {name: tensor.to_sparse() for name, tensor in theirs.state_dict().items()}
    with pytest.raises(ShapeError, match="'bias' is .*, which is no array of real numbers; 'weight' is "):
        nn.load_torch(ours, sparse)


def test_training_by_hand_loaded_weights_goes_the_same_way(rng):
    ours, theirs = nn.LSTM(3, 4), torch.nn.LSTM(3, 4, **DOUBLE)
    nn.load_torch(ours, theirs.state_dict())
    mine, other = nn.SGD(ours.parameters(), lr=0.5), torch.optim.SGD(theirs.parameters(), lr=0.5)
    x = rng.standard_normal((6, 2, 3))
    for _ in range(5):
        mine.zero_grad()
        other.zero_grad()
        (ours(x)[0] ** 2).sum().backward()
        (theirs(torch.tensor(x))[0] ** 2).sum().backward()
        mine.step()
        other.step()
    for name, array in layout(ours).items():
        np.testing.assert_allclose(array, theirs.state_dict()[name].numpy(), **NEAR)


def test_a_floating_mask_that_is_learnt_gets_its_gradient(rng):
    theirs = torch.nn.MultiheadAttention(4, 2, **DOUBLE)
    ours = nn.MultiHeadAttention(4, 2)
    nn.load_torch(ours, theirs.state_dict())
    (x, their_x), (mask, their_mask) = data(rng, 5, 3, 4), data(rng, 5, 5)
    u = rng.standard_normal((5, 3, 4))
    ours(x, attn_mask=mask).backward(u)
    theirs(their_x, their_x, their_x, attn_mask=their_mask)[0].backward(torch.tensor(u))
    np.testing.assert_allclose(mask.grad, their_mask.grad, **NEAR)
    np.testing.assert_allclose(x.grad, their_x.grad, **NEAR)


def test_a_tape_finds_other_forbidden_keys_in_a_learnt_mask(rng):
    attention, x = nn.MultiHeadAttention(4, 2, seed=0), rng.standard_normal((3, 4))
    masks = rng.standard_normal((2, 3, 3))
    masks[0, 0, 1] = masks[1, 2, 0] = -np.inf
    mask = Tensor(masks[0], name="mask")
    tape = Tape(attention(x, attn_mask=mask))
    np.testing.assert_allclose(tape.forward(mask=masks[1]), attention(x, attn_mask=masks[1]).data, rtol=1e-13)
    tape.backward(np.ones((3, 4)))
    assert mask.grad[2, 0] == 0
    assert mask.grad[0, 1] != 0


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("given", ["float64", "int64", "list"])
def test_a_float32_encoder_computes_in_float32(norm_first, given, rng):
    theirs = torch.nn.TransformerEncoderLayer(4, 2, 8, 0.0, norm_first=norm_first)
    ours = nn.TransformerEncoderLayer(4, 2, 8, 0.0, norm_first=norm_first, dtype=np.float32)
    nn.load_torch(ours, theirs.state_dict())
    x = np.round(3 * rng.standard_normal((5, 2, 4)))
    y = nn.TransformerEncoder(ours, 1)(x.tolist() if given == "list" else x.astype(given))
    assert y.dtype == np.float32
    expected = theirs(torch.tensor(x.astype(np.float32))).detach().numpy()
    np.testing.assert_allclose(y.data, expected, rtol=1e-5, atol=1e-5)
