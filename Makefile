# Everything runs in .venv, which the first target makes. PYTHON chooses the interpreter (3.11 or later).
PYTHON ?= python3
RUN = .venv/bin

.PHONY: install demo test wheel claims calm browser plots guides bench augment gpu coverage mutants

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(RUN)/collapse demo

# Python keeps what it has compiled, also where it is told not to: hundreds of processes import the same modules.
test: install calm browser
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(RUN)/python -m pytest -q -n 2

wheel: install
	OMP_NUM_THREADS=1 $(RUN)/python -m pytest -q -m wheel

calm: install
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

# Pages are tried in a real browser where one is there or can be had; those tests are skipped where it cannot.
browser: install
	@$(RUN)/python -c "import playwright" 2>/dev/null \
	  || timeout 120 $(RUN)/pip install --quiet --constraint constraints.txt --editable '.[browser]' || true
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
	  || timeout 240 apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1 || true

# The pages of examples/guides/, and the tables and the command reference in collapse_cli/guide/ that the program writes.
guides: install
	PYTHONPATH=. $(RUN)/python -m tests.guide.generated
	PYTHONPATH=. $(RUN)/python -m tests.guide.published

plots: install
	PATH="$(CURDIR)/$(RUN):$$PATH" bash examples/plots.sh

claims: install
	$(RUN)/python -m pytest -q -s -m slow

# Ten minutes; BENCH chooses, as in make bench BENCH='--small', BENCH='uniformity kNN' or BENCH='--images train.parquet --write'.
bench: install
	$(RUN)/python tests/benchmarks/bench.py $(BENCH)

augment: install
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(RUN)/python tests/benchmarks/augment.py

# IMAGES: a folder or parquet file of CIFAR-10, or the name of a data set.
IMAGES ?= digits
gpu: install
	$(RUN)/python tests/benchmarks/gpu.py --images $(IMAGES)

coverage: install
	$(RUN)/coverage erase
	OMP_NUM_THREADS=1 $(RUN)/coverage run -m pytest -q -p no:xdist
	$(RUN)/coverage combine --quiet
	$(RUN)/coverage report

mutants: install
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[dev,mutation]'
	$(RUN)/python tests/benchmarks/mutants.py --sample 300 --seed 0
