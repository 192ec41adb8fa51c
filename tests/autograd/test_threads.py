"""Threads that record, differentiate and change modes at the same time do not notice one another."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    NonfiniteError,
    Tensor,
    Value,
    checkpoint,
    detect_nonfinite,
    exp,
    gradients,
    hvp,
    jvp,
    log,
    no_grad,
    scope,
    tanh,
)

X = np.linspace(-1, 1, 6).reshape(2, 3)


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    """Threads take turns after every few operations."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def recording(w: Tensor) -> None:
    y = tanh(X @ w)
    assert (y.requires_grad, y.scope) == (True, ())
    np.testing.assert_allclose(gradients(y.sum(), w), X.T @ (1 - y.data**2), rtol=1e-14)


def not_recording(w: Tensor) -> None:
    with no_grad():
        assert not tanh(X @ w).requires_grad
        with pytest.raises(ZeroDivisionError), no_grad():
            tanh(w * (1 / 0))
        assert not (w * 2).requires_grad
    assert (w * 2).requires_grad


def in_scopes(w: Tensor) -> None:
    with scope("outer"):
        first = w * 2
        with scope("inner"):
            second = first + 1
        third = second * w
    assert (first.scope, second.scope, third.scope) == (("outer",), ("outer", "inner"), ("outer",))


def watching(w: Tensor) -> None:
    with np.errstate(all="ignore"), detect_nonfinite(), pytest.raises(NonfiniteError):
        log(w * 0)


def not_watching(w: Tensor) -> None:
    with np.errstate(all="ignore"):
        assert np.isinf(log(w * 0).data).all()


def forward(w: Tensor) -> None:
    def f(w: Any) -> Any:
        return (checkpoint(exp, X @ w) * X[:, :1]).sum()

    direction = np.ones((3, 3))
    each = np.exp(X @ w.data) * X[:, :1]
    along = X.sum(1, keepdims=True)  # how the exponents move
    assert jvp(f, w.data, direction)[1] == pytest.approx((each * along).sum(), rel=1e-13)
    np.testing.assert_allclose(hvp(f, w.data, direction), X.T @ (each * along), rtol=1e-13)


def hooks_and_copies(w: Tensor) -> None:
    x = Value(2.0)
    y = x * x
    handle = y.register_hook(lambda g: 10 * g)
    assert gradients(y * 3, x) == 120
    handle.remove()
    for twin in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301 (our own)
        twin.backward()
        assert twin.inputs[0].grad == 4


TASKS = [recording, not_recording, in_scopes, watching, not_watching, forward, hooks_and_copies]


def run_together(tasks: list[Callable[[Tensor], None]], times: int) -> list[BaseException]:
    """What went wrong in the threads, each of which does one task again and again on a common parameter."""
    w = Tensor(np.linspace(-0.5, 0.5, 9).reshape(3, 3))
    barrier = threading.Barrier(len(tasks))
    errors: list[BaseException] = []

    def work(task: Callable[[Tensor], None]) -> None:
        barrier.wait()
        try:
            for _ in range(times):
                task(w)
        except BaseException as error:  # pytest's failures are no Exceptions
            errors.append(error)

    threads = [threading.Thread(target=work, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert w.grad is None
    return errors


def meanwhile(block: Any, task: Callable[[Tensor], None]) -> list[BaseException]:
    """What goes wrong in a task while another thread is in a block."""
    errors: list[BaseException] = []
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with block:
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    try:
        task(Tensor(np.eye(3)))
    except BaseException as error:  # pytest's failures are no Exceptions
        errors.append(error)
    done.set()
    thread.join()
    return errors


PAIRS = [(no_grad, recording), (lambda: scope("elsewhere"), in_scopes), (detect_nonfinite, not_watching)]


def test_a_block_in_one_thread_while_another_computes() -> None:
    for block, task in PAIRS:
        assert meanwhile(block(), task) == []


def test_all_at_once() -> None:
    assert run_together(TASKS, 40) == []


def test_backward_passes_over_graphs_that_share_a_parameter() -> None:
    w = Tensor(np.ones(3))

    def work() -> None:
        for _ in range(100):
            gradients((w * w).sum(), w)
            y = w * 2
            y.backward(np.ones(3))
            assert (y.grad == 1).all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        w.grad is not None
    )  # a sum over threads, which take turns: add up gradients() where it has to be exact


LEAKING = """
import contextvars, runpy, sys
import numpy, pytest  # which need context variables as they are


class Shared:
    def __init__(self, name, default):
        self.value = default

    def get(self):
        return self.value

    def set(self, value):
        self.value = value


contextvars.ContextVar = Shared
here = runpy.run_path(sys.argv[1])
print(*(len(here["meanwhile"](block(), task)) for block, task in here["PAIRS"]))
"""


def test_the_test_notices_modes_that_all_threads_share() -> None:
    """With a global variable in the place of the context variable, in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LEAKING, __file__], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 1 1\n"
