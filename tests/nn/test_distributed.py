"""Processes joined through JAX, over loopback: gradients that add up, and what happens when one of them ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ChainruleError, KindError, RangeError
from chainrule.nn.processes.distributed import lost_process
from chainrule.nn.processes.watching import Watch


@pytest.fixture
def jax():
    return pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("JAX_", "SLURM_", "OMPI_", "MASTER_")) or name in ("WORLD_SIZE", "RANK"):
            monkeypatch.delenv(name)


def two_free_ports():
    """A port that is free, as is the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


@pytest.fixture
def processes():
    """Starts two processes of one program, which get the address and their number; ends what is left of them."""
    started = []

    def start(program, *arguments, **environment):
        address = f"127.0.0.1:{two_free_ports()}"
        for index in range(2):
            variables = {"JAX_PLATFORMS": "cpu", **{k: v.format(index) for k, v in environment.items()}}
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", program, address, str(index), *arguments],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, **variables},
                )
            )
        return started

    yield start
    for each in started:
        each.kill()
        each.communicate()


# ---------------------------------------------------------------------- the data of all, the gradients of all

DATA = """
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
W, B = rng.normal(size=(3, 1)), np.zeros(1)
"""

TRAINING = (
    DATA
    + """
import json, sys
from chainrule import nn

processes = nn.distributed(sys.argv[1], processes=2, index=int(sys.argv[2]))
import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

jax.config.update("jax_enable_x64", True)
with processes:
    mesh = Mesh(np.array(processes.devices), ("processes",))
    rows = NamedSharding(mesh, PartitionSpec("processes"))
    alike = NamedSharding(mesh, PartitionSpec())

    def loss(parameters, X, y):
        return ((X @ parameters[0] + parameters[1] - y) ** 2).mean()

    # the compiler adds up the gradients of all rows, wherever they are
    gradients = jax.jit(jax.grad(loss), in_shardings=(alike, rows, rows), out_shardings=alike)
    parameters = [W, B]
    loader = nn.DataLoader(X, y, batch_size=8, seed=1, shard=processes.shard)
    for epoch in range(2):
        for batch in loader:
            data = [jax.make_array_from_process_local_data(rows, each) for each in batch]
            found = gradients(parameters, *data)
            parameters = [p - 0.1 * np.asarray(g) for p, g in zip(parameters, found)]
    print(json.dumps({
        "parameters": [p.tolist() for p in parameters], "who": repr(processes).split(" joined")[0],
        "main": processes.is_main, "devices": [len(processes.devices), len(processes.local_devices)],
        "rows": len(data[0].addressable_data(0)),
    }))
"""
)


def test_gradients_of_two_processes_are_those_of_one(jax, processes):
    said = []
    for each in processes(TRAINING):
        out, err = each.communicate(timeout=60)
        assert each.returncode == 0, err
        said.append(json.loads(out.splitlines()[-1]))
    names = {}
    exec(DATA, names)
    model = nn.Linear(3, 1)
    model.weight.data[:], model.bias.data[:] = names["W"], names["B"]
    loader = nn.DataLoader(names["X"], names["y"], batch_size=8, seed=1)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, nn.mse_loss, loader, optimizer=optimizer, epochs=2, progress=False)
    assert said[0]["parameters"] == said[1]["parameters"]
    for found, p in zip(said[0]["parameters"], model.parameters()):
        np.testing.assert_allclose(found, p.data, rtol=1e-12)
    assert [each["who"] for each in said] == ["process 0 of 2,", "process 1 of 2,"]
    assert [each["main"] for each in said] == [True, False]
    assert [each["devices"] for each in said] == [[2, 1]] * 2
    assert [each["rows"] for each in said] == [4, 4]


# ---------------------------------------------------------------------- one of them ends

