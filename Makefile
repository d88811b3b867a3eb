# Two commands matter: make run, make test. Both set up .venv on their first call.

PYTHON ?= python3
PY := .venv/bin/python
STAMP := .venv/set-up

# pip takes the build of torch that its index offers first: on Linux the one for NVIDIA cards, whose
# libraries are several gigabytes. uv can be told to take the one for processors, about 0.2 GB:
# make run INSTALLER=uv, or TORCH=auto with it where there is a card.
INSTALLER ?= pip
TORCH ?= cpu
# More for pip, such as --no-compile: modules are then compiled as they are imported, most of them never.
PIP_FLAGS ?=
# Processes that tests are shared out to; each may need a gigabyte.
WORKERS ?= 2

PROGRESS := $(shell [ -t 2 ] || echo --quiet)
ifeq ($(INSTALLER),uv)
INSTALL = uv pip install $(PROGRESS) --python $(PY) --torch-backend=$(TORCH)
DOWNLOAD = about 0.6 GB, torch for $(TORCH)
else
INSTALL = $(PY) -m pip install $(PROGRESS) --disable-pip-version-check $(PIP_FLAGS)
DOWNLOAD = about 0.6 GB; on Linux some 3 GB more if pip chooses torch for NVIDIA cards (INSTALLER=uv does not)
endif

# Kernels started from here keep their history and settings inside .venv.
export IPYTHONDIR := $(CURDIR)/.venv/ipython

.PHONY: run test exercises grade-check slides mutants lab publish site site-check full bench faults fuzz licences clean setup

run: $(STAMP)
	$(PY) -m helpers.run

test: $(STAMP)
	$(PY) -m ruff check helpers tests notebooks
	$(PY) -m ruff format --check helpers tests
	$(PY) -m pytest -p no:nbval -n $(WORKERS) --dist worksteal
	$(PY) -m pytest -n $(WORKERS) --dist loadfile -p tests.nbval_disturb --nbval-lax --nbval-current-env --nbval-cell-timeout 300 notebooks/[0-9]*.ipynb

# The students' workbooks, notebooks/exercises, from those with solutions; a test holds them together.
exercises: $(STAMP)
	$(PY) -m helpers.exercises

# Lectures of a quarter of an hour from the stored outputs, in data/slides.
slides: $(STAMP)
	$(PY) -m helpers.slides

# nbgrader's own commands on a fresh course, with a right, a wrong and an empty submission for every
# workbook; some minutes. `make grade-check ONLY=02` takes one.
grade-check: $(STAMP)
	$(PY) -m tests.grade_check $(if $(ONLY),--only $(ONLY))

# Mutants of the code that must be right, drawn at random, against the quick tests of their wings.
# A quarter of an hour; `make mutants SEED=7` draws those of seed 7 again.
mutants: $(STAMP)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	  --constraint requirements.lock -e '.[mutants]'
	$(PY) -m tests.mutants $(if $(SEED),--seed $(SEED))

# On copies in data/lab: playing changes no file of the repository.
lab: $(STAMP)
	$(PY) -m helpers.lab

publish: $(STAMP)
	$(PY) -m helpers.publish

# The series as pages without a kernel, in data/site/pages: sliders over ready frames.
site: $(STAMP)
	$(PY) -m helpers.site

# Every page of it in Chromium, from its folder and with the network off: each slider by keys, mouse
# and finger, formulas, pictures and their words, narrow windows, links, search, sizes.
site-check: $(STAMP)
	$(PY) -m pytest tests/site_check.py

full: $(STAMP)
	$(PY) -m helpers.run --profile full

bench: $(STAMP)
	$(PY) -m helpers.bench

# Attacks what must not get lost, some ten minutes long, and prints what was told and what was not.
faults: $(STAMP)
	$(PY) -m tests.faults

# Wrong arguments for every name that the notebooks and the README import, a quarter of an hour;
# `make fuzz SEED="7 8" EXAMPLES=100` draws others, twice, and more.
fuzz: $(STAMP)
	$(PY) -m tests.fuzz --jobs $(WORKERS) $(addprefix --seed=,$(SEED)) $(if $(EXAMPLES),--examples $(EXAMPLES))

# The licence of every locked package, as its own metadata say; one that says none is marked.
licences: $(STAMP)
	$(PY) -m tests.licences

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). Install Python 3.11 or newer (on Debian: apt install python3 python3-venv)," \
	       "or name yours: make run PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	       "Name another: make run PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks its venv module; on Debian: apt install python3-venv"; exit 2; }
	@echo "Setting up .venv, once, a few minutes: 1 of 3, an empty environment"
	$(PYTHON) -m venv --clear .venv
	@echo "2 of 3, $$(grep -c == requirements.lock) packages, exactly those of requirements.lock: $(DOWNLOAD)"
	$(INSTALL) -r requirements.lock
	@echo "3 of 3, the package of the series itself"
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(PY) -m helpers.kernel
	@touch $(STAMP)

# Removes what the others made: only files that git ignores, never books, not the notebooks that
# somebody worked in (data/lab), and not the runs and checkpoints of long trainings in data/work:
# these only a person should throw away.
clean:
	git clean -fdXq -e '!/data/books' -e '!/data/books/*' $(foreach kept,work lab,-e '!/data/$(kept)' -e '!/data/$(kept)/**')
	@for kept in work lab; do if [ -d data/$$kept ]; then echo "Kept: data/$$kept (delete it by hand)"; fi; done
