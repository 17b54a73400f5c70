# Needs GNU make, a POSIX shell and Python 3.11 to 3.13. Everything else is installed into .venv, made when missing
# and again whenever setup.cfg or constraints.txt has changed since. A target's text behind ## is its line in `make help`.

PYTHON ?= python3
# The backend: cpu, gpu (TensorFlow with CUDA), jax, jax-gpu or torch. Once chosen it stays that of .venv.
EXTRAS ?= $(or $(patsubst .venv/installed-%,%,$(wildcard .venv/installed-*)),cpu)
BACKEND_jax := jax
BACKEND_jax-gpu := jax
BACKEND_torch := torch
export KERAS_BACKEND ?= $(or $(BACKEND_$(EXTRAS)),tensorflow)

INSTALLED := .venv/installed-$(EXTRAS)
REPRO := .venv/bin/python -m reproductions
PAPERS := $(patsubst reproductions/%/paper.yaml,%,$(wildcard reproductions/*/paper.yaml))

# $(call option,NAME,name) is --name 'value' where the variable NAME has one, else nothing.
option = $(if $($1),--$2 '$($1)')
RUN_OPTIONS = $(strip $(call option,PROFILE,profile) $(call option,DATA,data) $(call option,REPEATS,repeats) \
  $(call option,AT_ONCE,repeats-at-once) $(call option,FOLDS,folds) $(call option,SEED,seed) \
  $(call option,PRECISION,precision) $(call option,RESULTS,results) \
  $(foreach choice,$(READING),--reading '$(choice)'))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:  # two trainings at once share the cores and end no sooner
.PHONY: help install demo reproduce-all report test test-long lint bench gpu-check tensorboard clean

help: ## this text
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "PAPER", $$1); printf "  make %-18s %s\n", $$1, $$2 }' Makefile
	@echo 'Papers: $(PAPERS)'
	@echo 'For reproduce-*: PROFILE=auto|paper|small|smoke DATA=NAME|DIR REPEATS=N FOLDS=K'
	@echo '  AT_ONCE=N|auto SEED=S PRECISION=P READING="KEY=VALUE ..." RESULTS=DIR'
	@echo 'For all: EXTRAS=cpu|gpu|jax|jax-gpu|torch (now $(EXTRAS)), PYTHON=python3.12'

install: $(INSTALLED) ## make .venv with all that the suite needs (the other targets do it by themselves)

demo: $(PAPERS:%=demo-%) ## every paper at smoke size on synthetic ultrasound, reported against reproduced: 3 minutes

demo-%: $(INSTALLED)
	$(REPRO) run $* --profile smoke --data phantom --repeats 1 --runs runs/demo --results runs/demo/results

reproduce-%: $(INSTALLED) ## train and evaluate one paper on BUSI, reported against reproduced: make reproduce-gill
	$(REPRO) run $* --resume $(RUN_OPTIONS)

reproduce-all: $(INSTALLED) ## the same for every paper; one that fails does not keep the others from running
	@$(MAKE) --keep-going $(PAPERS:%=reproduce-%)

report: $(INSTALLED) ## the results as pages to look at: site/index.html, opened from the disk
	$(REPRO) report

# More processes than two cores, since many tests wait for what they have started.
test: lint .venv/jax ## ruff, then the tests: under 10 minutes
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile

test-long: $(INSTALLED) .venv/jax ## the tests that take minutes
	.venv/bin/python -m pytest -m long

lint: $(INSTALLED) ## ruff alone
	.venv/bin/python -m ruff check

bench: $(INSTALLED) ## speed on this machine, as ratios: PyTorch, the roofline, wider batches, more images, repeats at once
	$(REPRO) bench

gpu-check: $(INSTALLED) ## on a GPU: every paper at its own size, then the ratios of speed; again until all is done
	.venv/bin/python -m common.bench.gpu_check $(call option,SECONDS,seconds)

tensorboard: $(INSTALLED) ## curves and example predictions of all runs, in a browser
	.venv/bin/tensorboard --logdir runs

clean: ## remove .venv, caches, the pages and the demo's runs; your own runs and data stay
	rm -rf .venv site build *.egg-info .pytest_cache .ruff_cache .hypothesis runs/demo
	find common reproductions tests -name __pycache__ -prune -exec rm -rf {} +

# Always from an empty folder: it mends an install that was broken off, and TensorFlow's CPU and GPU packages, which
# hold the same files, never meet in one.
$(INSTALLED): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo 'Python 3.11, 3.12 or 3.13 is needed; "$(PYTHON)" is none of them. Name one: make PYTHON=python3.12 ...' >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && $(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
	  echo '"$(PYTHON) -m venv" does not work here. On Debian and Ubuntu it is a package of its own:' >&2; \
	  echo '    apt install python3-venv' >&2; exit 1; }
	@echo 'installing [$(EXTRAS)] into .venv: 1 to 3 minutes and 2 GB (with CUDA several times that) ...'
	@.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS),tensorboard,report,dicom,onnx,cluster,dev]'
	@touch $@

# For the tests of other backends. They lie apart: of two backends in one environment TensorFlow loads JAX at every
# start. PyTorch takes 200 MB and is asked for by hand: `make .venv/torch`; without it those tests are skipped.
OTHER_jax := --no-deps jax jaxlib
OTHER_torch := --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0
.venv/jax .venv/torch: .venv/%: $(INSTALLED)
	@.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt --target $@ $(OTHER_$*)
	@touch $@
