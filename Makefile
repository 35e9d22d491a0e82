# Everything starts here: each target builds what it needs, so any of them works first on a fresh clone.

# The first of these that fits builds .venv; to choose one yourself: make env PYTHON=/path/to/python
PYTHON ?= python3.13 python3.12 python3.11 python3

BIN := .venv/bin
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
INSTALL = $(BIN)/python $(PIP_INSTALL) -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help env demo lab test test-slow test-jax lint format constraints clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

env: .venv/.installed ## Only build the environment in .venv (once, a few minutes)
	@echo "Ready: .venv/bin/simclr (or: source .venv/bin/activate)"

demo: .venv/.installed ## Learn from the built-in pictures, then print the accuracies (2 minutes)
	$(BIN)/simclr run demo --out runs/demo

lab: .venv/.installed ## Open the lessons in JupyterLab (until Ctrl-C)
	$(BIN)/simclr lab

test: .venv/.installed-test ## Run the tests (under 15 minutes)
	$(BIN)/python -m pytest -m "not slow and not long"

test-slow: .venv/.installed-test ## Run the tests that take minutes or a browser
	$(BIN)/python -m pytest -m "slow or long" $(TESTS)

test-jax: .venv/.installed-jax ## Run the tests on the JAX backend (a quarter of an hour or more)
	KERAS_BACKEND=jax $(BIN)/python -m pytest -m "not slow"

lint: .venv/.installed-test ## Check style and likely mistakes (seconds)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/.installed-test ## Mend style and import order (seconds)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Python 3.11, the oldest supported: what it resolves to also installs on the newer ones.
constraints: PYTHON := python3.11
constraints: ## Pin the newest versions that pyproject.toml allows (on x86-64 Linux; a few minutes)
	@$(FIND_PYTHON); set -e; \
	fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	echo "Installing everything, unpinned, into a throw-away environment."; \
	$$python -m venv "$$fresh"; \
	"$$fresh/bin/python" $(PIP_INSTALL) -e ".[dask,instructors,jax,test]"; \
	"$$fresh/bin/python" -m pip freeze --exclude simclr-course-kit > "$$fresh/pins"; \
	{ echo "# The versions that the tests ran with. Made by: make constraints"; \
	  awk -F '==' '$$1 ~ /^tensorflow[-_]cpu$$/ { print "tensorflow==" $$2 } { print }' "$$fresh/pins"; \
	} > constraints.txt

clean: ## Remove .venv and caches; runs/ stays
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache

# A stamp is touched only after its install succeeded: an interrupted one is taken up again.
.venv/.installed: pyproject.toml constraints.txt
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	    $(FIND_PYTHON); \
	    echo "Building .venv with $$python"; \
	    $$python -m venv --clear .venv || exit 1; \
	fi
	@echo "Installing the kit into .venv: a few minutes, once (about 450 MB to download)"
	@$(INSTALL) -e .
	@touch $@

.venv/.installed-test: .venv/.installed
	@echo "Adding what the tests need: half a minute, once"
	@$(INSTALL) -e ".[dask,test]"
	@touch $@

.venv/.installed-jax: .venv/.installed-test
	@echo "Adding JAX: half a minute, once"
	@$(INSTALL) -e ".[jax]"
	@touch $@

# Sets $python to the first candidate that is recent enough and can make virtual environments.
FIND_PYTHON = python=; right_version=; \
	for candidate in $(PYTHON); do \
	    $$candidate -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
	    right_version=$$candidate; \
	    if $$candidate -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$right_version" ]; then \
	    echo "No Python 3.11, 3.12 or 3.13 among: $(PYTHON). Elsewhere? make env PYTHON=/path/to/python" >&2; exit 1; \
	elif [ -z "$$python" ]; then \
	    echo "$$right_version cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; \
	fi
