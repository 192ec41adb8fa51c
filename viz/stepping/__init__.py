"""Both passes one step at a time: in the terminal, on a page, as animated pictures, in a notebook.

Read `stage.py` (the graph at a step, drawn by Graphviz), `page_svg.py` and `grid.py` (the graph on a page),
`overview.py` (a map of it), `live.py` (what the page computes with), `page.py`; `captions.py` (the words below a
picture), `frames.py`, `slides.py`; `notebook.py`; and `stepper.py`, which users call. This folder imports `passes`,
`drawing`, `boxes`, `circuit`, `graphviz`, `graph`, `folding` and `common`.
"""
