# Every target does its own set-up and can be interrupted and run again.
# TENANTRY_HOME (default .tenantry) holds the environment and all state of this checkout.

TENANTRY_HOME ?= .tenantry
export TENANTRY_HOME
unexport PYTHONPATH PYTHONHOME

PYTHON ?= python3
# The oldest and the newest that are promised.
PYTHONS := 3.11 3.14
VENV := $(TENANTRY_HOME)/venv
PIP := $(VENV)/bin/python -m pip install --quiet --no-input --disable-pip-version-check

# Stamps stand in the environment itself, so they vanish with it. Their names carry the content
# they were made from: a changed lock is installed, an unchanged one costs nothing.
digest = $(shell cat $(1) | cksum | tr -d ' ')
CREATED := $(VENV)/.created
LOCKED := $(VENV)/.locked-$(call digest,requirements/dev.lock)
INSTALLED := $(VENV)/.installed-$(call digest,requirements/dev.lock pyproject.toml)

# A model may be extended in several files: its fields, and each thing it does.
PYLINT_OFF := missing-readme,consider-merging-classes-inherited

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-fast mutants check format docs pictures lock bench stop clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-10s %s\n", $$1, $$2 }'

setup: $(INSTALLED) ## Make the Python environment in TENANTRY_HOME

demo: setup ## Start everything, make an instance and print its address
	@$(VENV)/bin/tenantry demo

stop: setup ## Stop what demo started; data stays
	@$(VENV)/bin/tenantry stop

# Files run beside each other in LANES lanes, each with a PostgreSQL and Odoos of its own.
LANES ?= 2
test: setup ## Run all tests; fetches Odoo and PostgreSQL where missing
	@$(VENV)/bin/pytest --numprocesses $(LANES) --dist loadfile --no-loadscope-reorder

test-fast: setup ## Run the tests that need nothing but Python
	@$(VENV)/bin/pytest -m unit

check: setup ## Lint, format, types, layers, addons, spelling
	@echo "check: ruff"
	@$(VENV)/bin/ruff check --quiet
	@$(VENV)/bin/ruff format --quiet --check || { echo "Run: make format"; exit 1; }
	@echo "check: mypy"
	@for version in $(PYTHONS); do $(VENV)/bin/mypy --no-error-summary --python-version $$version || exit 1; done
	@echo "check: import-linter"
	@$(VENV)/bin/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@echo "check: pylint-odoo"
	@$(VENV)/bin/pylint --score=n --disable=$(PYLINT_OFF) $(dir $(wildcard addons/*/*/__manifest__.py))
	@echo "check: state diagrams"
	@$(VENV)/bin/python docs/state_diagrams.py --check
	@echo "check: codespell"
	@$(VENV)/bin/codespell $$(git ls-files 2>/dev/null || echo src tests addons)

format: setup ## Let ruff format and mend what it can
	@$(VENV)/bin/ruff check --quiet --fix
	@$(VENV)/bin/ruff format --quiet

docs: setup ## Draw the state diagrams anew
	@$(VENV)/bin/python docs/state_diagrams.py

PICTURES ?= $(VENV)/pictures
pictures: setup ## Take the pictures of the documentation anew, by the browser tests
	@TENANTRY_SCREENSHOTS=$(PICTURES) $(VENV)/bin/pytest -q tests/browser/test_pictures.py
	@$(VENV)/bin/python docs/pictures.py $(PICTURES)

mutants: setup ## Break lines on purpose and see tests fail; FAST=1: those that need only Python
	@$(VENV)/bin/python -m tests.mutants $(if $(FAST),--fast) $(MUTANTS)

bench: setup ## Measure against other ways of making an Odoo database
	@$(VENV)/bin/python -m bench

clean: ## Remove the environment and caches; instances and their data stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Tenantry needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)."; \
	  echo "Install one, then run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing. Remedy: apt install python3-venv"; exit 1; }
	@echo "setup: making a Python environment in $(VENV)"
	@mkdir -p $(TENANTRY_HOME)
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(LOCKED): $(CREATED)
	@echo "setup: installing $$(grep -c '==' requirements/dev.lock) Python packages"
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

$(INSTALLED): $(LOCKED)
	@echo "setup: installing tenantry"
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

UV ?= uv
COMPILE = $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock: ## Renew all requirement locks (needs uv)
	cd requirements && $(COMPILE) engine.in -o engine.lock && $(COMPILE) dev.in -o dev.lock
	cd src/tenantry/odoo/finding/requirements && $(COMPILE) odoo-19.0.in -o odoo-19.0.lock
	cd src/tenantry/control_plane/requirements && $(COMPILE) master.in --override master.override -o master.lock \
	  -c ../../odoo/finding/requirements/odoo-19.0.lock -c ../../../../requirements/engine.lock
	cd src/tenantry/postgres/requirements && $(COMPILE) postgresql-16.in -o postgresql-16.lock
	cd bench && $(COMPILE) requirements.in -o requirements.lock \
	  -c ../requirements/dev.lock -c ../src/tenantry/odoo/finding/requirements/odoo-19.0.lock
