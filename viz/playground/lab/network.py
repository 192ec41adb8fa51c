"""What is trained: the network, the loss, the optimiser and the schedule, each as a call."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ....nn.layers.activations import ACTIVATIONS
from .calls import Call, Name
from .settings import Settings

__all__ = [
    "LOSSES",
    "activation_call",
    "loader_call",
    "model_call",
    "optimizer_call",
    "schedule_call",
    "widths",
]

LOSSES = {"classification": Name("nn.binary_cross_entropy_with_logits"), "regression": Name("nn.mse_loss")}

SPECIAL = {  # initial weights that are not a function of `nn.init` by name
    "small (deviation 0.01)": Call("partial", (Name("nn.init.normal"),), {"std": 0.01}),
    "large (deviation 3)": Call("partial", (Name("nn.init.normal"),), {"std": 3.0}),
    "all equal to 0.5": Call("partial", (Name("nn.init.constant"),), {"value": 0.5}),
}
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {}),
    "SGD with momentum": ("SGD", {"momentum": 0.9}),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
}
SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", {"gamma": 0.99}),
    "steps": ("StepDecay", {"step_size": 50, "gamma": 0.5}),
    "cosine": ("Cosine", {"T_max": 300, "restarts": True}),
    "warmup": ("Warmup", {"steps": 20, "start_factor": 0.05}),
}


def widths(settings: Settings) -> tuple[int, ...]:
    """The numbers of inputs, of units in each hidden layer, and of outputs."""
    return (len(settings.inputs), *settings.layers, 1)


def model_call(settings: Settings) -> Call:
    """The network: linear layers, each hidden one with its activation, and dropout after that."""
    parts = []
    for i, (n_in, n_out) in enumerate(pairwise(widths(settings))):
        hidden = i < len(settings.layers)
        options: dict[str, Any] = {}
        weights = _weights(settings, settings.activations[i] if hidden else "linear")
        if weights != Name("nn.init.glorot_uniform"):  # the default of a linear layer
            options["weight_init"] = weights
        parts.append(Call("nn.Linear", (n_in, n_out), options | {"seed": Name("rng")}))
        if hidden:
            parts.append(activation_call(settings.activations[i]))
            if settings.dropout:
                parts.append(Call("nn.Dropout", (settings.dropout,), {"seed": Name("rng")}))
    return Call("nn.Sequential", tuple(parts))


def _weights(settings: Settings, activation: str) -> Name | Call:
    if settings.initial in SPECIAL:
        return SPECIAL[settings.initial]
    if settings.initial.startswith("suited"):
        return Name(f"nn.init.{ACTIVATIONS[activation][1].__name__}")
    return Name(f"nn.init.{settings.initial}")


def activation_call(name: str) -> Call:
    """The module of an activation."""
    return Call(f"nn.{ACTIVATIONS[name][0].__name__}")


def optimizer_call(settings: Settings) -> Call:
    """The optimiser of the parameters of `model`."""
    name, options = OPTIMIZERS.get(settings.optimizer, (settings.optimizer, {}))
    return Call(f"nn.{name}", (Call("model.parameters"),), {"lr": settings.rate, **options})


def schedule_call(settings: Settings) -> Call | None:
    """The schedule of the rate of `optimizer`; `None` for a constant one."""
    if settings.schedule == "constant":
        return None
    name, options = SCHEDULES[settings.schedule]
    return Call(f"nn.schedules.{name}", (Name("optimizer"),), options)


def penalty_name(settings: Settings) -> Name | None:
    """The penalty on the weights, which takes the model and a strength; `None` without one."""
    used = settings.penalty != "none" and settings.strength > 0
    return Name(f"nn.{settings.penalty.lower()}_penalty") if used else None


def loader_call(settings: Settings) -> Call:
    """The batches, in an order of their own in each epoch."""
    options = {"batch_size": settings.batch, "seed": settings.data_seed}
    return Call("nn.DataLoader", (Name("inputs"), Name("y")), options)
