# Needs GNU make, a POSIX shell and Python 3.11 to 3.13. Everything else is installed into .venv. It is made if it is
# missing, and again if setup.cfg or constraints.txt has changed. `make help` shows the texts after ##.

PYTHON ?= python3
# The backend: cpu or gpu (TensorFlow), jax, jax-gpu or torch. .venv remembers the last choice.
EXTRAS ?= $(or $(patsubst .venv/installed-%,%,$(wildcard .venv/installed-*)),cpu)
BACKEND_jax := jax
BACKEND_jax-gpu := jax
BACKEND_torch := torch
export KERAS_BACKEND ?= $(or $(BACKEND_$(EXTRAS)),tensorflow)

INSTALLED := .venv/installed-$(EXTRAS)
REPRO := .venv/bin/python -m reproductions
PAPERS := $(patsubst reproductions/%/paper.yaml,%,$(wildcard reproductions/*/paper.yaml))

# $(call option,NAME,name) is --name 'value' if the variable NAME has a value, else nothing.
option = $(if $($1),--$2 '$($1)')
RUN_OPTIONS = $(strip $(call option,PROFILE,profile) $(call option,DATA,data) $(call option,REPEATS,repeats) \
  $(call option,AT_ONCE,repeats-at-once) $(call option,FOLDS,folds) $(call option,SPLITS,splits) \
  $(call option,SEED,seed) $(call option,PRECISION,precision) $(call option,RESULTS,results) \
  $(foreach choice,$(READING),--reading '$(choice)'))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:  # two trainings at once share the cores and take as long
.PHONY: help install demo reproduce-all report test test-long lint network bench gpu-check gpu-folder tensorboard clean

help: ## show this text
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "PAPER", $$1); printf "  make %-18s %s\n", $$1, $$2 }' Makefile
	@echo 'Papers: $(PAPERS)'
	@echo 'For reproduce-*: PROFILE=auto|paper|small|smoke DATA=NAME|DIR REPEATS=N FOLDS=K SPLITS=S'
	@echo '  AT_ONCE=N|auto SEED=S PRECISION=P READING="KEY=VALUE ..." RESULTS=DIR'
	@echo 'For report: RESULTS=DIR TRY=NAME'
	@echo 'For all: EXTRAS=cpu|gpu|jax|jax-gpu|torch (now $(EXTRAS)), PYTHON=python3.12'

install: $(INSTALLED) ## make .venv with everything needed (other targets do this if it is missing)

# Most of these networks learn nothing in their few seconds. Rahman's do, so they come last.
demo: $(patsubst %,demo-%,$(filter-out rahman,$(PAPERS)) rahman) ## train every paper at smoke size on synthetic ultrasound: 3 minutes, no download
	@echo 'Most scores are near 0, as expected: a few epochs on synthetic images are too few to learn.'
	@echo 'Web pages of these runs: make report RESULTS=runs/demo/results'

demo-%: $(INSTALLED)
	$(REPRO) run $* --profile smoke --data phantom --repeats 1 --runs runs/demo --results runs/demo/results

reproduce-%: $(INSTALLED) ## train one paper's network and compare with its numbers: make reproduce-gill
	$(REPRO) run $* --resume $(RUN_OPTIONS)

reproduce-all: $(INSTALLED) ## the same for every paper; if one fails, the others still run
	@$(MAKE) --keep-going $(PAPERS:%=reproduce-%)

report: $(INSTALLED) ## make web pages of the results: open site/index.html in a browser
	$(REPRO) report $(strip $(call option,RESULTS,results) $(call option,TRY,try))

# Three processes on two cores, because many tests wait for other processes. xdist would put files with few tests last;
# these take longest, so its reordering is off (see tests/conftest.py).
test: lint .venv/jax ## check the code with ruff, then run the tests: some 9 minutes
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-long: $(INSTALLED) .venv/jax ## run the tests that take minutes each
	.venv/bin/python -m pytest -m long

lint: $(INSTALLED) ## check the code with ruff
	.venv/bin/python -m ruff check

network: $(INSTALLED) ## train the network that comes with the suite again, and measure it: about an hour
	$(REPRO) run tang --resume --profile small --repeats 1 --precision float32 --results runs/results \
	  --reading network=unet --reading split=grouped --reading validation=0.15
	.venv/bin/python -m common.predict.bundle

bench: $(INSTALLED) ## measure speed on this machine, against PyTorch and against the limits of the machine
	$(REPRO) bench

gpu-check: $(INSTALLED) ## train the papers at their own size on a GPU, then measure; repeat until all is done
	.venv/bin/python -m common.bench.gpu_check $(call option,SECONDS,seconds)

gpu-folder: $(INSTALLED) ## make a folder with everything that a GPU host without a network needs for gpu-check
	.venv/bin/python -m common.bench.gpu_folder

tensorboard: $(INSTALLED) ## show curves and example predictions of all runs in a browser
	.venv/bin/tensorboard --logdir runs

clean: ## remove .venv, caches, pages and the runs of the demo; your own runs and data stay
	rm -rf .venv site build *.egg-info .pytest_cache .ruff_cache .hypothesis runs/demo
	find common reproductions tests -name __pycache__ -prune -exec rm -rf {} +

# Always into an empty folder. This repairs an interrupted install. It also keeps TensorFlow's CPU and GPU packages
# apart, which have the same files.
$(INSTALLED): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo 'Python 3.11, 3.12 or 3.13 is needed; "$(PYTHON)" is none of them. Name one: make PYTHON=python3.12 ...' >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && $(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
	  echo '"$(PYTHON) -m venv" does not work here. On Debian and Ubuntu it is a package of its own:' >&2; \
	  echo '    apt install python3-venv' >&2; exit 1; }
	@echo 'installing [$(EXTRAS)] into .venv: 1 to 3 minutes and 3 GB (with CUDA several times that) ...'
	@.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS),tensorboard,report,dicom,notebook,onnx,cluster,dev]'
	@touch $@

# Other backends, for tests. They are in folders of their own, because TensorFlow loads JAX at every start if both are in
# one environment. PyTorch takes 200 MB; install it with `make .venv/torch`. Without it, its tests are skipped.
OTHER_jax := --no-deps jax jaxlib
OTHER_torch := --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0
.venv/jax .venv/torch: .venv/%: $(INSTALLED)
	@.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt --target $@ $(OTHER_$*)
	@touch $@