ENDING = """
import sys, time
from chainrule import nn

processes = nn.distributed()  # from the environment, as torchrun sets it
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

victim, survivor_waits_in = int(sys.argv[3]), sys.argv[4]
here = NamedSharding(Mesh(np.array(processes.devices), ("processes",)), PartitionSpec("processes"))
data = jax.make_array_from_process_local_data(here, np.ones((1, 3)))
total = jax.jit(lambda x: x.sum())
with processes:
    print(float(total(data)), flush=True)
    if processes.index == victim:
        sys.stdin.readline()
        raise ZeroDivisionError("an error of its own")
    if survivor_waits_in == "a collective":
        print(float(total(data)), flush=True)
    time.sleep(600)
"""


def ending(processes, victim, waits_in):
    started = processes(ENDING, str(victim), waits_in, MASTER_ADDR="127.0.0.1", WORLD_SIZE="2", RANK="{}",
                        MASTER_PORT=str(two_free_ports()))  # fmt: skip
    for each in started:
        said = each.stdout.readline()
        if "Gloo" in said:
            said = each.stdout.readline()
        assert said == "6.0\n", each.communicate()
    time.sleep(0.2)  # until the survivor waits
    return started[victim], started[1 - victim], time.monotonic()


@pytest.mark.parametrize("waits_in", ["a collective", "a sleep"])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_the_other(jax, processes, victim, waits_in):
    killed, other, start = ending(processes, victim, waits_in)
    killed.send_signal(signal.SIGKILL)
    _, err = other.communicate(timeout=60)
    assert time.monotonic() - start < 60
    if victim:
        assert other.returncode == 1, err
    else:  # JAX's own watch may be first, which aborts
        assert other.returncode not in (0, None), err
    assert f"Process {victim} of 2 ended before the training did" in err or (not victim and "died" in err)
    if victim and waits_in == "a collective":
        assert re.search(r"ChainruleError: Process 1 of 2 ended .*collective operation waited for it", err)


def test_a_process_that_fails_ends_the_other(jax, processes):
    failing, other, _ = ending(processes, 1, "a collective")
    _, err = failing.communicate("\n", timeout=60)
    assert "ZeroDivisionError: an error of its own" in err.splitlines()[-1]
    assert failing.returncode == 1
    _, err = other.communicate(timeout=60)
    assert other.returncode == 1, err
    assert "Process 1 of 2 ended before the training did" in err


def test_what_is_an_error_of_a_collective():
    gloo = RuntimeError("UNKNOWN: Gloo all-reduce failed: Connection closed by peer")
    assert "Another process ended, and a collective operation waited for it" in str(lost_process(gloo))
    later = RuntimeError("Array has been deleted")
    assert lost_process(later) is None
    later.__context__ = gloo
    assert "Another process ended" in str(lost_process(later))
    assert lost_process(ZeroDivisionError("an error of its own")) is None


# ---------------------------------------------------------------------- joining


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


def test_one_process_needs_no_jax(monkeypatch):
    with nn.distributed(processes=1, index=0) as alone:
        assert (alone.index, alone.count, alone.is_main, alone.shard) == (0, 1, True, (0, 1))
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert repr(nn.distributed()) == "process 0 of 1"


