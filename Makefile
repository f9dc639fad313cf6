# Needs a Python of 3.11 or newer and nothing else. `make PYTHON=/path/to/python3.12 …` takes another one.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test soak lint bench bench-detect bench-names train-names lock lock-kafka clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
# Tests of one file stay in one process: those on the real broker share one. Two, since half of their time is waiting.
JOBS ?= 2

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Everything that the others need: .venv from the lock, Kafka's jars; a repeat does nothing
	@$(BIN)/infopump setup

# uv is the first package of the lock to be installed, by pip with its hash; it is seven times as fast with the rest.
# It knows nothing of pip's configuration: the mirror named there is passed on, and where uv fails, pip does the work.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "infopump needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Give another one: make PYTHON=/path/to/python3.11 setup" >&2; exit 1; }
	@echo "installing into $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@awk '/^[^ #]/ { on = /^uv==/ } on' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock
	@mirror=$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}; \
	if [ -n "$$mirror" ]; then export UV_DEFAULT_INDEX="$$mirror"; fi; \
	$(BIN)/uv pip install -q -p $(BIN)/python --no-deps --require-hashes -r requirements.lock || { \
		echo "uv could not; pip takes over" >&2; \
		$(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock; }
	@$(BIN)/uv pip install -q -p $(BIN)/python --no-deps --no-build-isolation --offline -e .
	@touch $@

demo: setup ## The whole system with simulated shops and a salt rush, on this machine, until Ctrl-C
	@exec $(BIN)/infopump demo $(ARGS)

test: setup ## Lint, then every test; ARGS="-k word" picks some
	@$(MAKE) --no-print-directory lint
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup ## The crash tests of the store with 100 kills at random each; ARGS="--kills 500"
	@exec $(BIN)/python -m pytest tests/sinks/test_crash.py tests/sinks/test_server_crash.py --kills 100 $(ARGS)

lint: $(INSTALLED) ## ruff, mypy, and the rule of who may import whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## Every measurement in tests/bench
	@for script in $(wildcard tests/bench/[a-z]*.py); do echo "== $$script"; $(BIN)/python "$$script"; done

bench-detect: setup ## How early and how honest detection is, with baselines; ARGS="--full --out TABLES.md"
	@$(BIN)/python -m tests.bench.detection $(ARGS)

bench-names: setup ## Accuracy and speed of the name classifier; ARGS=LABELS.csv takes other labels
	@$(BIN)/python -m tests.bench.bench_names $(ARGS)

train-names: $(INSTALLED) ## Train the name classifier from its lexicon and examples, after a change of these
	@$(BIN)/python -m agents.naming.train

lock: $(INSTALLED) ## Write requirements.lock from pyproject.toml; ARGS=--upgrade takes newer versions
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile -q pyproject.toml --all-extras --group dev --universal \
		--generate-hashes --no-emit-index-url -p 3.11 -o requirements.lock $(ARGS)

lock-kafka: $(INSTALLED) ## Write deploy/kafka.lock for the version in deploy/jars.py
	@$(BIN)/python -m deploy.jars

clean: ## Remove what setup and the tests have made in this folder
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
