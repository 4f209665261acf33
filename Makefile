# make env    both environments: .venv (service) and .venv-bliss (the real BLISS)
# make demo   the whole chain on an emulated beamline; SAMPLE=platinum (default), simulated, specimen, or a file
# make test   everything that CI runs
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
SAMPLE ?= platinum
DETECTOR ?= maxipix
PY := .venv/bin/python
PIP := -m pip install --quiet --disable-pip-version-check
export OMP_NUM_THREADS ?= 1

.PHONY: env demo test quick lint bench clean

env: .venv/done .venv-bliss/done

.venv/done: deploy/requirements-service.lock pyproject.toml
	deploy/make-venv $(PYTHON) .venv
	$(PY) $(PIP) -r deploy/requirements-service.lock
	$(PY) $(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv-bliss/done: deploy/requirements-bliss.lock
	deploy/make-venv $(PYTHON) .venv-bliss
	.venv-bliss/bin/python $(PIP) -r deploy/requirements-bliss.lock
	touch $@

demo: env
	PYTHONPATH=deploy $(PY) -m demo --sample "$(SAMPLE)" --detector "$(DETECTOR)"

lint: .venv/done
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: lint env
	$(PY) -m pytest

quick: lint
	$(PY) -m pytest -m "not slow and not bliss"

bench: env
	.venv/bin/braggline bench engine
	.venv/bin/braggline bench success
	.venv/bin/braggline bench truth
	.venv/bin/braggline bench maps
	.venv/bin/braggline bench cleaning
	.venv/bin/braggline bench simulator
	.venv/bin/braggline bench ingest
	.venv/bin/braggline bench latency

clean:
	rm -rf .venv .venv-bliss var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
