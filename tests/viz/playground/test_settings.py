"""Settings, changes, and addresses that hold them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.viz import OptionError
from chainrule.viz.playground.lab.data import FEATURES, Data, points_of_table, with_features
from chainrule.viz.playground.lab.settings import (
    ACTIVATIONS,
    CHOICES,
    INITIAL,
    INPUTS,
    OPTIMIZERS,
    PENALTIES,
    SCHEDULES,
    Change,
    Recipe,
    Settings,
)

layers = st.lists(st.integers(1, 8), max_size=6)
settings = st.builds(
    Settings,
    data=st.sampled_from(CHOICES["data"]),
    samples=st.integers(20, 2000),
    noise=st.sampled_from([0, 2.5, 50]),
    share=st.sampled_from([10, 33.3, 90]),
    batch=st.integers(1, 100),
    data_seed=st.integers(0, 2**32 - 1),
    inputs=st.lists(st.sampled_from(INPUTS), min_size=1, max_size=7),
    layers=layers,
    activations=st.lists(st.sampled_from(ACTIVATIONS), min_size=1, max_size=6),
    initial=st.sampled_from(INITIAL),
    dropout=st.sampled_from([0, 0.25]),
    seed=st.integers(0, 2**32 - 1),
    optimizer=st.sampled_from(OPTIMIZERS),
    rate=st.floats(1e-6, 100),
    schedule=st.sampled_from(SCHEDULES),
    penalty=st.sampled_from(PENALTIES),
    strength=st.floats(0, 10),
)
changes = st.builds(
    Change,
    st.integers(0, 1000),
    st.sampled_from(["0.weight", "2.bias"]),
    st.tuples(st.integers(0, 7)),
    st.floats(-1e6, 1e6),
)


@given(settings, st.lists(changes, max_size=4), st.integers(0, 10**6))
def test_an_address_is_read_as_what_wrote_it(found: Settings, changed: list[Change], steps: int) -> None:
    recipe = Recipe(found, tuple(changed), steps)
    assert Recipe.read(recipe.address()) == recipe
    assert Recipe.read("#" + recipe.address()) == recipe


def test_an_address_of_points_of_ones_own_holds_them() -> None:
    recipe = Recipe(Settings(data="own", points=[[1, 2, 0], [-1.5, 0.1234, 1], [3, 3, 0], [0, 0, 1]]))
    assert Recipe.read(recipe.address()) == recipe
    assert recipe.settings.points[1] == (-1.5, 0.123, 1.0)


def test_the_usual_settings_have_an_empty_address() -> None:
    assert Recipe().address() == ""
    assert Recipe.read("") == Recipe()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("data=xro", "data='xro' is not known; write one of 'rings'"),
        ("layers=4,9", "layers is 1 or more, and 8 at most; given 9"),
        ("layers=1,1,1,1,1,1,1", "layers has from 0 to 6 parts; given 7"),
        ("layers=2.5", "layers is a whole number; given 2.5"),
        ("rate=fast", "rate is a number; given 'fast'"),
        ("rate=nan", "rate is more than 0, and 100 at most; given nan"),
        ("noise=-1", "noise is 0 or more, and 50 at most; given -1"),
        ("colour=red", "setting='colour' is not known"),
        ("steps=1e99", "steps is 0 or more"),
        ("changes=1:2", "a change that cannot be read: '1:2'"),
        ("changes=5:rate:inf", "a change that cannot be"),
        ("inputs=", "inputs has from 1 to 7 parts; given 0"),
        ("data=own", "4 or more, some for training and some for the test; there are 0"),
        ("data=own&points=1,1,1;2,2,1;3,3,1;4,4,1", "nothing to learn; add points of another"),
        ("data=own&points=1,1", "a point is x1, x2 and y; given ['1', '1']"),
        ("data=own&points=1,7,1", "x2 of a point is -6 or more, and 6 at most; given 7"),
    ],
)
def test_an_address_that_cannot_be_is_answered_with_what_can(address: str, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        Recipe.read(address)
    assert said in str(caught.value)


def test_each_hidden_layer_has_an_activation() -> None:
    assert Settings(layers=(3, 2, 1), activations="relu").activations == ("relu",) * 3
    assert Settings(layers=(3, 2), activations=("relu", "tanh", "elu")).activations == ("relu", "tanh")
    assert Settings(layers=(), activations=("relu",)).activations == ()


def test_every_setting_says_its_label_and_its_group() -> None:
    for each in fields(Settings):
        assert each.metadata["label"]
        assert each.metadata["group"]


# ---------------------------------------------------------------------- data


@pytest.mark.parametrize("name", CHOICES["data"])
def test_made_points_lie_in_the_plane_and_are_shared_out(name: str) -> None:
    data = Data.of(Settings(data=name, samples=400, noise=0, share=70))
    assert data.X.shape == (280, 2)
    assert data.X_test.shape == (120, 2)
    assert data.y.shape == (280, 1)
    assert np.abs(np.concatenate([data.X, data.X_test])).max() <= 6
    if name in CHOICES["classes"]:
        assert set(np.unique(data.y)) == {0.0, 1.0}
        assert abs(np.concatenate([data.y, data.y_test]).mean() - 0.5) < 0.01
    again = Data.of(Settings(data=name, samples=400, noise=0, share=70))
    assert np.array_equal(data.X, again.X)


def test_inputs_are_the_functions_of_their_names() -> None:
    X = np.array([[2.0, -3.0]])
    expected = [2, -3, 4, 9, -6, np.sin(2), np.sin(-3)]
    assert with_features(X, list(FEATURES)).tolist() == [expected]


def test_a_table_is_read_with_its_heading_and_scaled() -> None:
    rows, said = points_of_table("\ufeffx1;x2;kind\n0;10;b\n10;20;a\n5;15;b\n")
    assert rows == [[-5, -5, 1], [5, 5, 0], [0, 0, 1]]
    assert "3 points" in said
    assert "class 0 is a, class 1 is b" in said


def test_numbers_to_predict_are_scaled_too() -> None:
    rows, said = points_of_table("0,0,5\n1,1,-10\n2,0,2.5\n")
    assert [y for *_, y in rows] == [0.5, -1.0, 0.25]
    assert "divided by 10" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the table is empty"),
        ("\n \n", "the table is empty"),
        ("x,y,c\n", "no line of numbers below"),
        ("1,2\n3,4", "the first one has 2 columns"),
        ("1,2,0\n3,4", "line 2 of the table has 2 columns, and the first one 3"),
        ("1,2,0\n3,four,1", "x2 in line 2 of the table is no number: 'four'"),
        ("1,2,0\nnan,4,1", "x1 in line 2 of the table is nan"),
        ("1,2,0\n3,inf,1", "x2 in line 2 of the table is inf"),
        ("1,2,0\n3,4,0", "the last column is '0' in every line"),
        ("1,2,a\n3,4,b\n5,6,c", "3 different words, such as 'a'"),
        ("1,2,1\n3,4,2\n5,6,nan", "the number to predict"),
        ("\0\1\2binary", "no table in text"),
        ("once upon a time there was", "the first one has 1 column"),
        ("1" * 5_000_001, "5 million characters; 5 million are the limit"),
    ],
)
def test_a_table_that_cannot_be_read_is_answered_with_what_is_expected(text: str, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        points_of_table(text)
    assert said in str(caught.value)


def test_of_a_long_table_the_first_lines_are_taken() -> None:
    rows, said = points_of_table("".join(f"{i},{i % 7},{i % 2}\n" for i in range(5000)))
    assert len(rows) == 2000
    assert "the first 2,000 of its 5,000 lines" in said
