"""Optimisers, step by step against formulas written out for one number, on Values, float64 and float32 Tensors."""

import copy
import gc
import math
import pickle
import tracemalloc
from dataclasses import dataclass
from weakref import ref

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    GradientError,
    KindError,
    NonfiniteError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    sign,
    sqrt,
)
from chainrule.autograd.replay.tracing import Trace, concrete
from chainrule.nn import optim

GRADIENTS = [0.5, -1.5, 0.25, 2.0, 0.0]


def sgd(x, gradients, lr=0.1, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0, maximize=False):
    v = None
    for g in gradients:
        d = (-g if maximize else g) + weight_decay * x
        if momentum:
            v = d if v is None else momentum * v + (1 - dampening) * d
            d = d + momentum * v if nesterov else v
        x = x - lr * d
    return x


def adagrad(x, gradients, lr=0.1, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    total = initial_accumulator_value
    for t, g in enumerate(gradients):
        d = g + weight_decay * x
        total += d**2
        x = x - lr / (1 + t * lr_decay) * d / (math.sqrt(total) + eps)
    return x


def adadelta(x, gradients, lr=0.1, rho=0.9, eps=1e-6, weight_decay=0.0):
    squares = changes = 0.0
    for g in gradients:
        d = g + weight_decay * x
        squares = rho * squares + (1 - rho) * d**2
        change = math.sqrt(changes + eps) / math.sqrt(squares + eps) * d
        changes = rho * changes + (1 - rho) * change**2
        x = x - lr * change
    return x


def rmsprop(x, gradients, lr=0.1, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    squares = mean = v = 0.0
    for g in gradients:
        d = g + weight_decay * x
        squares, mean = alpha * squares + (1 - alpha) * d**2, alpha * mean + (1 - alpha) * d
        v = momentum * v + d / (math.sqrt(squares - centered * mean**2) + eps)
        x = x - lr * v
    return x


def adam(x, gradients, lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=0.0, amsgrad=False):
    b1, b2 = betas
    m = v = largest = 0.0
    for t, g in enumerate(gradients, 1):
        x = x - lr * decoupled * x
        d = g + weight_decay * x
        m, v = b1 * m + (1 - b1) * d, b2 * v + (1 - b2) * d * d
        largest = max(largest, v)
        x = x - lr * (m / (1 - b1**t)) / (math.sqrt((largest if amsgrad else v) / (1 - b2**t)) + eps)
    return x


CASES = {  # name: (class, its formula, the options of both)
    "sgd": (optim.SGD, sgd, {}),
    "sgd decay": (optim.SGD, sgd, {"weight_decay": 0.2}),
    "sgd up": (optim.SGD, sgd, {"maximize": True, "weight_decay": 0.1}),
    "momentum": (optim.SGD, sgd, {"momentum": 0.9}),
    "dampening": (optim.SGD, sgd, {"momentum": 0.9, "dampening": 0.3}),
    "nesterov": (optim.SGD, sgd, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    "adagrad": (optim.Adagrad, adagrad, {}),
    "adagrad decay": (
        optim.Adagrad,
        adagrad,
        {"lr_decay": 0.3, "weight_decay": 0.1, "initial_accumulator_value": 0.4, "eps": 1e-3},
    ),
    "adadelta": (optim.Adadelta, adadelta, {}),
    "adadelta decay": (optim.Adadelta, adadelta, {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.2}),
    "rmsprop": (optim.RMSprop, rmsprop, {}),
    "rmsprop centered": (optim.RMSprop, rmsprop, {"centered": True, "alpha": 0.8, "momentum": 0.5}),
    "rmsprop decay": (optim.RMSprop, rmsprop, {"momentum": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    "adam": (optim.Adam, adam, {}),
    "adam decay": (optim.Adam, adam, {"betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.2}),
    "amsgrad": (optim.Adam, adam, {"betas": (0.5, 0.6), "amsgrad": True}),
    "adamw": (optim.AdamW, adam, {}),
    "adamw decay": (optim.AdamW, adam, {"weight_decay": 0.3}),
}


def by_formula(case, x, gradients):
    cls, formula, options = CASES[case]
    if cls is optim.AdamW:
        options = {"decoupled": options.get("weight_decay", 0.01)}
    return formula(x, gradients, **options)


# worked out by hand: what x = 1 is after a first step along the gradient 2
FIRST_STEPS = {
    "SGD": ({"lr": 0.1}, 0.8),
    "Adagrad": ({"lr": 0.1}, 0.9),  # 0.1 * 2 / sqrt(4)
    "Adadelta": ({"lr": 1.0, "rho": 0.75, "eps": 1.0}, 1 - 2**0.5),  # sqrt(0 + 1) / sqrt(0.25 * 4 + 1) * 2
    "RMSprop": ({"lr": 0.1, "alpha": 0.75}, 0.8),  # 0.1 * 2 / sqrt(0.25 * 4)
    "Adam": ({"lr": 0.1}, 0.9),  # 0.1 * 2 / sqrt(4): both corrections undo the means
    "AdamW": ({"lr": 0.1, "weight_decay": 0.5}, 0.85),  # 1 - 0.1 * 0.5 * 1, and the same
}


@pytest.mark.parametrize("name", FIRST_STEPS)
def test_first_steps_by_hand(name):
    options, expected = FIRST_STEPS[name]
    x = Value(1.0)
    x.grad = 2.0
    getattr(nn, name)([x], **options).step()
    assert x.data == pytest.approx(expected, rel=1e-7)


LEAVES = {
    "Value": lambda: Value(1.5),
    "float64": lambda: Tensor([[1.5, 1.5]]),
    "float32": lambda: Tensor(np.full((2, 3), 1.5, np.float32)),
    "0-d": lambda: Tensor(1.5),
    "Fortran": lambda: nn.Parameter(np.full((3, 2), 1.5, order="F")),
}


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("case", CASES)
def test_five_steps(case, leaf):
    cls, _, options = CASES[case]
    p = LEAVES[leaf]()
    dtype, kind = getattr(p, "dtype", None), type(p.data)
    optimizer = cls([p], lr=0.1, **options)
    for g in GRADIENTS:
        gradient = g if kind is float else np.full(p.shape, g, p.dtype)
        p.grad = gradient
        optimizer.step()
        np.testing.assert_array_equal(p.grad, g)  # the gradient is left alone
    rtol = 1e-5 if leaf == "float32" else 1e-12
    np.testing.assert_allclose(p.data, by_formula(case, 1.5, GRADIENTS), rtol=rtol)
    assert type(p.data) is kind
    assert getattr(p, "dtype", None) == dtype
    for memory in optimizer.state_dict().values():
        assert getattr(memory, "dtype", dtype) == dtype


@pytest.mark.parametrize("case", CASES)
def test_parameters_without_a_gradient_stay_and_count_no_steps(case):
    cls, _, options = CASES[case]
    a, b = Tensor([1.0]), Tensor([1.5])
    optimizer = cls([a, b], lr=0.1, **options)
    for k, g in enumerate(GRADIENTS):
        a.grad, b.grad = np.array([1.0]), None
        if k >= 2:
            b.grad = np.array([g])
        optimizer.step()
        if k < 2:
            assert b.data[0] == 1.5
    np.testing.assert_allclose(b.data, by_formula(case, 1.5, GRADIENTS[2:]), rtol=1e-12)


def test_a_shared_parameter_is_updated_once():
    w = Tensor([1.0])
    w.grad = np.array([1.0])
    optimizer = optim.SGD([w, w], lr=0.5)
    optimizer.step()
    assert w.data.tolist() == [0.5]
    assert len(optimizer.parameters) == 1


def test_an_update_after_recording_is_noticed():
    w = Tensor([1.0, 2.0])
    loss = (w * w * w).sum()
    loss.backward()
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="assigned new .data"):
        loss.backward()


def test_other_tensors_never_see_an_update():
    mine = np.array([1.0, 2.0])
    w = Tensor(mine)
    before = w * 1.0
    w.grad = np.ones(2)
    optim.SGD([w], lr=0.1).step()
    assert mine.tolist() == before.data.tolist() == [1, 2]


def test_the_rate_can_be_assigned():
    w = Value(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.lr = 0.5
    w.grad = 1.0
    optimizer.step()
    assert w.data == 0.5


def test_zero_grad():
    w = Value(1.0)
    (w * w).backward()
    optim.SGD([w], lr=0.1).zero_grad()
    assert w.grad is None


def test_a_step_frees_the_gradients_that_were_deleted_before():
    w = Tensor(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    old = ref(w.grad)
    optimizer.zero_grad()
    assert w.grad is None
    (w * w).sum().backward()
    optimizer.step()
    assert old() is None


def test_a_replay_goes_on_writing_to_its_own_gradients():
    w = Tensor(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)
    tape = Tape((w * w).sum())
    addresses = set()
    for _ in range(3):
        tape.forward()
        optimizer.zero_grad()
        tape.backward()
        optimizer.step()
        addresses.add(w.grad.ctypes.data)
    assert len(addresses) == 1


# ---------------------------------------------------------------------- state


@pytest.mark.parametrize("case", CASES)
def test_training_goes_on_from_a_state_with_the_same_numbers(case):
    cls, _, options = CASES[case]

    def train(parameters, optimizer, gradients):
        for g in gradients:
            for p in parameters:
                p.grad = g if isinstance(p, Value) else np.full(p.shape, g, p.dtype)
            optimizer.step()

    one = [Value(1.5), Tensor(np.full(3, 1.5, np.float32))]
    optimizer = cls(one, lr=0.1, **options)
    train(one, optimizer, GRADIENTS[:3])
    state = optimizer.state_dict()
    two = [Value(one[0].data), Tensor(one[1].data)]
    other = cls(two, lr=99.0)
    other.load_state_dict(state)
    assert other.lr == 0.1
    for parameters, which in ((one, optimizer), (two, other)):
        train(parameters, which, GRADIENTS[3:])
    assert one[0].data == two[0].data
    np.testing.assert_array_equal(one[1].data, two[1].data)


def test_a_state_of_something_else_is_refused_whole():
    optimizer = optim.Adam([Tensor([1.0, 2.0])], lr=0.1)
    state = {
        "groups.0.lr": 5.0,
        "groups.0.momentum": 0.9,
        "state.0.m": np.ones(3),
        "state.1.v": np.ones(2),
        "x": 1,
    }
    with pytest.raises(
        ShapeError, match=r"nothing of it was loaded: 'groups.0.momentum', 'state.1.v', 'x'\. "
    ):
        optimizer.load_state_dict(state)
    with pytest.raises(RangeError, match="beta1"):
        optimizer.load_state_dict({"groups.0.lr": 5.0, "groups.0.betas": (2, 0)})
    assert optimizer.lr == 0.1
    assert optimizer.state == {}


def test_a_state_survives_a_file_of_arrays(tmp_path):
    def train(x, optimizer, gradients):
        for g in gradients:
            x.grad = np.full(2, g)
            optimizer.step()

    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    one, two = optim.Adam([a], lr=0.1, amsgrad=True), optim.Adam([b], lr=9)
    train(a, one, GRADIENTS)
    np.savez(tmp_path / "state.npz", **one.state_dict())
    two.load_state_dict(np.load(tmp_path / "state.npz"))
    assert repr(one) == repr(two)
    b.data = a.data.copy()
    train(a, one, GRADIENTS)
    train(b, two, GRADIENTS)
    np.testing.assert_array_equal(a.data, b.data)


# ---------------------------------------------------------------------- groups


def test_groups_have_options_of_their_own():
    a, b, c = Tensor([1.0]), Value(1.0), Value(1.0)
    optimizer = optim.SGD([{"params": [a]}, {"params": [b, b], "lr": 0.5, "momentum": 0.9}], lr=0.1)
    optimizer.add_param_group({"params": [c], "weight_decay": 1.0})
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5, 0.1]
    assert optimizer.parameters == [a, b, c]
    for _ in range(2):
        a.grad, b.grad, c.grad = np.array([1.0]), 1.0, 1.0
        optimizer.step()
    assert a.data[0] == pytest.approx(0.8)
    assert b.data == pytest.approx(1 - 0.5 - 0.5 * 1.9)
    assert c.data == pytest.approx(0.8 - 0.1 * (1 + 0.8))
    state = optimizer.state_dict()
    other = optim.SGD([{"params": [Tensor([0.0])]}, {"params": [Value(0.0)]}, {"params": [Value(0.0)]}])
    other.load_state_dict(state)
    assert other.state_dict() == state
    with pytest.raises(ShapeError, match=r"'groups.2.lr'"):
        optim.SGD([Tensor([0.0])]).load_state_dict(state)
    optimizer.lr = 0.25
    assert [g["lr"] for g in optimizer.param_groups] == [0.25] * 3


def test_groups_that_cannot_be():
    w = Value(1.0)
    for groups, error, text in [
        ([{"params": [w], "rate": 1}], KindError, "no option 'rate'; it has lr, momentum"),
        ([{"params": [w]}, {"params": [Value(2.0), w]}], RangeError, "two groups"),
        ([{"lr": 1}], KindError, "a dict with its parameters"),
        ([{"params": [w], "lr": -1}], RangeError, "lr"),
        ([{"params": [w], "nesterov": True}], RangeError, "momentum"),
        ([{"params": []}], KindError, "no parameters"),
    ]:
        with pytest.raises(error, match=text):
            optim.SGD(groups, lr=0.1)
    with pytest.raises(KindError, match="a dict"):
        optim.SGD([w], lr=0.1).add_param_group([w])


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][0] is not optim.SGD])
def test_large_arrays_go_in_pieces_and_come_out_the_same(case, monkeypatch):
    cls, _, options = CASES[case]
    start, rng = np.linspace(-1, 1, 35).reshape(5, 7), np.random.default_rng(0)
    whole, cut, turned = Tensor(start), Tensor(start), Tensor(start)
    turned.data = np.asfortranarray(start)
    optimizers = [cls([p], lr=0.1, **options) for p in (whole, cut, turned)]
    for _ in range(3):
        whole.grad = cut.grad = turned.grad = rng.standard_normal((5, 7))
        optimizers[0].step()
        with monkeypatch.context() as patch:
            patch.setattr(cls, "_piece", 8)
            optimizers[1].step()
            optimizers[2].step()
    np.testing.assert_array_equal(cut.data, whole.data)
    np.testing.assert_array_equal(turned.data, whole.data)
    first, second = (optimizer.state_dict() for optimizer in optimizers[:2])
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


# ---------------------------------------------------------------------- formulas


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


# ---------------------------------------------------------------------- clipping


def with_gradients(*gradients):
    nodes = [Value(0.0) if isinstance(g, float) else Tensor(np.zeros_like(g)) for g in gradients]
    for node, g in zip(nodes, gradients, strict=True):
        node.grad = g
    return nodes


def test_clipping_the_norm_of_all_gradients_together():
    mine = np.array([3.0, 0.0])
    nodes = with_gradients(mine, 4.0, np.zeros((0, 2)))
    nodes.append(Value(1.0))  # no gradient
    assert nn.clip_grad_norm_(nodes, 1.0) == 5
    assert np.hypot(nodes[0].grad[0], nodes[1].grad) == pytest.approx(1, abs=1e-6)
    assert nodes[1].grad / nodes[0].grad[0] == pytest.approx(4 / 3)
    assert nodes[3].grad is None
    assert mine.tolist() == [3, 0]  # a gradient that someone has kept is left alone
    before = nodes[0].grad
    assert nn.clip_grad_norm_(nodes, 2.0) == pytest.approx(1, abs=1e-6)
    assert nodes[0].grad is before or np.array_equal(nodes[0].grad, before)
    for order, norm in ((1, 7.0), (math.inf, 4.0)):
        assert nn.clip_grad_norm_(with_gradients(np.array([3.0]), -4.0), 100, order) == norm
    assert nn.clip_grad_norm_([Value(1.0)], 1.0) == 0


def test_clipping_float32_stays_and_infinity_is_told():
    (w,) = with_gradients(np.full(4, 3, np.float32))
    nn.clip_grad_norm_([w], 1.0)
    assert w.grad.dtype == np.float32
    nn.clip_grad_value_([w], 0.25)
    assert w.grad.dtype == np.float32
    assert w.grad.tolist() == [0.25] * 4
    (v,) = with_gradients(math.inf)
    assert nn.clip_grad_norm_([v], 1.0) == math.inf
    (v,) = with_gradients(math.nan)
    with pytest.raises(GradientError, match="detect_nonfinite"):
        nn.clip_grad_norm_([v], 1.0, error_if_nonfinite=True)
    with pytest.raises(RangeError, match="max_norm"):
        nn.clip_grad_norm_([v], -1.0)
    with pytest.raises(KindError, match=r"model\.parameters"):
        nn.clip_grad_norm_(nn.Linear(1, 1), 1.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170, 0.0, math.nan, math.inf])
def test_clipping_as_a_function_of_gradients(scale, order, dtype):
    rng, trace, rtol = np.random.default_rng(0), Trace(), 1e-3 if dtype == np.float16 else 1e-12
    with np.errstate(all="ignore"):
        gradients = [(scale * rng.standard_normal(shape)).astype(dtype) for shape in (3, (2, 2), (0, 2))]
        for max_norm in (0.5, 1e9):
            nodes = with_gradients(*gradients)
            nn.clip_grad_norm_(nodes, max_norm, order)
            found = optim.clipped_by_norm(gradients, max_norm, order)
            traced = optim.clipped_by_norm([trace.leaf(g) for g in gradients], max_norm, order)
            for node, g, t in zip(nodes, found, traced, strict=True):
                np.testing.assert_array_equal(node.grad, g, strict=True)
                assert t.dtype == g.dtype
                np.testing.assert_allclose(t.value, g, rtol=rtol)
            nn.clip_grad_value_(nodes, max_norm)
            for node, g, t in zip(nodes, found, traced, strict=True):
                (limited,), (t,) = (
                    optim.clipped_by_value([g], max_norm),
                    optim.clipped_by_value([t], max_norm),
                )
                np.testing.assert_array_equal(node.grad, limited, strict=True)
                np.testing.assert_allclose(t.value, limited, rtol=rtol)
    assert optim.clipped_by_norm([3.0, -4.0], 10.0) == [3, -4]
    mixed = optim.clipped_by_norm(
        [trace.leaf(np.ones(1, d)) for d in (np.float16, np.float32, np.float64)], 1.0
    )
    assert [g.dtype.char for g in mixed] == ["e", "f", "d"]
    assert optim.clipped_by_norm([trace.leaf(np.zeros(0))], 1.0)[0].shape == (0,)


def test_clipping_values():
    nodes = with_gradients(np.array([-3.0, 0.5]), 2.0)
    nn.clip_grad_value_(nodes, 1.0)
    assert nodes[0].grad.tolist() == [-1, 0.5]
    assert nodes[1].grad == 1
    assert type(nodes[1].grad) is float


# ---------------------------------------------------------------------- lessons


def test_what_is_no_list_of_parameters():
    model = nn.Linear(1, 1)
    x = Tensor([1.0])
    for given, text in [
        ([], "was given no parameters"),
        (model, r"Write SGD\(model\.parameters\(\)"),
        (model.named_parameters(), "without names"),
        (x, r"Write \[w\]"),
        (3, "takes a list of parameters"),
        ([1.0], "not a Value or a Tensor"),
        ([x * 2], "computed by multiply: only a leaf"),
        ([Tensor([1])], "a constant"),
        ([Value(1.0, requires_grad=False)], "requires_grad=True"),
    ]:
        with pytest.raises(KindError, match=text):
            optim.SGD(given, lr=0.1)


def test_rates_that_cannot_be():
    w = [Value(1.0)]
    for make, name in [
        (lambda: optim.SGD(w, lr=-1), "lr"),
        (lambda: optim.SGD(w, lr=math.nan), "lr"),
        (lambda: optim.SGD(w, lr=1, momentum=-0.1), "momentum"),
        (lambda: optim.SGD(w, lr=1, weight_decay=-0.1), "weight_decay"),
        (lambda: optim.SGD(w, lr=1, nesterov=True), "nesterov"),
        (lambda: optim.Adam(w, betas=(1.0, 0.9)), "beta1"),
        (lambda: optim.Adam(w, betas=(0.9, -1)), "beta2"),
        (lambda: optim.Adam(w, eps=-1), "eps"),
        (lambda: optim.SGD(w, lr=1, momentum=0.9, dampening=0.1, nesterov=True), "no dampening"),
        (lambda: optim.Adadelta(w, rho=1.5), "rho"),
        (lambda: setattr(optim.SGD(w), "lr", -1), "lr"),
    ]:
        with pytest.raises(RangeError, match=name):
            make()
    for make, text in [
        (lambda: optim.SGD(w, lr="fast"), "such as 0.01"),
        (lambda: optim.SGD(w, lr=True), "such as 0.01"),
        (lambda: optim.Adam(w, betas=0.9), "pair of numbers"),
        (lambda: optim.SGD(w, nesterov=0.9), "True or False"),
    ]:
        with pytest.raises(KindError, match=text):
            make()


def test_an_optimiser_says_its_settings():
    assert repr(optim.SGD([Value(1.0)], lr=0.1, momentum=0.9)) == (
        "SGD(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False)"
    )
    w = Value(1.0)
    w.grad = 1.0
    with pytest.raises(NotImplementedError, match="_formula"):
        optim.Optimizer([w], lr=1).step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "cls", [optim.SGD, optim.Adagrad, optim.Adadelta, optim.RMSprop, optim.Adam, optim.AdamW]
)
def test_each_overfits_a_few_samples(cls, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 2)), rng.integers(0, 2, 8)
    model = nn.MLP(2, [32, 2], seed=0, dtype=dtype)
    optimizer = cls(model.parameters(), lr={optim.SGD: 0.5, optim.Adadelta: 10.0}.get(cls, 0.02))
    for _ in range(300):
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    assert loss.dtype == dtype
    assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert loss.item() < 0.05


# ---------------------------------------------------------------------- roots and quotients


@pytest.mark.parametrize("leaf", ["Value", "float32", "0-d"])
def test_centred_rmsprop_of_a_gradient_that_is_always_the_same(leaf):
    """The variance is 0 then, and rounding makes it negative."""
    for g in (0.1, 0.3, 1e-3):
        p = LEAVES[leaf]()
        optimizer = optim.RMSprop([p], lr=1e-12, centered=True)
        for _ in range(4000):
            p.grad = g if leaf == "Value" else np.full(p.shape, g, p.dtype)
            optimizer.step()
        assert type(p.data) in (float, np.ndarray)
        assert np.isfinite(p.data).all()
        assert np.isrealobj(p.data)


@pytest.mark.parametrize(
    "case", ["adagrad", "adadelta", "rmsprop", "rmsprop centered", "adam", "amsgrad", "adamw"]
)
@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("eps", [0.0, 1e-60])
def test_without_an_eps_a_gradient_of_zero_changes_nothing(case, leaf, eps):
    cls, _, options = CASES[case]
    p = LEAVES[leaf]()
    before = np.array(p.data)
    optimizer = cls([p], lr=0.1, **{**options, "eps": eps, "weight_decay": 0.0})
    for g in (0.0, 0.0, 0.5):
        p.grad = g if leaf == "Value" else np.full(p.shape, g, p.dtype)
        np.testing.assert_array_equal(p.data, before)
        optimizer.step()
    assert np.isfinite(p.data).all()
    assert type(p.data) in (float, np.ndarray)


def test_norms_whose_squares_are_too_large_or_too_small():
    for g in ([3e20, 4e20], [3e-30, 4e-30]):
        (w,) = with_gradients(np.array(g, np.float32))
        norm = 5 * g[0] / 3
        assert nn.clip_grad_norm_([w], norm / 2) == pytest.approx(norm, rel=1e-6)
        if norm > 1:
            np.testing.assert_allclose(w.grad, np.array(g) / 2, rtol=1e-6)
    assert nn.clip_grad_norm_(with_gradients(3e200, -4e200), 1e300) == pytest.approx(5e200)
    assert nn.clip_grad_norm_(with_gradients(np.full(70_000, 3, np.float16)), 1e9) == pytest.approx(
        3 * 70_000**0.5
    )
    assert nn.clip_grad_norm_(with_gradients(np.array([300, 400], np.float16)), 1e9) == 500
    (half,) = with_gradients(np.array([30_000, 40_000], np.float16))
    assert nn.clip_grad_norm_([half], 5.0) == 50_000
    assert half.grad.dtype == np.float16
    np.testing.assert_allclose(half.grad, [3, 4], rtol=1e-3)
    (many,) = with_gradients(np.full(10_000, 60_000, np.float16))
    assert nn.clip_grad_norm_([many], 0.05) == pytest.approx(
        6e6, rel=1e-5
    )  # a factor that has no place in float16
    np.testing.assert_allclose(many.grad, 5e-4, rtol=1e-3)
    for order in (1, 2, math.inf):
        assert nn.clip_grad_norm_(with_gradients(np.zeros((0, 2)), 3.0), 100, order) == 3
    for order in (0, -1, math.nan):
        with pytest.raises(RangeError, match="norm_type"):
            nn.clip_grad_norm_(with_gradients(3.0), 1.0, order)


# ---------------------------------------------------------------------- float16


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("piece", [8, 1 << 15])
def test_float16_is_changed_in_float32(case, piece, monkeypatch):
    """A step is that of float32 on the same numbers, rounded; what is remembered is in float32."""
    cls, _, options = CASES[case]
    if cls is not optim.SGD:
        monkeypatch.setattr(cls, "_piece", piece)
    start = np.linspace(-2, 2, 35).reshape(5, 7).astype(np.float16)
    half, single = Tensor(start), Tensor(start.astype(np.float32))
    one, two = (cls([p], lr=0.1, **options) for p in (half, single))
    for g in GRADIENTS:
        half.grad, single.grad = (np.full(p.shape, g * 1e-3, p.dtype) for p in (half, single))
        single.grad = half.grad.astype(np.float32)
        one.step()
        two.step()
        assert half.dtype == np.float16
        np.testing.assert_array_equal(half.data, single.data.astype(np.float16))
        single.data = half.data.astype(np.float32)  # so that both go on from the same numbers
    first, second = one.state_dict(), two.state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
        assert getattr(value, "dtype", np.float32) == np.float32


def test_adam_of_small_gradients_in_float16():
    p = Tensor(np.ones(2, np.float16))
    optimizer = optim.Adam([p], lr=0.25)
    p.grad = np.array([1e-4, 0], np.float16)  # its square, and eps, have no place in float16
    optimizer.step()
    assert p.data.tolist() == [0.75, 1]
    state = optimizer.state_dict()
    other = optim.Adam([Tensor(p.data)])
    other.load_state_dict(state)
    assert other.state_dict()["state.0.v"].dtype == np.float32
    np.testing.assert_array_equal(other.state_dict()["state.0.v"], state["state.0.v"])


# ---------------------------------------------------------------------- arrays that cannot be changed


def frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("piece", [4, 1 << 15])
def test_read_only_data_is_copied_when_it_is_changed(case, dtype, piece, monkeypatch):
    cls, _, options = CASES[case]
    if cls is not optim.SGD:
        monkeypatch.setattr(cls, "_piece", piece)
    start = np.linspace(-1, 1, 10, dtype=dtype)
    one, two, given = Tensor(start), Tensor(start), frozen(start)
    two.data = given
    optimizers = [cls([p], lr=0.1, **options) for p in (one, two)]
    for step, g in enumerate(GRADIENTS):
        if step == 3:  # again, in the middle
            two.data = frozen(two.data)
        one.grad, two.grad = np.full(10, g, dtype), frozen(np.full(10, g, dtype))
        for optimizer in optimizers:
            optimizer.step()
        np.testing.assert_array_equal(two.data, one.data)
    np.testing.assert_array_equal(given, start)
    first, second = (optimizer.state_dict() for optimizer in optimizers)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


@pytest.mark.parametrize("make", [optim.Adam, optim.SGD, lambda p, lr: optim.SGD(p, lr, momentum=0.9)])
def test_a_training_that_is_mapped_from_a_file_goes_on(tmp_path, make):
    joblib = pytest.importorskip("joblib", reason="joblib, of the extra sklearn, is not installed")
    X, y = nn.datasets.moons(40, seed=0)
    model = nn.Sequential(nn.Linear(2, 8, seed=0), nn.BatchNorm1d(8), nn.Linear(8, 2, seed=1))
    optimizer = make(model.parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        nn.cross_entropy(model(X), y).backward()
        optimizer.step()

    step(model, optimizer)
    joblib.dump((model, optimizer), tmp_path / "training.joblib")
    other, its = joblib.load(tmp_path / "training.joblib", mmap_mode="r")
    assert not other[0].weight.data.flags.writeable
    for _ in range(3):
        step(model, optimizer)
        step(other, its)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, other.state_dict()[name])
    fresh = joblib.load(tmp_path / "training.joblib", mmap_mode="r")[0]
    fresh.load_state_dict(model.state_dict())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, fresh.state_dict()[name])


