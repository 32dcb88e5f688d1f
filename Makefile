# What is the bidirectional GRU of an installed torch?  make verify
#
#   TORCH=2.15.0       test another torch (a version, newest, or nightly); each has its own environment under .venv/
#   DEVICE=cuda        test on this device only (several: DEVICE="cpu cuda"); default: all present
#   PROFILE=full       seven times as many cases; default: quick
#   JOBS=2             spread over processes with pytest-xdist; verify, full and test: one for each core, up to eight;
#                      JOBS=0 is one process
#   GRU=my.toml        test this GRU (a subject file, MODULE:ATTR or FILE.py:ATTR), in a process of its own: a crash
#                      in native code, or a call that hangs, then costs one case
#   TIMEOUT=600        seconds after which a case that hangs is ended, with its traceback; TIMEOUT= never
#   SEED=3             other random numbers
#   ARGS="-x -k law_03"  anything else that pytest takes
#   PYTHON=python3.12  make the environments with this Python, 3.10 or newer
#
# Is a newer torch still the same GRU, bitwise equal, and as fast?  make upgrade FROM=2.13.0 TO=2.15.0
#   STRICT=bits        a result that is not bitwise equal is a failure, too; DEVICE, PROFILE, JOBS (default: 2), SEED as above

TORCH ?= 2.13.0
PROFILE ?= quick
EXAMPLES ?= 200
SEEDS ?= 100
TIMEOUT ?= 600

# A wrong value is refused here, before anything is made.
ifneq ($(words $(TORCH)),1)
$(error TORCH="$(TORCH)": name one torch, a version, newest or nightly; make upgrade takes FROM and TO)
endif
too_old := $(filter 0.% 1.% 0 1,$(TORCH) $(FROM) $(TO) $(COMPARE) $(VERSIONS))
ifneq ($(too_old),)
$(error torch $(firstword $(too_old)): this suite tests torch 2.0 and later)
endif
too_few := $(filter 0 -%,$(SEEDS) $(EXAMPLES)) $(filter -%,$(JOBS))
ifneq ($(strip $(too_few)),)
$(error SEEDS=$(SEEDS) EXAMPLES=$(EXAMPLES) JOBS=$(JOBS): $(firstword $(too_few)) is too few)
endif

ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := Scripts
else
PYTHON ?= python3
BIN := bin
endif

ENV := .venv/torch-$(TORCH)
RUN := $(ENV)/$(BIN)/python
TORCH_PACKAGE := $(if $(filter nightly,$(TORCH)),--upgrade --pre torch,$(if $(filter newest,$(TORCH)),--upgrade torch,torch==$(TORCH)))
NUMPY_PACKAGE := $(if $(filter 2.0.% 2.1.% 2.2.%,$(TORCH)),"numpy<2",numpy)  # torch before 2.3 was built for NumPy 1
# By eight cases, or one process would begin with the first eighth of all alone: a fault shows in half the time.
PROCESSES = $(if $(JOBS),-n $(JOBS) --maxschedchunk 8$(if $(filter auto,$(JOBS)), --maxprocesses 8),$(if $(GRU),-n 1))
OPTIONS = --profile $(PROFILE) $(foreach name,$(DEVICE),--device $(name)) $(if $(GRU),--gru $(GRU)) $(if $(SEED),--seed $(SEED)) $(PROCESSES) $(if $(TIMEOUT),-o faulthandler_timeout=$(TIMEOUT) -o faulthandler_exit_on_timeout=true) $(ARGS)
LAWS := tests/laws tests/truths tests/claims tests/recorded
VERSIONS ?= $(TORCH)

# The Python of one version's environment, and what of these versions has no environment yet.
python_of = .venv/torch-$(1)/$(BIN)/python
not_made = $(foreach version,$(1),$(if $(wildcard .venv/torch-$(version)/.verify),,$(version)))

