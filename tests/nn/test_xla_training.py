"""Training with engine="xla": the numbers of eager mode to rounding, on one device, on several, in several processes.

Each network is trained for 100 steps or the like, with metrics, a penalty and clipping. Processes and virtual devices
run in programs of their own, because JAX counts devices once.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from trained_networks import NAMES, case, trained

from chainrule import nn
from chainrule.autograd import GradientError, NonfiniteError, RangeError, RecordingError, ShapeError
from chainrule.autograd.extending import each_time

pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
PROGRAM = Path(__file__).parents[1] / "support" / "trained_networks.py"


def close(a, b, within):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=within, atol=within, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_losses_and_parameters_are_those_of_eager_mode(name):
    runs = {engine: trained(name, engine=engine, epochs=25, device=None) for engine in ("eager", "xla")}
    (model, optimizer, history), (other, others, compiled) = runs.values()
    assert (history.engine, compiled.engine) == ("eager", "xla")
    for column in ("loss", "penalty", "accuracy"):
        np.testing.assert_allclose(history[column], compiled[column], rtol=1e-5)
    close(model.state_dict(), other.state_dict(), 1e-5)
    close(optimizer.state_dict(), others.state_dict(), 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_in_other_dtypes(dtype):
    X, y = nn.datasets.moons(64, seed=0)
    losses = {}
    for engine in ("eager", "xla"):
        model = nn.MLP(2, [8, 2], seed=0, dtype=dtype)
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine=engine)
        losses[engine] = [step(X, y) for _ in range(10)]
        step.synchronise()
        assert {p.data.dtype for p in model.parameters()} == {np.dtype(dtype)}
    np.testing.assert_allclose(losses["xla"], losses["eager"], rtol=1e-5 if dtype == np.float32 else 2e-2)


OPTIMIZERS = {
    "SGD": lambda p: nn.SGD(p, lr=0.1),
    "momentum": lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adagrad": lambda p: nn.Adagrad(p, lr=0.1),
    "Adadelta": lambda p: nn.Adadelta(p),
    "RMSprop": lambda p: nn.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "AdamW": lambda p: nn.AdamW(p, lr=0.01, amsgrad=True),
    "groups": lambda p: nn.Adam([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}]),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_and_a_schedule(name):
    X, y = nn.datasets.moons(64, seed=0)
    found = []
    for engine in ("eager", "xla"):
        model = nn.MLP(2, [4, 2], seed=0)
        optimizer = OPTIMIZERS[name](model.parameters())
        schedule = nn.schedules.ExponentialDecay(optimizer, gamma=0.9, every="batch")
        history = nn.fit(
            model, nn.cross_entropy, (X, y), optimizer=optimizer, schedule=schedule, epochs=4, batch_size=16,
            clip_value=0.05, engine=engine, progress=False,
        )  # fmt: skip
        found.append((history["loss"], model.state_dict(), optimizer.state_dict()))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    close(found[0][1], found[1][1], 1e-9)
    close(found[0][2], found[1][2], 1e-9)


def test_parameters_are_read_back_where_callbacks_look_and_assigned_ones_are_used():
    X, y = nn.datasets.moons(64, seed=0)
    seen = {}
    for engine in ("eager", "xla"):
        model, rows = nn.MLP(2, [4, 2], seed=0), []

        def look(run, rows=rows):
            weight = run.model.layers[0].weight
            rows.append(weight.data.copy())
            if run.epoch == 2:
                weight.data = np.zeros(weight.shape)
            if run.epoch == 3:
                run.model.layers[0].bias.requires_grad = False

        nn.fit(model, nn.cross_entropy, (X, y), epochs=5, callbacks=[look], engine=engine, progress=False)
        seen[engine] = np.array([*rows, model.layers[0].weight.data])
        seen[engine + " bias"] = model.layers[0].bias.data
    np.testing.assert_allclose(seen["xla"], seen["eager"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen["xla bias"], seen["eager bias"], rtol=1e-9)


def test_a_state_that_is_loaded_between_steps_is_used():
    X, y = nn.datasets.moons(64, seed=0)
    found = []
    for engine in ("eager", "xla"):
        model = nn.MLP(2, [4, 2], seed=0)
        optimizer = nn.Adam(model.parameters(), lr=0.1)
        step = nn.Step(model, nn.cross_entropy, optimizer, engine=engine)
        for _ in range(3):
            step(X, y)
        step.synchronise()
        kept = optimizer.state_dict()
        for _ in range(3):
            step(X, y)
        step.synchronise()
        optimizer.load_state_dict(kept)  # and the parameters stay
        found.append([step(X, y) for _ in range(3)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def test_gradients_are_not_read_back():
    model, X, y = case("mlp")

    def look(run):
        return run.model.parameters()[0].grad

    with pytest.raises(GradientError, match="engine='replay' to look at gradients"):
        nn.fit(model, nn.cross_entropy, (X, y), callbacks=[look], engine="xla", epochs=1, progress=False)
    assert all(p.grad is None for p in model.parameters())


def test_nan_leaves_the_model_as_it_was_and_names_the_operation():
    model, X, y = case("mlp")
    X = X.copy()
    step = nn.Step(model, nn.cross_entropy, nn.Adam(model.parameters()), engine="xla")
    step(X, y)
    step.synchronise()
    before = model.state_dict()
    X[3, 1] = np.nan
    with pytest.raises(NonfiniteError, match="step 2"):
        step(X, y)
    close(before, model.state_dict(), 0)


def test_bad_tokens_and_classes_are_refused_in_every_step():
    model, X, y = case("transformer")
    step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters()), engine="xla")
    step(X, y)
    with pytest.raises(RangeError, match="11"):
        step(np.where(X == 0, 11, X), y)
    with pytest.raises(RangeError, match="classes are 0 to 2"):
        step(X, np.where(y == 0, 3, y))
    assert np.isfinite(step(X, y))


def test_a_model_that_does_something_else_with_nodes_is_refused_and_a_cache_may_be_filled():
    class Halved(nn.Module):
        def __init__(self):
            self.layer, self.known = nn.Linear(5, 3, seed=0), None

        def forward(self, x):
            return self.layer(x / 2 if isinstance(x, np.ndarray) else x)

    _, X, y = case("mlp")
    model = Halved()
    step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters()), engine="xla")
    with pytest.raises(RecordingError, match="with nodes in the place of the arrays of a batch the loss is"):
        step(X, y)

    class Caching(Halved):
        def forward(self, x):
            if self.known is None:
                self.known = np.full(5, 0.5)
            return self.layer(x * self.known)

    losses = []
    for engine in ("eager", "xla"):
        model = Caching()
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine=engine)
        losses.append([step(X, y) for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-12)


def test_indices_beyond_the_end_are_refused_in_every_step():
    class Selecting(nn.Module):
        def __init__(self, shifted):
            self.table, self.shifted = nn.Parameter(np.arange(12.0).reshape(4, 3)), shifted

        def forward(self, x):
            return self.table[x + 1 if self.shifted else x]

    x, y = np.array([0, 1, 2]), np.array([0, 1, 2])
    for shifted in (False, True):  # a leaf is the index; it is computed
        model = Selecting(shifted)
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters()), engine="xla")
        step(x, y)
        with pytest.raises(
            (RangeError, ShapeError), match=r"index 4 is out of bounds|index .* does not exist"
        ):
            step(np.full(3, 4 - shifted), y)


def test_what_cannot_be_recorded_names_the_line():
    model, X, y = case("mlp")

    def loss(prediction, target):
        if prediction.sum() > 0:
            return nn.cross_entropy(prediction, target)
        return 2 * nn.cross_entropy(prediction, target)

    step = nn.Step(model, loss, nn.SGD(model.parameters()), engine="xla")
    with pytest.raises(RecordingError, match=r"if prediction.sum\(\) > 0"):
        step(X, y)


@pytest.mark.parametrize("engine", ["replay", "xla"])
def test_networks_of_values_are_refused_with_what_replays_them(engine):
    model = nn.scalar.MLP(2, [4, 1], seed=0)
    with pytest.raises(RecordingError, match=f"the engine '{engine}' is for Tensors.*made of Values.*Tape"):
        nn.Step(model, nn.hinge_loss, nn.SGD(model.parameters()), engine=engine)


def test_a_loop_of_ones_own():
    found = []
    for engine in ("eager", "xla"):
        model, X, y = case("mlp")
        step = nn.Step(model, nn.cross_entropy, nn.Adam(model.parameters()), engine=engine)
        losses = [step(X[k : k + 16], y[k : k + 16]) for _ in range(5) for k in range(0, 64, 16)]
        step.synchronise()
        found.append((losses, model(X).data, step.output.shape))
        report = step.report()
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9)
    assert found[1][2] == found[0][2] == (16, 3)
    assert "compiled in" in report


def test_unknown_devices():
    model, _, _ = case("mlp")
    optimizer = nn.SGD(model.parameters())
    with pytest.raises(RangeError, match="there is no device 'gpu:7'"):
        nn.Step(model, nn.cross_entropy, optimizer, engine="xla", device="gpu:7")
    with pytest.raises(RangeError, match="JAX sees 1"):
        nn.Step(model, nn.cross_entropy, optimizer, engine="xla", devices=1000)
    with pytest.raises(RangeError, match="engine='xla'"):
        nn.Step(model, nn.cross_entropy, optimizer, device="cpu")
    with pytest.raises(RangeError, match="given 'jax'"):
        nn.Step(model, nn.cross_entropy, optimizer, engine="jax")


# ---------------------------------------------------------------------- several devices, several processes


def run(*arguments, devices=1, check=True):
    """The output of the program in `trained_networks.py` as data, or what it ended with."""
    variables = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    started = subprocess.Popen(
        [sys.executable, PROGRAM, *arguments],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return started if not check else read(started)


def read(started):
    out, error = started.communicate(timeout=120)
    assert started.returncode == 0, error
    return json.loads(out.splitlines()[-1])


def agree(found, expected, within=1e-5):
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=within)
    np.testing.assert_allclose(found["accuracy"], expected["accuracy"], rtol=within)
    close(found["state"], expected["state"], within)


@pytest.fixture(scope="module")
def alone():
    """One device of this process."""
    model, _, history = trained("convolutional", engine="xla", devices=1)
    state = {name: x.ravel().tolist() for name, x in model.state_dict().items()}
    return {"loss": history["loss"], "accuracy": history["accuracy"], "state": state}


def test_eight_devices_end_with_the_parameters_of_one(alone):
    agree(run("convolutional", devices=8), alone)


def test_a_batch_that_does_not_divide():
    started = run("mlp", "batch_size=20", devices=8, check=False)
    _, error = started.communicate(timeout=120)
    assert started.returncode
    assert "a batch of 20 samples cannot be divided among 8 devices" in error
    assert "devices=5" in error


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_two_processes_end_with_the_parameters_of_one_and_go_on_after_one_was_killed(alone, tmp_path):
    def both(checkpoint, dies_after=0):
        address, kept = f"127.0.0.1:{free_port()}", f"checkpoint={json.dumps(checkpoint)}"
        return [
            run(
                "convolutional", f"address={address}", "count=2", f"index={index}", kept,
                f"dies_after={dies_after * index}", check=False,
            )
            for index in range(2)
        ]  # fmt: skip

    path = str(tmp_path / "training.npz")
    first, second = both(path, dies_after=2)
    _, error = first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert first.returncode
    assert second.returncode
    assert "Process 1 of 2 ended before the training did" in error
    found = [read(started) for started in both(path)]
    assert found[0] == found[1]
    agree(found[0], alone)
    # and on another number of devices
    agree(
        run("convolutional", f"checkpoint={json.dumps(path)}", "epochs=6", devices=2),
        run("convolutional", "epochs=6"),
    )


def at_most(total, limits, factor):
    """Raise for numbers whose sum is too large."""
    if total.sum() > factor * limits.sum():
        raise RangeError(f"the sum is {total.sum()}")


class Checked(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 3, seed=0)

    def forward(self, x):
        y = self.layer(x)
        each_time(at_most, y, np.ones(4), -0.5)
        return y


def test_checks_get_the_numbers_of_each_step():
    model = Checked()
    step = nn.Step(model, nn.mse_loss, nn.SGD(model.parameters(), lr=0.1), engine="xla")
    batch = np.ones((4, 2)), np.zeros((4, 3))
    for _ in range(2):
        step(*batch)  # sums of -2.71 and -2.17
    with pytest.raises(RangeError, match=r"the sum is -1\.737"):
        step(*batch)
