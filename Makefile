# `make` alone lists the targets. Everything installs into .venv; nothing else on the system changes.
PYTHON ?= python3
RUN := .venv/bin/python
READY := .venv/.ready
QUIET := env -u SBERT_LESSONS_BACKBONE -u SBERT_LESSONS_DATA OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1
SPREAD := -n 2 --dist loadscope
NOTEBOOKS := $(wildcard notebooks/[0-9][0-9]_*.ipynb)

.PHONY: help lab test test-all doctor lessons bench lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

lab: $(READY) ## set up, then open JupyterLab at lesson 00 (make lab ARGS=--no-browser prints the address)
	@$(RUN) -m sbert_lessons lab $(ARGS)

test: $(READY) ## set up, then run every check: lint, tests, all notebooks against their stored outputs
	$(RUN) -m ruff check .
	$(QUIET) $(RUN) -m pytest $(SPREAD)
	$(if $(NOTEBOOKS),$(QUIET) TQDM_DISABLE=1 SBERT_LESSONS_PROGRESS=off $(RUN) -m pytest $(SPREAD) \
	  --nbval --nbval-current-env --nbval-cell-timeout 300 --nbval-sanitize-with tests/nbval.cfg \
	  $(NOTEBOOKS),@echo "There is no notebook yet.")

test-all: test ## the same, and run the notebooks with every exercise solved
	$(QUIET) TQDM_DISABLE=1 SBERT_LESSONS_PROGRESS=off $(RUN) -m pytest tests/notebooks/solved_notebooks.py

doctor: $(READY) ## say what is missing on this computer, and what to do about it
	@$(RUN) -m sbert_lessons doctor

lessons: $(READY) ## for authors: rebuild and run all notebooks from notebooks/source
	$(RUN) tools/build_notebooks.py --execute

bench: $(READY) ## measure encode() and training beside sentence-transformers
	OMP_NUM_THREADS=2 $(RUN) tools/bench.py

lock: ## for authors: pin the newest fitting versions again (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --quiet \
	  --fork-strategy fewest --no-header --no-annotate --no-emit-index-url -o requirements.lock
	{ sed '/- pip:$$/q' environment.yml; sed 's/.*/      - "&"/' requirements.lock; } > environment.new
	mv environment.new environment.yml

clean: ## remove the environment and all caches; work/ stays
	rm -rf .venv .solved .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo 'This course needs Python 3.11, 3.12 or 3.13, and "$(PYTHON)" is none of them:' \
	  'install one, then name it, as in: make lab PYTHON=python3.11'; exit 1; }
	@echo 'Setting up .venv: a download of 0.5 GB with CPU-only torch, several GB with CUDA (see README.md).'
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install -r requirements.lock
	$(RUN) -m pip install --no-deps --no-build-isolation --editable .
	@touch $@
