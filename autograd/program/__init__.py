"""The recorded graph as text: rules as labels, and both passes as a printed program in Python or JavaScript.

Read `expression.py` (rules applied to names), `python.py` (exact Python expressions), `inlining.py` and `excerpts.py`
(functions of rows, inlined or copied), `operands.py` and `contributions.py` (what the two passes are written of),
`source.py` (the program), `lecture.py` (the same, listed as on slides) and `text.py` (how a program is displayed);
then `javascript.py`, `helpers.js` and `module.py` for JavaScript. Imports `nodes` and what is below it.
"""
