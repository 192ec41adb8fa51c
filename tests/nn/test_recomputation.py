"""Checkpoints around modules: the second run of a function leaves statistics and random generators as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tape, Tensor, checkpoint, grad, gradients


@pytest.mark.parametrize("derivative", [lambda y: y.backward(), lambda y: gradients(y, Tape(y).leaves[0])])
def test_the_second_run_of_batch_normalisation_counts_no_batch(derivative: Any) -> None:
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(8, 2)))
    layer, straight = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    derivative(checkpoint(lambda x: checkpoint(layer, x) * 2, x).sum())
    straight(x)
    assert int(layer.num_batches_tracked) == 1
    np.testing.assert_array_equal(layer.running_mean, straight.running_mean)
    np.testing.assert_array_equal(layer.running_var, straight.running_var)


def test_the_second_run_of_dropout_draws_the_same_mask() -> None:
    x = Tensor(np.ones(200))
    layer, straight = nn.Dropout(0.5, seed=0), nn.Dropout(0.5, seed=0)
    y = checkpoint(lambda x: checkpoint(layer, x) * 2 + layer(x), x)
    expected = straight(x) * 2 + straight(x)
    np.testing.assert_array_equal(y.data, expected.data)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)
    np.testing.assert_array_equal(layer(x).data, straight(x).data)  # the generator goes on from its place


def test_dropout_in_a_checkpoint_of_higher_order() -> None:
    layer = nn.Dropout(0.5, seed=0)
    second = grad(lambda x: grad(lambda x: checkpoint(lambda x: layer(x**3), x).sum())(x).sum())(
        np.full(50, 2.0)
    )
    assert set(second.tolist()) == {0.0, 24.0}  # 2 * 6 x where it was kept
