PYTHON ?= python3
BIN := .venv/bin

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/dev: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: .venv/dev ## install, then upload, process, vote and rank a real video
	@$(BIN)/anb demo

up: .venv/dev ## everything in one process on port 8080
	@$(BIN)/anb up

test: .venv/dev ## the tests, on SQLite and on the servers named by ANB_TEST_DATABASE_URL and ANB_TEST_BROKER_URL
	@$(BIN)/python -m pytest -n 2 tests

lint: .venv/dev ## ruff and mypy
	@$(BIN)/ruff check src
	@$(BIN)/mypy src

clean: ## remove what was installed and made
	@rm -rf .venv anb-data demo-output

.PHONY: help demo up test lint clean
