"""Rows of your own compiled by XLA, and JAX with its devices, threads and flags."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    TABLE,
    ChainruleError,
    GradientError,
    KindError,
    RangeError,
    Tensor,
    elementwise,
    exp,
    gradients,
    structural,
)

jax = pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")

import jax.numpy as jnp  # noqa: E402
from compiled_graphs import check_first_order, check_second_order, close, graph_of  # noqa: E402

from chainrule.autograd.xla import (  # noqa: E402
    Compiled,
    Program,
    arguments_of,
    device_named,
    exact,
    lowering,
    program_of,
)
from chainrule.autograd.xla.lowered import LOWERINGS  # noqa: E402

# ---------------------------------------------------------------------- rows of your own


@pytest.fixture
def own_rows() -> Any:
    rows, lowerings = dict(TABLE), dict(LOWERINGS)
    yield
    for table, before in ((TABLE, rows), (LOWERINGS, lowerings)):
        table.clear()
        table.update(before)


def test_rows_of_your_own_work_by_themselves(own_rows: None) -> None:
    mish = elementwise(
        "mish",
        lambda x: x * np.tanh(np.log1p(np.exp(x))),
        lambda x: x * np.tanh(np.logaddexp(x, 0)),
        [lambda y, x: TABLE["tanh"](TABLE["softplus"](x)) + x * (1 - TABLE["tanh"](TABLE["softplus"](x)) ** 2)
         * TABLE["sigmoid"](x)],
    )  # fmt: skip
    centred = structural(
        "centred",
        lambda x, axis: (x - x.mean(axis, keepdims=True)) / np.sqrt(np.var(x, axis, keepdims=True) + 1),
        [lambda g, y, x, axis: g * TABLE["sigmoid"](x)],
    )
    x = np.random.default_rng(0).normal(size=(3, 4))
    graphs = [graph_of("mish", mish, x), graph_of("centred", lambda x: centred(x, axis=1), x)]
    check_first_order(graphs, 1e-12)
    check_second_order(graphs, 1e-12)


def test_a_row_that_cannot_be_lowered_says_what_to_write(own_rows: None) -> None:
    def on_arrays(x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x

    odd = structural("odd", on_arrays, [lambda g, y, x: g])
    x = Tensor([1.0, -3.0], name="x")
    y = odd(x)
    with pytest.raises(KindError, match=r"came from odd, .* a branch .* np\.where.*lowering\(\"odd\"\)"):
        Compiled(Program([y], [x])).forward([x.data])

    @lowering("odd")
    def _(x: Any) -> Any:
        return jnp.where(jnp.sum(x) > 0, x, -x)

    (found,), (g,) = Compiled(Program([y], [x])).passes([x.data], [np.ones(2)])
    np.testing.assert_array_equal(found, [-1.0, 3.0])
    np.testing.assert_array_equal(g, [1.0, 1.0])


@pytest.mark.parametrize(
    ("on_arrays", "reason"),
    [
        (lambda x: np.asarray([float(v) for v in x]), "a number of the array"),
        (lambda x: np.vectorize(lambda v: v + 1)(x), "converted to a plain array"),
        (lambda x: np.add(x, 1, out=np.zeros(2)), "out="),
        (lambda x: x[x > 0].sum() + 0 * x, "how many they are depends on the numbers"),
    ],
)
def test_what_xla_cannot_do_is_named(own_rows: None, on_arrays: Any, reason: str) -> None:
    own = structural("own", on_arrays, [lambda g, y, x: g])
    x = Tensor([1.0, 2.0])
    with pytest.raises(KindError, match=reason):
        Compiled(Program([own(x)], [x])).forward([x.data])


def test_a_rule_that_cannot_be_lowered_is_named(own_rows: None) -> None:
    own = structural("own", lambda x: x * 2, [lambda g, y, x: np.asarray([float(v) for v in g])])
    x = Tensor([1.0, 2.0])
    compiled = Compiled(Program([own(x)], [x]))
    np.testing.assert_array_equal(compiled.forward([x.data])[0], [2.0, 4.0])
    with pytest.raises(KindError, match="one of its rules .* Write it with operators, other rows") as refused:
        compiled.passes([x.data], [np.ones(2)])
    assert "lowering" not in str(refused.value)  # which would not replace a rule


def test_checkpoints_are_refused() -> None:
    from chainrule.autograd import checkpoint

    x = Tensor([1.0, 2.0])
    with pytest.raises(GradientError, match="cannot be compiled"):
        Program([checkpoint(exp, x)], [x])


# ---------------------------------------------------------------------- JAX and its devices


def test_the_engine_does_not_import_jax() -> None:
    program = "import sys, chainrule.autograd, chainrule.nn; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)


def test_without_jax_the_error_says_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['jax'] = None\n"
        "from chainrule import nn\n"
        "def step():\n"
        "    model = nn.Linear(2, 2, seed=0)\n"
        "    nn.Step(model, nn.mse_loss, nn.SGD(model.parameters()), engine='xla')\n"
        "def package():\n"
        "    import chainrule.autograd.xla\n"
        "for asked in (package, step):\n"
        "    try:\n        asked()\n"
        "    except ImportError as error:\n        print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ
    )
    first, second = done.stdout.splitlines()
    assert first.startswith('backend="xla" compiles through JAX')
    assert 'pip install "chainrule[xla]"' in first
    assert second.startswith("engine='xla' compiles through JAX")
    assert "pip install 'chainrule[xla]'" in second


def test_no_flag_of_jax_stays_set() -> None:
    before = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
    x = Tensor([1.0, 2.0])
    assert Compiled(Program([(x * x).sum()], [x])).passes([x.data])[1][0].dtype == np.float64
    with pytest.raises(KindError), exact():
        raise KindError("inside")
    assert (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision) == before
    assert jnp.ones(3, float).dtype == (np.float64 if before[0] else np.float32)


def test_threads_do_not_disturb_each_other() -> None:
    failed: list[Any] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if jnp.ones(3, float).dtype != np.float32:
                failed.append("float64 in another thread")

    def compute(k: int) -> None:
        x = Tensor(np.arange(3.0) + k)
        compiled = Compiled(Program([(x * x * k).sum()], [x]))
        for _ in range(20):
            (g,) = compiled.passes([x.data])[1]
            if g.dtype != np.float64 or not np.array_equal(g, 2 * k * x.data):
                failed.append(g)

    watcher = threading.Thread(target=watch)
    workers = [threading.Thread(target=compute, args=(k,)) for k in range(1, 4)]
    watcher.start()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stop.set()
    watcher.join()
    assert failed == []


def test_one_compiled_graph_in_several_threads() -> None:
    x = Tensor(np.arange(3.0))
    compiled = Compiled(Program([(x * x).sum()], [x]))
    found: list[Any] = []
    workers = [
        threading.Thread(target=lambda: found.append(compiled.passes([x.data])[0][0])) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [5.0] * 4
    report = compiled.report()
    assert (report.programs, report.calls, report.to_device) == (1, 4, 4 * 24)


def test_devices() -> None:
    cpu = jax.devices("cpu")[0]
    assert device_named("cpu") is device_named("cpu:0") is device_named(cpu) is cpu
    with pytest.raises(RangeError, match="there is no device 'tpu'; JAX sees .*'cpu:0'"):
        device_named("tpu")
    with pytest.raises(RangeError, match="no device 'cpu:99'"):
        device_named("cpu:99")
    with pytest.raises(RangeError, match="a platform and a number"):
        device_named("cpu:first")
    with pytest.raises(KindError, match="device is None, a name"):
        device_named(3)


def test_the_report() -> None:
    x, w = Tensor(np.ones((4, 3)), requires_grad=False), Tensor(np.ones((3, 2)), name="w")
    compiled = Compiled(Program([TABLE["tanh"](x @ w).sum()], [w, x]), device="cpu")
    compiled.passes([w.data, x.data])
    compiled.passes([w.data, x.data])
    report = compiled.report()
    assert (report.backend, report.device, report.nodes, report.programs) == ("cpu", "cpu:0", 3, 1)
    assert report.to_device == 2 * (6 + 12) * 8
    assert report.from_device == 2 * (1 + 6) * 8
    assert report.calls == 2
    assert report.trace_time > 0
    assert report.compile_time > 0
    assert report.memory >= (6 + 12 + 7) * 8
    text = str(report)
    assert "cpu:0" in text
    assert "compiled in" in text


def test_results_can_be_written_to_and_belong_to_nobody_else() -> None:
    x = Tensor([1.0, 2.0])
    data = np.array([3.0, 4.0])
    (same, _), (g,) = Compiled(Program([x * 1.0, x.sum()], [x])).passes([data], [np.ones(2), np.ones(())])
    same[0], g[0] = 7, 7
    np.testing.assert_array_equal(data, [3.0, 4.0])


def test_wrong_arrays_are_refused() -> None:
    x = Tensor([1.0, 2.0], name="x")
    compiled = Compiled(Program([x.sum()], [x]))
    with pytest.raises(ChainruleError, match=r"x.*\(2,\).*\(3,\)"):
        compiled.passes([np.ones(3)])
    with pytest.raises(ChainruleError, match="float32"):
        compiled.passes([np.ones(2, np.float32)])
    with pytest.raises(ChainruleError, match="1 array.*2"):
        compiled.passes([np.ones(2), np.ones(2)])


def test_leaves_that_get_no_gradient() -> None:
    x, t, unused = Tensor([1.0, 2.0]), Tensor([0, 1]), Tensor([5.0])
    (_,), found = Compiled(Program([x[t].sum()], [x, t, unused])).passes([x.data, t.data, unused.data])
    close(found[0], np.ones(2), 0, "x")
    assert found[1] is None
    assert len(found) == 2


def test_constants_that_were_written_beside_a_node_are_no_arguments() -> None:
    x, t = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=False)
    y = (2 * x + t) / 3
    program = program_of([y])
    assert program.leaves == arguments_of(program.nodes) == [x, t]
    (_,), (g,) = Compiled(program).passes([x.data, t.data], [np.ones(2)])
    assert g.tolist() == gradients(y, x, np.ones(2)).tolist()
