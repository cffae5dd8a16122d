# Two commands do everything from a bare clone: `make study` and `make test`.
STUDY ?= demo
TARGET ?= all
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTHON ?= python3
BIN := .venv/bin

.PHONY: study scenes test lint help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make study [STUDY=demo|laptop|paper|my.yaml] [TARGET=all|table3|...] [CORES=n]   run a study
study: .venv/installed
	@$(BIN)/unmixing study --study $(STUDY) --cores $(CORES) $(TARGET)

## make scenes     download the scenes that have a public address, verified, into a cache
scenes: .venv/installed
	@$(BIN)/unmixing fetch

## make test       lint, types and all tests
test: lint
	@$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile

## make lint       style, types and the workflow's own lint
lint: .venv/installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/snakefmt --check Snakefile $(wildcard workflow/rules/*.smk)
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/it")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch $@
