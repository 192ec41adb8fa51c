"""The formulas of optimisers: one text for floats, arrays and what is compiled, and formulas of the user's own."""

import copy
import gc
import pickle
import tracemalloc
from dataclasses import dataclass
from weakref import ref

import numpy as np
import pytest
from optimisers import CASES, GRADIENTS, by_formula

from chainrule.autograd import KindError, Tensor, Value, sign, sqrt
from chainrule.autograd.replay.tracing import Trace, concrete
from chainrule.nn import optim


def formula_of(case, p):
    """The optimiser of a case, its group and the first values of its memories that are not counts."""
    cls, _, options = CASES[case]
    optimizer = cls([p], lr=0.1, **options)
    group = optimizer.param_groups[0]
    return optimizer, group, {k: v for k, v in optimizer._memories(group).items() if isinstance(v, float)}


@pytest.mark.parametrize("case", CASES)
def test_a_formula_gives_the_same_numbers_on_floats_arrays_and_traced_arrays(case):
    optimizer, group, start = formula_of(case, Tensor([1.5]))
    form, trace = optimizer._form(group), Trace()
    kinds = {
        "floats": float,
        "arrays": lambda x: np.full(3, x),
        "traced": lambda x: trace.leaf(np.full(3, x)),
    }
    found = []
    for make in kinds.values():
        x, memory = make(1.5), {name: make(value) for name, value in start.items()}
        for step, g in enumerate(GRADIENTS, 1):
            x, new = optimizer._formula(x, make(g), memory, optimizer._numbers(group, step), form)
            memory = {**memory, **new}
        assert memory.keys() == start.keys()
        found.append([np.mean(concrete(y)) for y in (x, *memory.values())])
    np.testing.assert_allclose(found[0][0], by_formula(case, 1.5, GRADIENTS), rtol=1e-12)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-14)
    np.testing.assert_array_equal(found[2], found[1])


@pytest.mark.parametrize("case", CASES)
def test_rates_and_counts_are_inputs_of_a_formula_and_flags_are_not(case):
    optimizer, group, _ = formula_of(case, Tensor([1.5]))
    form = optimizer._form(group)
    assert all(isinstance(n, float) for n in optimizer._numbers(group, 7).values())
    group["lr"] = 0.0
    for name, value in group.items():
        if isinstance(value, float) and value:
            group[name] = value * 0.5
    assert optimizer._form(group) == form
    group["maximize"] = not group["maximize"]
    assert optimizer._form(group) != form


@pytest.mark.parametrize("case", CASES)
def test_a_step_makes_no_array_of_the_size_of_the_parameter(case):
    cls, _, options = CASES[case]
    p = Tensor(np.ones((100, 1000), np.float32))
    p.grad = np.ones(p.shape, np.float32)
    optimizer = cls([p], lr=0.1, **options)
    optimizer.step()
    optimizer.lr = 0.05
    tracemalloc.start()
    optimizer.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000  # bytes; the parameter has 400,000


def test_a_form_that_changes_is_compiled_anew():
    a, b = Tensor([1.5]), Value(1.5)
    optimizer = optim.SGD([a, b], lr=0.1, momentum=0.9)
    x, v = 1.5, 0.0
    for step, g in enumerate(GRADIENTS):
        a.grad, b.grad = np.array([g]), g
        if step == 2:
            optimizer.nesterov = True
        if step == 3:
            optimizer.maximize, optimizer.lr = True, 0.3
        optimizer.step()
        d = -g if step >= 3 else g
        v = 0.9 * v + d
        x -= (0.3 if step >= 3 else 0.1) * (d + 0.9 * v if step >= 2 else v)
        assert a.data[0] == pytest.approx(x, rel=1e-12)
        assert b.data == pytest.approx(x, rel=1e-12)


@pytest.mark.filterwarnings("ignore::chainrule.autograd.ChainruleWarning")
def test_parameters_of_several_dtypes_in_one_group_count_for_themselves():
    kinds = [np.float64, np.float32, np.float16]
    alone = [Tensor(np.full(3, 1.5, d)) for d in kinds] + [Value(1.5)]
    together = [Tensor(np.full(3, 1.5, d)) for d in kinds] + [Value(1.5)]
    optimizers = [optim.Adam([p], lr=0.1) for p in alone]
    one = optim.Adam(together, lr=0.1)
    for step, g in enumerate(GRADIENTS):
        for k, p in enumerate((*alone, *together)):
            absent = step == k % 4
            p.grad = None if absent else g if isinstance(p, Value) else np.full(3, g, p.dtype)
        for optimizer in (*optimizers, one):
            optimizer.step()
    for p, q in zip(alone, together, strict=True):
        np.testing.assert_array_equal(p.data, q.data, strict=True)


