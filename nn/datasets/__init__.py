"""Data sets: two real ones that are part of the package, and eight that are made of random numbers.

`real.py` reads iris flowers and handwritten digits from the files beside it (`README.md` names their sources);
`made.py` draws points in the plane: moons, circles, rings, gaussians, xor, spirals; plane and bumps for regression.
It imports `base` and `init`.
"""

from ...autograd.extending import named_in as _named_in
from .made import bumps, circles, gaussians, moons, plane, rings, spirals, xor
from .real import Dataset, load_digits, load_iris

__all__ = [
    "Dataset",
    "load_iris",
    "load_digits",
    "moons",
    "circles",
    "rings",
    "gaussians",
    "xor",
    "spirals",
    "plane",
    "bumps",
]

__getattr__ = _named_in(globals(), "datasets")
