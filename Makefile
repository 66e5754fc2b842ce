# What a self-hoster or a developer does here; `make help` lists it. Needs Python 3.11 or newer and make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test chaos bench lint types lock clean

# The first of these that runs and is new enough; `make run PYTHON=/some/python3` takes that one instead.
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
HAS_VENV = "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null
VENV_PACKAGE = $(shell "$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
# Else each of the hundreds of processes that the tests start would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet

help: ## Show this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf 'make %-6s %s\n' "$$name" "$$text"; done

run: .venv/.run ## Start Receptionist (Ctrl-C stops it); options go in ARGS="..."
	@exec .venv/bin/receptionist run $(ARGS)

test: .venv/.test ## Run all tests, or those in ARGS="..."; with CI=true nothing may be skipped
	@sh tests/ensure_services.sh
	@.venv/bin/python -m pytest $(or $(ARGS),-n 3 --dist loadfile --no-loadscope-reorder -m "not alone")
	@$(if $(ARGS),true,.venv/bin/python -m pytest -m alone)

chaos: .venv/.test ## Kill, freeze and starve everything at random under 1,000 messages; ARGS="--seed 7 --way embedded"
	@sh tests/ensure_services.sh
	@.venv/bin/python -m tests.chaos $(ARGS)

bench: .venv/.test ## Measure speed and memory beside the bare parts; takes long, ARGS="--only SECTION --quick" less
	@.venv/bin/python -m bench $(ARGS)

lint: .venv/.test ## Check style and format
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .

types: .venv/.test ## Check types
	.venv/bin/python -m mypy

lock: .venv/bin/python ## Write requirements.txt anew, with the newest versions setup.cfg allows
	rm -rf build/lock
	"$(PYTHON)" -m venv build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install .
	{ echo '# Every run-time dependency, exactly. Made by: make lock'; \
		build/lock/bin/python -m pip --disable-pip-version-check freeze --exclude receptionist; } > build/requirements.txt
	mv build/requirements.txt requirements.txt
	rm -rf build

clean: ## Remove what was installed and built; instance/ stays
	rm -rf .venv build dist receptionist.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find receptionist plugins tests bench -name __pycache__ -prune -exec rm -rf {} +

# --- the virtual environment: made once, installed into when a list of dependencies changed ---------

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Receptionist needs Python 3.11 or newer; found: $$(python3 --version 2>&1)." \
		"On Debian or Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(HAS_VENV) || { echo "Installing Python's venv module"; \
		as_root=; [ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
		$$as_root apt-get update -qq >/dev/null 2>&1; \
		$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(VENV_PACKAGE) >/dev/null 2>&1; \
		$(HAS_VENV); } || { echo "Python's venv module is missing, and installing it needs a password." \
		"Run: sudo apt install $(VENV_PACKAGE) - then run make again." >&2; exit 1; }
	@echo "Making .venv"
	@"$(PYTHON)" -m venv --clear .venv

.venv/.run: requirements.txt setup.cfg pyproject.toml | .venv/bin/python
	@echo "Installing what Receptionist needs into .venv; the first time this takes half a minute or more"
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/.test: .venv/.run
	@echo "Installing what the tests need into .venv"
	@$(PIP) install --constraint requirements.txt --editable '.[test]'
	@touch $@
