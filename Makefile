# Four verbs: setup, run, test, check. `make help` says what each does.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY ?= python3
UV_VERSION := 0.13.8
UV := .boot/bin/uv
BIN := .venv/bin
READY := .venv/.ready
PIP := .boot/bin/pip --python $(BIN)/python
QUIET := -q --python $(BIN)/python
OWN := --no-deps --no-build-isolation --editable .
CLIENTS := ccxt usdm_sdk python_binance
FAST_TESTS := $(wildcard tests/core tests/contracts tests/test_tidy.py tests/test_streams.py)
COVERING := $(wildcard tests/core/orders tests/core/books tests/core/test_trader.py \
	tests/core/market/test_publish.py tests/contracts/test_journal*.py \
	tests/integration/test_gateway*.py tests/integration/test_loop.py \
	tests/integration/test_left_over.py tests/integration/test_running_loop.py \
	tests/integration/test_recovery.py tests/integration/test_instruments.py \
	tests/integration/test_lives.py \
	tests/integration/test_reconciler.py)

export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Trust whom the machine trusts, so that a company's proxy works for uv as it does for pip.
export UV_SYSTEM_CERTS := 1
# Without bytecode the first import of the system takes several times as long.
export UV_COMPILE_BYTECODE := 1

.PHONY: help setup run test check tidy cover mutants bench storm proof clients fuzz conformance format lock clean

help: ## say what each verb does
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 10

setup: $(READY) ## make the environment in .venv, from the lock, and nothing else

run: $(READY) ## set up and trade on paper, here and now, with a page to look at
	exec $(BIN)/quantum run --mode paper

# Two at a time, each file by one of them: most tests wait for processes that they started.
# The plugin lists at the end which except clauses no test has entered. In CI, where everything that
# some tests need is there, the run fails by them.
test: $(READY) ## set up and pass the whole test suite; skipped tests say why
	$(BIN)/python -m pytest -ra -n 2 --dist loadfile --no-loadscope-reorder \
		-p tests.guard.every_handler $(if $(QT_CI),--every-handler)

check: $(READY) ## format, lint, types, layers, house numbers and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict src tests
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q -m "not slow" $(FAST_TESTS)

tidy: $(READY) ## the house numbers alone
	$(BIN)/python -m pytest -q tests/test_tidy.py

# Few examples of each property: what only a rare one reaches has no test of its own.
cover: $(READY) ## show that tests take every branch of what sends, books and remembers orders
	HYPOTHESIS_PROFILE=mutants $(BIN)/python -m pytest -q -m "not slow" $(COVERING) \
		--cov --cov-report=term-missing

# From nothing: a mutant that lived is not asked again when only the tests were changed.
mutants: $(READY) ## break the exit brain in every way and list what no test notices (minutes)
	rm -rf mutants
	HYPOTHESIS_PROFILE=mutants $(BIN)/mutmut run
	$(BIN)/mutmut results

bench: $(READY) ## print the benchmarks as ratios measured in one run
	$(BIN)/quantum bench

storm: $(READY) ## strike a running system with every fault there is, for five minutes
	$(BIN)/python -m tests.storms --minutes 5

proof: $(READY) ## look at 100,000 examples of every property of the exits, for an hour or more
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q --timeout=0 -n auto tests/core/exits

# Each in an environment of its own: they need other versions of what we use.
clients: $(READY) ## let outside clients trade a round on the paper venue, and write docs/venue-clients.md
	@for client in $(CLIENTS); do \
		test .clients/$$client/.ready -nt tests/clients/$$client.txt && continue; \
		rm -rf .clients/$$client; \
		.boot/bin/python -m venv --without-pip .clients/$$client; \
		echo "installing $$client into .clients/$$client"; \
		{ test -x $(UV) && $(UV) pip sync -q --python .clients/$$client/bin/python \
			--require-hashes tests/clients/$$client.txt; } \
		|| .boot/bin/pip --python .clients/$$client/bin/python install -q \
			--require-hashes -r tests/clients/$$client.txt; \
		touch .clients/$$client/.ready; \
	done
	$(BIN)/python -m tests.clients

fuzz: $(READY) ## bend a million payloads of the venue and see that each is told, counted or refused
	QT_FUZZ_INPUTS=1000000 $(BIN)/python -m pytest -q -rP tests/fuzz

conformance: $(READY) ## ask the venue's contract, case by case, and write docs/conformance.md
	$(BIN)/python -m tests.conformance

format: $(READY) ## format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .boot/.ready ## resolve pyproject.toml and build.in again into requirements.lock
	$(UV) pip compile pyproject.toml build.in --all-extras --group dev --generate-hashes \
		--universal --no-header --quiet --upgrade --output-file requirements.lock

clean: ## remove everything the other verbs made
	rm -rf .boot .venv .clients .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
		.inline-snapshot .coverage build dist mutants
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Where uv has no wheel, .boot is left with pip alone, and pip installs the lock.
.boot/.ready:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PY=python3.12 setup")'
	$(PY) -m venv .boot
	.boot/bin/pip install -q --only-binary :all: uv==$(UV_VERSION) || echo "no uv here: pip does it, slower"
	@touch $@

$(READY): requirements.lock pyproject.toml | .boot/.ready
	@test -x $(BIN)/python || .boot/bin/python -m venv --without-pip .venv
	@echo "installing the locked environment into .venv"
	@{ test -x $(UV) && $(UV) pip sync $(QUIET) --require-hashes requirements.lock \
		&& $(UV) pip install $(QUIET) $(OWN); } \
	|| { $(PIP) install -q --require-hashes -r requirements.lock && $(PIP) install -q $(OWN); }
	@touch $@
