"""Everything that a playground can be set to, declared once: default, check, and what the page shows for it.

`Settings` describe a training from its start, and a `Recipe` adds what was changed on the way, and how far it went. A
recipe is written as an address (`data=xor&layers=4,2&steps=750`) and read from one, so that a link gives the same
numbers. The page builds its controls from `controls()`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ...common.errors import OptionError, check_option

__all__ = ["CHOICES", "MOST_STEPS", "Change", "Recipe", "Settings", "controls", "recipes"]

CLASSES = ("rings", "circles", "xor", "gaussians", "spirals", "moons")
NUMBERS = ("plane", "bumps")
INPUTS = ("x1", "x2", "x1^2", "x2^2", "x1x2", "sin(x1)", "sin(x2)")
ACTIVATIONS = ("tanh", "relu", "sigmoid", "linear", "leaky_relu", "elu", "softplus", "gelu", "silu")
INITIAL = (
    "suited to the activation",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "small (deviation 0.01)",
    "large (deviation 3)",
    "all equal to 0.5",
    "zeros",
)
OPTIMIZERS = ("SGD", "SGD with momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW")
SCHEDULES = ("constant", "exponential", "steps", "cosine", "warmup")
PENALTIES = ("none", "L1", "L2")
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STRENGTHS = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)

MOST_LAYERS, MOST_UNITS = 6, 8
MOST_SEED = 2**32 - 1
MOST_STEPS = 10_000_000  # of an address
MOST_POINTS = 2000
MOST_CHANGES = 500
REACH = 6.0  # the plane extends from -6 to 6 in both directions

# takes the name of a setting and what was given; returns the value, or raises
Check = Callable[[str, Any], Any]

# ---------------------------------------------------------------------- checks


def choice(valid: tuple[str, ...]) -> Check:
    """One of these names."""

    def check(name: str, given: Any) -> str:
        check_option(name, given, valid)
        return str(given)

    return check


def number(least: float, most: float, above: bool = False) -> Check:
    """A number from `least` to `most`; with `above`, more than `least`."""

    def check(name: str, given: Any) -> float:
        try:
            if isinstance(given, bool):
                raise TypeError
            found = float(given)
        except (TypeError, ValueError):
            raise OptionError(f"{name} is a number; given {given!r:.60}") from None
        if not (least < found if above else least <= found) or not found <= most:
            limit = f"more than {least:g}" if above else f"{least:g} or more"
            raise OptionError(f"{name} is {limit}, and {most:g} at most; given {found:g}")
        return found

    return check


def whole(least: int, most: int) -> Check:
    """A whole number from `least` to `most`."""
    within = number(least, most)

    def check(name: str, given: Any) -> int:
        found = within(name, given)
        if found != int(found):
            raise OptionError(f"{name} is a whole number; given {found:g}")
        return int(found)

    return check


def several(each: Check, most: int, least: int = 0) -> Check:
    """A list, or a text with commas, in which each part passes a check."""

    def check(name: str, given: Any) -> tuple[Any, ...]:
        parts = list(filter(None, given.split(","))) if isinstance(given, str) else given
        if not isinstance(parts, (list, tuple)) or not least <= len(parts) <= most:
            has = len(parts) if isinstance(parts, (list, tuple)) else repr(parts)[:60]
            raise OptionError(f"{name} has from {least} to {most} parts; given {has}")
        return tuple(each(name, part) for part in parts)

    return check


def distinct(check_all: Check) -> Check:
    """A list without duplicates, in the order of the inputs."""

    def check(name: str, given: Any) -> tuple[Any, ...]:
        chosen = check_all(name, given)
        return tuple(each for each in INPUTS if each in chosen)

    return check


def points(name: str, given: Any) -> tuple[tuple[float, float, float], ...]:
    """Points of one's own: `(x1, x2, y)`; as a text, `1,2,0;3,4,1`."""
    rows = [row.split(",") for row in given.split(";") if row] if isinstance(given, str) else given
    if not isinstance(rows, (list, tuple)) or len(rows) > MOST_POINTS:
        raise OptionError(f"points are a list of at most {MOST_POINTS:,}")
    place, target = number(-REACH, REACH), number(-1e6, 1e6)
    found = []
    for row in rows:
        if not isinstance(row, (list, tuple)) or len(row) != 3:
            raise OptionError(f"a point is x1, x2 and y; given {row!r:.60}")
        x1, x2, y = row
        at = (place("x1 of a point", x1), place("x2 of a point", x2), target("y of a point", y))
        found.append((round(at[0], 3), round(at[1], 3), round(at[2], 4)))
    return tuple(found)


