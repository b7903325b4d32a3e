# Needs assessment and hub site planning. `make help` lists what can be made.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
RAW ?= data/raw
PROCESSED ?= data/processed
MAPS ?= maps
NEEDS := $(BIN)/python -m needs
# A folder of raw files that is given is only read; without one, what is missing is downloaded to data/raw.
GIVEN = $(if $(filter command line environment,$(origin RAW)),--raw "$(RAW)")
FOLDERS = $(GIVEN) --processed "$(PROCESSED)" --maps "$(MAPS)"

.DEFAULT_GOAL := help
.PHONY: help england demo test soak lint format assess data init need travel plan map check compare lab notebooks bench clean area-given

help: ## List what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  AREA=  any English council by name or code, several joined by +, or the path of an assessment TOML"
	@echo "  RAW=   folder of raw files to read in place of downloading to data/raw; PROCESSED= and MAPS= likewise"

demo: $(VENV)/.installed ## Build two synthetic councils from nothing, offline, and print their pages
	@$(NEEDS) demo $(FOLDERS)

test: $(VENV)/.installed-dev ## Set up and run the tests
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

soak: $(VENV)/.installed-dev ## Run the long tests: a hundred builds stopped, the same bytes everywhere, hostile input
	@$(BIN)/python -m pytest -m soak --numprocesses 0 --durations 10
	@NEEDS_SOAK=100 $(BIN)/python -m pytest --numprocesses auto tests/hostile/test_fuzz.py

assess: area-given $(VENV)/.installed ## Build an area: make assess AREA=Staffordshire
	@$(NEEDS) build "$(AREA)" $(FOLDERS)

england: $(VENV)/.installed-cluster ## Build all of England: make england RAW=folder WORKERS=2
	@$(NEEDS) england $(FOLDERS) $(if $(WORKERS),--workers $(WORKERS)) $(if $(SCHEDULER),--scheduler $(SCHEDULER))

init: area-given $(VENV)/.installed ## Write an area's assessment file, with every setting explained
	@$(NEEDS) init "$(AREA)" $(GIVEN)

data need travel plan map: area-given $(VENV)/.installed ## Build an area up to that stage
	@$(NEEDS) build "$(AREA)" --until $@ $(FOLDERS)

check: area-given $(VENV)/.installed ## Check an area's inputs, write nothing
	@$(NEEDS) check "$(AREA)" $(GIVEN)

compare: area-given $(VENV)/.installed ## Set two plans side by side: make compare AREA=rutland WITH=other.toml
	@test -n "$(WITH)" || { echo 'Say with what: make compare AREA=rutland WITH=other.toml'; exit 2; }
	@$(NEEDS) compare "$(AREA)" "$(WITH)" $(FOLDERS)

lint: $(VENV)/.installed-dev ## Check style and types; where there is a network, also known faults of packages
	@$(BIN)/ruff check needs tests
	@$(BIN)/ruff format --check needs tests
	@$(BIN)/mypy
	@$(BIN)/python -m tests.audit constraints.txt

format: $(VENV)/.installed-dev ## Put the code in the house style
	@$(BIN)/ruff check --fix needs tests
	@$(BIN)/ruff format needs tests

notebooks: $(VENV)/.installed-dev ## Run the notebooks
	@$(BIN)/jupytext --quiet --to ipynb notebooks/*.py
	@$(BIN)/python -m pytest --numprocesses auto --nbmake --nbmake-timeout=600 -p no:warnings notebooks

lab: $(VENV)/.installed-dev ## Open JupyterLab on the notebooks
	@$(BIN)/jupytext --quiet --to ipynb --update notebooks/*.py
	@$(BIN)/jupyter lab notebooks

bench: $(VENV)/.installed-dev ## Run the benchmarks
	@for b in tests/benchmarks/bench_*.py; do $(BIN)/python -m tests.benchmarks.$$(basename $$b .py); done

clean: ## Remove the virtual environment and everything built
	rm -rf "$(VENV)" *.egg-info "$(PROCESSED)"/.stages data/raw/demo

area-given:
	@test -n "$(AREA)" || { echo 'Say which area: make assess AREA=rutland (`make help` explains)'; exit 2; }

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "CPython 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing packages (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-cluster: $(VENV)/.installed
	@echo "Installing Dask (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[cluster]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing packages for development (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,notebooks]'
	@touch $@
