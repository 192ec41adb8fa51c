"""The error for a package that is not installed because it belongs to an extra."""

from __future__ import annotations

from ...autograd import ChainruleError

__all__ = ["ExtraError"]


class ExtraError(ChainruleError, ImportError):
    """`what` needs a package that is not installed; `pip install 'chainrule[extra]'` installs it."""

    def __init__(self, what: str, package: str, extra: str, instead: str = "") -> None:
        super().__init__(
            f"{what} {package}, which is not installed. Install it with: pip install 'chainrule[{extra}]'{instead}"
        )
