"""The recorded graph as plain data, before anything is drawn: boxes, edges, and the clusters around them.

Read `snapshot.py` (the data), `roots.py` (which nodes can be asked for), `blocks.py` (which nodes become one box),
`boxes.py`, `edges.py` and `rules.py` (what is said of them), `tidying.py` (what is left out), and `reading.py`, which
puts them together; then `state.py` (the numbers of every node). Nothing here depends on Graphviz. This folder imports
`folding` and `common`.
"""
