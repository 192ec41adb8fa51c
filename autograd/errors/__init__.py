"""The errors of chainrule: each message says what was given, why that is wrong, and what to write instead.

ChainruleError
├── KindError       (a TypeError)     the wrong kind of thing: a string, an integer gradient, Value beside Tensor
├── UnknownNameError  (an AttributeError)  a name that does not exist here: misspelt, or of another library
├── ShapeError      (a ValueError)    the right kind of thing in the wrong shape
├── RangeError      (a ValueError)    a value out of range: class 10 of 10, a negative rate
├── GradientError   (a RuntimeError)  a pass that cannot be run
├── RecordingError  (a RuntimeError)  a function that a recording cannot follow, so that it cannot be replayed
├── NonfiniteError  (a FloatingPointError)  a value or a gradient became NaN or infinite
└── CheckError      (an AssertionError)  check_gradients found a wrong gradient
ChainruleWarning (a UserWarning) is for what is allowed and probably not meant.

`spelling.py` answers misspelt names, `neighbours.py` is the table of names of PyTorch and micrograd, `lessons.py`
explains errors of NumPy.
"""


class ChainruleError(Exception):
    """The base of every error that chainrule raises on purpose."""


class KindError(ChainruleError, TypeError):
    """Something of the wrong kind was given."""


class UnknownNameError(ChainruleError, AttributeError):
    """An attribute does not exist; the message says which one was probably meant."""

    def __init__(self, text: object = "", lesson: object = None) -> None:
        super().__init__(text)
        self._lesson = (
            lesson  # a function that writes the message, which is seldom read: `hasattr` raises, too
        )

    def __str__(self) -> str:
        return str(self._lesson()) if callable(self._lesson) else super().__str__()


class ShapeError(ChainruleError, ValueError):
    """Something of the wrong shape was given."""


class RangeError(ChainruleError, ValueError):
    """A value out of range was given."""


class GradientError(ChainruleError, RuntimeError):
    """A backward pass cannot be run."""


class RecordingError(ChainruleError, RuntimeError):
    """A function does something that a recording cannot follow, so that a replay would give other numbers."""


class NonfiniteError(ChainruleError, FloatingPointError):
    """A value or a gradient became NaN or infinite."""


class ChainruleWarning(UserWarning):
    """Something was done that gives right numbers and is probably not meant."""


class CheckError(ChainruleError, AssertionError):
    """A gradient differs from finite differences."""
