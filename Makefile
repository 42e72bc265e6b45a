# spikewatch: `make demo` tells the story, `make test` runs everything. Both set themselves up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# The first Python on the path that is new enough; a name that is only a shim of a version manager fails the trial.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	"$$name" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$name" && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
ARGS ?=

# $(call step,what happens,command): one line when it works, all that the command said when it does not.
define step
@echo "$(1)"
@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; $(2) >"$$said" 2>&1 || { cat "$$said" >&2; exit 1; }
endef

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) \
		| while IFS=$$'\t' read -r target text; do printf '  make %-15s %s\n' "$$target" "$$text"; done

.PHONY: demo
demo: $(READY) ## tell the main story on simulated vendors: make demo ARGS="--language en --once"
	@$(BIN)/spikewatch demo $(ARGS)

.PHONY: test
test: lint types contracts dockerfile ## everything: lint, types, import contracts, Dockerfile, tests, doctests
	@echo "test: tests and doctests"
	@$(BIN)/python -m pytest --numprocesses auto $(ARGS)

.PHONY: setup
setup: $(READY) ## make .venv from the locked requirements; instant when nothing changed
	@:

$(READY): pyproject.toml requirements-dev.lock.txt
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "spikewatch needs Python 3.11 or newer; $(or $(PYTHON),python3) \
	is: $$("$(or $(PYTHON),python3)" -V 2>&1 || true). Name a newer one: make setup PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment. \
	On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "setup: making $(VENV) with $$("$(PYTHON)" -V)"; \
	"$(PYTHON)" -m venv --clear $(VENV); }
	$(call step,setup: installing the locked requirements (a minute or two the first time),\
		$(PIP) install --require-hashes -r requirements-dev.lock.txt)
	$(call step,setup: installing spikewatch itself,\
		$(PIP) install --no-deps --no-build-isolation --no-index -e .)
	@touch $@

.PHONY: lint
lint: $(READY) ## ruff: every rule but those that pyproject.toml drops with a reason
	@echo "lint: ruff"
	@$(BIN)/ruff check --quiet --output-format concise .
	@$(BIN)/ruff format --quiet --check . || { echo "lint: not formatted; run: make format" >&2; \
	$(BIN)/ruff format --check . >&2; exit 1; }

.PHONY: format
format: $(READY) ## put the code into the one format, and fix what ruff can fix safely
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

.PHONY: types
types: $(READY) ## mypy, strict
	@echo "types: mypy"
	@$(BIN)/mypy --no-error-summary

.PHONY: contracts
contracts: $(READY) ## import contracts: layers, and one door per vendor
	$(call step,contracts: lint-imports,$(BIN)/lint-imports --no-logo)

.PHONY: dockerfile
dockerfile: $(READY) ## hadolint on the Dockerfile
	@echo "dockerfile: hadolint"
	@$(BIN)/hadolint --failure-threshold warning Dockerfile

.PHONY: bench
bench: $(READY) ## measure speed and print a table
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: bench-detection
bench-detection: $(READY) ## measure who finds surges soonest; fewer worlds: make bench-detection ARGS="--seeds 4"
	@$(BIN)/python -m tests.bench_detection $(ARGS)

.PHONY: grafana-types
grafana-types: $(READY) ## check the dashboards against Grafana's own types; needs npm
	@$(BIN)/python -m tests.prom.grafana

.PHONY: grafana-panels
grafana-panels: $(READY) ## draw the dashboards with Grafana's own components into build/grafana; needs npm, Prometheus, Chromium
	@$(BIN)/python -m tests.prom.grafana.panels $(ARGS)

# One version of each package for every supported Python, so that all run the same code.
COMPILE = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS)

.PHONY: lock
lock: $(READY) ## renew the locks after a change in pyproject.toml; newer versions: make lock ARGS=--upgrade
	$(call step,lock: requirements.lock.txt,$(COMPILE) pyproject.toml -o requirements.lock.txt)
	$(call step,lock: requirements-dev.lock.txt,$(COMPILE) pyproject.toml --group dev -c requirements.lock.txt \
		-o requirements-dev.lock.txt)
	$(call step,lock: requirements-build.lock.txt,$(COMPILE) --group build -c requirements-dev.lock.txt \
		-o requirements-build.lock.txt)

.PHONY: clean
clean: ## remove .venv and everything that tools left behind
	@rm -rf $(VENV) .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	@find spikewatch tests notebooks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@echo "clean: done"
