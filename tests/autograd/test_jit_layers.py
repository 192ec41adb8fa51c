"""`jit` of layers and losses, and compiled tapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from jitted import bits, count_of

from chainrule import nn
from chainrule.autograd import (
    GradientError,
    KindError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    gradients,
    jit,
    log_softmax,
)

# ---------------------------------------------------------------------- derivatives


R = np.random.default_rng(11)


# ---------------------------------------------------------------------- layers and losses


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        self.layers = [nn.Linear(width, 4, seed=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.4, seed=1)]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_draw_and_count_as_without_jit() -> None:
    """Dropout's masks, running statistics, modes, other weights: step by step as the module itself."""

    make = partial(Net, 3)
    model, twin = make(), make()
    f, x = jit(lambda x: model(x).sum()), R.normal(size=(6, 3))

    def check(count: int) -> None:
        for _ in range(2):
            model.zero_grad()
            twin.zero_grad()
            y, expected = f(x), twin(x).sum()
            y.backward()
            expected.backward()
            assert bits(y) == bits(expected)
            for p, q in zip(model.parameters(), twin.parameters()):
                assert bits(p.grad) == bits(q.grad)
            assert bits(model.state_dict()) == bits(twin.state_dict())
        assert count_of(f) == count

    check(1)
    for each in (model, twin):
        each.eval()
    check(2)
    for each in (model, twin):
        each.train()
    check(2)
    state = make().state_dict()
    for each in (model, twin):
        each.load_state_dict(state)
    check(2)
    for each in (model, twin):
        each.layers[0] = nn.Linear(3, 4, seed=7)
    check(3)
    for each in (model, twin):
        each.layers[3].p = 0.1
    check(4)
    for each in (model, twin):
        for p in each.layers[0].parameters():
            p.requires_grad = False
    check(5)
    for each in (model, twin):
        each.to(np.float32)
    check(6)
    with pytest.raises(ShapeError, match="2 samples"):
        f(x[:1])


def test_a_derivative_of_second_order_counts_nothing_twice() -> None:
    model, twin = Net(2), Net(2)
    f, x = jit(lambda x: (model(x) ** 2).sum()), R.normal(size=(5, 2))
    for _ in range(2):
        for net, loss in ((model, f), (twin, lambda x: (twin(x) ** 2).sum())):
            net.zero_grad()
            w = net.layers[0].weight
            g = gradients(loss(x), w, create_graph=True)
            (g * g).sum().backward()
        np.testing.assert_allclose(model.layers[0].weight.grad, twin.layers[0].weight.grad, rtol=1e-10)
        assert bits(model.state_dict()) == bits(twin.state_dict())


def test_losses_follow_their_targets() -> None:
    """Every loss, with targets as arguments: in later calls with other ones, and with those that are refused."""
    w = Tensor(R.normal(size=(3, 4)))
    x = R.normal(size=(5, 3))
    classes = [np.array([0, 1, 2, 3, 0]), np.array([3, 3, 1, 0, 2])]
    ignored = [np.array([0, -100, 2, 3, 0]), np.array([3, 3, -100, -100, 2])]
    reals = [R.normal(size=(5, 4)) for _ in range(2)]
    signs, shares = [np.sign(t) for t in reals], [np.abs(t) / np.abs(t).sum(1, keepdims=True) for t in reals]
    weights = np.array([1.0, 0.5, 2.0, 1.0])
    cases: list[tuple[Callable[[Any, Any], Any], list[Any]]] = [
        (nn.mse_loss, reals), (nn.half_squared_error, reals), (nn.l1_loss, reals), (nn.hinge_loss, signs),
        (partial(nn.mse_loss, reduction="sum"), reals), (partial(nn.l1_loss, reduction="none"), reals),
        (nn.binary_cross_entropy_with_logits, [t > 0 for t in reals]),
        (lambda y, t: nn.binary_cross_entropy(y.sigmoid(), t), [(t > 0) * 1.0 for t in reals]),
        (nn.cross_entropy, classes), (nn.cross_entropy, shares), (nn.cross_entropy, ignored),
        (partial(nn.cross_entropy, weight=weights), classes), (partial(nn.cross_entropy, label_smoothing=0.1), classes),
        (partial(nn.cross_entropy, weight=weights, label_smoothing=0.1, ignore_index=1), classes),
        (partial(nn.cross_entropy, reduction="sum"), [c.astype(np.int8) for c in classes]),
        (lambda y, t: nn.nll_loss(log_softmax(y), t), classes),
        (nn.cross_entropy, [classes[0], ignored[0], classes[1]]),
        (lambda y, t: nn.mse_loss(y, t) + nn.l2_penalty([w], 0.1), reals),
    ]  # fmt: skip
    for k, (loss, targets) in enumerate(cases):
        f = jit(lambda x, t, loss=loss: loss(x @ w, t))
        for t in (*targets, targets[0]):
            found, expected = f(x, t), loss(x @ w, t)
            assert bits(found) == bits(expected), k
            (g,) = gradients(found.sum(), [w])
            (e,) = gradients(expected.sum(), [w])
            np.testing.assert_allclose(g, e, rtol=1e-13, atol=1e-16, err_msg=str(k))
        assert count_of(f) == (2 if len(targets) == 3 else 1)  # with ignored samples and without
    f = jit(lambda x, t: nn.cross_entropy(x @ w, t))
    for bad in (np.array([0, 1, 2, 4, 0]), np.array([0, -1, 2, 3, 0])):
        for good in classes:
            f(x, good)
            with pytest.raises(RangeError, match="classes are 0 to 3"):
                f(x, bad)
    shares_only = jit(lambda x, t: nn.cross_entropy(x @ w, t))
    shares_only(x, shares[0])
    with pytest.raises(RangeError, match="probabilities"):
        shares_only(x, shares[0] * 2)
    words = nn.Embedding(3, 2, padding_idx=0, seed=0)
    g = jit(lambda t: words(t).sum())
    for t in (np.array([0, 1]), np.array([2, 2])):
        assert g(t).item() == pytest.approx(words.weight.data[t].sum(), rel=1e-15)
    with pytest.raises(RangeError, match="rows 0 to 2"):
        g(np.array([0, 3]))


