"""Where the gradient of a weight comes from: the parts add up, and the text says what was computed."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.viz import OptionError
from chainrule.viz.playground.inside.derivation import derivation
from chainrule.viz.playground.lab.look import Look
from chainrule.viz.playground.lab.run import Run
from chainrule.viz.playground.lab.settings import ACTIVATIONS, INPUTS, Recipe, Settings

SETTINGS = {
    "usual": Settings(samples=60),
    "no hidden layer": Settings(data="plane", layers=[], samples=30),
    "dropout and L2": Settings(
        dropout=0.4, penalty="L2", strength=0.01, layers=[4, 3, 2], activations=["relu", "linear", "sigmoid"]
    ),
    "L1, numbers": Settings(data="bumps", penalty="L1", strength=0.003, layers=[3, 2], inputs=["x1x2", "x2"]),
    "one point": Settings(data="moons", inputs=INPUTS, layers=[2], activations="gelu", batch=1),
}


def elements(run: Run):
    return [(name, index) for name, p in run.model.named_parameters() for index in np.ndindex(p.shape)]


def trained(name: str, steps: int = 13) -> Run:
    run = Run(Recipe(SETTINGS[name]))
    run.train(steps)
    return run


@pytest.mark.parametrize("name", SETTINGS)
def test_the_parts_add_up_to_the_gradient_of_the_engine(name):
    """Of all parameters, now and at a moment, for each sample of the batch."""
    run = trained(name)
    moment = run.moment()
    wanted = Look(run).gradients()
    run.train(3)
    for parameter, index in elements(run):
        for at, slopes in ((None, Look(run).gradients()), (moment, wanted)):
            found = derivation(run, parameter, index, at)
            expected = pytest.approx(slopes[parameter][index], rel=1e-12, abs=1e-12)
            assert found["gradient"] == found["sums"][-1]["value"] == slopes[parameter][index]
            added = sum(row["product"] for row in found["rows"])
            assert added == pytest.approx(found["sums"][0]["value"], abs=1e-12)
            assert added + (found["penalty"] or 0) == expected
            penalised = run.penalty is not None and "weight" in parameter
            assert (found["penalty"] is not None) == penalised
            assert len(found["sums"]) == 2 + penalised
            for row in found["rows"]:
                assert row["product"] == pytest.approx(row["input"] * row["upstream"], abs=1e-15)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "dropout and L2"])
def test_the_gradient_is_that_of_finite_differences(name):
    run = trained(name)
    batch = run.upcoming()
    for n, (parameter, index) in enumerate(elements(run)):
        if n % 4 == 0:
            model = run.view()
            p = dict(model.named_parameters())[parameter]
            middle, sides = p.data.copy(), []
            for step in (1e-6, -1e-6):
                p.data = middle.copy()
                p.data[index] += step
                sides.append(float(run.total(model, *batch).data))
            slope = (sides[0] - sides[1]) / 2e-6
            assert derivation(run, parameter, index)["gradient"] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_by_hand():
    """Two points, one linear unit: the loss is ((w1 + 2 w2 + b - 1)^2 + (3 w1 - w2 + b)^2) / 2."""
    points = [(1, 2, 1), (3, -1, 0), (1, 2, 1), (3, -1, 0), (0, 0, 0.5), (0, 0, 0.5)]
    run = Run(Recipe(Settings(data="own", points=points, layers=[], batch=6, share=80, data_seed=3)))
    for name, index, value in (("0.weight", (0, 0), 0.5), ("0.weight", (1, 0), -1.0), ("0.bias", (0,), 0.25)):
        run.change(name, index, value)
    found = derivation(run, "0.weight", (1, 0))
    n = len(found["rows"])
    wrong = {(1.0, 2.0): 0.5 - 2 + 0.25 - 1, (3.0, -1.0): 1.5 + 1 + 0.25, (0.0, 0.0): 0.25 - 0.5}
    for row in found["rows"]:
        error = wrong[row["x1"], row["x2"]]
        assert row["upstream"] == pytest.approx(2 * error / n)
        assert row["product"] == pytest.approx(2 * error / n * row["x2"])
    first = found["rows"][0]
    error = wrong[first["x1"], first["x2"]]
    assert [step["value"] for step in found["steps"]] == pytest.approx(
        [error**2, 2 * error / n, 2 * error / n * first["x2"]]
    )
    assert found["title"] == "w1[x2→out] = −1: the weight from x2 to the output"
    assert (found["name"], found["index"], found["value"]) == ("0.weight", [1, 0], -1.0)


# ---------------------------------------------------------------------- the text


def computed(text: str) -> tuple[float, float]:
    """The number that a formula with numbers stands for, and the size of its parts: its digits are rounded."""
    python = text.replace("×", "*").replace("÷", "/").replace("²", "**2").replace("−", "-")
    assert re.fullmatch(r"[-+*/().e\d ln]+", python)
    added = re.sub(r"(?<!e)-", "+", python.replace("ln", ""))
    names = {"ln": np.log}
    exec(f"value, size = {python}, {added}", names)
    return names["value"], names["size"]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("sample", [0, -1])
def test_the_formulas_with_numbers_give_the_values(name, sample):
    run = trained(name)
    size = len(run.upcoming()[0])
    for parameter, index in elements(run):
        found = derivation(run, parameter, index, sample=sample % size)
        for step in [*found["steps"], *found["sums"]]:
            if "…" in step["numbers"]:
                continue
            value, largest = computed(step["numbers"])
            assert step["value"] == pytest.approx(value, rel=3e-3, abs=3e-3 * abs(largest) + 1e-12)
        last = found["steps"][-1]
        assert last["value"] == pytest.approx(found["rows"][sample]["product"], abs=1e-15)
        assert last["formula"].startswith(f"∂L / ∂{found['label']} = ")


def test_the_steps_go_back_through_the_units_that_the_weight_leads_to():
    run = trained("dropout and L2")
    found = derivation(run, "3.weight", (2, 1))
    assert found["title"].endswith(": the weight from unit 3 of hidden layer 1 to unit 2 of hidden layer 2")
    assert [step["title"] for step in found["steps"]] == [
        "The loss of this sample",
        "The gradient with respect to the logit",
        "Back to unit 1 of hidden layer 3",
        "Back to unit 2 of hidden layer 3",
        "Back to unit 2 of hidden layer 2",
        "The input of the weight times the gradient of the sum",
    ]
    assert found["steps"][4]["formula"] == (
        "∂L / ∂z2[2] = linear′(z2[2]) × m2[2] × (w3[2→1] × ∂L / ∂z3[1] + w3[2→2] × ∂L / ∂z3[2])"
    )
    assert found["steps"][5]["formula"] == "∂L / ∂w2[3→2] = m1[3] × a1[3] × ∂L / ∂z2[2]"
    assert [step["formula"] for step in found["sums"]] == [
        "∂L / ∂w2[3→2] = Σ m1[3] × a1[3] × ∂L / ∂z2[2]",
        "2 × λ × w2[3→2]",
        "∂L / ∂w2[3→2] + 2 × λ × w2[3→2]",
    ]


def test_units_that_pass_nothing_on_are_named():
    run = Run(Recipe(Settings(layers=[2, 2], activations=["relu", "tanh"], samples=40)))
    run.change("0.bias", (1,), -100.0)  # dead
    run.change("2.bias", (0,), 30.0)  # saturated
    dead = derivation(run, "0.weight", (0, 1))
    assert dead["gradient"] == 0
    assert dead["meaning"].startswith("The gradient is 0")
    assert dead["sums"][0]["note"] == "No sample of this batch sends a gradient to unit 2 of hidden layer 1."
    notes = {step["title"]: step["note"] for step in dead["steps"]}
    assert "The slope of relu at −" in notes["Back to unit 2 of hidden layer 1"]
    assert "passes nothing on" in notes["Back to unit 2 of hidden layer 1"]
    assert re.search(
        r"The slope of tanh at \S+ is 0|tanh is nearly flat", notes["Back to unit 1 of hidden layer 2"]
    )
    after = derivation(run, "2.weight", (1, 1))
    assert (
        after["steps"][-1]["note"] == "The input is 0 for this sample, which says nothing about this weight."
    )


def test_dropped_units_are_named():
    run = trained("dropout and L2")
    notes = [
        step["note"]
        for sample in range(10)
        for step in derivation(run, "0.weight", (0, 0), sample=sample)["steps"]
        if "Back" in step["title"]
    ]
    dropped = ["Dropout has set this unit to 0 in this step" in note for note in notes]
    kept = ["multiplies it by 1 ÷ (1 − 0.4)" in note for note in notes]
    assert all(a != b for a, b in zip(dropped, kept))
    assert 0.2 < np.mean(dropped) < 0.6


def test_the_sign_of_the_gradient_is_said_in_words():
    run = trained("usual")
    for parameter, index in elements(run):
        found = derivation(run, parameter, index)
        kind = parameter.split(".")[1]
        falls = f"the loss falls where the {kind} becomes {'smaller' if found['gradient'] > 0 else 'larger'}."
        assert found["meaning"].endswith(falls)


def test_numbers_that_are_not_finite_are_none():
    run = Run(Recipe(Settings(data="plane", layers=[2], activations="relu", samples=40)))
    run.change("2.weight", (0, 0), 1e200)
    run.change("0.bias", (0,), 1e200)
    found = derivation(run, "0.weight", (0, 0))
    assert found["gradient"] is None
    assert "not finite" in found["meaning"]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("parameter", "index", "sample", "message"),
    [
        ("1.weight", (0, 0), 0, "there are 0.weight, 0.bias, 2.weight, 2.bias, 4.weight, 4.bias"),
        ("rate", (), 0, "no parameter 'rate'"),
        ("0.weight", (0, 4), 0, r"shape \(2, 4\), and no element \(0, 4\)"),
        ("0.bias", (0, 0), 0, "no element"),
        ("0.bias", (0,), 10, "10 samples, numbered from 0; given 10"),
    ],
)
def test_what_cannot_be_derived(parameter, index, sample, message):
    with pytest.raises(OptionError, match=message):
        derivation(trained("usual", 0), parameter, index, sample=sample)


@given(st.data())
@settings(max_examples=40)
def test_any_network(data):
    layers = data.draw(st.lists(st.integers(1, 5), max_size=4))
    found = Settings(
        data=data.draw(st.sampled_from(["circles", "bumps"])),
        samples=40,
        batch=data.draw(st.integers(1, 30)),
        layers=layers,
        activations=data.draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=4)),
        dropout=data.draw(st.sampled_from([0, 0.3])),
        penalty=data.draw(st.sampled_from(["none", "L1", "L2"])),
        strength=0.01,
        seed=data.draw(st.integers(0, 1000)),
    )
    run = Run(Recipe(found))
    run.train(data.draw(st.integers(0, 5)))
    parameter, index = data.draw(st.sampled_from(elements(run)))
    derived = derivation(run, parameter, index)
    wanted = Look(run).gradients()[parameter][index]
    assert derived["sums"][0]["value"] + (derived["penalty"] or 0) == pytest.approx(
        wanted, rel=1e-12, abs=1e-12
    )
    json.dumps(derived, allow_nan=False)
