# Two commands for a newcomer: `make demo` and `make test`. Each does all of its own set-up in .venv, from python3 alone.
SHELL := /bin/sh
VENV  := .venv
PY    := $(VENV)/bin/python
STAMP := $(VENV)/.installed
TORCH_VERSION := 2.13.0
OUT   ?= demo.png

# Else every process of a test compiles TensorFlow anew, nine seconds each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint format lock readme clean
.DEFAULT_GOAL := help

help:
	@echo "make demo [PHOTO=path.jpg] [OUT=demo.png]   translate a photo into a cartoon with the pretrained model"
	@echo "make test [TORCH=1] [ARGS='-m \"not slow\"']  the whole test suite; TORCH=1 also installs PyTorch and tests that backend"
	@echo "make lint | format                          ruff check and ruff format"
	@echo "make lock                                   resolve requirements.lock anew"
	@echo "make readme                                 write the README's and the cards' tables anew"
	@echo "make clean                                  remove the environment and what the tools left"

# TensorFlow greets on standard error whatever its log level, so that is shown only when something fails.
demo: $(STAMP)
	@TF_CPP_MIN_LOG_LEVEL=3 $(PY) -m keras_i2i.demo $(if $(PHOTO),--photo "$(PHOTO)") --out "$(OUT)" 2>$(VENV)/demo.log \
	    || { cat $(VENV)/demo.log >&2; exit 1; }

test: $(STAMP) $(if $(TORCH),$(VENV)/.torch)
	@TF_CPP_MIN_LOG_LEVEL=3 $(PY) -m pytest -n auto --maxprocesses 4 --dist loadscope $(ARGS)

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# --no-build-isolation: the build backend comes from the lock file too, so nothing unpinned is installed.
$(STAMP): requirements.lock pyproject.toml
	@for candidate in "$(PYTHON)" python3 python3.13 python3.12 python3.11 python3.10; do \
	    if "$$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "keras_i2i needs Python 3.10 to 3.13: install one and run make again, or name it with make PYTHON=/path/to/python." >&2; exit 1; fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then echo "$$found has no venv module: install it (on Debian and Ubuntu: apt install python3-venv) and run make again." >&2; exit 1; fi; \
	echo "Setting up $(VENV) with $$($$found --version) - once, a few minutes, about 800 MB to download ..."; \
	"$$found" -m venv $(VENV)
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Not in the lock file: on Linux the package from the registry brings several GB of CUDA with it.
$(VENV)/.torch: $(STAMP)
	@echo "Installing PyTorch $(TORCH_VERSION) for the tests of the torch backend ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -c requirements.lock torch==$(TORCH_VERSION)
	@touch $@

lock: $(STAMP)
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(PY) -m uv pip compile --quiet --universal --python-version 3.10 \
	    --extra faces --extra worlds --extra plots --extra litert --extra serving --extra beam --extra test --no-emit-index-url --no-emit-find-links \
	    pyproject.toml --output-file requirements.lock

readme: $(STAMP)
	@TF_CPP_MIN_LOG_LEVEL=3 $(PY) -m keras_i2i.zoo.documents

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find keras_i2i tests -name __pycache__ -type d -prune -exec rm -rf {} +
