# The only doors. CI calls the same.
#
#   make up            a server with the demo project on http://localhost:6789   (PORT=… to change, WEB=off without the web UI)
#   make test          every test, real Postgres, Redis and Pulumi engine included; the summary names each lane
#   make test-cluster  the Kubernetes objects on a real API server (PENSTOCK_TEST_KUBECONFIG: on yours)
#   make check         formatting, lint, types, import contracts, the web's own checks
#   make web           build the web UI if its sources changed
#   make golden        write the checked-in generated files anew
#   make soak          a fleet under load and faults for ten minutes; SEED=… replays one, MINUTES=… to change
#   make soak-guards   take away each guard of the engine in turn, in a copy, and show which check sees it
#   make bench         measure; BENCH="--database postgres --json out.json" for options

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 6789
WEB ?= on
WORKERS ?= 2
PYTEST ?=
BENCH ?=
MINUTES ?= 10
SEED ?=
SOAK ?=

BIN := .venv/bin
SOURCES := platform/penstock_platform infra runtime/penstock_runtime runtime/penstock runtime/images tests

.PHONY: help up test test-cluster check web golden bench soak soak-guards clean

help:
	@sed -n 's/^#   //p' Makefile

.venv/.core: pyproject.toml uv.lock
	@make/environment.sh core

.venv/.everything: pyproject.toml uv.lock
	@make/environment.sh everything

up: .venv/.core
	@make/up.sh "$(PORT)" "$(WEB)"

web: .venv/.core
	@make/web.sh build

test: .venv/.everything
	@make/web.sh build
	@make/browser.sh
	@make/faults.sh
	@make/pulumi.sh
	@echo "==> tests, $(WORKERS) at a time"
	@$(BIN)/python -m pytest --every-lane -n $(WORKERS) --dist loadscope --ignore tests/bench -q $(PYTEST)

test-cluster: .venv/.everything
	@make/cluster.sh
	@echo "==> tests on a real Kubernetes API server, $(WORKERS) at a time"
	@$(BIN)/python -m pytest tests/cluster --lanes cluster -n $(WORKERS) --dist loadscope -q $(PYTEST)

check: .venv/.everything
	@echo "==> formatting and lint"
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "run: $(BIN)/ruff format $(SOURCES)"; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@echo "==> types"
	@$(BIN)/mypy --no-error-summary
	@echo "==> import contracts"
	@$(BIN)/lint-imports > .cache/imports.log || { cat .cache/imports.log; exit 1; }
	@make/web.sh check

golden: .venv/.everything
	@PYTHONPATH=runtime:platform:infra:tests $(BIN)/python -m support.golden
	@make/web.sh generate

bench: .venv/.everything
	@PYTHONPATH=runtime:platform:infra:tests $(BIN)/python -m bench $(BENCH)

soak: .venv/.everything
	@make/faults.sh
	@PYTHONPATH=runtime:platform:infra:tests $(BIN)/python -m support.fleet --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(SOAK)

soak-guards: .venv/.everything
	@make/faults.sh
	@PYTHONPATH=runtime:platform:infra:tests $(BIN)/python -m support.fleet.guards $(SOAK)

clean:
	@rm -rf .cache .venv dist runtime/web/node_modules runtime/penstock_runtime/server/static
