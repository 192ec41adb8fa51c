"""Real data, read from the files beside this one; their sources and licence are in README.md."""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import NamedTuple

import numpy as np

__all__ = ["Dataset", "load_digits", "load_iris"]


class Dataset(NamedTuple):
    """Samples with their classes, and the meaning of their columns.

    `data` is `(n, d)` float64, `target` is `(n,)` int64 with classes numbered from 0, and
    `target_names[c]` is the name of class `c`. It unpacks as a tuple: `X, y, *_ = load_iris()`.
    """

    data: np.ndarray
    target: np.ndarray
    target_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    description: str

    def __repr__(self) -> str:
        samples, features = self.data.shape
        return f"Dataset({samples} samples, {features} features, {len(self.target_names)} classes)"


def _read(name: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a comma-separated file in this folder."""
    content = files(__package__).joinpath(name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    header, *rows = (line.split(",") for line in content.decode().split())
    return header, rows


def load_iris() -> Dataset:
    """Fisher's iris flowers: four lengths in centimetres of 150 flowers, 50 of each of three species.

    Source: Fisher (1936), UCI Machine Learning Repository, https://doi.org/10.24432/C56C76, CC BY 4.0.

    >>> from chainrule.nn.datasets import load_iris
    >>> iris = load_iris()
    >>> iris
    Dataset(150 samples, 4 features, 3 classes)
    >>> iris.target_names
    ('setosa', 'versicolor', 'virginica')
    >>> iris.data[0]
    array([5.1, 3.5, 1.4, 0.2])
    """
    header, rows = _read("iris.csv")
    names = sorted({row[-1] for row in rows})
    return Dataset(
        np.array([row[:-1] for row in rows], dtype=np.float64),
        np.array([names.index(row[-1]) for row in rows], dtype=np.int64),
        tuple(names),
        tuple(header[:-1]),
        "Lengths and widths in centimetres of the sepals and petals of 150 iris flowers of three species.",
    )


def load_digits() -> Dataset:
    """Handwritten digits: 1,797 images of 8 by 8 pixels, each from 0 (paper) to 16 (ink).

    `data` is `(1797, 64)`, one image in each row; `data.reshape(-1, 8, 8)` are the images.
    Source: Alpaydin and Kaynak (1998), UCI Machine Learning Repository, https://doi.org/10.24432/C50P49,
    CC BY 4.0.

    >>> from chainrule.nn.datasets import load_digits
    >>> digits = load_digits()
    >>> digits
    Dataset(1797 samples, 64 features, 10 classes)
    >>> digits.target[:3]
    array([0, 1, 2])
    """
    header, rows = _read("digits.csv.gz")
    table = np.array(rows, dtype=np.int64)
    return Dataset(
        table[:, :-1].astype(np.float64),
        table[:, -1],
        tuple("0123456789"),
        tuple(header[:-1]),
        "Images of 1,797 handwritten digits, 8 by 8 pixels from 0 to 16, written by 13 people.",
    )
