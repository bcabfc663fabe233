SHELL := /bin/bash -o pipefail
PYTHON ?= python3
BIN := .venv/bin
PIP := PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= $(BIN)/pip install -qq --disable-pip-version-check

.DEFAULT_GOAL := help

help: ## show this
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.venv/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	@echo "Installing into .venv ..."
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing the development tools ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.venv-infra/stamp: requirements-infra.lock
	@echo "Installing the CDK into .venv-infra ..."
	@$(PYTHON) -m venv .venv-infra
	@$(subst $(BIN),.venv-infra/bin,$(PIP)) --require-hashes -r requirements-infra.lock
	@touch $@

.venv-kubernetes/stamp: requirements-kubernetes.lock
	@echo "Installing kubectl and checkers into .venv-kubernetes ..."
	@$(PYTHON) -m venv .venv-kubernetes
	@$(subst $(BIN),.venv-kubernetes/bin,$(PIP)) --require-hashes -r requirements-kubernetes.lock
	@touch $@

demo: .venv/run.stamp ## install, then the whole way on a real video: upload, house format, votes, ranking
	@$(BIN)/anb demo

up: .venv/run.stamp ## everything in one process, on port 8080
	@$(BIN)/anb up

test: .venv/dev.stamp ## all tests but the slow ones, on SQLite and on PostgreSQL + Redis, with branch coverage
	@servers=$$(.ci/servers) && eval "$$servers" && $(BIN)/coverage erase && $(BIN)/coverage run -m pytest -n 2
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report --fail-under 95

slow-test: .venv/dev.stamp ## what takes seconds each: clips seen and heard, servers killed, the API fuzzed (6 minutes)
	@servers=$$(.ci/servers) && eval "$$servers" && $(BIN)/python -m pytest -n 2 -m slow

stack: .venv/dev.stamp ## nginx, gunicorn, PostgreSQL, Redis, worker and beat on free ports, until Ctrl+C
	@.ci/tools && $(BIN)/python -m deployment.stack $${PORT:+--port "$$PORT"} $${FOLDER:+--folder "$$FOLDER"}

stack-test: .venv/dev.stamp ## what only the whole shows: bodies, caches, files and refusals through nginx
	@.ci/tools && $(BIN)/python -m pytest -o addopts=-q -p no:randomly tests/stack

KILLS ?= 200
prove: .venv/dev.stamp ## kill the stack's processes KILLS times under load: nothing acknowledged is lost (10 minutes)
	@.ci/tools && $(BIN)/python -m tests.prove --kills $(KILLS) $(if $(SEED),--seed $(SEED))

prove-embedded: .venv/dev.stamp ## the same for the one process of `anb up`
	@$(BIN)/python -m tests.prove --embedded --kills $(KILLS) $(if $(SEED),--seed $(SEED))

roll: .venv/dev.stamp ## the next release takes over under load, a migration between: no request fails (2 minutes)
	@.ci/tools && $(BIN)/python -m tests.rolling $(if $(SEED),--seed $(SEED))

promote: .venv/dev.stamp ## two regions, the main one dies: nothing acknowledged and replicated is lost (3 minutes)
	@.ci/tools && $(BIN)/python -m tests.replica $(if $(SEED),--seed $(SEED))

proofs: SEED := 7
proofs: .venv/dev.stamp ## a short version of each slow proof, as CI runs it
	@$(MAKE) --no-print-directory slow-test
	@$(MAKE) --no-print-directory rules
	@$(MAKE) --no-print-directory stack-test
	@$(MAKE) --no-print-directory drill
	@$(MAKE) --no-print-directory runbooks
	@$(MAKE) --no-print-directory prove KILLS=40 SEED=$(SEED)
	@$(MAKE) --no-print-directory prove-embedded KILLS=10 SEED=$(SEED)
	@$(MAKE) --no-print-directory roll SEED=$(SEED)
	@$(MAKE) --no-print-directory promote SEED=$(SEED)
	@$(MAKE) --no-print-directory tus-cuts CUTS=20 LARGE_MB=300
	@$(MAKE) --no-print-directory hostile HOSTILE="--sample 40"

hosts-test: .venv/dev.stamp ## the three hosts of the AWS document, booted on this machine and set up by their scripts (needs root; 4 minutes)
	@.ci/hosts && unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		$(BIN)/python -m pytest -o addopts=-q -p no:randomly tests/hosts

hostile: .venv/dev.stamp ## send damaged and malicious files to a real server: nobody dies, nothing leaks (10 minutes)
	@$(BIN)/python -m tests.hostile $(HOSTILE)

bench: .venv/dev.stamp ## what it does a second, beside what this machine could do; recorded in bench/results
	@servers=$$(.ci/servers) && eval "$$servers" && $(BIN)/python -m bench

