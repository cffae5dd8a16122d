# Two commands do everything from a bare clone: `make study` and `make test`.
STUDY ?= demo
TARGET ?= all
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTHON ?= python3
BIN := .venv/bin

.PHONY: study plan scenes test bench reliability audit-dependencies lint verify help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make study [STUDY=demo|laptop|evidence|paper|my.yaml] [TARGET=all|table3|...] [CORES=n]   run a study
study: .venv/installed
	@$(BIN)/unmixing study --study $(STUDY) --cores $(CORES) $(TARGET)

## make plan [STUDY=...]   hours, memory, disk and missing inputs of a study, before anything starts
plan: .venv/installed
	@$(BIN)/unmixing plan --study $(STUDY)

## make scenes     download the scenes that have a public address, verified, into a cache
scenes: .venv/installed
	@$(BIN)/unmixing fetch

## make test       lint, types and all tests
test: lint
	@$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile

## make verify     make every committed table again from the committed runs, and compare
verify: .venv/installed
	@$(BIN)/unmixing verify

## make bench      speed as ratios within one run: results/benchmarks/ (one thread; about a quarter of an hour)
bench: .venv/installed
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/training_step.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/training_step.py --profile samson
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/agreement.py --scenes-folder "$(UNMIXING_SCENES)"
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/cost.py
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/start_up.py

## make reliability   kill tiny studies, meet every fault: reports/reliability.md (most of an hour; goes on where it stopped)
reliability: .venv/installed
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/reliability.py --jobs 2

## make audit-dependencies   known vulnerabilities of what constraints.txt locks; needs a network, is no part of lint
# --strict: a package that the index does not know is an error, not one that is left out in silence.
AUDIT := .venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off --timeout 10
audit-dependencies: .venv/installed
	@test -x .venv/audit/bin/pip-audit || { $(BIN)/python -m venv .venv/audit && \
		.venv/audit/bin/python -m pip install --quiet --retries 1 pip-audit; } >.venv/audit.log 2>&1 || \
		{ echo "audit-dependencies: pip-audit cannot be installed; this needs a network (see .venv/audit.log)" >&2; exit 1; }
	@$(AUDIT) --requirement constraints.txt 2>.venv/audit.log || { \
		grep '^Found' .venv/audit.log >&2 || \
		echo "audit-dependencies: nothing was audited; this needs a network with the public index (see .venv/audit.log):" \
			"$$(tail -n 1 .venv/audit.log | cut -c 1-160)" >&2; exit 1; }
	@tail -n 1 .venv/audit.log

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,text]'
	@touch $@
