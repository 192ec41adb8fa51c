"""A graph as one page in which it can be explored: modules open in place, at any size of the graph.

Read `parts.py` (the tree of modules), `levels.py` (the snapshot as data), `marks.py` and `numbers.py` (what enters and
leaves a module; the elements of arrays), `survey.py` (reading the graph), `pictures.py` (Graphviz), `page.py` and
`notebook.py`; then the page's own scripts in `templates/`. This folder imports `boxes`, `graphviz`, `graph`, `folding`
and `common`.
"""
