"""Forward hooks: functions that a module calls after each of its calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["ForwardHook"]


class ForwardHook:
    """The handle that `register_forward_hook` returns."""

    def __init__(self, module: Any, function: Callable[..., Any]) -> None:
        self.function = function
        self.module = module
        vars(module)["_hooks"] = (*module._hooks, self)

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)

    def remove(self) -> None:
        """Call the hook no more; removing twice does nothing."""
        vars(self.module)["_hooks"] = tuple(hook for hook in self.module._hooks if hook is not self)
