"""`python -m chainrule.viz.cli` is the `chainrule` command."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
