# `make run` and `make test` set everything up in .venv first; nothing but Python 3.11+, make and a C library is needed.
PYTHON ?= python3
BIN := .venv/bin
# Without a GPU, PyTorch's CPU builds spare gigabytes; where that index cannot be reached, the default one serves.
CPU_INDEX := https://download.pytorch.org/whl/cpu

# Several tests at once (tests/conftest.py says how many), a file's in one process.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

.PHONY: run test test-all pytest pytest-all test-slurm lint format schema graph docs bench shell clean

run: .venv/installed
	@$(BIN)/python tools/run.py

test: .venv/installed
	@$(MAKE) -s -j2 lint pytest

test-all: .venv/installed
	@$(MAKE) -s -j2 lint pytest-all

pytest: .venv/installed
	$(PYTEST) $(PARALLEL)

pytest-all: .venv/installed
	$(PYTEST) $(PARALLEL) -m "not slurm"

test-slurm: .venv/installed
	$(PYTEST) -m slurm tests/slurm

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check workflow
	$(BIN)/python tools/lint.py

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt workflow

graph: .venv/installed  # of a finished workflow: after `make run`
	$(BIN)/python tools/graph.py
	$(BIN)/python tools/pictures.py

docs: .venv/installed  # the site, into site/; without network once its packages are there
	$(BIN)/python -c 'import material' 2>/dev/null || $(BIN)/pip install -q -c constraints.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "site/index.html"

bench: .venv/installed  # an hour on a quiet machine; RIVALS: where the competitors are installed (benchmarks/loading.py)
	$(BIN)/python benchmarks/run.py --rivals "$(RIVALS)"

shell: .venv/installed  # ivvit, snakemake and their completion; `exit` leaves it
	@PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" $${SHELL:-sh} -i

schema: .venv/installed
	$(BIN)/python -m ivvit.config.schema
	$(BIN)/python -m ivvit.config.reference

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing (about two minutes the first time) ..."
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev,slurm]" \
	  $$(command -v nvidia-smi >/dev/null || $(PYTHON) tools/index.py $(CPU_INDEX))
	@touch $@

clean:
	rm -rf .venv .snakemake logs
