"""Backends: what runs a recorded call. "numpy" is `Replayed`; "xla" is the package `xla`, imported when asked for.

A backend is a function from a `Recorded` to an engine: an object with `forward`, `gradients`, `drawn`, `runs` and
`report`, as `Replayed` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import RangeError
from ..replay.recorded import Recorded, Replayed

__all__ = ["backend_for"]


def backend_for(backend: str, device: Any = None) -> Callable[[Recorded], Any]:
    """The backend of this name. Raises `RangeError` for another name, or a device that the backend does not have."""
    if not isinstance(backend, str) or backend not in ("numpy", "xla"):
        raise RangeError(f'backend is "numpy" or "xla"; given {backend!r:.60}')
    if backend == "xla":
        from ..xla.engine import xla_backend

        return xla_backend(device)
    if device is not None and not (isinstance(device, str) and device == "cpu"):
        raise RangeError(
            f'NumPy computes on the processor of this machine; given device={device!r:.60}. Write backend="xla"'
        )
    return Replayed
