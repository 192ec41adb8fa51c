"""Draw the pictures of the pages on drawing and on sequences, and of the README, anew, by running their examples."""

from __future__ import annotations

import doctest
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    page, sequences, first = (
        "".join(
            re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)[:most]
        )
        for name, most in (("docs/drawing.md", None), ("docs/sequences.md", None), ("README.md", 1))
    )
    os.chdir(ROOT / "docs/images")
    exec(compile(first, "README.md", "exec"), {})
    Path("steps.html").unlink()  # which the first example writes, too
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(page + sequences, {}, "drawing.md", "drawing.md", 0)
    failed = doctest.DocTestRunner(optionflags=flags).run(test).failed
    Path("explore.html").unlink()  # which the site makes anew
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
