# Everything runs in a virtual environment of this checkout, made at first use.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO ?= demo
CLAIMS = $(basename $(notdir $(wildcard deptool/claims/[a-z]*.py)))

.PHONY: demo test lint format docs bench reproduction clean

demo: $(VENV)/installed
	$(BIN)/deptool demo $(DEMO)

test: $(VENV)/installed
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-docs
	$(BIN)/mkdocs build --strict --config-file .ci/mkdocs.yml

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

# Goes on where it was interrupted; reproduction/ holds the cohorts and the runs.
reproduction: $(VENV)/installed
	for model in $(CLAIMS); do $(BIN)/deptool reproduce $$model || exit 1; done
	$(BIN)/python -m fixtures.reproduction reproduction docs/reproduction.md

# Again only when the dependencies change; the code itself is used in place.
$(VENV)/installed: pyproject.toml
	@echo "Installing into $(VENV), once; this takes a few minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[mediapipe,encoders,encryption,explain,ray,loggers,dev]"
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable ".[mediapipe,encoders,encryption,explain,ray,loggers,dev,docs]"
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) site build dist