def test_without_jax_it_says_what_to_install():
    out, err = run(
        "import sys; sys.modules['jax'] = None\n"
        "from chainrule import nn\n"
        "try: nn.distributed(processes=2, index=0)\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install 'chainrule[xla]'" in out, err


def test_a_join_of_the_users_own(jax):
    out, err = run(
        "import jax; from chainrule import nn\n"
        f"jax.distributed.initialize('127.0.0.1:{two_free_ports()}', 1, 0)\n"
        "print(nn.distributed())\n"
        "try: nn.distributed(processes=2, index=0)\n"
        "except Exception as error: print(error)"
    )
    first, second = out.splitlines()
    assert first == "process 0 of 1", err
    assert second.startswith("this program has been joined already, as process 0 of 1; given processes=2")


def test_it_comes_before_computations(jax, processes):
    started = processes(
        "import sys, jax; from chainrule import nn\n"
        "i = int(sys.argv[2])\n"
        "if i == 1: jax.devices()\n"
        "nn.distributed(sys.argv[1], 2, i)"
    )
    errors = [each.communicate(timeout=60)[1] for each in started]
    assert "call nn.distributed() in the first lines of the program" in errors[1]
    assert "Process 1 of 2 ended before the training did" in errors[0]
    assert [each.returncode for each in started] == [1, 1]


def test_the_others_do_not_come(jax):
    address = f"127.0.0.1:{two_free_ports()}"
    for index, reason in enumerate(["process 1, 2 did not connect", "process 0 does not answer"]):
        with pytest.raises(ChainruleError, match=f"within 0.3 seconds: {reason}.*Are all started"):
            nn.distributed(address, processes=3, index=index, timeout=0.3)
    port = two_free_ports()
    with (
        socket.create_server(("127.0.0.1", port + 1)),
        pytest.raises(
            ChainruleError, match=f"cannot listen at 127.0.0.1, port {port + 1}.*Give another port"
        ),
    ):
        nn.distributed(f"127.0.0.1:{port}", processes=2, index=0)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({}, RangeError, "how many processes there are.*processes=2, index=0"),
        ({"processes": 2}, RangeError, "nor which of them this is"),
        ({"processes": 2, "index": 2}, RangeError, "2 processes have the numbers 0 to 1; given index=2"),
        ({"processes": 0, "index": 0}, RangeError, "processes is 1 or more"),
        ({"processes": 2.0, "index": 0}, KindError, "processes is a whole number"),
        ({"address": "10.0.0.1", "processes": 2, "index": 0}, RangeError, "a host and a port below 65535"),
        ({"address": 29515, "processes": 2, "index": 0}, KindError, "address is a text"),
        ({"processes": 2, "index": 0, "bind": "all"}, RangeError, "bind is a host and a port"),
    ],
)
def test_arguments(jax, arguments, kind, words):
    with pytest.raises(kind, match=words):
        nn.distributed(**arguments)


def test_the_environment(jax, monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "2")
    with pytest.raises(RangeError, match="process 2 of 4 does not know where process 0 is"):
        nn.distributed()  # loopback would be wrong on a cluster
    monkeypatch.setenv("SLURM_PROCID", "two")
    with pytest.raises(RangeError, match="SLURM_PROCID is a whole number; it is 'two'"):
        nn.distributed()


# ---------------------------------------------------------------------- the connection that closes


def test_a_watch_drops_strangers_and_tells_all_who_ended():
    at, told = ("127.0.0.1", two_free_ports()), []
    watches = [Watch(k, 3, lambda lost, k=k: told.append((k, lost))) for k in range(3)]
    first = threading.Thread(target=watches[0].meet, args=(at, 20))
    first.start()
    time.sleep(0.1)
    strangers = []
    for line in (b"", b"0 3\n", b"3 3\n", b"1 2\n", b"-1 3\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 1000):
        strangers.append(socket.create_connection(at))
        strangers[-1].sendall(line)
    others = [threading.Thread(target=each.meet, args=(at, 20)) for each in watches[1:]]
    for each in others:
        each.start()
    for each in (*others, first):
        each.join(20)
    again = Watch(1, 3, lambda lost: None)
    with pytest.raises(TimeoutError, match="has one already"):
        again.meet(at, 5)
    watches[1].close(in_good_order=False)
    deadline = time.monotonic() + 20
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(told) == [(0, 1), (2, 1)]
    for each in strangers:
        each.close()
    for each in watches:
        each.close()


def test_a_watch_says_nothing_of_an_end_in_good_order():
    at, told = ("127.0.0.1", two_free_ports()), []
    watches = [Watch(k, 2, told.append) for k in range(2)]
    threads = [threading.Thread(target=each.meet, args=(at, 20)) for each in watches]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    watches[1].close()
    time.sleep(0.2)
    watches[0].close()
    time.sleep(0.2)
    assert told == []
