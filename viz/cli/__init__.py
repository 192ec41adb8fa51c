"""The `chainrule` command: see an expression differentiated without writing a program.

Read `command.py` (what each subcommand does), `parser.py` (its arguments), `expression.py` (how an expression is read),
and `demo.py`. This folder imports all other folders of `viz`.
"""

from .command import main

__all__ = ["main"]
