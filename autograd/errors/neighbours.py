"""One table of the names of PyTorch and micrograd: what they are called here, and where the numbers differ.

If a row has `takes`, the name works here: it is translated where it is used. For the other rows an error says what to
write. The notebooks for readers who come from these libraries print the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["KEYWORDS", "TABLE", "Habit", "answer", "habit", "names_of", "rows_of"]


class Habit(NamedTuple):
    """One row: a name of another library, in the place where its users look for it.

    `theirs` is how it is written; a name with brackets is a method or a function, one without is an attribute, and one
    that ends in `=` an argument. `takes` does the same here: a function of the node or module and the arguments; for a
    name of a module the name here; for an argument a function of its value that returns our arguments.
    """

    library: str
    place: str
    theirs: str
    ours: str
    differs: str = ""
    takes: Any = None

    @property
    def name(self) -> str:
        """The name alone: `view` of `view(2, 3)`."""
        return self.theirs.partition("(")[0].rstrip("=")

    def __str__(self) -> str:
        works = "works, as " if self.takes else ""
        return f"{self.theirs:24} {works}{self.ours}" + (f". {self.differs}" if self.differs else "")

    @property
    def is_attribute(self) -> bool:
        """Whether it is written without brackets."""
        return "(" not in self.theirs


def names_of(library: str | None = None, place: str | None = None) -> list[Habit]:
    """The rows of the table, of one library or of one place.

    >>> [row.theirs for row in names_of("micrograd", "Value")]
    ['_prev', '_op', '_backward()']
    """
    return [row for row in TABLE if library in (None, row.library) and place in (None, row.place)]


def habit(name: str, place: str) -> Habit | None:
    """The row of a name in a place; rows of nodes hold for Values and Tensors."""
    found = INDEX.get((place, name))
    return INDEX.get(("node", name)) if found is None and place in ("Value", "Tensor") else found


def rows_of(place: str, what: str = "") -> list[Habit]:
    """All rows that hold in a place; `what` is the function if it is an argument."""
    places = (place, f"{place} of {what}", *(("node",) if place in ("Value", "Tensor") else ()))
    return [row for row in TABLE if row.place in places]


def answer(name: str, place: str, what: str = "") -> str:
    """The sentences that answer such a name, or an empty text; `what` is the function if it is an argument."""
    row = habit(name, f"{place} of {what}") or habit(name, place)
    if row is None:
        in_place = name.endswith("_") and not name.startswith("_") and place in ("Value", "Tensor")
        return IN_PLACE if in_place else ""
    whose = f"That is {row.library}'s name. Here: " if row.library else "Write "
    return whose + row.ours + (f". {row.differs}" if row.differs else "")


IN_PLACE = (
    "Nothing is changed in place here. Write t = ... for a new node, t.at[i].set(v) for changed elements, "
    "or t.data = ... for new numbers in a leaf"
)


def _as_type(dtype: Any) -> Callable[..., Any]:
    return lambda t: t.astype(dtype)


def _moved_to(t: Any, *to: Any, **options: Any) -> Any:
    """`t.to(np.float32)`, `t.to("cpu")`; anything else is refused by `astype`."""
    wanted = [x for x in (*to, *options.values()) if x != "cpu"]
    return t.astype(wanted[0]) if wanted else t


def _set_flag(t: Any, on: bool = True) -> Any:
    t.requires_grad = on
    return t


def _each_flag(module: Any, on: bool = True) -> Any:
    for p in module.parameters():
        p.requires_grad = on
    return module


def _with_part(module: Any, name: str, part: Any) -> None:
    setattr(module, name, part)


TORCH, MICRO, KERAS, ANY = "PyTorch", "micrograd", "Keras", ""

TABLE = (
    # ------------------------------------------------------------------ Values
    Habit(MICRO, "Value", "_prev", "v.inputs", "It is a tuple in written order; micrograd has a set",
        lambda v: v.inputs),
    Habit(MICRO, "Value", "_op", "v.op.name", "The op of a leaf is None",
        lambda v: "" if v.op is None else v.op.symbol or v.op.name),
    Habit(MICRO, "Value", "_backward()", "v.pass_back()", "", lambda v: v.pass_back()),
    # ------------------------------------------------------------------ Tensors: shapes
    Habit(TORCH, "Tensor", "view(2, 3)", "t.reshape(2, 3)", "", lambda t, *shape: t.reshape(*shape)),
    Habit(TORCH, "Tensor", "view_as(u)", "t.reshape(u.shape)", "", lambda t, u: t.reshape(u.shape)),
    Habit(TORCH, "Tensor", "reshape_as(u)", "t.reshape(u.shape)", "", lambda t, u: t.reshape(u.shape)),
    Habit(TORCH, "Tensor", "unsqueeze(0)", "t[None], expand_dims(t, 0)", "",
        lambda t, dim: np.expand_dims(t, dim)),
    Habit(TORCH, "Tensor", "permute(1, 0)", "t.transpose(1, 0)", "", lambda t, *axes: t.transpose(*axes)),
    Habit(TORCH, "Tensor", "movedim(0, 1)", "moveaxis(t, 0, 1)", "", lambda t, a, b: np.moveaxis(t, a, b)),
    Habit(TORCH, "Tensor", "t()", "t.T", "", lambda t: t.T),
    Habit(TORCH, "Tensor", "expand(2, 3)", "broadcast_to(t, (2, 3))"),
    Habit(TORCH, "Tensor", "expand_as(u)", "broadcast_to(t, u.shape)", "",
        lambda t, u: np.broadcast_to(t, u.shape)),
    Habit(TORCH, "Tensor", "contiguous()", "t", "", lambda t: t),
    Habit(TORCH, "Tensor", "numel()", "t.size", "", lambda t: t.size),
    Habit(TORCH, "Tensor", "dim()", "t.ndim", "", lambda t: t.ndim),
    Habit(TORCH, "Tensor", "repeat_interleave(2, 0)", "t.repeat(2, 0)", "",
        lambda t, n, dim=None: t.repeat(n, dim)),
    Habit(TORCH, "Tensor", "chunk(2)", "array_split(t, 2)", "NumPy's parts differ by one element at most"),
    Habit(TORCH, "Tensor", "unbind()", "list(t)", "", lambda t, dim=0: list(np.moveaxis(t, dim, 0))),
    Habit(TORCH, "Tensor", "narrow(0, 1, 2)", "t[1:3]"),
    Habit(TORCH, "Tensor", "select(0, 1)", "t[1]"),
    Habit(TORCH, "Tensor", "split(2)", "split(t, 2)",
        "NumPy's number is that of the parts, PyTorch's the length of each"),
    # ------------------------------------------------------------------ Tensors: elements
    Habit(TORCH, "node", "abs()", "abs(t)", "", lambda t: abs(t)),
    Habit(TORCH, "node", "pow(2)", "t ** 2", "", lambda t, n: t**n),
    Habit(TORCH, "node", "sub(u)", "t - u", "", lambda t, u: t - u),
    Habit(TORCH, "node", "mul(u)", "t * u", "", lambda t, u: t * u),
    Habit(TORCH, "node", "div(u)", "t / u", "", lambda t, u: t / u),
    Habit(TORCH, "node", "neg()", "-t", "", lambda t: -t),
    Habit(TORCH, "node", "reciprocal()", "1 / t", "", lambda t: 1 / t),
    Habit(TORCH, "node", "rsqrt()", "1 / sqrt(t)", "", lambda t: 1 / t.sqrt()),
    Habit(TORCH, "Tensor", "mm(u)", "t @ u", "", lambda t, u: t @ u),
    Habit(TORCH, "Tensor", "bmm(u)", "t @ u", "", lambda t, u: t @ u),
    Habit(TORCH, "Tensor", "mv(u)", "t @ u", "", lambda t, u: t @ u),
    Habit(TORCH, "Tensor", "clamp(0, 1)", "t.clip(0, 1)", "",
        lambda t, min=None, max=None: t.clip(min, max)),
    Habit(TORCH, "Tensor", "amax(1)", "t.max(axis=1)", "",
        lambda t, dim=None, keepdim=False: t.max(dim, keepdim)),
    Habit(TORCH, "Tensor", "amin(1)", "t.min(axis=1)", "",
        lambda t, dim=None, keepdim=False: t.min(dim, keepdim)),
    Habit(TORCH, "Tensor", "masked_fill(mask, v)", "where(mask, v, t)", "",
        lambda t, mask, value: np.where(mask, value, t)),
    Habit(TORCH, "Tensor", "where(mask, u)", "where(mask, t, u)", "", lambda t, mask, u: np.where(mask, t, u)),
    Habit(TORCH, "Tensor", "masked_select(mask)", "t[mask]", "", lambda t, mask: t[mask]),
    Habit(TORCH, "Tensor", "index_select(0, i)", "take(t, i, axis=0)", "", lambda t, dim, i: t.take(i, dim)),
    Habit(TORCH, "Tensor", "gather(1, i)", "take_along_axis(t, i, axis=1)",
        "The other axes of i broadcast to those of t"),
    Habit(TORCH, "Tensor", "scatter_add(0, i, v)", "t.at[i].add(v)"),
    Habit(TORCH, "Tensor", "index_add(0, i, v)", "t.at[i].add(v)"),
    Habit(TORCH, "Tensor", "eq(u)", "t == u", "", lambda t, u: t == u),
    Habit(TORCH, "Tensor", "gt(u)", "t > u", "", lambda t, u: t > u),
    Habit(TORCH, "Tensor", "ge(u)", "t >= u", "", lambda t, u: t >= u),
    Habit(TORCH, "Tensor", "lt(u)", "t < u", "", lambda t, u: t < u),
    Habit(TORCH, "Tensor", "le(u)", "t <= u", "", lambda t, u: t <= u),
    Habit(TORCH, "Tensor", "sort()", "sort(t), and t.argsort() for the positions",
        "PyTorch returns both; NumPy's method changes the array itself"),
    Habit(TORCH, "Tensor", "median()", "median(t)", "PyTorch takes the lower of two middle elements, NumPy their mean"),
    Habit(TORCH, "Tensor", "nonzero()", "np.argwhere(t.data)"),
    Habit(TORCH, "Tensor", "unique()", "np.unique(t.data)"),
    Habit(TORCH, "Tensor", "multinomial(1)", "nn.sample(probabilities, seed=0)"),
    # ------------------------------------------------------------------ Tensors: graph, dtype, device
    Habit(TORCH, "node", "clone()", "t.copy()", "", lambda t: t.copy() if hasattr(t, "shape") else +t),
    Habit(TORCH, "node", "retain_grad()", "nothing: computed nodes keep the gradient of the latest pass", "",
        lambda t: None),
    Habit(TORCH, "node", "requires_grad_()", "t.requires_grad = True, on a leaf", "", _set_flag),
    Habit(TORCH, "node", "is_leaf", "t.op is None", "", lambda t: t.op is None),
    Habit(TORCH, "node", "grad_fn", "t.op, the operation, and t.inputs, what it was computed from"),
    Habit(TORCH, "node", "device", "no device: arrays are NumPy's; jit(f, backend='xla') runs on others"),
    Habit(TORCH, "Tensor", "float()", "t.astype(np.float32)", "", _as_type(np.float32)),
    Habit(TORCH, "Tensor", "double()", "t.astype(np.float64)", "", _as_type(np.float64)),
    Habit(TORCH, "Tensor", "half()", "t.astype(np.float16)", "", _as_type(np.float16)),
    Habit(TORCH, "Tensor", "long()", "t.astype(np.int64)", "", _as_type(np.int64)),
    Habit(TORCH, "Tensor", "int()", "t.astype(np.int32)", "", _as_type(np.int32)),
    Habit(TORCH, "Tensor", "bool()", "t.astype(bool)", "", _as_type(bool)),
    Habit(TORCH, "Tensor", "type_as(u)", "t.astype(u.dtype)", "", lambda t, u: t.astype(u.dtype)),
    Habit(TORCH, "Tensor", "to(np.float32)", "t.astype(np.float32)", "", _moved_to),
    Habit(TORCH, "Tensor", "cpu()", "t", "", lambda t: t),
    Habit(TORCH, "Tensor", "cuda()", "jit(f, backend='xla', device='gpu') or nn.fit(..., engine='xla')"),
    # ------------------------------------------------------------------ arguments
    Habit(TORCH, "argument of max", "dim=", "t.max(axis=1) for the maxima and t.argmax(axis=1) for their positions",
        "PyTorch returns both"),
    Habit(TORCH, "argument of min", "dim=", "t.min(axis=1) for the minima and t.argmin(axis=1) for their positions",
        "PyTorch returns both"),
    Habit(TORCH, "argument of median", "dim=", "median(t, axis=1)",
        "PyTorch takes the lower of two middle elements, NumPy their mean"),
    Habit(TORCH, "argument of sort", "dim=", "sort(t, axis=1), and t.argsort(axis=1) for the positions",
        "PyTorch returns both"),
    Habit(TORCH, "argument of std", "dim=", "t.std(axis=1, correction=1)",
        "PyTorch divides by n - 1 by default, NumPy by n, which is correction=0"),
    Habit(TORCH, "argument of var", "dim=", "t.var(axis=1, correction=1)",
        "PyTorch divides by n - 1 by default, NumPy by n, which is correction=0"),
    Habit(TORCH, "argument", "dim=", "axis=", "", lambda v: {"axis": v}),
    Habit(TORCH, "argument", "dims=", "axis=", "", lambda v: {"axis": v}),
    Habit(TORCH, "argument", "keepdim=", "keepdims=", "", lambda v: {"keepdims": v}),
    Habit(TORCH, "argument", "unbiased=", "correction=1 (True) or correction=0 (False)", "",
        lambda v: {"correction": int(v)}),
    Habit(TORCH, "argument", "num_classes=", "n_classes=", "", lambda v: {"n_classes": v}),
    Habit(TORCH, "argument", "shifts=", "shift=", "", lambda v: {"shift": v}),
    Habit(TORCH, "argument", "learning_rate=", "lr=", "", lambda v: {"lr": v}),
    Habit(TORCH, "argument", "set_to_none=", "zero_grad(), after which each .grad is None", "",
        lambda v: {} if v is True else {"set_to_none": v}),
    Habit(TORCH, "argument", "retain_graph=", "backward(): a graph stays as long as one of its nodes", "",
        lambda v: {}),
    Habit(TORCH, "argument", "create_graph=",
        "gradients(loss, [w], create_graph=True), which returns gradients that are nodes"),
    Habit(TORCH, "argument", "inplace=", "nothing: no activation changes its input", "", lambda v: {}),
    Habit(TORCH, "argument", "device=", "nn.fit(..., engine='xla', device='gpu') or jit(f, backend='xla')"),
    Habit(TORCH, "argument", "num_workers=", "nothing: batches are slices of arrays in memory", "",
        lambda v: {}),
    Habit(TORCH, "argument", "pin_memory=", "nothing: batches are slices of arrays in memory", "",
        lambda v: {}),
    Habit(TORCH, "argument", "start_dim=", "t.reshape(len(t), -1), which keeps the first axis"),
    Habit(TORCH, "argument", "recurse=", "the attributes of the module itself, as in [layer.weight, layer.bias]"),
    Habit(TORCH, "argument", "size_average=", "reduction='mean' or reduction='sum'"),
    Habit(TORCH, "argument of fit", "lr=", "fit(..., optimizer=nn.SGD(model.parameters(), lr=0.1))"),
    Habit(KERAS, "argument of fit", "verbose=", "progress=True or progress=False"),
    Habit(KERAS, "argument of fit", "validation_data=", "validation=(X, y)"),
    Habit(KERAS, "argument of fit", "validation_split=", "validation=(X, y), with arrays that nn.split makes"),
    Habit(KERAS, "argument of fit", "shuffle=", "fit(model, loss, nn.DataLoader(X, y, shuffle=False))"),
    Habit(KERAS, "argument of fit", "patience=", "early_stopping=10"),
    Habit(MICRO, "argument", "label=", "name=", "", lambda v: {"name": v}),
    Habit(MICRO, "argument", "_children=", "nothing: operations record what a node was computed from"),
    Habit(ANY, "option show", "value", "show='data'"),
    Habit(ANY, "option show", "values", "show='data'"),
    Habit(ANY, "option show", "gradient", "show='grad'"),
    Habit(ANY, "option direction", "RL", "direction='LR'"),
    Habit(ANY, "argument", "kernel_size=", "kernel=, of a function", "", lambda v: {"kernel": v}),
    Habit(ANY, "argument", "kernel=", "kernel_size=, of a layer", "", lambda v: {"kernel_size": v}),
    Habit(ANY, "autograd", "mod(a, b)", "remainder(a, b), which is a % b", "", "remainder"),
    Habit(ANY, "argument of draw", "dark=", "theme='dark'"),
    Habit(ANY, "argument of draw", "grad=", "show=('data', 'op', 'name'), which leaves gradients out"),
    Habit(ANY, "argument of draw", "filename=", "draw(y).save('graph.svg')"),
    Habit(MICRO, "argument", "format=", "draw(y).save('graph.svg'), where the suffix says the format"),
    Habit(MICRO, "argument", "rankdir=", "direction='LR' or direction='TB'", "", lambda v: {"direction": v}),
    # ------------------------------------------------------------------ calls
    Habit(ANY, "call of MLP", "call", "MLP(2, [16, 16, 1]): the number of inputs, and a list of the widths"),
    Habit(ANY, "call of forward", "call", "x.data = ... for each leaf that changes, then tape.forward(); "
        "or tape.forward(x=...), by the name of the leaf"),
    Habit(ANY, "call of fit", "call", "fit(model, nn.mse_loss, (X, y), epochs=10): the model, the loss, the data"),
    Habit(ANY, "call of draw", "call", "draw(y).save('graph.svg')"),
    # ------------------------------------------------------------------ functions
    Habit(TORCH, "autograd", "tensor(a, requires_grad=True)", "Tensor(a)",
        "Floating numbers require a gradient unless requires_grad=False", "Tensor"),
    Habit(TORCH, "autograd", "from_numpy(a)", "Tensor(a)", "The numbers are copied", "Tensor"),
    Habit(TORCH, "autograd", "as_tensor(a)", "Tensor(a)", "The numbers are copied", "Tensor"),
    Habit(TORCH, "autograd", "cat([t, u], dim=1)", "concatenate([t, u], axis=1)", "", "concatenate"),
    Habit(TORCH, "autograd", "abs(t)", "absolute(t), abs(t)", "", "absolute"),
    Habit(TORCH, "autograd", "pow(t, 2)", "t ** 2", "", "power"),
    Habit(TORCH, "autograd", "sub(t, u)", "t - u", "", "subtract"),
    Habit(TORCH, "autograd", "mul(t, u)", "t * u", "", "multiply"),
    Habit(TORCH, "autograd", "div(t, u)", "t / u", "", "divide"),
    Habit(TORCH, "autograd", "neg(t)", "-t", "", "negative"),
    Habit(TORCH, "autograd", "mm(t, u)", "t @ u", "", "matmul"),
    Habit(TORCH, "autograd", "bmm(t, u)", "t @ u", "", "matmul"),
    Habit(TORCH, "autograd", "clamp(t, 0, 1)", "clip(t, 0, 1)", "", "clip"),
    Habit(TORCH, "autograd", "unsqueeze(t, 0)", "expand_dims(t, 0), t[None]", "", "expand_dims"),
    Habit(TORCH, "autograd", "permute(t, (1, 0))", "transpose(t, (1, 0))", "", "transpose"),
    Habit(TORCH, "autograd", "movedim(t, 0, 1)", "moveaxis(t, 0, 1)", "", "moveaxis"),
    Habit(TORCH, "autograd", "asin(t)", "arcsin(t)", "", "arcsin"),
    Habit(TORCH, "autograd", "acos(t)", "arccos(t)", "", "arccos"),
    Habit(TORCH, "autograd", "atan(t)", "arctan(t)", "", "arctan"),
    Habit(TORCH, "autograd", "atan2(t, u)", "arctan2(t, u)", "", "arctan2"),
    Habit(TORCH, "autograd", "round(t)", "round(t), rint(t)", "", "rint"),
    Habit(TORCH, "autograd", "repeat_interleave(t, 2)", "repeat(t, 2)", "", "repeat"),
    Habit(TORCH, "autograd", "gather(t, 1, i)", "take_along_axis(t, i, axis=1)",
        "The other axes of i broadcast to those of t"),
    Habit(TORCH, "autograd", "argmax(t)", "np.argmax(t), t.argmax()"),
    Habit(TORCH, "autograd", "argsort(t)", "np.argsort(t), t.argsort()"),
    Habit(TORCH, "autograd", "zeros(2, 3)", "Tensor(np.zeros((2, 3)))"),
    Habit(TORCH, "autograd", "ones(2, 3)", "Tensor(np.ones((2, 3)))"),
    Habit(TORCH, "autograd", "arange(3)", "Tensor(np.arange(3.0))"),
    Habit(TORCH, "autograd", "eye(3)", "Tensor(np.eye(3))"),
    Habit(TORCH, "autograd", "randn(2, 3)", "Tensor(np.random.default_rng(0).normal(size=(2, 3)))"),
    Habit(TORCH, "autograd", "rand(2, 3)", "Tensor(np.random.default_rng(0).uniform(size=(2, 3)))"),
    Habit(TORCH, "autograd", "manual_seed(0)", "seed=0, for each thing that is random"),
    Habit(TORCH, "autograd", "multinomial(p, 1)", "nn.sample(p, seed=0)"),
    Habit(TORCH, "autograd", "enable_grad()", "nothing: everything outside of no_grad() is recorded"),
    Habit(TORCH, "autograd", "func", "grad, jacobian, hessian, vjp and jvp, of chainrule.autograd itself"),
    Habit(TORCH, "autograd", "Function", "a row of the table: elementwise(...) or structural(...)"),
    Habit(TORCH, "autograd", "gradcheck(f, x)", "check_gradients(f, x)", "It checks second derivatives, too",
        "check_gradients"),
    Habit(TORCH, "autograd", "set_detect_anomaly(True)", "with detect_nonfinite(): ..."),
    Habit(TORCH, "autograd", "compile(f)", "jit(f)", "", "jit"),
    # ------------------------------------------------------------------ modules
    Habit(TORCH, "nn", "MultiheadAttention(8, 2)", "nn.MultiHeadAttention(8, 2)", "", "MultiHeadAttention"),
    Habit(TORCH, "nn", "ModuleList([...])", "a list: modules in lists are found", "", list),
    Habit(TORCH, "nn", "ModuleDict({...})", "a dict: modules in dicts are found", "", dict),
    Habit(TORCH, "nn", "ParameterList([...])", "a list: parameters in lists are found", "", list),
    Habit(TORCH, "nn", "Swish()", "nn.SiLU()", "", "SiLU"),
    Habit(TORCH, "nn", "functional", "functions of chainrule.autograd, such as relu, and of nn, such as nn.mse_loss"),
    Habit(TORCH, "nn", "utils", "nn.clip_grad_norm_ and nn.clip_grad_value_"),
    Habit(TORCH, "nn", "lr_scheduler", "nn.schedules"),
    Habit(TORCH, "nn", "Dataset", "arrays: nn.DataLoader(X, y, batch_size=32)"),
    Habit(TORCH, "nn", "TensorDataset(X, y)", "arrays: nn.DataLoader(X, y, batch_size=32)"),
    Habit(TORCH, "nn", "Dropout2d(0.5)", "nn.Dropout(0.5)", "It drops single elements, not whole channels"),
    Habit(TORCH, "nn", "Conv1d(1, 2, 3)", "chainrule.autograd.conv, over any number of axes, in a module of your own"),
    Habit(TORCH, "nn", "GroupNorm(2, 4)", "nn.LayerNorm or nn.BatchNorm2d, or a module of your own"),
    Habit(TORCH, "nn", "DataParallel(model)", "nn.fit(..., engine='xla', devices=...)"),
    Habit(TORCH, "schedules", "StepLR(optimizer, 10)", "nn.schedules.StepDecay(optimizer, 10)", "", "StepDecay"),
    Habit(TORCH, "schedules", "ExponentialLR(optimizer, 0.9)", "nn.schedules.ExponentialDecay(optimizer, 0.9)", "",
        "ExponentialDecay"),
    Habit(TORCH, "schedules", "CosineAnnealingLR(optimizer, 10)", "nn.schedules.Cosine(optimizer, 10)", "", "Cosine"),
    Habit(TORCH, "schedules", "ReduceLROnPlateau(optimizer)", "nn.schedules.ReduceOnPlateau(optimizer)", "",
        "ReduceOnPlateau"),
    Habit(TORCH, "Module", "float()", "model.to(np.float32)", "", lambda m: m.to(np.float32)),
    Habit(TORCH, "Module", "double()", "model.to(np.float64)", "", lambda m: m.to(np.float64)),
    Habit(TORCH, "Module", "half()", "model.to(np.float16)", "", lambda m: m.to(np.float16)),
    Habit(TORCH, "Module", "cpu()", "model", "", lambda m: m),
    Habit(TORCH, "Module", "cuda()", "nn.fit(..., engine='xla', device='gpu')"),
    Habit(TORCH, "Module", "add_module('name', layer)", "model.name = layer", "", _with_part),
    Habit(TORCH, "Module", "register_parameter('name', p)", "model.name = nn.Parameter(...)", "", _with_part),
    Habit(TORCH, "Module", "requires_grad_(False)", "p.requires_grad = False for each parameter", "", _each_flag),
    Habit(TORCH, "Module", "children()", "model.modules(), which starts with the model itself"),
    Habit(TORCH, "Module", "register_full_backward_hook(f)", "output.register_hook(f), on the node"),
    Habit(ANY, "node", "draw()", "draw(y), a function of chainrule.viz"),
    Habit(ANY, "node", "gradient", "y.grad, after loss.backward()"),
    Habit(ANY, "node", "value", "y.data"),
    Habit(ANY, "node", "zerograd()", "y.zero_grad()"),
    Habit(ANY, "Module", "weights", "model.parameters() for all of them; layer.weight of a Linear, unit.w of a Neuron"),
    Habit(KERAS, "Module", "fit(X, y)", "nn.fit(model, nn.mse_loss, (X, y), epochs=10)"),
    Habit(KERAS, "Module", "predict(X)", "model(X), after model.eval(), and .data for the array"),
    Habit(KERAS, "Module", "summary(x)", "nn.summary(model, x)"),
    Habit(KERAS, "Module", "compile()", "nothing: nn.fit replays its steps; jit(f) does so with functions"),
    Habit(TORCH, "Module", "save(path)", "nn.save(model, path)"),
    Habit(TORCH, "Module", "backward()", "loss.backward(), of the loss: nn.mse_loss(model(x), y).backward()"),
    Habit(TORCH, "Module", "step()", "optimizer.step(), of an optimiser: nn.SGD(model.parameters(), lr=0.1)"),
    Habit(TORCH, "Optimizer", "backward(loss)", "loss.backward(), and then optimizer.step()"),
    Habit(ANY, "Optimizer", "learning_rate", "optimizer.lr"),
    Habit(ANY, "Stepper", "prev()", "step(y).back()"),
    Habit(ANY, "Stepper", "previous()", "step(y).back()"),
    Habit(ANY, "Stepper", "show()", "step(y).interact(), in a notebook or a terminal"),
    Habit(ANY, "Drawing", "show()", "draw(y) as the last line of a cell, or draw(y).save('graph.svg')"),
    Habit(ANY, "Drawing", "render('graph')", "draw(y).save('graph.svg')"),
    Habit(ANY, "Drawing", "view()", "draw(y).save('graph.svg')"),
)  # fmt: skip


INDEX = {(row.place, row.name): row for row in TABLE}


def _keywords(found: Iterable[Habit]) -> dict[str, Callable[[Any, str], dict[str, Any]]]:
    """For each argument of other libraries a function of its value and of the name of the function that it was given.

    It returns our arguments; an argument that has none here is returned unchanged, and an error explains it later.
    """

    def translation(row: Habit) -> Callable[[Any, str], dict[str, Any]]:
        def translated(value: Any, what: str) -> dict[str, Any]:
            if row.takes is None or habit(row.name, f"argument of {what}") is not None:
                return {row.name: value}
            return dict(row.takes(value))

        return translated

    return {row.name: translation(row) for row in found}


KEYWORDS = _keywords(names_of(place="argument"))
