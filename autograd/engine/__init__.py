"""An afternoon's reading: the rows of the table, recording operations, the backward pass.

Read `table.py` (a row), `operators.py` (`a * b` calls a row), `node.py` (the data of a recorded operation),
`recording.py` (the functions that record), `vjp.py` (applying a rule), `pulling.py` (the same, fast, on arrays) and
`backward.py` (the loop). `modes.py` has the modes of recording, `hooks.py` the functions that users register for
gradients. Rows are looked up in the table, never imported. The folder imports NumPy, `errors` and `kinds`.
"""
