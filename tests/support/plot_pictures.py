"""Make the pictures on docs/plots.md anew: run the page, and save the axes `ax` where a picture follows the code.

python tests/support/plot_pictures.py docs/plots.md
"""

from __future__ import annotations

import doctest
import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def pictures(page: Path) -> dict[Path, bytes]:
    """The pictures of a page, each with the file that it stands for."""
    names: dict[str, Any] = {}
    found: dict[Path, bytes] = {}
    text = page.read_text(encoding="utf-8")
    for code, picture in re.findall(r"```python\n(.*?)```|!\[.*?\]\((.*?)\)", text, re.DOTALL):
        if code:
            test = doctest.DocTestParser().get_doctest(code, names, page.name, page.name, 0)
            runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
            with np.errstate(all="ignore"):
                if runner.run(test, clear_globs=False).failed:
                    raise SystemExit(f"an example on {page} has failed; its pictures stay as they are")
            names = test.globs
        else:
            found[page.parent / picture] = png(names["ax"].figure)
    return found


def png(figure: Any, dpi: int = 100) -> bytes:
    """A figure as a small file: 256 colours are enough."""
    file, small = io.BytesIO(), io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    image = Image.open(file).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def main() -> None:
    page = Path(sys.argv[1])
    for path, data in pictures(page).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"wrote {path}, {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
