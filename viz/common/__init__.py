"""What all drawings share: options and errors, colours, and how numbers, names and files are written.

Read `options.py` (every option, declared once), `themes.py` (the colours), `numbers.py`, `words.py` and `notation.py`
(how numbers, names and rules are written), then any other. This folder imports nothing of the other folders of `viz`.
"""
