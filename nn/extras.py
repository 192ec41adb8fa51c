"""What to say where a package is missing that only some users need: an extra of this one."""

from __future__ import annotations

from ..autograd import ChainruleError

__all__ = ["ExtraError"]


class ExtraError(ChainruleError, ImportError):
    """`what` takes a package that is not installed, and that `pip install 'chainrule[extra]'` brings along."""

    def __init__(self, what: str, package: str, extra: str, instead: str = "") -> None:
        super().__init__(
            f"{what} {package}, which is not installed. Install it with: pip install 'chainrule[{extra}]'{instead}"
        )
