"""Which node of one state is which of another: both graphs are followed from their outputs to their inputs.

The order in which nodes were created does not matter, and names and numbers may differ. Operations, shapes and inputs
may not.
"""

from __future__ import annotations

from ..common.errors import DrawingError
from ..common.words import shorten
from ..graph.state import State

__all__ = ["partners"]

LONGEST_NAME, MOST_INPUTS = 40, 4


def partners(before: State, after: State) -> list[int]:
    """For each node of `after` the position of the same node in `before`.

    Raises `DrawingError` if the graphs are different, with the first node in dependency order where they are.
    """
    if len(before.outputs) != len(after.outputs):
        raise DrawingError(
            f"before has {_many(len(before.outputs), 'output')} and after has {_many(len(after.outputs), 'output')}; "
            f"draw the same outputs of both states"
        )
    found = [-1] * len(after)
    back = [-1] * len(before)
    different: list[
        tuple[int, int, bool]
    ] = []  # nodes of `after` and `before`; whether only inputs of them differ
    # two nodes, and two that use them
    pending = [(i, j, i, j) for i, j in zip(after.outputs, before.outputs)]
    while pending:
        i, j, *users = pending.pop()
        if found[i] == j:
            continue
        if found[i] >= 0 or back[j] >= 0:
            different.append((users[0], users[1], True))
        elif (
            before.operations[j] != after.operations[i]
            or before.shapes[j] != after.shapes[i]
            or len(before.inputs[j]) != len(after.inputs[i])
        ):
            different.append((i, j, False))
        else:
            found[i], back[j] = j, i
            pending += [(k, m, i, j) for k, m in zip(after.inputs[i], before.inputs[j])]
    if different:
        raise DrawingError(_lesson(before, after, *min(different)))
    return found


def _lesson(before: State, after: State, i: int, j: int, shared: bool) -> str:
    """Where the graphs differ first."""
    why = ", and these inputs are not the same nodes" if shared else ""
    return (
        f"the two graphs are not the same: before has {_said(before, j)} where after has {_said(after, i)}{why}. That "
        f"is the first difference in dependency order; before has {_many(len(before), 'node')}, after "
        f"{_many(len(after), 'node')}. A difference compares two states of one graph: compute both outputs with the "
        f"same code, on inputs of the same shape"
    )


def _said(state: State, i: int) -> str:
    """A node with its operation and its shape, `v3 = multiply(a, b) of shape (3,)`."""
    shape = state.shapes[i]
    of = "" if shape is None else f" of shape {shape}"
    if not state.operations[i]:
        return f"the leaf {_name(state, i)}{of}"
    inputs = [_name(state, k) for k in state.inputs[i]]
    if len(inputs) > MOST_INPUTS:
        inputs[MOST_INPUTS - 1 :] = ["..."]
    return f"{_name(state, i)} = {state.operations[i]}({', '.join(inputs)}){of}"


def _name(state: State, i: int) -> str:
    return shorten(state.labels[i], LONGEST_NAME)


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
