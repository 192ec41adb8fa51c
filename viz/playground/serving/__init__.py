"""The page: a session for each, a server on loopback, and a widget for notebooks.

Read `session.py`, then `server.py` and `launch.py`, or `notebook.py`; `templates.py` has the files of the page.
"""