def test_a_compiled_tape() -> None:
    x, w = Tensor(np.array([1.0, 2.0]), name="x", requires_grad=False), Tensor(np.array([3.0, 4.0]), name="w")
    tape = Tape((w * w * x).sum())
    compiled = tape.compile("numpy")
    assert compiled.forward() == 41.0
    compiled.backward()
    assert w.grad.tolist() == [6.0, 16.0]
    assert compiled.forward(x=np.array([0.0, 1.0]), w=np.array([1.0, 1.0])) == 1.0
    w.zero_grad()
    compiled.backward()
    compiled.backward(np.float64(2.0))
    assert w.grad.tolist() == [0.0, 6.0]
    w.data = np.ones(2) * 5
    with pytest.raises(GradientError, match="after the latest forward"):
        compiled.backward()
    assert compiled.forward() == 25.0
    with pytest.raises(ShapeError, match="Give that shape"):
        compiled.forward(x=np.ones((3, 2)))
    with pytest.raises(KindError, match="no leaf of this tape is named 'q'"):
        compiled.forward(q=1.0)
    with pytest.raises(RangeError, match='"numpy" or "xla"'):
        tape.compile("torch")
    with pytest.raises(RangeError, match="processor of this machine"):
        jit(lambda x: x, device="gpu")
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    both = Tape([a * b, a + b]).compile()
    assert both.forward() == [6.0, 5.0]
    both.backward([1.0, 10.0])
    assert (a.grad, b.grad) == (13.0, 12.0)
    assert both.forward(a=5.0) == [15.0, 8.0]
    with pytest.raises(GradientError, match="2 outputs"):
        both.backward(1.0)
    assert "Tape" in repr(both)
    assert both.report()
    model = nn.MLP(2, [3, 1], seed=0)
    inputs = Tensor(np.ones((4, 2)), name="inputs", requires_grad=False)
    whole = Tape(model(inputs)).compile()
    for k in (1.0, 2.0):
        assert bits(whole.forward(inputs=np.full((4, 2), k))) == bits(model(np.full((4, 2), k)))


def test_the_report_and_clearing() -> None:
    f = jit(lambda x: (x * x).sum())
    assert "nothing recorded" in f.report()
    f(np.ones(3))
    f(np.ones(3))
    assert "float64 (3,)" in f.report()
    assert "2 operations, 2 calls" in f.report()
    f.clear()
    assert count_of(f) == 0
    assert f(np.ones(3)) == 3.0
    assert f.__name__ == "<lambda>"
    assert repr(f) == "<jit of <lambda>, backend 'numpy'>"
    with pytest.raises(KindError, match="jit"):
        jit(3)