def test_fit_of_a_model_that_is_mapped_from_a_file(tmp_path):
    joblib = pytest.importorskip("joblib", reason="joblib, of the extra sklearn, is not installed")
    X, y = nn.datasets.moons(40, seed=0)
    joblib.dump(nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2, seed=0)), tmp_path / "m.joblib")

    def train(model):
        nn.fit(model, nn.cross_entropy, (X, y), epochs=2, early_stopping=5, progress=False)
        return {name: array.tolist() for name, array in model.state_dict().items()}

    assert train(joblib.load(tmp_path / "m.joblib", mmap_mode="r")) == train(
        joblib.load(tmp_path / "m.joblib")
    )
    broken = joblib.load(tmp_path / "m.joblib", mmap_mode="r")
    before = {name: array.tolist() for name, array in broken.state_dict().items()}
    with np.errstate(all="ignore"), pytest.raises(NonfiniteError):
        nn.fit(broken, lambda p, t: (p * np.inf).mean(), (X, y), progress=False)
    assert {name: array.tolist() for name, array in broken.state_dict().items()} == before


# ---------------------------------------------------------------------- options that are assigned


def test_options_of_a_group_are_checked_when_they_are_assigned():
    w = Value(1.0)
    optimizer = optim.Adam([w], lr=0.1)
    group = optimizer.param_groups[0]
    for name, value, error, text in [
        ("lr", "fast", KindError, "such as 0.01"),
        ("lr", -1.0, RangeError, "lr"),
        ("lr", None, KindError, "learning rate"),
        ("betas", 0.9, KindError, "pair of numbers"),
        ("momentum", 0.9, KindError, "no option 'momentum'; it has lr, betas"),
    ]:
        with pytest.raises(error, match=text):
            group[name] = value
    assert repr(optimizer) == repr(optim.Adam([w], lr=0.1))
    group["lr"] = np.float32(0.5)
    assert type(group["lr"]) is float
    w.grad = 1.0
    optimizer.step()
    assert type(w.data) is float
    assert w.data == pytest.approx(0.5)
    twin = copy.deepcopy(optimizer)
    twin.param_groups[0]["lr"] = 0.25
    assert (twin.lr, optimizer.lr) == (0.25, 0.5)
    with pytest.raises(RangeError):
        twin.param_groups[0]["lr"] = -1


