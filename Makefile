# What is the bidirectional GRU of an installed torch?  make verify
#
#   TORCH=2.15.0       judge another torch (a version, newest, or nightly); each has its own environment under .venv/
#   DEVICE=cuda        judge on this device only (several: DEVICE="cpu cuda"); default: all present
#   PROFILE=full       ten times as many cases; default: quick
#   JOBS=2             spread over processes with pytest-xdist
#   GRU=mypkg:MyGRU    judge this class or factory instead of torch.nn.GRU
#   SEED=3             other random numbers
#   ARGS="-x -k law_03"  anything else that pytest takes
#   PYTHON=python3.12  make the environments with this Python, 3.10 or newer

TORCH ?= 2.13.0
PROFILE ?= quick
EXAMPLES ?= 200
SEEDS ?= 100

ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := Scripts
else
PYTHON ?= python3
BIN := bin
endif

ENV := .venv/torch-$(TORCH)
RUN := $(ENV)/$(BIN)/python
TORCH_PACKAGE := $(if $(filter nightly,$(TORCH)),--pre torch,$(if $(filter newest,$(TORCH)),torch,torch==$(TORCH)))
NUMPY_PACKAGE := $(if $(filter 2.0.% 2.1.% 2.2.%,$(TORCH)),"numpy<2",numpy)  # torch before 2.3 was built for NumPy 1
OPTIONS := --profile $(PROFILE) $(foreach name,$(DEVICE),--device $(name)) $(if $(GRU),--gru $(GRU)) $(if $(SEED),--seed $(SEED)) $(if $(JOBS),-n $(JOBS)) $(ARGS)
LAWS := tests/laws tests/truths tests/test_notebook.py

.PHONY: help verify full test fuzz mutants sensitivity soak coverage lint

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/make \1 \t/p' Makefile; sed -n 's/^#  /  /p' Makefile

verify: $(ENV)/.verify  ## laws and truths on one torch, and the verdict
	$(RUN) -m pytest $(LAWS) $(OPTIONS)

full: PROFILE = full
full: verify  ## the same over ten times as many cases

test: $(ENV)/.test  ## everything, the suite's own tests included
	$(RUN) -m pytest $(OPTIONS)

fuzz: $(ENV)/.test  ## random cases: EXAMPLES=200 for each sentence of the laws
	$(RUN) -m pytest tests/fuzz --fuzz $(EXAMPLES) $(OPTIONS)

mutants: $(ENV)/.test  ## the matrix: which law rejects which faulty GRU
	$(RUN) -m fixtures.mutants $(if $(JOBS),--jobs $(JOBS))

sensitivity: $(ENV)/.verify  ## how small a fault is noticed
	$(RUN) -m fixtures.sensitivity $(if $(SEED),--seed $(SEED))

soak: $(ENV)/.verify  ## false alarms: the default profile under SEEDS=100 seeds
	$(RUN) -m fixtures.soak --seeds $(SEEDS) $(if $(JOBS),--jobs $(JOBS))

coverage: $(ENV)/.test  ## which branches of fixtures/ the suite reaches
	$(RUN) -m coverage run -m pytest $(OPTIONS)
	$(RUN) -m coverage report

lint: $(ENV)/.test  ## ruff and mypy
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

$(ENV)/.verify: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10))" || { echo "The suite needs Python 3.10 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Making $(ENV), once: torch is large, this takes minutes ..."
	@$(PYTHON) -m venv $(ENV) || { echo "This Python cannot make environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(RUN) -m pip install --quiet $(TORCH_PACKAGE) $(NUMPY_PACKAGE)
	$(RUN) -m pip install --quiet ".[jobs]"
	@touch $@

$(ENV)/.test: $(ENV)/.verify
	$(RUN) -m pip install --quiet ".[jobs,order,fuzz,export,coverage,lint]"
	@touch $@
