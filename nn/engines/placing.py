"""Where arrays are on the devices of JAX: parameters on each of them, a batch divided among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.xla import device_named, exact, jax
from .batch import Batch

__all__ = ["Places"]


class Places:
    """The devices of a training, in one process or in several.

    By default they are all devices of all processes; `device` is one, `devices` a number or a list of them.
    """

    def __init__(self, device: Any = None, devices: Any = None) -> None:
        if device is not None and devices is not None:
            raise RangeError("give device for one device, or devices for several; given both")
        if device is not None:
            self.devices = [device_named(device)]
        elif devices is None:
            self.devices = list(jax.devices())
        elif isinstance(devices, int) and not isinstance(devices, bool):
            known = list(jax.devices())
            if not 1 <= devices <= len(known):
                raise RangeError(
                    f"devices={devices}; JAX sees {len(known)}: {', '.join(map(str, known))}. To try several on a "
                    f"processor, set XLA_FLAGS=--xla_force_host_platform_device_count=8 before JAX is imported"
                )
            self.devices = known[:devices]
        elif isinstance(devices, Sequence) and not isinstance(devices, str) and len(devices):
            self.devices = [device_named(each) for each in devices]
        else:
            raise KindError(f"devices is a number or a list of devices; given {devices!r:.60}")
        self.processes = len({each.process_index for each in self.devices})
        self.index = jax.process_index() if self.processes > 1 else 0
        self.mesh = jax.sharding.Mesh(np.array(self.devices), ("batch",))
        self.replicated = jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec())
        self.divided = jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec("batch"))
        self.many = len(self.devices) > 1

    def check(self, batch: Batch, largest: int) -> None:
        """Raise `ShapeError` for a batch that cannot be divided among the devices.

        A batch that is shorter than an earlier one, the last of an epoch, is computed whole on each device.
        """
        here = len(self.devices) // self.processes
        n = len(batch.arrays[0]) if batch.arrays[0].ndim else 0
        if self.many and (n % here or not n) and (n >= largest or self.processes > 1):
            raise ShapeError(
                f"a batch of {n} samples cannot be divided among {here} devices. Give a batch_size that is a multiple "
                f"of {here}, or fewer devices, as in devices={max(k for k in range(1, here + 1) if not n % k)}"
            )

    def whole(self, batch: Batch) -> Batch:
        """A batch with the shapes of that of all processes together."""
        if self.processes == 1:
            return batch
        return Batch(batch.parts, [np.concatenate([x] * self.processes) for x in batch.arrays])

    def split(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        """The arrays of a batch on the devices, a part on each; `joined` gives them to a program."""
        if not self.many:
            return [_words(x) for x in arrays]  # a program takes them to the device of its other arguments
        with exact():
            if self.processes > 1:
                return [jax.make_array_from_process_local_data(self.divided, np.asarray(x)) for x in arrays]
            return [jax.device_put(x, self._sharding(x)) for x in arrays]

    def split_whole(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        """Arrays that each process has as a whole, such as masks of dropout."""
        if not self.many:
            return [_words(x) for x in arrays]
        return [self.everywhere(x) for x in arrays]

    def numbers(self, x: np.ndarray, lasting: bool) -> Any:
        """Numbers that each process has, on the devices if they are for more than one step."""
        (found,) = self.split_whole([x])
        return self.everywhere(found) if lasting and not self.many else found

    def joined(self, x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """In a program: an array of this shape and dtype that `split` or `split_whole` was given."""
        if self.many or dtype.itemsize < 8:
            return x
        return jax.lax.bitcast_convert_type(x.reshape(-1, 2), dtype).reshape(shape)

    def _sharding(self, x: np.ndarray) -> Any:
        return self.divided if x.ndim and len(x) and len(x) % len(self.devices) == 0 else self.replicated

    def everywhere(self, x: Any) -> Any:
        """A whole copy of an array on each device."""
        x = np.asarray(x)
        with exact():
            if self.processes > 1:
                return jax.make_array_from_callback(x.shape, self.replicated, x.__getitem__)
            return jax.device_put(x, self.replicated if self.many else self.devices[0])

    def same(self, x: Any) -> Any:
        """In a program: the same numbers on each device."""
        return jax.lax.with_sharding_constraint(x, self.replicated) if self.many else x

    def parted(self, x: Any) -> Any:
        """In a program: each device has its part of the samples."""
        return jax.lax.with_sharding_constraint(x, self._sharding(x)) if self.many else x

    def read(self, x: Any, own: bool = False) -> np.ndarray:
        """An array as one of NumPy; with `own`, the samples of this process."""
        if self.processes == 1:
            return np.array(x)
        if x.is_fully_replicated:
            whole = np.array(x.addressable_data(0))
            n = len(whole) // self.processes if whole.ndim else 0
            return (
                whole[self.index * n : (self.index + 1) * n]
                if own and n * self.processes == len(whole)
                else whole
            )
        parts = {part.index[0].start or 0: np.asarray(part.data) for part in x.addressable_shards}
        return np.concatenate([parts[start] for start in sorted(parts)])

    def means(self, numbers: list[float]) -> list[float]:
        """The means of numbers over the processes."""
        if self.processes == 1:
            return numbers
        from jax.experimental.multihost_utils import process_allgather

        found: list[float] = np.asarray(process_allgather(np.array(numbers, np.float32))).mean(0).tolist()
        return found

    def __repr__(self) -> str:
        return ", ".join(f"{each.platform}:{each.id}" for each in self.devices)


def _words(x: Any) -> np.ndarray:
    """Numbers of 64 bits as pairs of 32 bits. Of 64 bits JAX takes them in `exact()` only, which is 11 us a call."""
    x = np.asarray(x)
    if not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    return np.ascontiguousarray(x).reshape(-1).view(np.int32) if x.itemsize >= 8 else x