# ---------------------------------------------------------------------- the settings


def setting(default: Any, check: Check, label: str, group: str, **shown: Any) -> Any:
    """A field: its check, and for the page its label, its group, and its choices or limits."""
    return field(default=default, metadata={"check": check, "label": label, "group": group, **shown})


@dataclass(frozen=True)
class Settings:
    """A training from its start. Raises `OptionError` for what cannot be, and says what can.

    >>> settings = Settings(data="xor", layers=[4, 2], activations="relu")
    >>> settings.activations, settings.problem
    (('relu', 'relu'), 'classification')
    >>> Settings(rate=0)
    Traceback (most recent call last):
    ...
    chainrule.viz.common.errors.OptionError: rate is more than 0, and 100 at most; given 0
    """

    data: str = setting("rings", choice((*CLASSES, *NUMBERS, "own")), "Data", "data")
    samples: int = setting(500, whole(4, MOST_POINTS), "Points", "data", least=20, most=MOST_POINTS, step=20)
    noise: float = setting(5.0, number(0, 50), "Noise", "data", least=0, most=50, step=5, unit="%")
    share: float = setting(
        50.0, number(10, 90), "Share for training", "data", least=10, most=90, step=10, unit="%"
    )
    batch: int = setting(10, whole(1, MOST_POINTS), "Batch size", "data", least=1, most=100, step=1)
    data_seed: int = setting(0, whole(0, MOST_SEED), "Seed of the data", "data")
    points: tuple[tuple[float, float, float], ...] = setting((), points, "Points", "own")
    inputs: tuple[str, ...] = setting(
        ("x1", "x2"), distinct(several(choice(INPUTS), len(INPUTS), 1)), "Inputs", "network", choices=INPUTS
    )
    layers: tuple[int, ...] = setting(
        (4, 2), several(whole(1, MOST_UNITS), MOST_LAYERS), "Units of the hidden layers", "network"
    )
    activations: tuple[str, ...] = setting(
        ("tanh",), several(choice(ACTIVATIONS), MOST_LAYERS), "Activation", "top", choices=ACTIVATIONS
    )
    initial: str = setting(INITIAL[0], choice(INITIAL), "Initial weights", "network", choices=INITIAL)
    dropout: float = setting(0.0, number(0, 0.9), "Dropout", "network", least=0, most=0.8, step=0.1)
    seed: int = setting(1, whole(0, MOST_SEED), "Seed of the weights", "network")
    optimizer: str = setting("SGD", choice(OPTIMIZERS), "Optimiser", "top", choices=OPTIMIZERS)
    rate: float = setting(0.1, number(0, 100, above=True), "Learning rate", "top", choices=RATES)
    schedule: str = setting("constant", choice(SCHEDULES), "Schedule of the rate", "top", choices=SCHEDULES)
    penalty: str = setting("none", choice(PENALTIES), "Regularisation", "top", choices=PENALTIES)
    strength: float = setting(0.0, number(0, 10), "Its rate", "top", choices=STRENGTHS)

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, each.metadata["check"](each.name, getattr(self, each.name)))
        given = self.activations or ("tanh",)
        matched = (*given, *given[-1:] * len(self.layers))[: len(self.layers)]
        object.__setattr__(self, "activations", matched)
        if self.data == "own":
            self._check_points()

    def _check_points(self) -> None:
        if len(self.points) < 4:
            raise OptionError(
                f"a training on points of your own takes 4 or more, some for training and some for the test; there "
                f"are {len(self.points)}"
            )
        if len({y for _, _, y in self.points}) < 2:
            raise OptionError(
                "all points have the same class or number, so that there is nothing to learn; add points of another"
            )

    @property
    def problem(self) -> str:
        """`"classification"` or `"regression"`, as the data are."""
        if self.data == "own":
            return "classification" if {y for _, _, y in self.points} == {0.0, 1.0} else "regression"
        return "regression" if self.data in NUMBERS else "classification"

    def but(self, **given: Any) -> Settings:
        """The settings with some of them changed; raises `OptionError` for a name that is none."""
        known = {each.name for each in fields(self)}
        for name in given:
            check_option("setting", name, known)
        return replace(self, **given)

    def as_json(self) -> dict[str, Any]:
        """The settings by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


CHOICES = {"data": (*CLASSES, *NUMBERS), "classes": CLASSES, "numbers": NUMBERS, "inputs": INPUTS}


def controls() -> dict[str, dict[str, Any]]:
    """What the page needs to build the control of each setting."""
    return {
        each.name: {name: value for name, value in each.metadata.items() if name != "check"}
        for each in fields(Settings)
    }


# ---------------------------------------------------------------------- what was changed on the way


@dataclass(frozen=True)
class Change:
    """A number that was changed after `step` batches: the learning rate, `"rate"`, or an element of a parameter."""

    step: int
    name: str
    index: tuple[int, ...]
    value: float

    def __str__(self) -> str:
        at = "".join(f".{i}" for i in self.index)
        return f"{self.step}:{self.name}{at}:{self.value!r}"


def change_from(text: str) -> Change:
    """The change that `str` has written, as in `25:rate:0.1` or `25:0.weight.1.0:-2.5`."""
    try:
        step, what, value = text.split(":")
        found, at = float(value), int(step)
        if what == "rate":
            name, index = what, []
        else:
            layer, kind, *index = what.split(".")
            name = f"{int(layer)}.{kind}"
        places = tuple(int(i) for i in index)
    except ValueError:
        raise OptionError(f"the address holds a change that cannot be read: {text!r:.60}") from None
    if not math.isfinite(found) or not 0 <= at <= MOST_STEPS:
        raise OptionError(f"the address holds a change that cannot be: {text!r:.60}")
    return Change(at, name, places, found)


@dataclass(frozen=True)
class Recipe:
    """All that determines the numbers of a playground: the settings, the changes on the way, the steps so far.

    >>> recipe = Recipe(Settings(data="xor", rate=0.3), (Change(50, "0.weight", (1, 0), -2.5),), 100)
    >>> recipe.address()
    'data=xor&rate=0.3&changes=50:0.weight.1.0:-2.5&steps=100'
    >>> Recipe.read(recipe.address()) == recipe
    True
    """

    settings: Settings = field(default_factory=Settings)
    changes: tuple[Change, ...] = ()
    steps: int = 0

    def address(self) -> str:
        """The recipe as the part of an address behind `#`; what is as usual is left out."""
        usual = Settings().as_json()
        usual["activations"] = Settings(layers=self.settings.layers).activations
        parts: dict[str, str] = {}
        for name, value in self.settings.as_json().items():
            if value == usual[name] or (name == "points" and self.settings.data != "own"):
                continue
            if name == "points":
                parts[name] = ";".join(",".join(f"{x:g}" for x in row) for row in value)
            else:
                parts[name] = ",".join(map(str, value)) if isinstance(value, tuple) else _plain(value)
        if self.changes:
            parts["changes"] = ",".join(map(str, self.changes))
        if self.steps:
            parts["steps"] = str(self.steps)
        return urlencode(parts, safe=",:;^()")

    @classmethod
    def read(cls, address: str) -> Recipe:
        """The recipe of an address; raises `OptionError` that says what is wrong with it."""
        parts = dict(parse_qsl(address.lstrip("#"), keep_blank_values=True))
        changes = several(lambda _, text: change_from(text), MOST_CHANGES)(
            "changes", parts.pop("changes", "")
        )
        steps = whole(0, MOST_STEPS)("steps", parts.pop("steps", 0))
        return cls(Settings().but(**parts), changes, steps)

    def differences(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """The settings that differ from those of another recipe: name, and both values."""
        mine, others = self.settings.as_json(), other.settings.as_json()
        return {name: (mine[name], others[name]) for name in mine if mine[name] != others[name]}


def recipes(address: str) -> tuple[Recipe, Recipe | None]:
    """The recipe of an address, which may be a whole link, and that of a second training to compare it with.

    >>> recipe, kept = recipes("http://127.0.0.1:8765/secret/#data=xor&kept=data%3Dmoons%26seed%3D3")
    >>> recipe.settings.data, kept.settings.data, kept.settings.seed
    ('xor', 'moons', 3)
    """
    parts = dict(parse_qsl(address.rpartition("#")[2], keep_blank_values=True))
    kept = parts.pop("kept", None)
    return Recipe.read(urlencode(parts)), None if kept is None else Recipe.read(kept)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
