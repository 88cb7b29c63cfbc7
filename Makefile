# make demo      sets everything up, dreams a photograph and the class "banana", and says where they are
# make test      sets up and runs all tests
# make lint      ruff (style and formatting), mypy --strict, and the direction of imports
# make bench     times the engine beside a plain transcription of the 2015 loop, and counts how many classes other
#                networks recognize; with GOOGLENET=folder, on and by that too; times a zoom, and with FILM=file,
#                how much that flickers when it is dreamed
# make install   only sets up; then .venv/bin/dream is the command

PYTHON ?= python3
BIN := .venv/bin
# The photograph to dream; by default one that scikit-image ships.
PHOTO ?= $(shell $(BIN)/python -c 'import skimage.data; print(skimage.data.__path__[0])')/rocket.jpg

.PHONY: demo install test lint bench

demo: .venv/.with-demo
	@mkdir -p demo
	$(BIN)/dream photo "$(PHOTO)" --output demo/photo.png --overwrite
	$(BIN)/dream class banana --output demo/banana.png --overwrite
	@echo 'Look at the two pictures: demo/photo.png and demo/banana.png'

install: .venv/.with-demo

test: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

lint: .venv/.with-lint .venv/.with-test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.with-test
	$(BIN)/python bench/engine.py "$(PHOTO)" $(if $(GOOGLENET),--googlenet "$(GOOGLENET)")
	$(BIN)/python bench/transfer.py $(if $(GOOGLENET),--googlenet "$(GOOGLENET)")
	$(BIN)/python bench/motion.py "$(PHOTO)" $(if $(FILM),--film "$(FILM)")

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "inceptionism needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.with-%: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
