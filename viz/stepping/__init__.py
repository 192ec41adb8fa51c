"""Both passes one step at a time: in the terminal, on a page, as animated pictures, in a notebook.

Read `passes.py` (the steps), then what is said of them: `log.py` (in a terminal), `story.py` (on pages and pictures);
then the pictures: `stage.py` (the graph at a step, drawn by Graphviz), `page_svg.py` and `grid.py` (the graph on a
page), `overview.py` (a map of it), `page.py`, `live.py` (where its numbers can be changed), `frames.py`, `notebook.py`;
and `stepper.py`, which users call. This folder imports `drawing`, `graph`, `folding` and `common`.
"""
