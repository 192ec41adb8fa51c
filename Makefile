# Every chore is one command. Needed beforehand: Python 3.10 or newer, and make.
# The targets create the virtual environment themselves and install the package into it as users get it
# (not editable); when sources change, only the package is installed again.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
MINUTES ?= 30

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

# folders too: their time changes when a file is added or deleted
SOURCES := $(shell find start autograd nn viz ! -path '*/__pycache__*' ! -name '.*')

# only what is installed may be imported
unexport PYTHONPATH PYTHONHOME

.PHONY: help demo playground shell test fuzz check-gradients notebooks notebooks-run sheets bench bench-page results pages docs dist check format clean
.NOTPARALLEL:

help:  ## list these commands
	@echo "make <command>, where <command> is"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-17s %s\n", $$1, $$2 }'
	@echo "Another Python: make test PYTHON=python3.12 VENV=.venv312"

demo: $(VENV)/plot.stamp  ## step through a neuron, train two networks; write the pictures to out/
	$(VENV)/bin/chainrule demo

shell: $(VENV)/plot.stamp  ## a shell in which `chainrule` and `python` are those of the environment
	@echo "chainrule and python are those of $(VENV) here. Try: chainrule step \"(w*x - y)**2\" w=0.5 x=2 y=3. exit leaves."
	@PATH="$(abspath $(VENV))/bin:$$PATH" VIRTUAL_ENV="$(abspath $(VENV))" $${SHELL:-sh}

playground: $(VENV)/playground.stamp  ## train a small network in the browser, stop, and look inside
	@$(VENV)/bin/chainrule playground $(ARGS) || [ $$? = 130 ]  # Ctrl-C is how it ends

test: $(VENV)/dev.stamp  ## run the tests; ARGS="-k tanh" is handed to pytest
	$(VENV)/bin/pytest -n auto --dist worksteal $(ARGS)

fuzz: $(VENV)/dev.stamp  ## random calls and random sessions, with new numbers for MINUTES=30
	$(VENV)/bin/python tests/support/fuzz.py --minutes $(MINUTES) $(ARGS)

check-gradients: $(VENV)/dev.stamp  ## a table: every primitive's gradients against finite differences
	$(VENV)/bin/python tests/support/check_rows.py $(ARGS)

notebooks: $(VENV)/notebook.stamp  ## open the guided tour in JupyterLab
	$(VENV)/bin/jupyter lab notebooks/01_chain_rule.ipynb $(ARGS)

notebooks-run: $(VENV)/notebook.stamp  ## execute the notebooks from clean and store what they show; ARGS="03 05": some
	$(VENV)/bin/python tests/support/notebook_runner.py $(ARGS)

sheets: $(VENV)/notebook.stamp $(VENV)/dev.stamp  ## exercise sheets of the lectures to out/sheets, with and without solutions; ARGS="--seed 7" for other numbers
	$(VENV)/bin/python tests/support/exercise_sheets.py $(ARGS)

bench: $(VENV)/bench.stamp  ## measure against micrograd, PyTorch, JAX and others (installs them); figures to out/
	$(VENV)/bin/python benchmarks/run.py --json out/benchmarks.json $(ARGS)

bench-page: $(VENV)/bench.stamp  ## write docs/benchmarks.md and its plot from those figures
	$(VENV)/bin/python benchmarks/page.py out/benchmarks.json

results: $(VENV)/plot.stamp  ## train on real data over five seeds; write the held-out results to docs/results.md
	$(VENV)/bin/python benchmarks/results.py $(ARGS)

pages: $(VENV)/dev.stamp  ## write the page made from the table, and draw the pictures of the documentation
	$(VENV)/bin/python tests/support/primitives_page.py docs/primitives.md
	$(VENV)/bin/python tests/support/drawing_page.py
	$(VENV)/bin/python tests/support/how_it_works_page.py
	$(VENV)/bin/python tests/support/plot_pictures.py docs/plots.md docs/figures.md

docs: $(VENV)/docs.stamp  ## build the documentation site, out/docs/index.html; every link in it is checked
	rm -rf out/docs/$(VERSION)
	$(VENV)/bin/sphinx-build -q -W --keep-going -E -d out/doctrees -c docs/site . out/docs/$(VERSION)
	rm -rf out/docs/jupyter_execute
	$(VENV)/bin/python docs/site/check_site.py out/docs/$(VERSION)

dist: $(VENV)/dev.stamp  ## build sdist and wheel into dist/, the same bytes each time
	$(VENV)/bin/python .ci/dist.py dist

check: $(VENV)/dev.stamp  ## lint, formatting, types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

format: $(VENV)/dev.stamp  ## format the code, and repair what lint can repair
	$(VENV)/bin/ruff check --fix-only
	$(VENV)/bin/ruff format

clean:  ## delete what these commands made, .venv and out/ included
	rm -rf .venv out build dist chainrule.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find start autograd nn viz tests -name __pycache__ -type d -prune -exec rm -rf {} +

# plot.stamp, dev.stamp, notebook.stamp, bench.stamp: the package is installed with the extra of that name
$(VENV)/%.stamp: pyproject.toml $(SOURCES)
	@sh .ci/install.sh "$(PYTHON)" "$(VENV)" $*
