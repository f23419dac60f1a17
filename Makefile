# Two commands do everything on a fresh Debian machine with Python 3.11+, git and make:
#
#     make demo     the environment, then a mesh of five processes that learns one model together
#     make test     the environment, the gate, and the tests against real processes
#
# `env` is built once; it is brought up to date when pyproject.toml has changed. Pip takes whatever
# build of torch its configuration prefers, so where a CPU build is on hand no CUDA is fetched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
DEMO ?=
SEEDS ?= 5000
ENGINE_SEEDS ?= 10000
MUTANT_SEEDS ?= 500
DEPTH ?= 7
SOURCES := meshkit cli services
PURE := meshkit/core/*,meshkit/consensus/*,meshkit/ledger/*,meshkit/pool/*,meshkit/rounds/*,meshkit/node.py

.PHONY: help env demo test check format lint types layers security schemas schemas-check unit \
	integration sim mutants bench docs clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# --- the environment ------------------------------------------------------------------------------

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What a user needs: the demo trains, so torch is in.
$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[torch,mnist]'
	@touch $@

# What a developer needs besides.
$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[torch,mnist,dev]'
	@touch $@ $(VENV)/.run

env: $(VENV)/.dev

# --- what a newcomer does -------------------------------------------------------------------------

demo: $(VENV)/.run
	$(BIN)/meshkit demo $(DEMO)

test: check integration

# --- the gate: all of it, and CI runs exactly this -------------------------------------------------

check: lint types layers security schemas-check unit

format: env
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: env
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: env
	$(BIN)/mypy
	$(BIN)/basedpyright

layers: env
	$(BIN)/lint-imports --no-cache

security: env
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml $(SOURCES)
	$(BIN)/python -m tests.security.scan $(SOURCES)

schemas-check: env
	$(BIN)/python -m pytest --quiet tests/test_schemas.py

# Two reports: over 90 % in all, and nearly every branch of what is pure.
unit: env
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) --cov --cov-report=
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --include='$(PURE)' --fail-under=99

integration: env
	$(BIN)/python -m pytest --quiet integration

# --- the rest -------------------------------------------------------------------------------------

# First the schemas after the values, then the generated code after the schemas.
schemas: env
	$(BIN)/python -m meshkit.codec.draft schemas
	$(BIN)/python -m grpc_tools.protoc -I schemas --python_out=. --pyi_out=. schemas/meshkit/pb/*.proto

# The simulator's long campaign; `make test` runs a short one.
sim: env
	$(BIN)/meshkit sim run all --seeds $(SEEDS)
	$(BIN)/meshkit sim run engines --seeds $(ENGINE_SEEDS)
	$(BIN)/meshkit sim search all --depth $(DEPTH)

# How many seeds each planted bug needs; `make test` runs the short form of this gate.
mutants: env
	$(BIN)/python -m tests.sim.engines.gate $(MUTANT_SEEDS)

bench: env
	$(BIN)/meshkit bench consensus
	$(BIN)/meshkit bench updates
	$(BIN)/meshkit bench sim

docs: env
	rm -rf site
	$(BIN)/python docs/build.py site

clean:
	rm -rf build dist site htmlcov demo-home .coverage .coverage.* .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find $(SOURCES) tests integration -name __pycache__ -type d -prune -exec rm -rf {} +