@pytest.mark.parametrize("case", CASES)
def test_a_state_in_which_something_is_missing_or_of_another_kind_is_refused_whole(case):
    cls, _, options = CASES[case]

    def make():
        parameters = [Value(1.5), Tensor([1.0, 2.0])]
        optimizer = cls(parameters, lr=0.1, **options)
        parameters[0].grad, parameters[1].grad = 0.5, np.array([0.5, -0.5])
        optimizer.step()
        return optimizer

    optimizer = make()
    state = optimizer.state_dict()
    for name, value in state.items():
        wrongs = ["x", {"a": 1}, [[1], 2], np.ones(3), None] + [True, -1.0] * (name.endswith("step"))
        for wrong in wrongs:
            if isinstance(value, tuple) and not isinstance(wrong, str):
                continue
            with pytest.raises((ShapeError, KindError, RangeError)):
                optimizer.load_state_dict({**state, name: wrong})
        if sum(k.startswith(name[:8]) for k in state) == 1:
            continue  # a parameter of which nothing is remembered has taken no step
        with pytest.raises(ShapeError, match=f"'{name}' is missing"):
            optimizer.load_state_dict({k: v for k, v in state.items() if k != name})
    for extra in (
        "state.0.",
        "state.7.m",
        "groups.0.rate",
        "groups.1.lr",
        "state",
        ".",
        "state.00.m",
        "groups.-1.lr",
    ):
        with pytest.raises(ShapeError, match="nothing of it was loaded"):
            optimizer.load_state_dict({**state, extra: 1.0})
    assert repr(optimizer.state_dict()) == repr(state)


def test_a_memory_that_an_option_asks_for_later_begins_then():
    w = Value(1.0)
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = 1.0
    optimizer.step()
    optimizer.amsgrad = True
    other = optim.Adam([Value(w.data)], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    for each in (optimizer, other):
        each.parameters[0].grad = 0.5
        each.step()
    assert other.parameters[0].data == w.data
