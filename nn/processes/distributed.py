"""Processes, on one machine or on many, that JAX joins to one: each sees the devices of all (extra `xla`).

JAX does the work: its coordinator, in process 0, joins them, and its collectives (gloo on processors, NCCL on GPUs)
add up gradients. Here stands what a user has to say, where it is found if nothing is said, and what happens when one of
them ends: a collective that waits for it would wait for ever.
"""

from __future__ import annotations

import atexit
import contextlib
import inspect
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from ...autograd import ChainruleError, KindError, RangeError
from ...autograd.extending import describe, spelt
from ..base.arguments import whole_number
from ..base.extras import ExtraError
from .watching import Watch

__all__ = ["Processes", "distributed", "lost_process"]

ADDRESS = "127.0.0.1:29515"
GRACE = 5.0  # seconds in which the program may end by its own error

OF_COLLECTIVES = ("Gloo", "NCCL", "coordination service", "CoordinationService", "heartbeat timeout")

# (address, number of processes, number of this process) as launchers set them
VARIABLES = [
    ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
    ("MASTER_ADDR", "WORLD_SIZE", "RANK"),  # torchrun, with MASTER_PORT
    (None, "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),  # mpirun
    (None, "SLURM_NTASKS", "SLURM_PROCID"),  # srun
]


@spelt
def distributed(
    address: str | None = None,
    processes: int | None = None,
    index: int | None = None,
    *,
    bind: str | None = None,
    local_device_ids: list[int] | None = None,
    timeout: float = 300,
    heartbeat: float = 30,
) -> Processes:
    """Join the processes of one training, on one machine or on many; returns who this one is, as `Processes`.

    Each process runs the same program, and calls this before anything of JAX:

        with nn.distributed("10.0.0.1:29515", processes=2, index=0) as processes:
            loader = nn.DataLoader(X, y, batch_size=64, seed=0, shard=processes.shard)
            ...

    `address` is where process 0 waits for the others, `host:port`: with `processes` and `index` alone it is
    127.0.0.1, for processes of one machine. What is not given is read from the environment: `JAX_COORDINATOR_ADDRESS`,
    `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`; what torchrun sets (`MASTER_ADDR`, `MASTER_PORT`, `WORLD_SIZE`, `RANK`);
    and the numbers of mpirun and srun. After a `jax.distributed.initialize` of your own, call it without arguments.

    Process 0 listens at `address` and at the port after it, and at no other address of its machine; `bind`, such as
    "0.0.0.0:29515", is for a machine that is reached by an address that is not its own. JAX's collectives open further
    ports. Nothing of this asks who connects, and nothing is encrypted: use it in networks where you trust everybody.

    A process that ends without `close` (killed, out of memory, an error of its own) ends the others: within seconds if
    its connection closes, and within `heartbeat` seconds if its machine is gone. A collective that waits for it raises;
    inside `with`, as `ChainruleError`. A process that still runs some seconds later is ended with status 1. Start all
    of them again, and a training goes on from its last checkpoint.

    Raises `ExtraError` without JAX, `RangeError` or `KindError` for arguments that do not fit or are missing,
    `ChainruleError` if not all processes are there within `timeout` seconds, or if JAX has computed already.

    >>> from chainrule import nn
    >>> nn.distributed(processes=1, index=0)
    process 0 of 1
    """
    global _JOINED
    address, processes, index = _found(address, processes, index)
    if processes == 1 and index == 0 and _JOINED is None:
        return Processes(0, 1)
    try:
        import jax
    except ImportError:
        raise ExtraError("processes are joined by", "JAX", "xla") from None
    if _JOINED is not None or _joined_by_user(jax):
        known = _JOINED or Processes(jax.process_index(), jax.process_count())
        if (processes, index) not in ((None, None), (known.count, known.index)):
            raise ChainruleError(
                f"this program has been joined already, as {known}; given processes={processes}, index={index}. "
                f"Processes are joined once"
            )
        return known
    if processes is None or index is None:
        raise RangeError(
            "nn.distributed was not told how many processes there are, nor which of them this is, and no launcher has "
            "said so in the environment. Write nn.distributed(processes=2, index=0) here and index=1 in the other, "
            "with address='host:port' if they are on several machines"
        )
    if address is None:
        raise RangeError(
            f"process {index} of {processes} does not know where process 0 is: write address='host:port', or set "
            f"JAX_COORDINATOR_ADDRESS"
        )
    found = Processes(index, processes)
    found._join(jax, address, bind, local_device_ids, timeout, heartbeat)
    _JOINED = found
    return found


_JOINED: Processes | None = None


class Processes:
    """This process among those that `distributed` joined: its number `index`, and their number `count`.

    Within a `with` block, or until `close()`, an end of one process ends all.
    """

    @spelt
    def __init__(self, index: int, count: int) -> None:
        self.index, self.count = index, count
        self.address: str | None = None
        self._watch: Watch | None = None
        self._open = self._failed = False

    @property
    def is_main(self) -> bool:
        """Whether this is process 0, which prints and writes files where only one should."""
        return self.index == 0

    @property
    def shard(self) -> tuple[int, int]:
        """`(index, count)`, for `DataLoader(..., shard=...)`."""
        return self.index, self.count

    @property
    def devices(self) -> list[Any]:
        """JAX's devices of all processes."""
        import jax

        return list(jax.devices())

    @property
    def local_devices(self) -> list[Any]:
        """JAX's devices of this process."""
        import jax

        return list(jax.local_devices())

    def close(self) -> None:
        """Wait for the others to be done, and leave them. Nothing happens the second time."""
        global _JOINED
        if self._open:
            self._open = False
            import jax

            if self._watch is not None:
                self._watch.close()
            leave: Any = jax.distributed.shutdown  # it has no annotations
            leave()
        if _JOINED is self:
            _JOINED = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.close()
            return
        self._failed = True
        explained = lost_process(error)
        if explained is not None:
            raise explained from error

    def __repr__(self) -> str:
        return f"process {self.index} of {self.count}" + (
            f", joined at {self.address}" if self.address else ""
        )

    # ------------------------------------------------------------------ joining, and the end

    def _join(
        self,
        jax: Any,
        address: str,
        bind: str | None,
        local_device_ids: list[int] | None,
        timeout: float,
        heartbeat: float,
    ) -> None:
        host, port = _host_and_port(address, "address")
        at_host, at_port = _host_and_port(bind, "bind") if bind is not None else (host, port)
        port_of_watch = (at_host if self.is_main else host), (at_port if self.is_main else port) + 1
        watch = Watch(self.index, self.count, self._end)
        try:
            watch.meet(port_of_watch, timeout)
        except TimeoutError as error:
            watch.close()
            raise ChainruleError(
                f"process {self.index} of {self.count} did not meet the others at {address} within {timeout:g} "
                f"seconds: {error}. Are all started, with this address and number of processes, and is port "
                f"{port + 1}, the one after that of the address, open as well?"
            ) from None
        except OSError as error:
            raise ChainruleError(
                f"process 0 cannot listen at {port_of_watch[0]}, port {port_of_watch[1]}, the one after that of the "
                f"address: {error}. Give another port, or bind='host:port' with an address of this machine"
            ) from None
        # asked for before a processor is used; where the user has chosen, it stays
        if getattr(jax.config, "jax_cpu_collectives_implementation", "gloo") in (None, "", "none"):
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
        options = {
            "coordinator_address": address,
            "num_processes": self.count,
            "process_id": self.index,
            "local_device_ids": local_device_ids,
            "coordinator_bind_address": f"[{at_host}]:{at_port}"
            if ":" in at_host
            else f"{at_host}:{at_port}",
            "initialization_timeout": int(timeout),
            "heartbeat_timeout_seconds": int(heartbeat),
        }
        accepted = inspect.signature(jax.distributed.initialize).parameters  # older ones have no heartbeat
        try:
            jax.distributed.initialize(**{name: value for name, value in options.items() if name in accepted})
        except RuntimeError as error:
            watch.close(in_good_order=False)
            if "must be called before" in str(error):
                raise ChainruleError(
                    "processes are joined before JAX computes anything or lists its devices, and it has already: call "
                    "nn.distributed() in the first lines of the program"
                ) from error
            raise ChainruleError(f"JAX could not join the processes at {address}: {error}") from error
        self.address, self._watch, self._open = address, watch, True
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    def _end(self, number: int) -> None:
        """Called in a thread, when a process has ended without `close`."""
        _write(
            f"chainrule: {_sentence(number, self.count)} Process {self.index} ends too: all are needed to go on. "
            f"Start all of them again; a training with a checkpoint goes on from it."
        )
        time.sleep(GRACE)
        _leave()

    def _at_exit(self) -> None:
        """At the end of the program: after an error without a farewell, so that the others learn it at once."""
        if os.getpid() != self._pid or not self._open:
            return
        lost = self._watch is not None and self._watch.lost is not None
        if self._failed or lost or hasattr(sys, "last_value"):  # the error with which the program ends
            _leave()
        self.close()


@spelt
def lost_process(error: BaseException) -> ChainruleError | None:
    """What an error of a collective means whose partner has ended, as an error to raise; `None` for other errors.

    The collective's error may be one that `error` came from.
    """
    watch = None if _JOINED is None else _JOINED._watch
    known = watch is not None and watch.lost is not None
    if not known and not any(map(_of_collective, _chain(error))):
        return None
    for _ in range(20):
        if watch is None or watch.lost is not None:
            break
        time.sleep(0.1)  # its connection closes at the same time
    which = (
        "Another process ended" if watch is None or watch.lost is None else _sentence(watch.lost, watch.count)
    )
    return ChainruleError(
        f"{which.rstrip('.')}, and a collective operation waited for it. Start all processes again; a training with a "
        f"checkpoint goes on from it. What it ended with is in its own output"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those from which it came."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _of_collective(error: BaseException) -> bool:
    # JAX raises its own class, and ValueError where a result is converted that was not there yet
    return isinstance(error, (RuntimeError, ValueError)) and any(
        word in str(error) for word in OF_COLLECTIVES
    )


def _sentence(number: int, count: int) -> str:
    return (
        f"Process {number} of {count} ended before the training did (killed, out of memory, or by an error)."
    )


def _write(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _leave() -> None:
    """End this process now: JAX's own end would wait for the process that is gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(1)


def _joined_by_user(jax: Any) -> bool:
    return bool(getattr(jax.distributed, "is_initialized", lambda: False)())


def _found(
    address: str | None, processes: int | None, index: int | None
) -> tuple[str | None, int | None, int | None]:
    """The arguments, completed from the environment and checked."""
    given = processes is not None and index is not None
    for at, how_many, which in VARIABLES:
        if address is None and at is not None and at in os.environ:
            address = os.environ[at]
            if at == "MASTER_ADDR":
                address += f":{os.environ.get('MASTER_PORT', '29515')}"
        if how_many in os.environ and which in os.environ:
            processes = _number_in(how_many) if processes is None else processes
            index = _number_in(which) if index is None else index
    if given and address is None:
        address = ADDRESS
    if processes is not None:
        processes = whole_number(processes, "processes")
    if index is not None:
        index = whole_number(index, "index", least=0)
    if processes is not None and index is not None and index >= processes:
        raise RangeError(f"{processes} processes have the numbers 0 to {processes - 1}; given index={index}")
    return address, processes, index


def _number_in(variable: str) -> int:
    text = os.environ[variable]
    if not text.isdigit():
        raise RangeError(f"the environment's {variable} is a whole number; it is {text!r}")
    return int(text)


def _host_and_port(address: Any, what: str) -> tuple[str, int]:
    if not isinstance(address, str):
        raise KindError(f"{what} is a text, such as '10.0.0.1:29515'; given {describe(address)}")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65535:
        raise RangeError(
            f"{what} is a host and a port below 65535, such as '10.0.0.1:29515'; given {address!r}"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)
