# `make` alone says what there is. The environment is .venv in this folder; every target that
# needs it creates it, from pinned and hashed requirements.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SHELL := bash

# The pins are complete, so nothing is resolved (--no-deps): where a dependency names an extra of a
# package, pip would look for its newest version, and find that one not pinned.
# A line per package: pip writes that on stdout and errors on stderr.
PIP_INSTALL := set -o pipefail; PYTHONUNBUFFERED=1 $(BIN)/python -m pip install \
	--disable-pip-version-check --no-input
SHOW_PACKAGES := awk '/^Collecting / { print "    " $$2; fflush() } \
	/^Installing collected/ { print "    unpacking"; fflush() }'

.PHONY: help demo demo-cluster test coverage chaos lint dev bench bench-cluster docs picture lock clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.runtime ## Set everything up and play the demo (no network after the set-up)
	@$(BIN)/python examples/demo.py

test: .venv/.dev ## Set everything up and run the tests
	$(BIN)/pytest -v $(PYTEST_ARGS)

coverage: .venv/.dev ## The same, and which lines they run (a third slower)
	$(BIN)/pytest -q --cov --cov-report=term $(PYTEST_ARGS)

chaos: .venv/.dev ## A hundred kills at every point of a node's life, and a table (half an hour)
	@$(BIN)/python -m tests.cluster.chaos
	@$(BIN)/python -m tests.cluster.chaos --kills 10 --default-lease

lint: .venv/.dev ## Style, types and import layers
	@failed=0; for linter in "ruff check ." "ruff format --check ." "lint-imports --no-logo" \
		mypy basedpyright; do echo "→ $$linter"; $(BIN)/$$linter || failed=1; done; exit $$failed

demo-cluster: .venv/.dev ## The same as a cluster: Redis, Kafka, a server, two workers; one is killed
	@$(BIN)/python examples/cluster_demo.py

dev: .venv/.runtime ## Start the API and a worker in one process, on port 8000
	@$(BIN)/wf dev

bench: .venv/.runtime ## Run the benchmarks; one JSON line each
	@$(BIN)/python -m benchmarks

bench-cluster: .venv/.dev ## The same on a real Redis and Kafka, with a server and two workers
	@$(BIN)/python -m benchmarks.cluster

docs: .venv/.runtime ## Write the pages that are made from the code
	@$(BIN)/python docs/generate.py

picture: .venv/.runtime ## Draw docs/demo.svg from what the demo prints
	@$(BIN)/python docs/picture.py

# pip-tools lives in an environment of its own: it must not decide what it pins.
lock: export CUSTOM_COMPILE_COMMAND := make lock
lock: PIP_COMPILE = "$$tools/bin/pip-compile" --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--no-emit-options --annotation-style=line $(LOCK_ARGS)
lock: ## Pin requirements*.txt anew (LOCK_ARGS=--upgrade for the newest versions)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && set -e; \
	echo "→ preparing pip-tools"; \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet pip-tools; \
	echo "→ requirements.txt"; \
	$(PIP_COMPILE) --extra server --extra yaml --extra redis --extra kafka --extra metrics --build-deps-for editable -o requirements.txt pyproject.toml; \
	echo "→ requirements-dev.txt"; \
	$(PIP_COMPILE) -o requirements-dev.txt requirements-dev.in

clean: ## Remove the environment and everything that was built
	rm -rf .venv .wf build dist htmlcov .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.created:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; say where: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "→ creating .venv ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.runtime: .venv/.created requirements.txt pyproject.toml
	@echo "→ installing the packages of requirements.txt"
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements.txt | $(SHOW_PACKAGES)
	@echo "→ installing wfcore from this folder"
	@$(PIP_INSTALL) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	@echo "→ installing the packages of requirements-dev.txt"
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.txt | $(SHOW_PACKAGES)
	@touch $@
