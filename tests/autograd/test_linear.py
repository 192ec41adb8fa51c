"""`linear` as one node against `x @ w + b` as two, and `by_primitives`, which chooses between them."""

import threading

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    by_primitives,
    check_gradients,
    dot,
    gradients,
    hvp,
    jvp,
    linear,
    total,
)

SHAPES = [
    ((4, 2), (2, 3), (3,)),
    ((2,), (2, 3), (3,)),
    ((5, 4, 2), (2, 3), (3,)),
    ((4, 2), (5, 2, 3), (3,)),
    ((4, 2), (2, 1), (3,)),  # the bias is larger than the product
    ((2,), (2,), (3,)),
    ((2,), (2, 3), (4, 3)),
    ((0, 2), (2, 3), (3,)),
    ((4, 2), (2, 3), ()),
]


def operations(root):
    return [node.op.name for node in Tape(root).nodes if node.op is not None]


def arrays(shapes, rng, dtype=float):
    return tuple(rng.normal(size=shape).astype(dtype) for shape in shapes)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_and_gradients_are_those_of_two_operations(shapes, dtype, rng):
    given = arrays(shapes, rng, dtype)
    one = [Tensor(a) for a in given]
    two = [Tensor(a) for a in given]
    y, z = linear(*one), two[0] @ two[1] + two[2]
    assert operations(y) == ["linear"]
    assert operations(z) == ["matmul", "add"]
    np.testing.assert_array_equal(y.data, z.data)
    g = rng.normal(size=y.shape).astype(dtype)
    y.backward(g)
    z.backward(g)
    for a, b in zip(one, two):
        assert a.grad.dtype == dtype
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_the_three_rules_by_hand():
    x, w, b = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([[5.0], [6.0]]), Tensor([7.0])
    g = np.array([[1.0], [10.0]])
    linear(x, w, b).backward(g)
    np.testing.assert_array_equal(x.grad, [[5.0, 6.0], [50.0, 60.0]])
    np.testing.assert_array_equal(w.grad, [[31.0], [42.0]])
    np.testing.assert_array_equal(b.grad, [11.0])


@pytest.mark.parametrize("shapes", [shapes for shapes in SHAPES if 0 not in shapes[0]])
def test_forward_and_second_derivatives(shapes, rng):
    primals, tangents = arrays(shapes, rng), arrays(shapes, rng)
    (x, w, b), (dx, dw, db) = primals, tangents
    y, t = jvp(linear, primals, tangents)
    np.testing.assert_allclose(t, dx @ w + x @ dw + db + np.zeros_like(y), rtol=1e-12)
    _, only_bias = jvp(lambda b: linear(x, w, b), (b,), (db,))
    np.testing.assert_allclose(only_bias, np.broadcast_to(db, y.shape))
    check_gradients(lambda x, w, b: linear(x, w, b) ** 2, *primals, order=2)

    def loss(x, w, b):
        return (linear(x, w, b) ** 3).sum()

    def of_primitives(x, w, b):
        return ((x @ w + b) ** 3).sum()

    for mine, expected in zip(hvp(loss, primals, tangents), hvp(of_primitives, primals, tangents)):
        np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-12)


def test_a_gradient_that_is_not_needed_is_not_computed(rng):
    x, w, b = arrays(SHAPES[0], rng)
    weight = Tensor(w)
    (g,) = gradients(linear(x, weight, b).sum(), [weight])
    np.testing.assert_allclose(g, x.T @ np.ones((4, 3)))


def test_a_product_without_a_bias_is_a_product():
    x, w = Tensor(np.ones((2, 3))), Tensor(np.ones((3, 1)))
    assert operations(linear(x, w)) == ["matmul"]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 3), (2, 3), (3,)), r"last axis of x has to be as long as the first axis of the weight"),
        (((4, 2), (2, 3), (4,)), r"the bias as long as the last axis of the weight"),
    ],
)
def test_shapes_that_do_not_fit_are_a_lesson(shapes, message):
    x, w, b = (Tensor(np.ones(shape)) for shape in shapes)
    with pytest.raises(ShapeError, match=message) as caught:
        linear(x, w, b)
    for shape in shapes:
        assert str(shape) in str(caught.value)
    with pytest.raises(KindError):
        linear([Value(1.0)], [Value(2.0)], 1.0)


def test_layers_are_one_node_or_two(rng):
    x = rng.normal(size=(4, 2))
    model = nn.MLP(2, [3, 1], seed=0)
    y = model(x)
    assert operations(y) == ["linear", "relu", "linear"]
    with by_primitives():
        with by_primitives():
            z = model(x)
        assert operations(model(x)) == operations(z) == ["matmul", "add", "relu", "matmul", "add"]
    assert operations(model(x)) == ["linear", "relu", "linear"]
    np.testing.assert_array_equal(y.data, z.data)


def test_dot_and_total_by_primitives():
    xs, ys = [Value(2.0), Value(3.0)], [Value(5.0), 7.0]
    with by_primitives():
        product, whole = dot(xs, ys), total([*xs, 1.0])
        assert dot([], []) == 0
        assert total([]) == 0
    assert (product.data, whole.data) == (31.0, 6.0)
    assert operations(product) == ["multiply", "multiply", "add"]
    assert operations(whole) == ["add", "add"]
    assert operations(dot(xs, ys)) == ["dot"]


def test_the_choice_is_that_of_a_thread_and_ends_with_an_exception():
    x, w, b = Tensor(np.ones((1, 1))), Tensor(np.ones((1, 1))), Tensor(np.ones(1))
    seen = []

    def record():
        seen.append(operations(linear(x, w, b)))

    def fail_inside():
        with by_primitives():
            other = threading.Thread(target=record)
            other.start()
            other.join()
            record()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert seen == [["linear"], ["matmul", "add"]]
    assert operations(linear(x, w, b)) == ["linear"]


def test_a_replay_and_a_program_of_a_layer_give_its_numbers(rng):
    x, w, b = (Tensor(a, name=name) for a, name in zip(arrays(SHAPES[0], rng), "xWb"))
    loss = (linear(x, w, b) ** 2).sum()
    tape = Tape(loss)
    assert "x @ W + b" in str(tape.source())
    program = {}
    exec(str(tape.source()), program)
    loss.backward()
    np.testing.assert_array_equal(program["d_W"], w.grad)
    np.testing.assert_array_equal(program["d_b"], b.grad)
    w.data = w.data + 1
    w.zero_grad()
    tape.forward()
    tape.backward()
    expected = [Tensor(a.data) for a in (x, w, b)]
    again = (linear(*expected) ** 2).sum()
    again.backward()
    np.testing.assert_array_equal(loss.data, again.data)
    np.testing.assert_array_equal(w.grad, expected[1].grad)
