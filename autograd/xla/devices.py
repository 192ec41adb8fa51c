"""JAX as this package uses it: its import, 64-bit numbers without a global flag, and the choice of a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ..errors import ChainruleError, KindError, RangeError

try:
    import jax
    import jaxlib
except ImportError as error:

    class MissingError(ChainruleError, ImportError):
        """JAX is not installed."""

    raise MissingError(
        'backend="xla" compiles through JAX, which is not installed. Install it with: pip install "chainrule[xla]"; '
        'backend="numpy" needs nothing else'
    ) from error

__all__ = ["compiler_options", "device_named", "exact", "jax"]

# On processors, jaxlib 0.10.2 computes wrong sums of some products (https://github.com/jax-ml/jax/issues/39103) if the
# library YNNPACK computes them. With this option YNNPACK computes products of matrices and convolutions only, each by
# itself. (Its convolutions are right, and take 0.7 to 0.8 of the time of XLA's own.)
ALONE = "LIBRARY_FUSION_TYPE_INDIVIDUAL_"
WRONG_SUMS = {"xla_cpu_experimental_ynn_fusion_type": f"{ALONE}DOT,{ALONE}CONVOLUTION"}


def compiler_options(device: Any) -> dict[str, Any]:
    """The options of `jax.jit(..., compiler_options=...)` and of `lowered.compile(...)` for programs on this device."""
    return WRONG_SUMS if device.platform == "cpu" and jaxlib.__version__ == "0.10.2" else {}


def _x64() -> Any:
    """The context in which JAX keeps 64-bit numbers, in this thread only."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # before JAX 0.8

    return enable_x64()


@contextmanager
def exact() -> Iterator[None]:
    """Inside, this thread's JAX keeps float64 and int64, and multiplies matrices of float32 in float32.

    Without it JAX converts them to 32 bits, and graphics cards round the factors of products. The flags of the process
    and of other threads stay as they are. If the user has set `jax.config.jax_default_matmul_precision`, it is kept.
    """
    with ExitStack() as stack:
        stack.enter_context(_x64())
        if jax.config.jax_default_matmul_precision is None:
            stack.enter_context(jax.default_matmul_precision("highest"))
        yield


def device_named(device: Any = None) -> Any:
    """The device of JAX for `None` (JAX's default), "cpu", "gpu", "cpu:1", or a device.

    Raises `RangeError` for a device that there is not, `KindError` for anything else.
    """
    if device is None:
        return jax.config.jax_default_device or jax.devices()[0]
    if isinstance(device, jax.Device):
        return device
    if not isinstance(device, str):
        raise KindError(
            f'device is None, a name such as "cpu", "gpu" or "cpu:1", or a jax.Device; given {device!r:.60}'
        )
    platform, colon, number = device.partition(":")
    try:
        found = jax.devices(platform)
    except RuntimeError:
        found = []
    if colon and not number.isdecimal():
        raise RangeError(f'a device is a platform and a number, such as "cpu:0"; given device={device!r}')
    at = int(number) if colon else 0
    if at >= len(found):
        raise RangeError(f"there is no device {device!r}; JAX sees {', '.join(_known())}")
    return found[at]


def _known() -> list[str]:
    """The names of all devices of this process."""
    names = []
    for platform in dict.fromkeys([jax.default_backend(), "cpu"]):
        names += [f"{platform}:{k}" for k, _ in enumerate(jax.devices(platform))]
    return [repr(name) for name in names]
