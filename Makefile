# Every task of this project; `make` alone lists them. Nothing but Python 3.11+ has to be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
SOURCES := $(shell find reporter integrations -name '*.py' 2>/dev/null)
COMPILE := uv pip compile --quiet pyproject.toml --python-version 3.11 --universal \
	--generate-hashes --no-annotate --no-header --no-emit-index-url
PEERS := .venv-peers
# Torch comes by pip, which finds a wheel without CUDA that the machine has; else it is large.
TORCH ?= torch==2.13.0
# `make test FRAMEWORKS=` and `make bench-peers FRAMEWORKS=` do without frameworks.
FRAMEWORKS ?= yes
PEERS_TOO := $(TORCH) keras==3.15.1 lightning==2.6.6

# uv brings certificates of its own; where the system has some, they know the company's too.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= 1
endif
# An environment that happens to be active is not the one that is meant here.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

ifdef UV
INSTALL := uv pip install --quiet --python $(BIN)/python
AGAIN := --reinstall-package run-reporter
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
AGAIN := --force-reinstall
endif

# The development setup runs the demo as well as the small one does.
READY := $(if $(wildcard $(VENV)/.dev),$(VENV)/.dev,$(VENV)/.run)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check fix preview pictures soak bench bench-peers bench-frameworks ceiling pins services

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev services ## Install what development needs, and the programs that tests talk to

demo: $(READY) ## Train a small model that reports to a gateway of its own
	@$(BIN)/python examples/demo.py

test: setup $(if $(FRAMEWORKS),$(VENV)/.frameworks) ## Run all tests (FRAMEWORKS= does without those of frameworks)
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## Check format, lint, types, layers and what is generated
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python grafana/generate.py --check
	$(BIN)/python -m grafana.lint

fix: $(VENV)/.dev ## Format the code, correct what can be corrected, generate anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/generate.py
	$(BIN)/python grafana/generate.py

preview: $(VENV)/.dev services ## Show the Grafana dashboards, with hours of pretended data
	$(BIN)/python -m tests.grafana.preview

pictures: $(VENV)/.dev services ## Take the pictures of the dashboards that grafana/README.md shows
	$(BIN)/python -m tests.grafana.preview pictures

soak: $(VENV)/.dev services ## Train for half an hour amid kills and outages (SOAK="--minutes 2")
	$(BIN)/python -m tests.soak $(SOAK)

bench: $(VENV)/.dev ## Measure what reporting costs (BENCH=--save keeps it)
	$(BIN)/python benchmarks/run.py $(BENCH)

bench-peers: services ## The same, beside everything else that people use
	@$(MAKE) --no-print-directory VENV=$(PEERS) $(PEERS)/.peers
	$(PEERS)/bin/python benchmarks/run.py --peers $(BENCH)

bench-frameworks: $(VENV)/.frameworks ## Measure what our callbacks take in real fits
	$(BIN)/python benchmarks/frameworks.py $(BENCH)

ceiling: $(VENV)/.dev services ## Measure how many runs one gateway carries
	$(BIN)/python benchmarks/ceiling.py

pins: ## Compile the requirements anew from pyproject.toml
	$(COMPILE) --extra cli -o requirements/run.txt
	$(COMPILE) --extra cli --group dev -o requirements/dev.txt
	$(COMPILE) requirements/peers.in -o requirements/peers.txt
	echo 'torch; sys_platform == "none"' > $(VENV)/.no-torch
	$(subst pyproject.toml,,$(COMPILE)) requirements/frameworks.in -c requirements/dev.txt \
		--override $(VENV)/.no-torch --no-emit-package torch -o requirements/frameworks.txt

services:
	@missing=""; \
	command -v prometheus >/dev/null || missing="$$missing prometheus"; \
	command -v prometheus-pushgateway >/dev/null || command -v pushgateway >/dev/null \
		|| missing="$$missing prometheus-pushgateway"; \
	command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null \
		|| missing="$$missing prometheus-alertmanager"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	test "$$(uname)" != Linux || command -v strace >/dev/null || missing="$$missing strace"; \
	test -n "$$missing" || exit 0; \
	if test "$$(id -u)" = 0; then as_root="env"; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n env"; \
	else as_root=""; fi; \
	if test -n "$$as_root" && command -v apt-get >/dev/null; then \
		echo "Installing$$missing"; \
		apt="$$as_root DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get -qq"; \
		{ $$apt update && $$apt install -y --no-install-recommends $$missing; } >/dev/null && exit 0; \
	fi; \
	echo "Not installed:$$missing. The tests that talk to them are skipped."; \
	echo "On Debian or Ubuntu: apt-get install$$missing. Elsewhere: https://prometheus.io/download and https://nodejs.org"

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what development needs into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.run: requirements/run.txt pyproject.toml $(SOURCES) | $(BIN)/python
	@echo "Installing run-reporter into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements/run.txt
	@$(INSTALL) --no-deps $(AGAIN) .
	@touch $@

# All that they need is listed but torch, and so nothing is to be resolved.
$(VENV)/.frameworks: requirements/frameworks.txt $(VENV)/.dev
	@echo "Installing the frameworks that tests train with into $(VENV) (1.2 GB to download)"
	@$(INSTALL) --no-deps --require-hashes -r requirements/frameworks.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@touch $@

$(VENV)/.peers: requirements/peers.txt pyproject.toml $(SOURCES) | $(BIN)/python
	@echo "Installing run-reporter and what it is measured against into $(VENV)"
	@$(INSTALL) --require-hashes -r requirements/peers.txt
	@$(INSTALL) --no-deps $(AGAIN) .
	@test -z "$(FRAMEWORKS)" \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PEERS_TOO) \
		|| echo "Not installed: $(PEERS_TOO). Their rows will be absent."
	@touch $@

$(BIN)/python:
ifdef UV
	@uv venv --quiet --clear --python '>=3.11' $(VENV)
else
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Say which one to use: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "On Debian and Ubuntu, venv is a package: apt-get install python3-venv" >&2; exit 1; }
endif
