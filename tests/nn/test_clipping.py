"""Gradients are clipped: by the norm of all together, by value, as a function."""

import math

import numpy as np
import pytest
from optimisers import with_gradients

from chainrule import nn
from chainrule.autograd import GradientError, KindError, RangeError, Value
from chainrule.autograd.replay.tracing import Trace
from chainrule.nn import optim


def test_clipping_the_norm_of_all_gradients_together():
    mine = np.array([3.0, 0.0])
    nodes = with_gradients(mine, 4.0, np.zeros((0, 2)))
    nodes.append(Value(1.0))  # no gradient
    assert nn.clip_grad_norm_(nodes, 1.0) == 5
    assert np.hypot(nodes[0].grad[0], nodes[1].grad) == pytest.approx(1, abs=1e-6)
    assert nodes[1].grad / nodes[0].grad[0] == pytest.approx(4 / 3)
    assert nodes[3].grad is None
    assert mine.tolist() == [3, 0]  # a gradient that someone has kept is left alone
    before = nodes[0].grad
    assert nn.clip_grad_norm_(nodes, 2.0) == pytest.approx(1, abs=1e-6)
    assert nodes[0].grad is before or np.array_equal(nodes[0].grad, before)
    for order, norm in ((1, 7.0), (math.inf, 4.0)):
        assert nn.clip_grad_norm_(with_gradients(np.array([3.0]), -4.0), 100, order) == norm
    assert nn.clip_grad_norm_([Value(1.0)], 1.0) == 0


def test_clipping_float32_stays_and_infinity_is_told():
    (w,) = with_gradients(np.full(4, 3, np.float32))
    nn.clip_grad_norm_([w], 1.0)
    assert w.grad.dtype == np.float32
    nn.clip_grad_value_([w], 0.25)
    assert w.grad.dtype == np.float32
    assert w.grad.tolist() == [0.25] * 4
    (v,) = with_gradients(math.inf)
    assert nn.clip_grad_norm_([v], 1.0) == math.inf
    (v,) = with_gradients(math.nan)
    with pytest.raises(GradientError, match="detect_nonfinite"):
        nn.clip_grad_norm_([v], 1.0, error_if_nonfinite=True)
    with pytest.raises(RangeError, match="max_norm"):
        nn.clip_grad_norm_([v], -1.0)
    with pytest.raises(KindError, match=r"model\.parameters"):
        nn.clip_grad_norm_(nn.Linear(1, 1), 1.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170, 0.0, math.nan, math.inf])
def test_clipping_as_a_function_of_gradients(scale, order, dtype):
    rng, trace, rtol = np.random.default_rng(0), Trace(), 1e-3 if dtype == np.float16 else 1e-12
    with np.errstate(all="ignore"):
        gradients = [(scale * rng.standard_normal(shape)).astype(dtype) for shape in (3, (2, 2), (0, 2))]
        for max_norm in (0.5, 1e9):
            nodes = with_gradients(*gradients)
            nn.clip_grad_norm_(nodes, max_norm, order)
            found = optim.clipped_by_norm(gradients, max_norm, order)
            traced = optim.clipped_by_norm([trace.leaf(g) for g in gradients], max_norm, order)
            for node, g, t in zip(nodes, found, traced, strict=True):
                np.testing.assert_array_equal(node.grad, g, strict=True)
                assert t.dtype == g.dtype
                np.testing.assert_allclose(t.value, g, rtol=rtol)
            nn.clip_grad_value_(nodes, max_norm)
            for node, g, t in zip(nodes, found, traced, strict=True):
                (limited,), (t,) = (
                    optim.clipped_by_value([g], max_norm),
                    optim.clipped_by_value([t], max_norm),
                )
                np.testing.assert_array_equal(node.grad, limited, strict=True)
                np.testing.assert_allclose(t.value, limited, rtol=rtol)
    assert optim.clipped_by_norm([3.0, -4.0], 10.0) == [3, -4]
    mixed = optim.clipped_by_norm(
        [trace.leaf(np.ones(1, d)) for d in (np.float16, np.float32, np.float64)], 1.0
    )
    assert [g.dtype.char for g in mixed] == ["e", "f", "d"]
    assert optim.clipped_by_norm([trace.leaf(np.zeros(0))], 1.0)[0].shape == (0,)


def test_clipping_values():
    nodes = with_gradients(np.array([-3.0, 0.5]), 2.0)
    nn.clip_grad_value_(nodes, 1.0)
    assert nodes[0].grad.tolist() == [-1, 0.5]
    assert nodes[1].grad == 1
    assert type(nodes[1].grad) is float