# Refuse in one line, before anything is made, a version that pip does not list, or where no index answers. pip
# resolves newest and nightly; where pip itself is not there, or is too old to list, nothing is refused.
existing = $(if $(filter-out newest nightly,$(1)),$(refusal),:)
refusal = answer=$$($(PYTHON) -m pip index versions torch 2>&1 | tr -d '\r'); \
  listed=$$(echo "$$answer" | sed -n 's/^Available versions: //p'); \
  here="for $$($(PYTHON) -V) on $$(uname -sm)"; \
  case "$$answer" in *"No matching distribution"*) \
    echo "No index answered: pip lists no torch $$here; look at the network, PIP_INDEX_URL and PIP_NO_INDEX" >&2; exit 1;; esac; \
  for version in $(filter-out newest nightly,$(1)); do case " $$listed," in " ,"|*" $$version,"*|*" $$version+"*) ;; \
    *) echo "torch $$version is not among those that pip lists $$here: $$(echo "$$listed" | cut -d, -f1-12)" >&2; exit 1;; esac; done

# Of an environment, by the file that says that it is whole: how it is made; and what a failed installation leaves
# nothing of, unless it was whole before.
undo = [ -e $@ ] || rm -rf $(@D); exit 1
new_environment = $(PYTHON) -m venv $(@D) || { echo "This Python cannot make environments; on Debian and Ubuntu: apt install python3-venv"; $(undo); }

