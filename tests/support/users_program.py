"""A program as a user writes it, checked by `mypy --strict`: results have types, and misspelt names are found."""

from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import assert_type

import chainrule
from chainrule import Tensor, Value, nn
from chainrule.autograd import (
    exp,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    log_softmax,
    maximum,
    mean,
    relu,
    softmax,
    sum,
    tanh,
    topk,
    value_and_grad,
    vjp,
)  # fmt: skip
from chainrule.viz import Drawing, Stepper, draw, step

a, b = Value(2.0, name="a"), Value(-3.0)
assert_type(a * b + 2.0, Value)
assert_type(1.0 - a**2 / 3, Value)
assert_type(-tanh(a), Value)
assert_type(maximum(a, 0.0), Value)
assert_type(a.exp(), Value)
assert_type(sum([a, b]), Value)
assert_type((a * b).data, float)

t = Tensor(np.ones((2, 3)))
x = np.ones((4, 2))
assert_type(t + 1.0, Tensor)
assert_type(t @ t.T, Tensor)
assert_type(relu(t) * 2, Tensor)
assert_type(softmax(t, axis=1), Tensor)
assert_type(log_softmax(t), Tensor)
assert_type(mean(t, axis=0, keepdims=True), Tensor)
assert_type(t.sum(axis=0), Tensor)
assert_type(t[0], Tensor)
assert_type(topk(t, 2).values, Any)
assert_type(exp(2.0), float)

# a derivative has the type of its argument
assert_type(a.grad, float | Any)  # Any beside it, so that arithmetic needs no check for None
assert_type(t.grad, npt.NDArray[Any] | Any)
assert_type(a.data - 0.1 * a.grad, float)
slope = grad(lambda x: x**3)
weights = {"w": x, "b": x}
assert_type(slope(2.0), float)
assert_type(slope(2), float)
assert_type(slope(a), Value)
assert_type(slope(t), Tensor)
assert_type(slope(weights)["w"].shape, tuple[int, int])
assert_type(slope(x).shape, tuple[int, int])
assert_type(grad(slope)(2.0), float)
assert_type(grad(lambda u, v: u * v, argnums=(0, 1))(2.0, t), tuple[float, Tensor])
assert_type(grad(lambda u: (u * u, "more"), has_aux=True)(t), tuple[Tensor, Any])
assert_type(value_and_grad(lambda u: u * u)(2.0), tuple[float, float])
assert_type(value_and_grad(lambda u: u * u)(x)[0], float)
assert_type(value_and_grad(lambda u: u * u)(x)[1].shape, tuple[int, int])
assert_type(value_and_grad(lambda u: u * u)(t), tuple[Tensor, Tensor])
assert_type(jacobian(lambda u: u @ u)(x), npt.NDArray[Any])
assert_type(jacobian(lambda u: u @ u)(t), Tensor)
assert_type(hessian(slope)(2.0), float)
assert_type(hessian(slope)(x), npt.NDArray[Any])
assert_type(hessian(slope)(a), Value)
assert_type(hvp(slope, 2.0, 1.0), float)
assert_type(hvp(slope, x, x).shape, tuple[int, int])


def product(u: Tensor) -> Tensor:
    return u @ u.T


assert_type(jvp(tanh, 2, 1), tuple[float, float])
assert_type(jvp(tanh, a, 1.0), tuple[Value, Value])
assert_type(jvp(product, x, x), tuple[npt.NDArray[Any], npt.NDArray[Any]])
assert_type(jvp(product, t, x), tuple[Tensor, Tensor])
assert_type(jvp(lambda u, v: u * v, (2.0, 3.0), (1.0, 0.0)), tuple[Any, Any])
moved, changed = jvp(lambda u: u * u, 2.0, 1.0)
value, pullback = vjp(lambda u, v: u * v, 2.0, t)
assert_type(pullback(t), tuple[float, Tensor])
assert_type(vjp(tanh, 2.0)[1](1.0), tuple[float])
assert_type(vjp(lambda u: u["w"], weights)[1](x)[0]["w"].shape, tuple[int, int])
assert_type(vjp(lambda u, v, w: u * v * w, a, a, a)[1](1.0), tuple[Any, ...])


@jit
def scaled(u: Tensor, by: float = 1.0) -> Tensor:
    return u * by


@jit(static_argnames="times")
def repeated(u: Tensor, times: int) -> float:
    return (u * times).sum().item()


assert_type(scaled(t, by=2.0), Tensor)
assert_type(repeated(t, 3), float)
assert_type(scaled.report(), str)
assert_type(jit(slope)(2.0), float)

model = nn.MLP(2, [3, 1], seed=0)
prediction = model(x)
assert_type(prediction, Tensor)
assert_type(nn.Linear(2, 3)(x), Tensor)
loss = nn.mse_loss(prediction, np.zeros((4, 1)))
assert_type(loss, Tensor)
assert_type(nn.cross_entropy(prediction, [0, 0, 0, 0]), Tensor)
assert_type(loss.item(), float)
loss.backward()
for parameter in model.parameters():
    parameter.data -= 0.1 * parameter.grad
optimizer = nn.Adam(model.parameters(), lr=0.1)
optimizer.step()
history = nn.fit(model, nn.mse_loss, (x, np.zeros((4, 1))), epochs=1, progress=False)
assert_type(history, nn.History)
assert_type(nn.Step(model, nn.mse_loss, optimizer)(x, np.zeros((4, 1))), float)
assert_type(nn.accuracy(prediction, [0, 0, 0, 0]), float)
assert_type(nn.MSELoss()(prediction, np.zeros((4, 1))), Tensor)
assert_type(nn.load("model.npz", model), nn.MLP)
assert_type(draw(loss), Drawing)
assert_type(step(a * b), Stepper)
assert_type(chainrule.__version__, str)
gradients(loss, model.parameters())

print(t.shpae)  # type: ignore[attr-defined]
model.paramters()  # type: ignore[attr-defined]
Value(2.0, require_grad=False)  # type: ignore[call-arg]
draw(loss, direcion="LR")  # type: ignore[call-arg]
softmax(t, axs=1)  # type: ignore[call-overload]
a * "text"  # type: ignore[arg-type]
print(a.grad.shape)  # type: ignore[union-attr]
print(t.grad.shpae)  # type: ignore[union-attr]
scaled(t, bye=2.0)  # type: ignore[call-arg]
nn.SGD(model.parameters(), lrr=0.1)  # type: ignore[call-arg]
nn.init.he_normal_(model, seed=0)  # type: ignore[type-var]
