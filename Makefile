# Every target sets up what it needs first: `make` alone turns a fresh clone into a finished lesson.
# Give options with ARGS, another Python with PYTHON: make lesson ARGS="--help", make PYTHON=python3.12

.DEFAULT_GOAL := lesson
.NOTPARALLEL:
.PHONY: lesson test check page doctor bench constraints clean help set-up set-up-dev moved

PY := .venv/bin/python

# A stamp is written last and holds the checkout's place: an interrupted set-up leaves none, and a moved
# checkout or a .venv whose Python has gone is set up again.
unfit = $(shell [ -x $(PY) ] && [ "$$(cat .venv/$(1) 2>/dev/null)" = "$$(pwd -P)" ] || echo moved)

lesson: .venv/ready ## set up, then train, record and render the lesson
	@.venv/bin/fmcore lesson $(ARGS)

# Dozens of processes import the same modules, so compiled ones are kept whatever the environment says.
test: .venv/ready-dev ## run the tests
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 2 $(ARGS)

check: .venv/ready-dev ## lint, format, types, who may import whom, and the page's script where there is Node
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m pytest tests/test_imports.py
	@fmcore/page/web/build.sh check

page: ## build the page's script from its TypeScript (needs Node and npm)
	@fmcore/page/web/build.sh

doctor: .venv/ready ## say what works on this machine and how to mend the rest
	@.venv/bin/fmcore doctor $(ARGS)

bench: .venv/ready-dev ## the table of rendering, as ratios; the other files of benchmarks/ run alone
	@$(PY) benchmarks/rendering.py --write $(ARGS)

constraints: .venv/ready-dev ## write constraints.txt from what .venv holds now
	@./setup.sh constraints

clean: ## remove .venv and caches; renders stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis fmcore/page/web/node_modules
	find fmcore scenes tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

set-up: .venv/ready ## only set up: libraries, .venv, packages
set-up-dev: .venv/ready-dev ## that, and what tests and checks need

.venv/ready: pyproject.toml constraints.txt $(call unfit,ready)
	@./setup.sh

.venv/ready-dev: pyproject.toml constraints.txt $(call unfit,ready-dev)
	@./setup.sh dev
