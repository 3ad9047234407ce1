# Every target works from a bare clone with Python 3.11 or 3.12 and a package index; nothing needs root.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3,$(shell $(p) -c "print('$(p)')" 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.lodestone
CONFIG_HOME := $(or $(XDG_CONFIG_HOME),$(HOME)/.config)
PROFILES := $(CONFIG_HOME)/snakemake
CORES ?= all
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test bench bench-solver bench-search bench-spin-potential install link lint pictures lock clean

help:
	@echo "make demo     run the default studies and write results/report.html"
	@echo "make test     run the tests"
	@echo "make bench    run the middle size and print its figures as JSON"
	@echo "make bench-solver  time the micromagnetic solver alone, in minutes"
	@echo "make bench-spin-potential  time magnetic potentials beside motep's engines, in a minute"
	@echo "make bench-search  count how many relaxations the search for crystals takes, in half an hour"
	@echo "make install  link the profiles, so that 'snakemake --profile slurm' works"
	@echo "make lint     check style, types, spelling and the workflow"
	@echo "make pictures  draw docs/rulegraph.svg and docs/dag.svg (needs graphviz)"
	@echo "make lock     write requirements.lock from the environment"

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

demo: $(READY)
	snakemake --profile profiles/local --cores $(CORES) --quiet host reason
	@echo "The report: $(CURDIR)/results/report.html"

# Compiled code is cached before tests run side by side: two that write one cache spoil it.
test: $(READY)
ifdef PYTEST_ARGS
	python -m pytest $(PYTEST_ARGS)
else
	python -c "from lodestone import caches; caches.warm()"
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 tests/unit tests/scripts tests/dag
	python -m pytest tests/integration
endif

bench: $(READY)
	snakemake --profile profiles/local --cores $(CORES) --configfile config/bench/hysteresis.yaml >&2
	@python tests/benchmarks/figures.py results/bench tests/benchmarks/last.json
	@$(MAKE) --no-print-directory bench-solver

bench-solver: $(READY)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 python tests/benchmarks/solver.py

bench-spin-potential: $(READY)
	@OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tests/benchmarks/spin_potential.py

bench-search: $(READY)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 python tests/benchmarks/search.py $(BENCH_ARGS)

install: $(READY) link

link:
	mkdir -p $(PROFILES)
	ln -sfn $(CURDIR)/profiles/slurm $(PROFILES)/slurm
	ln -sfn $(CURDIR)/profiles/local $(PROFILES)/local
	@echo "Linked profiles/slurm and profiles/local into $(PROFILES)"

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	mypy
	codespell

pictures: $(READY)
	snakemake --rulegraph | tred | dot -Tsvg > docs/rulegraph.svg
	snakemake --dag --configfile config/test.yaml | tred | dot -Tsvg > docs/dag.svg

lock:
	( $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' ) > requirements.lock

clean:
	rm -rf results .snakemake slurm_logs
