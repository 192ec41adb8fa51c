"""What a student reads in an afternoon: what a row of the table is, how an operation is recorded, the backward pass.

Read `table.py` (a row), `operators.py` (how `a * b` becomes one), `node.py` (what a recorded operation holds),
`recording.py` (the functions that record), `vjp.py` (how a rule is applied) and `backward.py` (the loop); beside them,
`modes.py` is what surrounds a computation and `hooks.py` what may look at a gradient. Nothing here names a row by
import: rows are looked up in the table. The folder imports NumPy and `errors`.
"""
