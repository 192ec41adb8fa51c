"""Prepared lessons: a claim of the lectures, and the settings with which it can be watched.

Many compare two trainings: `beside` has what is different in the second one. With the seeds that stand here each claim
is true; a test trains them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...common.errors import check_option
from .settings import INPUTS, Recipe, Settings

__all__ = ["LESSONS", "Lesson", "lesson_named"]


@dataclass(frozen=True)
class Lesson:
    """A claim that can be watched.

    Attributes:
        id: its name in messages.
        title, claim, watch: what it is called, what is true, what to look at.
        given: what is set; the other settings are as usual.
        epochs: after how many it stops.
        speed: epochs in a second.
        beside: what is different in a second training, which runs beside the first; `None` without one.
    """

    id: str
    title: str
    claim: str
    watch: str
    given: Mapping[str, Any]
    epochs: int
    speed: float
    beside: Mapping[str, Any] | None = None

    def settings(self) -> Settings:
        """The settings of the training."""
        return Settings(**self.given)

    def recipe_beside(self) -> Recipe | None:
        """The training beside it, from its start; `None` without one."""
        return None if self.beside is None else Recipe(self.settings().but(**self.beside))

    def about(self) -> dict[str, str]:
        """What a page shows of it."""
        return {"id": self.id, "title": self.title, "claim": self.claim, "watch": self.watch}


def lesson_named(id: str) -> Lesson:
    """The lesson of that name. Raises `OptionError` if there is none.

    >>> lesson_named("line").settings().layers, lesson_named("two-units").recipe_beside().settings.layers
    ((), (4,))
    """
    check_option("lesson", id, [lesson.id for lesson in LESSONS])
    return next(lesson for lesson in LESSONS if lesson.id == id)


DEEP = {"data": "rings", "layers": [8] * 6}
FEW_POINTS = {"data": "xor", "samples": 60, "noise": 40, "layers": [8, 8], "optimizer": "Adam", "rate": 0.01}
FLAT = {"data": "rings", "layers": [4, 4], "initial": "small (deviation 0.01)"}

LESSONS = [
    # ------------------------------------------------------------------ what a network can compute
    Lesson(
        "line",
        "A line cannot do XOR",
        "Without hidden layers the network is a single unit: it divides the plane by one line. No line separates "
        "the two classes of exclusive or, so that training does not help.",
        "The loss stays near 0.69, which is the loss of guessing, and the boundary stays a straight line.",
        {"data": "xor", "layers": []},
        60,
        12,
    ),
    Lesson(
        "hidden",
        "Hidden units can do XOR",
        "Each unit of the first hidden layer draws a line of its own, and the units after it combine these lines. "
        "That is enough for exclusive or.",
        "The pictures of the hidden units: lines in the first layer, bent regions in the second. Without hidden "
        "units, in the second training, the loss stays where it is.",
        {"data": "xor", "layers": [4, 2]},
        150,
        15,
        {"layers": []},
    ),
    Lesson(
        "two-units",
        "Two units are not enough for rings",
        "Two hidden units are two lines, and these do not enclose the inner class. Four units do, as in the second "
        "training.",
        "The boundary of two units is open, and the loss hardly falls after the first hundred epochs. That of four "
        "units closes.",
        {"data": "rings", "layers": [2]},
        200,
        20,
        {"layers": [4]},
    ),
    Lesson(
        "linear",
        "Linear layers are one linear layer",
        "Without an activation, layers one after the other compute a single linear function, however many there "
        "are: x W₁ W₂ W₃ is x W. With tanh, the same network solves the task.",
        "All pictures are straight stripes, in every layer. The second training has tanh.",
        {"data": "rings", "layers": [8, 8], "activations": "linear"},
        60,
        12,
        {"activations": "tanh"},
    ),
    Lesson(
        "features",
        "Features instead of layers",
        "With the squares of the coordinates as inputs, a single unit solves the rings: a line in x₁² and x₂² is a "
        "circle or an ellipse in the plane. Hidden layers find such features by themselves.",
        "The boundary is round from the first epochs on. The second training has x₁ and x₂ as inputs.",
        {"data": "rings", "layers": [], "inputs": ["x1^2", "x2^2"]},
        60,
        12,
        {"inputs": ["x1", "x2"]},
    ),
    Lesson(
        "spiral",
        "Two layers of eight solve the spiral",
        "From nothing but the two coordinates, two hidden layers with eight units each learn the spiral: the "
        "second layer combines the lines of the first to winding regions.",
        "The boundary begins to wind within fifty epochs, while the pictures of the second layer change from "
        "stripes to parts of the spiral.",
        {"data": "spirals", "layers": [8, 8], "optimizer": "Adam", "rate": 0.01},
        200,
        15,
    ),
    Lesson(
        "regression",
        "Hills and hollows: regression",
        "The network predicts a number for each point, here a landscape of three hills and three hollows. Hidden "
        "units approximate it; without them the prediction is a plane.",
        "The colours of the plane become those of the points. The second training has no hidden units.",
        {"data": "bumps", "layers": [8, 8], "optimizer": "Adam", "rate": 0.01},
        200,
        20,
        {"layers": []},
    ),
    # ------------------------------------------------------------------ gradients
    Lesson(
        "vanishing",
        "Vanishing gradients",
        "The slope of a sigmoid is 1/4 at most. The way back through six layers multiplies six such slopes, so "
        "that almost nothing arrives at the first layer, and the network does not learn. With ReLU it does.",
        "Look inside, layers: the gradients become smaller from layer to layer towards the inputs, by a factor of "
        "more than 500 in all. The second training has ReLU.",
        {**DEEP, "activations": "sigmoid"},
        100,
        15,
        {"activations": "relu"},
    ),
    Lesson(
        "dead",
        "Dead ReLUs",
        "A ReLU whose sum is below 0 for all points has slope 0 for all of them: no gradient reaches its weights, "
        "and it never comes back. One step that is too long is enough. A leaky ReLU has a small slope there, and "
        "goes on learning.",
        "Units that give 0 everywhere have an empty picture, and Look inside, layers, counts them. The second "
        "training has leaky ReLUs.",
        {"data": "rings", "layers": [8], "activations": "relu", "rate": 3.0},
        100,
        12,
        {"activations": "leaky_relu"},
    ),
    # ------------------------------------------------------------------ initial weights
    Lesson(
        "equal",
        "Equal initial weights stay equal",
        "Units that begin with equal weights get equal gradients, and remain copies of each other: the layer is "
        "one unit. Random weights break the symmetry.",
        "The pictures of the hidden units are all alike, at every epoch. The second training begins with random "
        "weights.",
        {"data": "rings", "layers": [4], "initial": "all equal to 0.5"},
        100,
        12,
        {"initial": "suited to the activation"},
    ),
    Lesson(
        "small-weights",
        "Initial weights that are too small",
        "Weights of deviation 0.01 make the signal about thirty times smaller in each layer, on the way forward "
        "and on the way back. Weights that suit the activation keep its size.",
        "Look inside, layers: the gradients are below 10⁻⁸ in all hidden layers but the last, and the loss stays "
        "near 0.69. The second training begins with Glorot's weights, which suit tanh.",
        {**DEEP, "initial": "small (deviation 0.01)"},
        60,
        12,
        {"initial": "suited to the activation"},
    ),
    Lesson(
        "large-weights",
        "Initial weights that are too large",
        "Large weights make large sums, at which tanh is flat: most outputs are near −1 or 1, where the slope is "
        "almost 0, and the network learns with difficulty.",
        "The pictures of the units have sharp edges from the start. Look inside, layers, says how many outputs are "
        "saturated. The second training begins with weights that suit tanh.",
        {**DEEP, "initial": "large (deviation 3)"},
        60,
        12,
        {"initial": "suited to the activation"},
    ),
    # ------------------------------------------------------------------ optimisation
    Lesson(
        "too-high",
        "A learning rate that is too high",
        "A step follows the slope at the present point. If it is too long, it ends on the other side of the "
        "valley, often higher up: the loss jumps instead of falling.",
        "The curve of the loss jumps up and down, and is higher than at the start. The second training has a rate "
        "of 0.1.",
        {"data": "rings", "layers": [4], "rate": 10.0},
        60,
        12,
        {"rate": 0.1},
    ),
    Lesson(
        "too-low",
        "A learning rate that is too low",
        "Short steps go down as well, but need very many epochs.",
        "The loss falls slowly and evenly; the picture hardly changes. The second training has a rate of 0.1.",
        {"data": "rings", "layers": [4], "rate": 0.001},
        100,
        15,
        {"rate": 0.1},
    ),
    Lesson(
        "schedule",
        "A rate that decays",
        "A high rate is fast at first, but then jumps around the minimum. If the rate becomes smaller in each "
        "epoch, the training calms down.",
        "Both curves of the loss are restless at first; that of the decaying rate becomes smooth. The second "
        "training has a constant rate of 1.",
        {"data": "rings", "layers": [4], "noise": 30, "rate": 1.0, "schedule": "exponential"},
        300,
        30,
        {"schedule": "constant"},
    ),
    Lesson(
        "batches",
        "One sample, or all of them",
        "With one sample a step there are many steps in an epoch, each in a direction that suits this sample: the "
        "loss falls fast, and jumps. With all samples a step there is one step in an epoch, in the right "
        "direction: the loss falls evenly, and slowly.",
        "The curves of the loss. The second training takes all samples in each step.",
        {"data": "moons", "layers": [4], "noise": 30, "batch": 1},
        60,
        10,
        {"batch": 250},
    ),
    Lesson(
        "momentum",
        "Momentum leaves a flat start",
        "Near weights of zero the loss is flat: its gradient is tiny, and plain gradient descent stays for a long "
        "time. Momentum adds up the steps that point in one direction.",
        "With momentum the loss leaves 0.69 and falls. The second training is plain SGD.",
        {**FLAT, "optimizer": "SGD with momentum"},
        150,
        15,
        {"optimizer": "SGD"},
    ),
    Lesson(
        "adam",
        "Adam leaves a flat start",
        "Adam divides each step by the usual size of the gradient: where gradients are tiny, the steps are as long "
        "as elsewhere.",
        "Adam leaves 0.69 within a few epochs. The second training is plain SGD, whose rate is ten times as high.",
        {**FLAT, "optimizer": "Adam", "rate": 0.01},
        100,
        12,
        {"optimizer": "SGD", "rate": 0.1},
    ),
    Lesson(
        "seeds",
        "Another seed, another result",
        "The loss of a network has several valleys, and the initial weights decide which one is found. A single "
        "training says little about settings.",
        "The two trainings differ only in the seed of the weights, and end with different boundaries and losses.",
        {"data": "xor", "layers": [3]},
        200,
        20,
        {"seed": 0},
    ),
    # ------------------------------------------------------------------ generalisation
    Lesson(
        "overfitting",
        "Overfitting",
        "A network with more weights than points learns the points by heart, noise included: the training loss "
        "goes to 0, while the test loss grows. Early stopping keeps the network of the epoch at which the test "
        "loss was lowest.",
        "The two curves of the loss separate. Go back along the epochs to the lowest test loss: the boundary is "
        "simpler there.",
        FEW_POINTS,
        500,
        50,
    ),
    Lesson(
        "more-data",
        "More data against overfitting",
        "The same network cannot learn a thousand noisy points by heart, and has to find what they have in common.",
        "The training loss and the test loss stay close together. The second training has 30 points.",
        {**FEW_POINTS, "samples": 1000},
        100,
        12,
        {"samples": 60},
    ),
    Lesson(
        "l2",
        "L2 against overfitting",
        "A penalty on the squares of the weights keeps them small, and small weights make smooth boundaries.",
        "The lines of the network are thinner, the boundary is smoother, and the test loss grows much less. The "
        "second training has no penalty.",
        {**FEW_POINTS, "penalty": "L2", "strength": 0.01},
        500,
        50,
        {"penalty": "none"},
    ),
    Lesson(
        "dropout",
        "Dropout against overfitting",
        "In each step some units are left out at random, so that none can rely on a few others, and points are "
        "harder to learn by heart.",
        "The test loss grows much less than without dropout, in the second training. The training loss is higher.",
        {**FEW_POINTS, "dropout": 0.3},
        500,
        50,
        {"dropout": 0.0},
    ),
    Lesson(
        "l1",
        "L1 makes weights zero",
        "The gradient of an L1 penalty has the same size for all weights, so that it takes useless ones to 0. That "
        "of L2 is proportional to the weight, and only makes them smaller.",
        "Of the seven inputs only the squares are useful for rings: with L1 the lines of the others disappear. The "
        "second training has L2.",
        {
            "data": "rings",
            "noise": 20,
            "layers": [],
            "inputs": INPUTS,
            "penalty": "L1",
            "strength": 0.1,
            "rate": 0.01,
        },
        100,
        12,
        {"penalty": "L2"},
    ),
]
