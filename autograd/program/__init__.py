"""The recorded graph as text: the rules in labels, and both passes as a printed program, in Python and JavaScript.

Read `expression.py` (a rule that runs on names), `written.py` (text that computes), `inlining.py` and `excerpts.py`
(functions of rows, written out or copied), `source.py` (the program), `text.py` (what is shown of it); then
`javascript.py`, `helpers.js` and `module.py`, for JavaScript. Imports `nodes` and what is below it.
"""
