"""Both passes as data and as words: every step, what is said of it, and how rules and numbers are written.

Read `passes.py` (the steps), then `log.py` (their words in a terminal) and `story.py` (their data for pages and
pictures). This folder imports `graph` and `common`.
"""
