# Three commands matter: `make run`, `make check` and `make test`. All work in a fresh clone and are quick when nothing changed.
.DEFAULT_GOAL := help
.PHONY: help run check test bench soak lint audit coverage setup venv lock clean

help:
	@echo 'make run    serve the demo on http://127.0.0.1:8000 (PORT=8010 make run: elsewhere)'
	@echo 'make check  check style and types, run the quick tests: a minute'
	@echo 'make test   check style and types, run every test'
	@echo 'make bench  measure; figures are ratios within one run'
	@echo 'make soak   long simulations and load'
	@echo 'make lint   only style and types'
	@echo 'make coverage  report which lines and branches the quick tests reach'
	@echo 'make venv   install what serves, and nothing that tests: for a server'
	@echo 'make audit  look up known vulnerabilities of what is locked (asks PyPI and npm)'
	@echo 'make lock   pin the dependencies anew after a change to requirements*.txt'
	@echo 'make clean  remove what the above made, but not instance/, which holds data'

run: venv
	@exec .venv/bin/flask --app wsgi demo

check: setup
	@exec scripts/check

test: setup
	@exec .venv/bin/python -m scripts.test

bench: setup
	.venv/bin/python -m bench
	.venv/bin/python -m bench.scans
	.venv/bin/python -m bench.recalls
	.venv/bin/python -m bench.sets
	.venv/bin/python -m bench.dashboard
	.venv/bin/python -m bench.batches

soak: setup
	scripts/check-protocol long
	.venv/bin/pytest -m soak --ignore=tests/browser
	.venv/bin/pytest -m soak tests/browser

# What the quick tests on SQLite reach of the program, by line and branch: pyproject.toml says of what, and where the report goes.
coverage: setup
	.venv/bin/pytest --quiet --numprocesses=auto -m 'not postgres and not slow and not soak' \
		--ignore=tests/browser --ignore=tests/simulation --ignore=tests/crash --cov --cov-report=term --cov-report=html
	@echo 'line by line: test-results/coverage/html/index.html'

lint: setup
	@exec scripts/lint

# --strict: without it pip-audit is content when it could look up nothing.
audit: setup
	.venv/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock -r requirements-dev.lock
	npm audit

setup:
	@scripts/system-packages test
	@scripts/venv dev
	@scripts/node-modules

venv:
	@scripts/system-packages run
	@scripts/venv run

COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock'

# The first before the second, which is held to it.
lock:
	@scripts/system-packages run
	@scripts/venv dev
	$(COMPILE) requirements.txt --output-file requirements.lock
	$(COMPILE) requirements-dev.txt --output-file requirements-dev.lock

clean:
	rm -rf .venv node_modules .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
