"""What libraries on the engine use: scopes without a block, the mode, and blocks around gradient checks."""

import contextlib

import pytest

from chainrule.autograd import Value, check_gradients, extending, no_grad, scope


def test_an_entered_scope_is_that_of_a_block():
    x = Value(2.0)
    with scope("outside"):
        before = extending.enter_scope("inside")
        with scope("innermost"):
            y = x * x
        extending.leave_scope(before)
        z = x * x
    assert (y.scope, z.scope, (x * x).scope) == (("outside", "inside", "innermost"), ("outside",), ())


def test_an_entered_scope_keeps_the_mode_of_recording():
    with no_grad():
        before = extending.enter_scope("a")
        assert not extending.is_recording()
        extending.leave_scope(before)
        assert not extending.is_recording()
    assert extending.is_recording()


def test_a_block_surrounds_later_checks(monkeypatch):
    monkeypatch.setattr("chainrule.autograd.transforms.check.AROUND", around := [])
    monkeypatch.setattr(extending, "AROUND", around)
    checked, events = (lambda x: x * x), []

    @contextlib.contextmanager
    def block(function):
        events.append(function)
        yield
        events.append("after")

    check_gradients(checked, Value(3.0))
    assert events == []
    extending.surround_checks(block)
    check_gradients(checked, Value(3.0))
    assert events == [checked, "after"]


@pytest.mark.parametrize("name", extending.__all__)
def test_each_name_says_what_it_is(name):
    thing = getattr(extending, name)
    assert not callable(thing) or thing.__doc__
    assert f"`{name}`" in extending.__doc__
