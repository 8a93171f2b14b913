# What people and CI run; everything else is `slipway --help`.
# Never the environment's own, which making it anew would take away from under itself.
PYTHON ?= $(firstword $(filter-out $(CURDIR)/.venv/%,$(shell which -a python3)) python3)
# A job that runs a single command is sooner done with `make COMPILE= …`.
COMPILE ?= --compile-bytecode
BIN := .venv/bin
# Another commit tests another sample, and the same commit the same.
SEED ?= $(shell git rev-parse --short=12 HEAD)
PROVIDER := $(if $(wildcard ../shared/cluster/up),.ci/rig,.ci/kind)
# Tests start hundreds of processes, each of which would compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/.tools/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-long fuzz cluster test-cluster test-cluster-long bench lint render lock schema tools clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: .venv/ready .tools/bin/kustomize ## The main job from end to end, in a scratch clone
	@tests/demo.sh

test: .venv/ready tools ## All tests that need no cluster and do not take long
	@pytest -q -n auto --dist worksteal -m 'not long' $(if $(CI),--durations=20)

test-long: .venv/ready tools ## Those that take long and need no cluster; SAMPLE=10 for ten minutes of them, SEED=… for which
	@echo 'To repeat this: make test-long SAMPLE=$(SAMPLE) SEED=$(SEED)'
	@pytest -q -n auto --dist worksteal -m long --ignore tests/cluster $(if $(SAMPLE),--sample $(SAMPLE) --seed '$(SEED)')

cluster: .tools/bin/kustomize ## Start a cluster to test on: with kind, or ../shared/cluster where that is
	@$(PROVIDER) true
	@echo 'The cluster runs. $(PROVIDER) runs commands with it: $(PROVIDER) make test-cluster'

fuzz: .venv/ready ## Send functions all that callers can send, for an hour; FUZZ="--requests 1000 --calls 1000" for less
	@python -m tests.fuzz $(FUZZ)

test-cluster: .venv/ready .tools/bin/kustomize ## The tests that need a cluster (tests/cluster/README.md)
	@SLIPWAY_TEST_CLUSTER=1 pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m 'not long' tests/cluster tests/manifests

test-cluster-long: .venv/ready .tools/bin/kustomize ## Those that watch a cluster for minutes: syncs, trainings, load
	@SLIPWAY_TEST_CLUSTER=1 pytest -q -m long tests/cluster

bench: .venv/ready .tools/bin/kustomize ## Measure functions, beside their peers and on a cluster (bench/README.md); BENCH="peers --rounds 5" for a part
	@python -m bench $(BENCH)

lint: .venv/ready tools ## Formatting, lint, types, and the workflows of GitHub
	ruff format --check
	ruff check
	mypy
	@if command -v actionlint > /dev/null; then echo actionlint && actionlint; else echo "actionlint is missing, and not run" >&2; [ -z "$$CI" ]; fi
	zizmor --offline --quiet .github

render: .tools/bin/kustomize ## Build every overlay, and hold it to manifests/schemas, or to those in SLIPWAY_SCHEMAS
	@.ci/tools kubeconform
	@command -v kubeconform > /dev/null || \
		{ echo "kubeconform is missing: overlays are built, and held to no schema" >&2; [ -z "$$CI" ]; }
	@for overlay in overlays/*/*/; do \
		[ -d "$$overlay" ] || continue; \
		echo "$$overlay"; \
		rendered=$$(kustomize build "$$overlay") || exit 1; \
		! command -v kubeconform > /dev/null || printf '%s' "$$rendered" | kubeconform -strict \
			-schema-location "$${SLIPWAY_SCHEMAS:-manifests/schemas}/{{.ResourceKind}}{{.KindSuffix}}.json" || exit 1; \
	done

lock: .venv/ready ## Bring requirements.lock up to pyproject.toml (UPGRADE=1: and to the newest versions)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		$(if $(UPGRADE),--upgrade) --extra dev --output-file requirements.lock pyproject.toml

schema: .venv/ready ## Bring slipway.schema.json up to the types of the settings (src/slipway/settings/types.py)
	@python -m slipway.settings.json_schema > slipway.schema.json

tools: .tools/bin/kustomize ## kustomize, and where Go is, the tools that a few tests need
	@.ci/tools

clean: ## Forget the environment and the tools
	rm -rf .venv .tools

.tools/bin/kustomize:
	@.ci/tools kustomize

# uv installs the rest, so it comes first, by its own hash from the lock.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
	$(BIN)/uv pip sync --quiet $(COMPILE) --python .venv --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python .venv --no-deps --editable .
	@touch $@
