"""What can be optimised: leaves that require a gradient, each once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...autograd import KindError, Node
from ...autograd.extending import describe
from ..base.module import Module
from ..base.parts import Part

__all__ = ["checked"]


def checked(parameters: Any, what: str) -> list[Any]:
    """The parameters, without duplicates; raises `KindError` for other things than leaves that require a gradient.

    Parameters of modules may be frozen, with `requires_grad=False`; some have to be free.
    """
    if isinstance(parameters, Module):
        raise KindError(f"{what} takes parameters; given a module. Write {what}(model.parameters(), ...)")
    if isinstance(parameters, (Node, str)) or not isinstance(parameters, Iterable):
        raise KindError(
            f"{what} takes a list of parameters; given {describe(parameters)}. Write [w], or model.parameters()"
        )
    found = list(parameters)
    for p in found:
        if isinstance(p, tuple):
            raise KindError(
                f"{what} takes parameters without names. Write model.parameters(), not .named_parameters()"
            )
        if isinstance(p, Part) and isinstance(p, Node):  # of a module; while it is frozen it has no gradient
            continue
        if not isinstance(p, Node) or p.op is not None or not p.requires_grad:
            reason = (
                "not a Value or a Tensor" if not isinstance(p, Node)
                else f"computed by {p.op.name}: only a leaf can be changed" if p.op is not None
                else "a constant: make it with requires_grad=True"
            )  # fmt: skip
            raise KindError(f"{what} changes parameters; {describe(p)} is {reason}")
    if found and not any(p.requires_grad for p in found):
        raise KindError(
            f"{what} was given {len(found)} parameters, all of them frozen: requires_grad is False. Write "
            f"p.requires_grad = True for those that are to change"
        )
    if not found:
        raise KindError(
            f"{what} was given no parameters. Has the module any, and are they set as its attributes?"
        )
    return list(dict.fromkeys(found))