# The members of the gallery, and the Python of one's environment.
MEMBERS := $(patsubst fixtures/proof/gallery/%/subject.toml,%,$(wildcard fixtures/proof/gallery/*/subject.toml))
GALLERY ?= $(MEMBERS)
in_gallery = .venv/gallery-$(1)/$(BIN)/python

.PHONY: today help verify full test upgrade bench versions gallery vectors fuzz mutants sensitivity soak platforms coverage readme lint

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/make \1 \t/p' Makefile; sed -n 's/^#  /  /p' Makefile

verify test: JOBS ?= auto
verify: $(ENV)/$(if $(findstring .html,$(ARGS)),.report,.verify)  ## laws and truths on one torch, and the verdict
	$(RUN) -m pytest $(LAWS) $(OPTIONS)

full: PROFILE = full
full: verify  ## the same over seven times as many cases

test: $(ENV)/.test  ## everything, the suite's own tests included
	$(RUN) -m pytest $(OPTIONS)

upgrade: JOBS = 2
upgrade:  ## FROM=2.13.0 TO=2.15.0: laws on both, every result bitwise, speed; a page in reports/
	@$(if $(and $(FROM),$(TO)),:,{ echo "Name both versions: make upgrade FROM=2.13.0 TO=2.15.0"; exit 1; })
	@$(call existing,$(call not_made,$(FROM) $(TO)))
	@$(MAKE) --no-print-directory --silent .venv/torch-$(FROM)/.verify TORCH=$(FROM)
	@$(MAKE) --no-print-directory --silent .venv/torch-$(TO)/.report TORCH=$(TO)
	@$(call python_of,$(TO)) -m fixtures.versions.upgrade --from $(call python_of,$(FROM)) --to $(call python_of,$(TO)) $(if $(STRICT),--strict $(STRICT)) -- $(OPTIONS)

bench: $(ENV)/.verify  ## ratios of cost, and how it scales; COMPARE=2.15.0 races that torch
ifdef COMPARE
	@$(MAKE) --no-print-directory --silent .venv/torch-$(COMPARE)/.verify TORCH=$(COMPARE)
	$(RUN) -m fixtures.versions.race --from $(RUN) --to $(call python_of,$(COMPARE)) --json reports/race.json
else
	$(RUN) -m pytest tests/benchmarks --profile full --benchmark-enable --benchmark-only --benchmark-max-time 0.2 \
	  --benchmark-columns=min,median,iqr,rounds --benchmark-sort=name $(if $(SEED),--seed $(SEED)) $(foreach name,$(DEVICE),--device $(name)) $(ARGS)
endif

versions:  ## VERSIONS="2.0.1 2.13.0", oldest first: verify each, and make the table of them in tests/why_trust_it.md
	@$(call existing,$(call not_made,$(VERSIONS)))
	@for version in $(VERSIONS); do $(MAKE) --no-print-directory --silent .venv/torch-$$version/.verify TORCH=$$version || exit 1; done
	@$(call python_of,$(lastword $(VERSIONS))) -m fixtures.versions.verified $(foreach version,$(VERSIONS),$(call python_of,$(version)))

gallery: PROFILE = smoke
gallery:  ## real GRUs from PyPI under the suite; GALLERY=onnxruntime takes one, PROFILE=quick takes hours for some
	@$(if $(filter-out $(MEMBERS),$(GALLERY)),{ echo "The gallery has no $(filter-out $(MEMBERS),$(GALLERY)); it has $(MEMBERS)"; exit 1; },:)
	@status=0; for name in $(GALLERY); do \
	  $(MAKE) --no-print-directory --silent .venv/gallery-$$name/.gallery && \
	  $(call in_gallery,$$name) -m fixtures.proof.gallery $$name -- $(OPTIONS) || status=1; done; exit $$status

vectors: $(ENV)/.verify  ## laws 01 to 11 as files, for what pytest cannot run: reports/vectors
	$(RUN) -m fixtures.report.vectors

fuzz: TIMEOUT =
fuzz: $(ENV)/.test  ## random cases: EXAMPLES=200 for each sentence of the laws
	$(RUN) -m pytest tests/fuzz --fuzz $(EXAMPLES) $(OPTIONS)

mutants: $(ENV)/.test  ## the matrix: which law rejects which faulty GRU
	$(RUN) -m fixtures.proof.mutants $(if $(JOBS),--jobs $(JOBS))

sensitivity: $(ENV)/.verify  ## how small a fault is noticed
	$(RUN) -m fixtures.proof.sensitivity $(if $(SEED),--seed $(SEED))

soak: $(ENV)/.verify  ## false alarms: the default profile under SEEDS=100 seeds
	$(RUN) -m fixtures.proof.seed_sweep --seeds $(SEEDS) $(if $(JOBS),--jobs $(JOBS))

platforms: $(ENV)/.verify  ## the verdict under each instruction set of this CPU
	$(RUN) -m fixtures.proof.platforms

coverage: $(ENV)/.test  ## which branches of fixtures/ the suite reaches
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest $(OPTIONS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

readme: $(ENV)/.test  ## print README's blocks of output again
	$(RUN) -m fixtures.proof.readme

lint: $(ENV)/.test  ## ruff, mypy, and import-linter
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(ENV)/$(BIN)/lint-imports --no-cache --no-logo

$(ENV)/.verify: pyproject.toml $(if $(filter newest nightly,$(TORCH)),today)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10))" || { echo "The suite needs Python 3.10 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(call existing,$(TORCH))
	@echo "Making $(ENV), once: 0.2 GB to download for a CPU build of torch, up to 4 GB for CUDA's; pip shows how far it is ..."
	@$(new_environment)
	$(RUN) -m pip install $(TORCH_PACKAGE) $(NUMPY_PACKAGE) || { echo "torch $(TORCH) could not be installed: pip says why above"; $(undo); }
	$(RUN) -m pip install --quiet $(NUMPY_PACKAGE) ".[jobs,export]" || { echo "What verify needs beside torch could not be installed: pip says why above"; $(undo); }
	@touch $@

today:  # what is newest may be another tomorrow

.venv/gallery-%/.gallery: pyproject.toml
	@$(new_environment)
	@$(call in_gallery,$*) -m pip install --quiet $(TORCH_PACKAGE) ".[jobs,gallery-$*]" || { echo "What $* needs could not be installed: pip says why above"; $(undo); }
	@touch $@

$(ENV)/.report: $(ENV)/.verify
	$(RUN) -m pip install --quiet $(NUMPY_PACKAGE) ".[report]"
	@touch $@

$(ENV)/.test: $(ENV)/.verify
	$(RUN) -m pip install --quiet $(NUMPY_PACKAGE) ".[jobs,order,fuzz,export,report,coverage,lint]"
	@touch $@
