"""One training of the playground, without any page.

Read `settings.py` (all that can be set, as an address), `calls.py` (what is built, as calls that also print), `data.py`
(points and inputs), `network.py` (network, loss, optimiser), `run.py` (the training and the moments that are kept of
it), `look.py` (what is seen at a moment), `script.py` (a training as a program), `lessons.py` (prepared ones). This
folder imports `common` of `viz`.
"""