def test_an_array_that_is_read_only_is_replaced():
    data = np.ones(3)
    data.flags.writeable = False
    w = Tensor(np.zeros(3))
    w.data = data
    optimizer = optim.SGD([w], lr=0.5)
    for _ in range(2):
        w.grad = np.ones(3)
        optimizer.step()
    assert w.data.tolist() == [0] * 3
    assert data.tolist() == [1] * 3


@dataclass(eq=False, repr=False)
class SignDescent(optim.Optimizer):
    shrink: float = optim.option(1.0)

    def _formula(self, x, g, memory, n, form):
        return x - n["lr"] * n["shrink"] * sign(g), {}


def test_an_optimiser_of_ones_own():
    w, v = Tensor([1.0, 2.0]), Value(1.0)
    optimizer = SignDescent([w, v], lr=0.5, shrink=0.5)
    w.grad, v.grad = np.array([-3.0, 3.0]), 2.0
    optimizer.step()
    assert w.data.tolist() == [1.25, 1.75]
    assert v.data == 0.75
    assert repr(optimizer) == "SignDescent(lr=0.5, shrink=0.5)"


class Normalized(SignDescent):
    """Descent along the gradient divided by its norm, from the second step on; and what it remembers of x."""

    def _memories(self, group):
        return {"step": 0, "before": 0.0, "total": 0.0}

    def _numbers(self, group, step):
        return {**super()._numbers(group, step), "on": float(step > 1)}

    def _formula(self, x, g, memory, n, form):
        size = sqrt((g * g).sum()) if hasattr(g, "sum") else abs(g)
        if size > 0:  # a branch on the data
            x_new = x - n["lr"] * n["on"] * g / size
        return x_new, {"before": x, "total": memory["total"] + g}


def test_a_formula_that_cannot_be_compiled_still_runs():
    w, half, v = Tensor([[0.0, 0.0]]), Tensor(np.zeros(2, np.float16)), Value(0.0)
    optimizer = Normalized([w, half, v], lr=0.5)
    for _ in range(3):
        w.grad, half.grad, v.grad = np.array([[3.0, 4.0]]), np.array([3, 4], np.float16), 2.0
        optimizer.step()
    np.testing.assert_allclose(w.data, [[-0.6, -0.8]])
    np.testing.assert_allclose(half.data, [-0.6, -0.8], rtol=1e-3)
    assert v.data == -1
    assert optimizer.state[v] == {"step": 3, "before": -0.5, "total": 6.0}
    np.testing.assert_allclose(optimizer.state[w]["before"], [[-0.3, -0.4]])
    np.testing.assert_array_equal(optimizer.state[w]["total"], [[9, 12]])


@pytest.mark.parametrize("p", [Tensor([1.0]), Value(1.0)], ids=["Tensor", "Value"])
def test_a_formula_that_returns_something_else(p):
    class Wrong(SignDescent):
        def _formula(self, x, g, memory, n, form):
            return self.result

    p.grad = np.ones(1) if isinstance(p, Tensor) else 1.0
    for result, text in [(p.data, "it returned"), ((p.data, {"m": p.data}), r"_memories names \(none\)")]:
        optimizer = Wrong([p], lr=0.1)
        optimizer.result = result
        with pytest.raises(KindError, match=text):
            optimizer.step()


@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.RMSprop])
def test_the_arrays_are_freed_with_the_optimiser(cls):
    w, v = Tensor(np.ones(1000)), Value(1.0)
    w.grad, v.grad = np.ones(1000), 1.0
    optimizer = cls([w, v], lr=0.1)
    gc.disable()
    try:
        optimizer.step()
        found = [
            ref(optimizer),
            ref(w.data),
            *(ref(m) for m in optimizer.state[w].values() if hasattr(m, "dtype")),
        ]
        del w, v, optimizer
        assert [each() for each in found] == [None] * len(found)
    finally:
        gc.enable()


def test_copies_go_on_by_themselves():
    w = Tensor(np.ones(3))
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = np.full(3, 0.5)
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):  # noqa: S301
        for one in (optimizer, other):
            one.parameters[0].grad = np.full(3, -1.5)
        before = w.data.copy()
        other.step()
        np.testing.assert_array_equal(w.data, before)
        assert (other.parameters[0].data > before).all()
    optimizer.step()
    np.testing.assert_array_equal(w.data, other.parameters[0].data)
