# Firstline. `make` lists what there is; `make up` is all a newcomer needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 8000
# as root the database runs under an account of its own, which can't enter every folder
DATA ?= $(if $(filter 0,$(shell id -u)),/var/lib/firstline,$(CURDIR)/var/data)
WORKERS ?= auto
TESTS ?= tests
KILLS ?= 100
ATTACKS ?= ../shared/data/ait_alerts
HTTPS := FIRSTLINE_URL=https://firstline.example.com

.PHONY: help env up demo test smoke prove check corpus bench bench-attacks bench-clocks bench-drain bench-intake bench-mail bench-storm chaos-intake fmt messages screenshots assets lock doctor clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## Make .venv from the hash-pinned lock

$(READY): requirements/dev.txt pyproject.toml package.json package-lock.json hatch_build.py scripts/make-env
	@bash scripts/make-env $(VENV)
	@touch $@

up: env ## Start everything on this machine (PORT=8000, DATA=a folder)
	@exec $(BIN)/firstline up --data "$(DATA)" --port $(PORT)

demo: env ## The same with a believable company and live traffic, in a place of its own
	@exec $(BIN)/firstline up --data "$(DATA)-demo" --port $(PORT) --demo

test: env ## Run all tests, in parallel, browser included (DATABASE_URL=… for another PostgreSQL, TESTS=tests/unit)
	@bash scripts/find-chromium $(BIN)
	@nice $(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

smoke: env ## A part of the tests on Debian's own PostgreSQL, where its programs are there
	@bash scripts/smoke-on-debian $(BIN)

prove: env ## The long one: hundreds of thousands of cases, the full import, at least 100 kills
	@bash scripts/find-chromium $(BIN)
	FIRSTLINE_PROVE=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

check: env ## Lint, format, types, layers, deployment, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(HTTPS) $(BIN)/firstline manage check --deploy --fail-level WARNING
	$(BIN)/firstline manage makemigrations --check --dry-run

fmt: env ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: env ## Collect the interface texts for translation, and compile the translations
	@bash scripts/messages $(BIN)

assets: env ## Fetch the browser files again from npm
	$(BIN)/python hatch_build.py

corpus: env ## Score the readers of every wire format against the real payloads, per tool
	$(BIN)/pytest -q -n 0 tests/contracts/test_payload_corpus.py

bench: env ## Measure, and print ratios
	@bash scripts/bench $(BIN)

bench-intake: env ## How many signals the gateway takes, beside Alertmanager
	@bash scripts/bench $(BIN) intake

bench-clocks: env ## How late the engine is when much falls due at once, an idle cycle, pages a second
	@bash scripts/bench $(BIN) clocks

bench-drain: env ## How fast the engine works off the inbox
	@bash scripts/bench $(BIN) drain

bench-mail: env ## How well mail is understood, on real mails
	@bash scripts/bench $(BIN) mail

bench-storm: env ## A storm beside people at work, and how soon a page goes out
	@bash scripts/bench $(BIN) storm

chaos-intake: env ## Kill gateway, engines and PostgreSQL while clients send, and count what was lost (KILLS=100)
	@$(BIN)/python -m bench.chaos_intake --kills $(KILLS)

bench-attacks: env ## How a labelled attack ends up in incidents (ATTACKS=folder with the AIT alert data set)
	@$(BIN)/python -m bench.attacks "$(ATTACKS)"

screenshots: env ## Take the pictures of the README from the demo
	@bash scripts/find-chromium $(BIN)
	$(BIN)/python scripts/screenshots.py

lock: env ## Resolve the dependencies again into requirements/
	@bash scripts/lock $(BIN)

doctor: env ## The state of each part
	@FIRSTLINE_DATA="$(DATA)" $(BIN)/firstline doctor

clean: ## Remove what can be made again (not your data in var/)
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	rm -rf src/firstline/console/static/vendor
