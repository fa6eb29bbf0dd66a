# What this project can be asked for. `make demo` and `make test` need nothing but this checkout: they set up the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup tools images demo test check format scan residency campaign rehearse simulate bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock scripts/venv.sh
	@scripts/venv.sh $(PYTHON) $(VENV)
	@touch $@

setup: $(READY) ## Make the virtual environment with the pinned packages

tools: $(READY) ## Install podman where no container engine is (apt as root; otherwise says what to do)
	@scripts/tools.sh

images: tools ## Build the container images whose folder changed, each with its own test
	@$(BIN)/python -m pipeline_images.build

demo: tools ## Three offices on this machine: a sample uploaded to eu becomes results
	@$(BIN)/python -m pipeline_images.build mock_community
	@$(BIN)/python -m demo

check: $(READY) ## Format, lint and types
	@scripts/check.sh

test: check images ## Every test, with containers, and the coverage
	@scripts/browser.sh
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term --cov-report=xml

scan: $(READY) ## Checkov over what every office declares; in an environment of its own
	@test -e .venv-scanner/.ready || { $(PYTHON) -m venv .venv-scanner \
		&& .venv-scanner/bin/pip install -q --disable-pip-version-check --require-hashes -r policies/scanner.lock \
		&& touch .venv-scanner/.ready; }
	@$(BIN)/python -m policies.scanner --checkov .venv-scanner/bin/checkov

residency: $(READY) ## Every way by which something can leave an office, with its reason
	@$(BIN)/python -m residency

campaign: $(READY) ## The fault campaign at full size, by seed (about 40 minutes); prints a table, keeps JSON in .bench/
	@$(BIN)/python -m campaign --json .bench/campaign.json
	@$(BIN)/python -m campaign.deliveries --json .bench/deliveries.json

rehearse: images ## A rollout by the workflows themselves, without GitHub and AWS (10 to 15 minutes)
	@$(BIN)/python -m rehearsal

simulate: $(READY) ## An office's day at up to 1,000,000 samples: tables and plots into docs/scale.md (2 minutes)
	@$(BIN)/python -m simulation

bench: images ## Measure speed and memory; prints tables and keeps JSON in .bench/
	@$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['bench'])" \
		| xargs $(BIN)/python -m pip install -q --disable-pip-version-check
	@$(BIN)/python -m benchmarks

format: $(READY) ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## Remove what the demo and the twin left (images stay)
	@rm -rf .demo .twin .build .bench .rehearsal