tests/uploads/js/node_modules: tests/uploads/js/package-lock.json
	@.ci/tools npm && cd tests/uploads/js && npm ci --silent --no-audit --no-fund && touch node_modules

tus-cuts: .venv/dev.stamp tests/uploads/js/node_modules ## two tus clients over a link that breaks CUTS times, then a file of 2 GB (needs node)
	@$(BIN)/python -m tests.uploads.cuts --cuts $(CUTS) --large-mb $(LARGE_MB)

CUTS ?= 100
LARGE_MB ?= 2048

mutants: .venv/dev.stamp ## change the rules one place at a time: at least 90 % must fail a table test (4 minutes)
	@rm -rf mutants && $(BIN)/mutmut run --max-children 2 | tail -1 && $(BIN)/mutmut export-cicd-stats > /dev/null
	@$(BIN)/python -m bench.mutants

drill: .venv/dev.stamp ## back up real servers under load, destroy them, restore: what was acknowledged is there; RTO and RPO
	@servers=$$(.ci/servers) && eval "$$servers" && $(BIN)/python -m pytest -o addopts=-q -s -p no:randomly tests/backups/test_drill.py

runbooks: .venv/dev.stamp ## run what the runbooks tell to run, on each database (2 minutes)
	@servers=$$(.ci/servers) && eval "$$servers" && $(BIN)/python -m pytest -o addopts=-q tests/docs/test_runbooks_run.py

growth: .venv/dev.stamp ## loads that make each trigger of phase 1 fire in `anb advise`, where a minute lasts a second (5 minutes)
	@.ci/tools && $(BIN)/python -m tests.growth

rules: .venv/dev.stamp ## make Prometheus' rules from operations/triggers.py; check and test them, and the relabelling, with promtool
	@$(BIN)/python -m anb.operations.rules > deployment/prometheus/rules.yml
	@.ci/promtool check rules deployment/prometheus/rules.yml
	@.ci/promtool test rules deployment/prometheus/rules_test.yml
	@.ci/promtool check config deployment/prometheus/prometheus.yml
	@$(BIN)/python -m pytest -o addopts=-q -p no:randomly tests/rules

k8s-test: .venv-kubernetes/stamp ## both clusters' manifests: built, against the schemas, checkov, and our own rules
	@PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 .venv-kubernetes/bin/python -m pytest -p pytest_timeout -c deployment/kubernetes/tests/pytest.ini deployment/kubernetes/tests

infra-test: .venv-infra/stamp ## phases 0 to 3 on AWS: types, tables as assertions, cdk-nag, cfn-lint, deployed to emulators
	@.ci/node
	@MYPYPATH=src .venv-infra/bin/mypy infra
	@PYTHONPATH=src JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 .venv-infra/bin/python -m pytest -c infra/tests/pytest.ini infra/tests

cloud: ## both, as CI runs them after the proofs
	@$(MAKE) --no-print-directory k8s-test
	@$(MAKE) --no-print-directory infra-test

infra-synth: .venv-infra/stamp ## write the CloudFormation templates of PHASE into cdk.out
	@PYTHONPATH=src JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 .venv-infra/bin/python -m infra $(PHASE)

.PHONY: cloud k8s-test infra-test infra-synth

lint: .venv/dev.stamp ## ruff, mypy --strict, import rules, shell scripts, workflows, Dockerfile and compose
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy src tests bench deployment/stack
	@$(BIN)/lint-imports | grep -E "KEPT|BROKEN|->|Contracts:"
	@$(BIN)/shellcheck .ci/run .ci/hosts .ci/servers .ci/tools .ci/promtool .ci/node deployment/stack/*.sh
	@$(BIN)/shellcheck --external-sources deployment/ec2-setup/*.sh
	@$(BIN)/shellcheck deployment/delivery/*.sh deployment/cloudwatch/*.sh
	@$(BIN)/actionlint
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml

lock: ## renew the lock files (needs uv)
	@uv pip compile pyproject.toml --group build $(LOCK) --output-file requirements.lock
	@uv pip compile pyproject.toml --extra sqs --extra sentry --extra otel --group build --group dev --constraints requirements.lock $(LOCK) --output-file requirements-dev.lock

	@uv pip compile --group infra $(LOCK) --output-file requirements-infra.lock
	@uv pip compile --group kubernetes $(LOCK) --output-file requirements-kubernetes.lock

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

clean: ## remove what was installed and made here
	@rm -rf .venv .venv-infra .venv-kubernetes cdk.out demo-output .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants

.PHONY: help demo up test stack stack-test hosts-test prove prove-embedded roll promote proofs tus-cuts hostile bench mutants drill runbooks growth rules lint lock clean
