"""Calls of one function that do not depend on each other, in this process or over joblib.

joblib chooses where they run: in processes of this machine (loky, its default), in threads, or on a cluster (Dask,
Ray). Each call returns its result or a `Failure`, so that the caller learns for which argument a call failed.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd import ChainruleError, KindError, RangeError
from ...autograd.extending import describe
from ..base.extras import ExtraError

__all__ = ["Failure", "calls", "in_this_process"]


class Failure:
    """An exception that a call raised; one from another process has the text of its traceback as its cause."""

    def __init__(self, error: Exception, message: str | None = None) -> None:
        self.error = error
        self.message = message or f"{type(error).__name__}: {error}"

    def __reduce__(self) -> tuple[Any, ...]:
        text = "".join(traceback.format_exception(type(self.error), self.error, self.error.__traceback__))
        return _rebuilt, (_that_can_travel(self.error), self.message, text)


class _RemoteTraceback(Exception):
    """The text of a traceback in another process."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def _rebuilt(error: Exception, message: str, text: str) -> Failure:
    error.__cause__ = _RemoteTraceback(text)
    return Failure(error, message)


def _that_can_travel(error: Exception) -> Exception:
    """The exception itself, or its text where its class cannot be copied: such a copy would end the workers."""
    try:
        from cloudpickle import dumps
    except ImportError:  # joblib before 1.6 brings its own
        from joblib.externals.cloudpickle import dumps
    try:
        pickle.loads(dumps(error))  # noqa: S301 - our own bytes
    except Exception:
        return ChainruleError(f"{type(error).__name__}: {error}")
    return error


def in_this_process(n_jobs: int | None) -> bool:
    """Whether the calls run here, one after the other, so that joblib is not needed.

    As in scikit-learn, `None` means 1 unless a `joblib.parallel_config` says otherwise.
    """
    if n_jobs is None:
        joblib = sys.modules.get("joblib")
        return joblib is None or joblib.effective_n_jobs(None) == 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int):
        raise KindError(f"n_jobs is a whole number, -1 for all cores, or None; given {describe(n_jobs)}")
    if n_jobs == 0:
        raise RangeError("n_jobs is the number of workers, or -1 for all cores; given 0")
    return n_jobs == 1


def calls(
    function: Callable[[Any], Any],
    arguments: Sequence[Any],
    n_jobs: int | None,
    finished: Callable[[int], None],
) -> Generator[tuple[int, Any], None, None]:
    """Call the function with each argument; yields the number of the argument and the result, as they finish.

    Instead of a result comes a `Failure` if the call raised. `finished(n)` is called when n calls have finished, also
    by backends whose results come all at once. Closing the iterator ends the calls that still run.
    """
    if in_this_process(n_jobs):
        for i, argument in enumerate(arguments):
            outcome = _outcome(function, argument)
            finished(i + 1)
            yield i, outcome
        return
    try:
        import joblib
        from joblib.parallel import get_active_backend
    except ImportError:
        raise ExtraError(
            "n_jobs spreads trainings over processes by",
            "joblib",
            "jobs",
            ". Without it, n_jobs=None runs them here",
        ) from None

    class Counting(joblib.Parallel):  # type: ignore[misc]
        def print_progress(self) -> None:
            finished(self.n_completed_tasks)

    one_by_one = getattr(get_active_backend()[0], "supports_return_generator", False)
    if not one_by_one:  # multiprocessing, whose pickles hold no closures
        function = joblib.wrap_non_picklable_objects(function)
    outcomes = Counting(
        n_jobs, batch_size=1, pre_dispatch="all", return_as="generator_unordered" if one_by_one else "list"
    )(joblib.delayed(_in_worker)(function, i, argument, os.getpid()) for i, argument in enumerate(arguments))
    try:
        for each in outcomes:  # noqa: UP028 - `yield from` would close it before the block below
            yield each
    finally:
        if one_by_one:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # joblib warns of results that are not used
                outcomes.close()


def _outcome(function: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return function(argument)
    except Exception as error:
        return Failure(error)


def _in_worker(function: Callable[[Any], Any], i: int, argument: Any, parent: int) -> tuple[int, Any]:
    with _ctrl_c_ignored(parent):
        return i, _outcome(function, argument)


@contextmanager
def _ctrl_c_ignored(parent: int) -> Iterator[None]:
    """In a worker process: Ctrl-C reaches all processes of a terminal, and the first one ends its workers."""
    ours = os.getpid() != parent and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ours else None
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)
