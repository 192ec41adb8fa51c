"""Names that people mistake: misspelt ones are answered, those of other libraries are taken or answered."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
import pydoc
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule import nn, viz
from chainrule.autograd import (
    ChainruleError,
    ChainruleWarning,
    CheckError,
    KindError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    UnknownNameError,
    Value,
    check_gradients,
)
from chainrule.autograd.errors.neighbours import TABLE, names_of
from chainrule.autograd.nodes.misspelt import unknown
from chainrule.autograd.nodes.names import Named
from chainrule.viz import OptionError, draw

V = Value(2.0, name="v")
T = Tensor([[1.0, 2.0], [3.0, 4.0]], name="t")
MODEL = nn.MLP(2, [4, 1], seed=0)
X, Y = np.ones((4, 2)), np.ones((4, 1))
LOGITS = Tensor(np.ones((3, 2)), name="dlogits")


def fit(**options: Any) -> Any:
    return nn.fit(MODEL, nn.mse_loss, (X, Y), progress=False, **options)


def subtract_at() -> None:
    LOGITS[range(3), [0, 1, 0]] -= 1


def leaving_out_y() -> Any:
    return ag.elementwise("squared_wrong", lambda x: x * x, lambda x: x * x, [lambda x: 2 * x])


ISSUE = [  # keywords
    (lambda: Value(2.0, require_grad=True), KindError, "no argument 'require_grad'; did you mean 'requires_grad'"),
    (lambda: fit(epoch=3), KindError, "fit has no argument 'epoch'; did you mean 'epochs'"),
    (lambda: fit(lr=0.1), KindError, r"no argument 'lr'.*optimizer=nn\.SGD\(model\.parameters\(\), lr=0\.1\)"),
    (lambda: draw(V * V, direcion="LR"), KindError, "did you mean 'direction'"),
    (lambda: nn.MLP(2, [3], activaton="relu"), KindError, "MLP has no argument 'activaton'; did you mean 'activation'"),
    (lambda: draw(V * V, dark=True), KindError, "no argument 'dark'. Write theme='dark'"),
    (lambda: draw(V * V, grad=False), KindError, "no argument 'grad'. Write show="),
    (lambda: draw(V * V, show="value"), OptionError, "show='value' is not known.*Write show='data'"),
    # attributes
    (lambda: nn.mse, UnknownNameError, "nn has no 'mse'; did you mean 'mse_loss'"),
    (lambda: nn.Relu, UnknownNameError, "did you mean 'ReLU'"),
    (lambda: nn.confusionmatrix, UnknownNameError, "did you mean 'confusion_matrix'"),
    (lambda: nn.MLP(2, [3], "rleu"), RangeError, "no activation 'rleu'.*did you mean 'relu'"),
    # calls in the manner of other libraries
    (lambda: draw(V * V).show(), UnknownNameError, r"Drawing has no 'show'.*draw\(y\)\.save\('graph\.svg'\)"),
    (lambda: draw(V * V, "x.svg"), KindError, r"draw\(y\)\.save\('x\.svg'\)"),
    (lambda: nn.MLP(2, 16, 16, 1), KindError, r"MLP\(2, \[16, 16, 1\]\)"),
    (lambda: nn.MLP([2, 4, 1]), KindError, r"without widths.*MLP\(2, \[16, 16, 1\]\)"),
    (lambda: nn.scalar.MLP(2, 16, 1), KindError, r"a list.*MLP\(2, \[16, 16, 1\]\); given 16"),
    (lambda: MODEL([V, V]), KindError, r"chainrule\.nn\.scalar work on Values"),
    (lambda: Tape(V * V).forward([1.0]), KindError, r"x\.data = \.\.\. for each leaf.*tape\.forward\(\)"),
    (lambda: MODEL(1.0, 2.0), KindError, r"given 2.*A sample is one argument"),
    (lambda: nn.scalar.MLP(2, [3])(1.0, 2.0), KindError, "given 2.*A sample is one argument"),
    (lambda: nn.save("x.npz", MODEL), KindError, r"nn\.save\(model, path\)"),
    (lambda: nn.load(MODEL, "x.npz"), KindError, r"nn\.load\(path, model\)"),
    (leaving_out_y, KindError, "the rule of 'squared_wrong' for input 0 takes \\(x\\).*lambda y, x: ..."),
    (lambda: math.exp(T), ShapeError, r"math\.exp\(t\).*4 elements.*np\.exp\(t\)"),
    (lambda: 1 if T else 2, ShapeError, r"neither true nor false.*\(t > 0\)\.all\(\)"),
    (lambda: Tensor(np.ones((2, 3, 4))).transpose(-2, -1), ShapeError, r"t\.swapaxes\(-2, -1\)"),
    (subtract_at, KindError, r"t\.at\[range\(0, 3\), \[0, 1, 0\]\]\.add\(-v\)"),
    (lambda: V.backward(create_graph=True), KindError, r"gradients\(loss, \[w\], create_graph=True\)"),
    (lambda: MODEL.zero_grad(set_to_none=False), KindError, "each .grad is None"),
    (lambda: T.max(dim=1), KindError, r"t\.argmax\(axis=1\).*PyTorch returns both"),
    (lambda: T.std(dim=1), KindError, r"correction=1.*PyTorch divides by n - 1"),
    (lambda: T.grad_fn, UnknownNameError, r"PyTorch's name\. Here: t\.op"),
    (lambda: T.scatter_add(0, [1], T), UnknownNameError, r"t\.at\[i\]\.add\(v\)"),
    (lambda: T.zero_(), UnknownNameError, "Nothing is changed in place"),
    (lambda: nn.functional, UnknownNameError, r"functions of chainrule\.autograd"),
    (lambda: nn.GroupNorm, UnknownNameError, r"nn\.LayerNorm or nn\.BatchNorm2d"),
    (lambda: T.split(2), UnknownNameError, "number is that of the parts"),
    (lambda: T.median(), UnknownNameError, "lower of two middle elements"),
]  # fmt: skip
MORE = [  # more, from what the names suggest
    (lambda: T.unsqueeze(), KindError, r"required argument: 'dim'.*written unsqueeze\(0\); here it is t\[None\]"),
    (lambda: V.mul(V, V), KindError, r"too many positional arguments.*here it is t \* u"),
    (lambda: T.masked_fill(T.data > 1), KindError, r"argument: 'value'.*where\(mask, v, t\)"),
    (lambda: T.multinomial(1), UnknownNameError, r"nn\.sample\(probabilities, seed=0\)"),
    (lambda: T.cuda(), UnknownNameError, r"jit\(f, backend='xla', device='gpu'\)"),
    (lambda: V.add_(2.0), UnknownNameError, "Nothing is changed in place"),
    (lambda: ag.softmx, UnknownNameError, "autograd has no 'softmx'; did you mean 'softmax'"),
    (lambda: ag.concat, UnknownNameError, "did you mean 'concatenate'"),
    (lambda: viz.plot_losses, UnknownNameError, "did you mean 'plot_loss'"),
    (lambda: nn.optim.Adamm, UnknownNameError, "did you mean 'Adam'"),
    (lambda: nn.init.he_unifrom, UnknownNameError, "did you mean 'he_uniform'"),
    (lambda: nn.datasets.moon, UnknownNameError, "did you mean 'moons'"),
    (lambda: nn.Linear(2, 3).wieght, UnknownNameError, "the module Linear has no 'wieght'; did you mean 'weight'"),
    (lambda: MODEL.predict(X), UnknownNameError, r"Keras's name.*model\.eval\(\)"),
    (lambda: MODEL.cuda(), UnknownNameError, "engine='xla'"),
    (lambda: nn.SGD(MODEL.parameters(), momentun=0.9), KindError, "did you mean 'momentum'"),
    (lambda: nn.SGD([V]).add_param_group({"params": [T], "lrr": 1}), KindError, "no option 'lrr'.*did you mean 'lr'"),
    (lambda: nn.DataLoader(X, Y, batchsize=2), KindError, "did you mean 'batch_size'"),
    (lambda: nn.Linear(2), KindError, "Linear was called without out_features. Its arguments are in_features"),
    (lambda: ag.grad(lambda x: x * x)(), KindError, r"grad\(f\) was called without .*Write grad\(f\)\(x\)"),
    (lambda: ag.hessian(lambda x: x * x)(), KindError, r"Write hessian\(f\)\(x\)"),
    (lambda: ag.check_gradients(lambda x: x * x), KindError, r"no inputs.*check_gradients\(f, x, y\)"),
    (lambda: nn.mse_loss(T, T, reduction="avg"), RangeError, "'mean', 'sum' or 'none'; given 'avg'"),
    (lambda: nn.mse_loss(T, T, reducton="mean"), KindError, "'reducton'; did you mean 'reduction'"),
    (lambda: ag.softmax(T, axes=1), KindError, "softmax has no argument 'axes'; did you mean 'axis'"),
    (lambda: T.sum(0, False, 1), KindError, "sum takes at most 2 arguments without a name; given 3"),
    (lambda: T.sum(0, axis=1), KindError, "sum was given axis twice"),
    (lambda: draw(V * V, theme="drak"), OptionError, "did you mean 'dark'"),
    (lambda: nn.schedules.StepDecay(nn.SGD([V]), step=3), KindError, "did you mean 'step_size'"),
    (lambda: nn.scalar.MLP(2, [3], sed=1), KindError, "did you mean 'seed'"),
    (lambda: viz.step(V * V, digit=3), KindError, "did you mean 'digits'"),
]  # fmt: skip


def assigned(to: Any, name: str) -> None:
    setattr(to, name, 0.1)


def subclass(kind: type, **members: Any) -> Any:
    return type("Mine", (kind,), members)


OF_OTHER_OBJECTS = [
    (lambda: (V * V).draw(), UnknownNameError, r"Write draw\(y\), a function of chainrule\.viz"),
    (lambda: T.gradient, UnknownNameError, r"Write y\.grad, after loss\.backward"),
    (lambda: V.value, UnknownNameError, r"Write y\.data"),
    (lambda: V.zerograd(), UnknownNameError, r"Write y\.zero_grad\(\)"),
    (lambda: nn.scalar.MLP(2, [3]).layers[0].neurons[0].weights, UnknownNameError, r"unit\.w of a Neuron"),
    (lambda: nn.SGD([V]).zero_gard(), UnknownNameError, "SGD has no 'zero_gard'; did you mean 'zero_grad'"),
    (lambda: nn.Adam([V]).backward(V), UnknownNameError, r"PyTorch's name\. Here: loss\.backward\(\)"),
    (lambda: assigned(nn.SGD([V]), "learning_rate"), UnknownNameError, r"Write optimizer\.lr"),
    (lambda: assigned(nn.SGD([V]), "momentun"), UnknownNameError, "SGD has no 'momentun'; did you mean 'momentum'"),
    (lambda: nn.schedules.Cosine(nn.SGD([V]), 3).stepp, UnknownNameError, "did you mean 'step'"),
    (lambda: nn.DataLoader(X, Y).batchsize, UnknownNameError, "did you mean 'batch_size'"),
    (lambda: nn.Standardizer().fit_transfrom(X), UnknownNameError, "did you mean 'fit_transform'"),
    (lambda: nn.confusion_matrix([0, 1], [0, 1]).norm, UnknownNameError, "ConfusionMatrix has no 'norm'"),
    (lambda: nn.summary(MODEL, X).parametres, UnknownNameError, "did you mean 'parameters'"),
    (lambda: nn.Step(MODEL, nn.mse_loss, nn.SGD(MODEL.parameters())).repport, UnknownNameError, "mean 'report'"),
    (lambda: viz.step(V * V).interactive(), UnknownNameError, "Stepper has no 'interactive'; did you mean 'interact'"),
    (lambda: viz.step(V * V).show(), UnknownNameError, r"step\(y\)\.interact\(\)"),
    (lambda: Tape(V * V).leafs, UnknownNameError, "Tape has no 'leafs'; did you mean 'leaves'"),
    (lambda: fit(verbose=0), KindError, "Keras's name. Here: progress=True or progress=False"),
    (lambda: fit(validation_data=(X, Y)), KindError, r"Keras's name. Here: validation=\(X, y\)"),
    (lambda: nn.fit(MODEL, X, Y), KindError, r"fit\(model, nn\.mse_loss, \(X, y\)\)"),
    (lambda: nn.fit(MODEL, nn.mse_loss, X, Y), KindError, r"given 4\. Write fit\(model, nn\.mse_loss, \(X, y\)"),
    (lambda: fit(metrics="accuracy"), KindError, r"given str 'accuracy'\. Write metrics=\[nn\.accuracy\]"),
    (lambda: nn.datasets.moons(n=9), KindError, "did you mean 'n_samples'"),
    (lambda: MODEL(V, V), KindError, r"takes at most 1 argument .*nn\.scalar\.MLP\(2, \[4, 1\]\)\(\[a, b\]\)"),
    (lambda: subclass(nn.callbacks.Callback, on_epoch_ended=print), KindError, "; did you mean 'on_epoch_end'"),
]  # fmt: skip


def test_a_module_whose_forward_is_misspelt_says_so() -> None:
    with pytest.raises(
        NotImplementedError, match=r"give it a method forward\(self, x\); is 'foward' meant to be it"
    ):
        subclass(nn.Module, foward=lambda self, x: x)()(X)


def test_an_optimizer_takes_attributes_of_its_subclass() -> None:
    optimizer = subclass(nn.SGD, note="")([V])
    optimizer.note, optimizer.seen = "slow", 3
    assert (optimizer.note, optimizer.seen) == ("slow", 3)


@pytest.mark.parametrize(("mistake", "error", "lesson"), [*ISSUE, *MORE, *OF_OTHER_OBJECTS])
def test_is_answered(mistake: Any, error: type[Exception], lesson: str) -> None:
    with pytest.raises(error, match=f"(?s){lesson}") as caught:
        mistake()
    assert isinstance(caught.value, ChainruleError)


def test_names_of_other_libraries_that_are_taken() -> None:
    v = Value(3.0, label="a")
    v.label += "b"
    assert (v.name, v.label) == ("ab", "ab")
    y = v * V
    assert (y._prev, y._op, v._op) == ((v, V), "*", "")
    assert Value(100.0).log10().data == pytest.approx(2.0)
    assert V.clone() is not None
    np.testing.assert_array_equal(T.view(4).data, [1, 2, 3, 4])
    assert T.unsqueeze(0).shape == (1, 2, 2)
    assert T.permute(1, 0).data.tolist() == T.t().data.tolist() == [[1, 3], [2, 4]]
    np.testing.assert_array_equal(T.masked_fill(T.data > 2, -1.0).data, [[1, 2], [-1, -1]])
    np.testing.assert_array_equal(T.sum(dim=1, keepdim=True).data, [[3], [7]])
    np.testing.assert_array_equal(ag.cat([T, T], dim=1).data, np.concatenate([T.data, T.data], 1))
    np.testing.assert_allclose(T.var(unbiased=True).data, T.data.var(ddof=1))
    np.testing.assert_array_equal(T.repeat_interleave(2, 1).data, np.repeat(T.data, 2, 1))
    assert T.numel() == 4
    assert T.abs().sum().item() == 10.0
    assert T.float().dtype == np.float32
    assert T.to("cpu") is T
    assert T.clamp(min=2).data.min() == 2
    assert T.amax(0).data.tolist() == [3, 4]
    assert T.is_leaf
    assert not T.sum().is_leaf
    T.retain_grad()
    (T * T).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(T.grad, 2 * T.data)
    T.zero_grad()
    assert nn.one_hot([1], num_classes=3).tolist() == [[0, 1, 0]]
    assert isinstance(nn.MultiheadAttention(4, 2), nn.MultiHeadAttention)
    assert nn.schedules.StepLR is nn.schedules.StepDecay
    assert isinstance(nn.ReLU(inplace=True), nn.ReLU)
    layer = nn.Linear(2, 3)
    layer.zero_grad(set_to_none=True)
    assert layer.double() is layer
    layer.requires_grad_(False)
    assert not any(p.requires_grad for p in layer.parameters())


class Stack(nn.Module):
    def __init__(self) -> None:
        self.layers = nn.ModuleList([nn.Linear(2, 3, seed=0)])
        self.add_module("last", nn.Linear(3, 1, seed=0))


def test_lists_of_modules_are_lists() -> None:
    assert [name for name, _ in Stack().named_modules()] == ["", "layers.0", "last"]


def test_gradients_flow_through_taken_names() -> None:
    w = Tensor([[1.0, -2.0]])
    (w.unsqueeze(0).mul(w).pow(2).sub(1.0).softmax(dim=-1) * np.array([1.0, 0.0])).sum().backward()
    again = Tensor([[1.0, -2.0]])
    (ag.softmax((again[None] * again) ** 2 - 1.0, axis=-1) * np.array([1.0, 0.0])).sum().backward()
    np.testing.assert_array_equal(w.grad, again.grad)


def test_every_row_of_the_table_is_a_name_that_is_not_ours() -> None:
    """A row that is taken would never be reached if the name existed; each is in one place once."""
    owners = {"Value": Value, "Tensor": Tensor, "node": Tensor, "Module": nn.Module, "nn": nn, "autograd": ag,
              "schedules": nn.schedules, "init": nn.init}  # fmt: skip
    seen = set()
    for row in TABLE:
        assert (row.place, row.name) not in seen
        seen.add((row.place, row.name))
        owner = owners.get(row.place)
        assert owner is None or row.name not in dir(owner) or isinstance(getattr(owner, row.name), Named), row
        if isinstance(row.takes, str):
            assert row.takes in dir(owner), row
    assert len(names_of("PyTorch")) > 100
    assert all(row.ours for row in TABLE)


def test_attributes_that_do_not_exist_are_told_from_those_that_do() -> None:
    for owner in (V, T, MODEL, nn, ag, draw(V * V)):
        assert not hasattr(owner, "no_such_name")
        assert getattr(owner, "no_such_name", 7) == 7
    with pytest.raises(ImportError, match="Relu"):
        exec("from chainrule.nn import Relu")
    error = pickle.loads(pickle.dumps(KindError("text")))  # noqa: S301 - our own
    assert str(error) == "text"


def assign(node: Any, name: str) -> None:
    setattr(node, name, None)


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (lambda: T.veiw(4), "has no 'veiw'; did you mean 'view'"),
        (lambda: T.reshpae(4), "did you mean 'reshape'"),
        (lambda: V.requires_gard, "a Value v = 2 has no 'requires_gard'; did you mean 'requires_grad'"),
        (lambda: MODEL.parameters()[0].shpae, "did you mean 'shape'"),
        (lambda: V.backwards(), "did you mean 'backward'"),
        (lambda: assign(T, "gard"), "has no 'gard'; did you mean 'grad'"),
        (lambda: assign(V, "lable"), "did you mean 'label'"),
        (lambda: assign(T, "require_grad"), "did you mean 'requires_grad'"),
        # misspelt names of other libraries
        (lambda: Value(2.0, lable="a"), "no argument 'lable'; did you mean 'label'.*micrograd's name. Here: name="),
        (lambda: ag.softmax(T, dmi=0), "did you mean 'dim'.*PyTorch's name. Here: axis="),
        (lambda: nn.Parameter([1.0], lable="a"), "Parameter has no argument 'lable'.*name="),
        (lambda: nn.GroupNrom(2, 4), "did you mean 'GroupNorm'.*nn.LayerNorm"),
        (lambda: MODEL.childern(), r"did you mean 'children'.*model\.modules\(\)"),
        (lambda: V.backward(retain_grph=True), "did you mean 'retain_graph'"),
        (lambda: V.zero_grad(set_to_nnone=True), "did you mean 'set_to_none'"),
        # only names that mean something there: softmax has no lr
        (lambda: ag.softmax(T, learning_rat=1), "no argument 'learning_rat'. It has x, axis"),
    ],
)  # fmt: skip
def test_misspelt_names_of_nodes_and_of_other_libraries(mistake: Any, lesson: str) -> None:
    with pytest.raises((KindError, UnknownNameError), match=lesson):
        mistake()


def test_misspelt_attributes_are_not_shown() -> None:
    assert not hasattr(T, "gard")
    assert "grad" in dir(T)
    assert not {"gard", "veiw", "lable"} & {*dir(T), *dir(V)}
    with pytest.raises(AttributeError):
        _ = Tensor.gard  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_help_says_what_each_method_does_and_ends_with_misspelt_names(kind: Any) -> None:
    text = pydoc.plain(pydoc.render_doc(kind))
    assert " object at 0x" not in text
    assert "log10(x, /, **params)\n |      The function `log10` as a method." in text
    own, _, rest = text.partition("inherited from chainrule.autograd.nodes.misspelt.Misspellings")
    assert "A misspelt" not in own
    assert "gard" in rest


def test_methods_of_the_class_take_a_node() -> None:
    assert [y.data for y in map(Value.log10, [Value(10.0), Value(100.0)])] == [1.0, 2.0]
    assert Tensor.unsqueeze(Tensor([1.0, 2.0]), 0).shape == (1, 2)


def test_every_wrong_name_is_answered_by_a_getattr_where_it_is_free() -> None:
    assert hasattr(Value, "__getattr__") == (sys.version_info >= (3, 12))

    class Answering(Value):
        __getattr__ = unknown

    with pytest.raises(UnknownNameError, match="has no 'datta'; did you mean 'data'"):
        _ = Answering(2.0).datta  # type: ignore[attr-defined]
    assert copy.copy(Answering(2.0)).data == 2.0


def test_other_misspelt_attributes_of_nodes_are_answered_by_python_or_by_us() -> None:
    for line, meant in (("Value(2.0).datta", "data"), ("Tensor([1.0]).shap", "shape")):
        run = subprocess.run(
            [sys.executable, "-c", f"from chainrule import Tensor, Value; {line}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert f"id you mean: '{meant}'" in run.stderr.replace("mean '", "mean: '"), run.stderr


def test_constructors_of_nodes_show_their_own_signature_and_have_no_wrapper() -> None:
    assert (
        str(inspect.signature(Value))
        == "(data: 'Float', name: 'str | None' = None, requires_grad: 'bool' = True)"
    )
    assert list(inspect.signature(Tensor).parameters) == ["data", "name", "requires_grad", "dtype"]
    assert not hasattr(Value.__init__, "__wrapped__")
    assert not hasattr(Tensor.__init__, "__wrapped__")
    v = Value(data=2.0, label="a", requires_grad=False)
    assert (v.data, v.name, v.requires_grad) == (2.0, "a", False)
    with pytest.raises(KindError, match="no argument 'label'.*name="):
        Value(2.0, "b", label="a")  # type: ignore[arg-type]


def test_errors_from_inside_of_a_function_are_left_alone() -> None:
    def broken(prediction: Any, target: Any) -> Any:
        return prediction + None + len(3)  # type: ignore[operator, arg-type]

    with pytest.raises(TypeError, match=r"NoneType|len"):
        ag.grad(lambda x: len(x))(2.0)
    with pytest.raises(TypeError):
        nn.fit(MODEL, broken, (X, Y), progress=False)


def test_a_module_of_ones_own_answers_too() -> None:
    class Net(nn.Module):
        def __init__(self, width: int) -> None:
            self.layer = nn.Linear(2, width, seed=0)

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    with pytest.raises(KindError, match="Net has no argument 'widht'; did you mean 'width'"):
        Net(widht=3)  # type: ignore[call-arg]
    with pytest.raises(UnknownNameError, match="the module Net has no 'layr'; did you mean 'layer'"):
        _ = Net(3).layr
    with pytest.raises(KindError, match="was called without x"):
        Net(3)()


def test_a_step_without_any_gradient_is_said_once_the_others_are_not() -> None:
    w = Value(1.0)
    optimizer = nn.SGD([w], lr=0.1)
    with pytest.warns(
        ChainruleWarning, match=r"SGD\.step\(\) changed nothing: none of its 1 parameters.*backward"
    ):
        optimizer.step()
    (w * w).backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
        optimizer.zero_grad()
        optimizer.step()
    assert w.data == pytest.approx(0.8)


@pytest.mark.parametrize("node", [Value(1.0, name="w"), Tensor([1.0, 2.0], name="w")])
def test_a_graph_that_grows_in_a_loop_is_said(node: Any) -> None:
    w = node

    def steps(n: int) -> None:
        nonlocal w
        for _ in range(n):
            loss = w * w if isinstance(w, Value) else (w * w).sum()
            loss.backward()
            w = w - 0.001 * w.grad

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps(150)
    with pytest.warns(ChainruleWarning, match=r"Write w\.data -= lr \* w\.grad"):
        steps(100)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")  # as for a user: a text is shown once for its line
        steps(100)
    assert len(shown) == 1


def test_large_graphs_that_do_not_grow_are_not_said() -> None:
    xs = [Value(float(i)) for i in range(400)]
    losses = [(x - 1.0) ** 2 for x in xs]
    total = ag.total(losses)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        total.backward()
        (total * 2).backward()
        total.backward()


def test_step_alone_in_a_script_is_said(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    head = "from chainrule.autograd import Value\nfrom chainrule.viz import step\nL = Value(2.0) * 3\n"
    for line, said in (("step(L)", True), ("print(step(L))", False), ("s = step(L)", False)):
        script.write_text(f"{head}{line}\n")
        found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
        assert ("step(L) in a script shows nothing: write print(step(L))" in found.stderr) is said


# ---------------------------------------------------------------------- the gradient check


def test_a_slope_with_a_kink_passes() -> None:
    check_gradients(lambda x: ag.relu(x) * x, 0.0)
    check_gradients(lambda x: ag.relu(x) * x, np.array([0.0, 1.0, -1.0]))
    with pytest.raises(
        CheckError, match=r"There is a kink: 0 on the left, 1 on the right. Write side='left'"
    ):
        check_gradients(ag.relu, 0.0)


def test_numbers_that_can_be_checked_by_hand() -> None:
    cube = ag.elementwise("cube_wrong", lambda x: x**3, lambda x: x**3, [lambda y, x: 2 * x * x])
    try:
        with pytest.raises(
            CheckError, match=r"input 0, at 2, is 8 by the engine and 12 by differences: off by 4"
        ):
            check_gradients(cube, 2.0)
        with pytest.raises(
            CheckError,
            match=r"gradient of output \[0, 1\] with respect to element \[1\] of input 0, at 2, is 32 by the "
            r"engine and 48 by differences: off by 16; output \[0, 1\] is 31\.99\d* with the element",
        ):
            check_gradients(
                lambda x, w: cube(x) * w, np.array([0.0, 2.0]), np.array([[1.0, 4.0], [2.0, 3.0]])
            )
    finally:
        del ag.TABLE["cube_wrong"]


def test_a_detached_part_is_found_with_its_line() -> None:
    with pytest.raises(
        CheckError, match=r"is 2\.718\d* by.*5\.436\d* by.*A part has no gradient: at.*float\(\)"
    ):
        check_gradients(lambda x: math.exp(x) * x, 1.0)
    with pytest.raises(CheckError, match=r"A part has no gradient: at.*\(\.data\) from a Value 2"):
        check_gradients(lambda v: v.data * v, 2.0)
