"""Saving without pickle: named arrays and a few words about them, in a safetensors or an npz file, by suffix.

`save` and `load` are for models; `write` and `read` for any arrays. A file appears whole or not at all. A file that is
read may be damaged or malicious: nothing in it is executed, sizes are compared with the file before memory is
allocated, a checksum is compared, and a model changes only after all of it was found right. A file keeps two sorts of
words: its own marks (format, version, checksum), and the words of its user about the arrays.

Read `models.py`, then `arrays.py` and `rules.py`; `npz.py` and `safe.py` are the two formats, and `from_torch.py`
translates PyTorch's names. It imports `base` and `layers`.
"""

from .arrays import read, write
from .models import load, save
from .rules import FileError

__all__ = ["FileError", "load", "read", "save", "write"]
