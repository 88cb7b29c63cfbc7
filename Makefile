# make demo         sets everything up, dreams a photograph and the class "volcano", and prints where the pictures are;
#                   then it offers to download GoogLeNet
# make test         sets up and runs the tests
# make test-long    runs the tests that take a minute or more each, and measurements of quality; make test leaves them out
# make test-matrix  runs the tests on every installed Python from 3.10 to 3.13, and with the oldest dependencies;
#                   SESSIONS="tests-3.13" TESTS="tests/recipes" runs only a part
# make test-package builds the wheel and installs it with pip, pipx and uv in clean environments on every installed
#                   Python; then it makes a picture and, with pip, runs tests outside of the checkout;
#                   SESSIONS="package-3.13(installer='uv')" runs only a part
# make test-comfyui installs ComfyUI in an environment of its own, and runs the nodes of integrations/comfyui in it
# make release-check carries out the checklist of a release up to the upload; STEPS="build contents" does only a part
# make reference    writes the files that are generated from the code: settings, commands, schema and signatures
# make docs         builds the documentation site in build/docs, without the internet, and prints where its first page is
# make lint         checks style and formatting (ruff), types (mypy --strict) and the direction of imports
# make fuzz         reads damaged and hostile files with every reader for ten minutes; SECONDS=3600 takes an hour;
#                   SEED=... repeats a run
# make chaos        lets 200 faults happen to the commands that write, and checks the files that are left; ROUNDS=1000
#                   takes longer, SEED=1234 repeats a run, and SEED=1234 ROUND=56 repeats one round
# make soak         makes many pictures, films and networks in one process, and checks that nothing grows
# make bench        times the engine against a plain transcription of the 2015 loop and against torch-lucent (if it is
#                   installed), counts how many pictures of classes other networks recognize, times a zoom and a cold
#                   start, prints one table with all ratios, and writes bench.json; with GOOGLENET=folder, also uses
#                   GoogLeNet from this folder; with FILM=file, also dreams this film and measures its flicker;
#                   PARTS="photo cold" measures only these parts
# make bench-busy   times dreams on a quiet machine and beside other programs that use the processor
# make bench-studio measures the studio in a browser: its start, a photograph beside the command line, the frames of Live
#                   in a second, and the memory after 20 and 200 jobs
# make bench-gpu    runs the tests that need a CUDA GPU, and times the engine there beside the plain loop and
#                   torch.compile
# make studio       sets everything up and opens the studio in the browser; OPTIONS="--port 8000" passes options
# make install      only sets everything up; after that, the command is .venv/bin/dream

PYTHON ?= python3
BIN := .venv/bin
# The photograph to dream. The default is part of scikit-image.
PHOTO ?= $(shell $(BIN)/python -c 'import skimage.data; print(skimage.data.__path__[0])')/rocket.jpg

# The Pythons of pyenv are found even if they are not on the PATH.
PYTHONS_PATH := $(PATH):$(shell echo $${PYENV_ROOT:-/nonexistent}/versions/*/bin | tr ' ' ':')

.PHONY: demo studio install test test-long test-matrix test-package test-comfyui release-check fuzz chaos soak lint bench bench-busy bench-gpu bench-studio reference docs

demo: .venv/.with-demo
	@mkdir -p demo
	@cp "$(PHOTO)" "demo/photo$(suffix $(PHOTO))"
	$(BIN)/dream photo "$(PHOTO)" --output demo/photo-dream.png --overwrite
	$(BIN)/dream class volcano --output demo/volcano.png --overwrite
	@echo 'Look at the two pictures: demo/photo-dream.png and demo/volcano.png'
	@echo 'For more, put the command on the PATH of this terminal: . .venv/bin/activate && cd demo'
	@echo 'GoogLeNet, the network of 2015, dreams birds, dogs and pagodas (54 MB, license: unrestricted use): dream networks get googlenet'
	@if [ -t 0 ]; then \
	    printf 'Download it now? Type yes, or press Enter to finish: '; read -r answer; \
	    if [ "$$answer" = yes ]; then $(BIN)/dream networks get googlenet; fi; \
	fi

install: .venv/.with-demo

studio: .venv/.with-studio
	$(BIN)/dream studio $(OPTIONS)

test: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

test-long: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -m long --numprocesses auto --dist worksteal

test-matrix: .venv/.with-matrix
	PATH="$(PYTHONS_PATH)" $(BIN)/nox $(if $(SESSIONS),--session $(SESSIONS)) $(if $(TESTS),-- $(TESTS))

test-package: .venv/.with-matrix
	PATH="$(PYTHONS_PATH)" $(BIN)/nox --session $(if $(SESSIONS),"$(SESSIONS)",package)

test-comfyui: .venv/.with-matrix
	PATH="$(PYTHONS_PATH)" $(BIN)/nox --session comfyui

release-check: .venv/.with-release .venv/.with-test
	$(BIN)/python -m release $(STEPS)

fuzz: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

reference: .venv/.with-test
	$(BIN)/python -m docs.generate

docs: .venv/.with-docs
	$(BIN)/sphinx-build -M html docs build/docs -W --keep-going -n -q
	@echo 'The first page of the documentation: $(CURDIR)/build/docs/html/index.html'

chaos: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos --rounds $(or $(ROUNDS),200) \
	    $(if $(SEED),--seed $(SEED)) $(if $(ROUND),--round $(ROUND))

soak: .venv/.with-test
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m tests.soak

lint: .venv/.with-lint .venv/.with-test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	@# mypy reads the stub api.pyi in place of api.py. The shadow file makes it check the code as well.
	$(BIN)/mypy --shadow-file src/inceptionism/api.pyi src/inceptionism/api.py src/inceptionism/api.pyi
	$(BIN)/lint-imports

bench: .venv/.with-test
	$(BIN)/python -m bench "$(PHOTO)" $(if $(GOOGLENET),--googlenet "$(GOOGLENET)") $(if $(FILM),--film "$(FILM)") \
	    $(if $(PARTS),--parts $(PARTS))

bench-busy: .venv/.with-test
	$(BIN)/python -m bench "$(PHOTO)" --parts busy --json bench-busy.json

bench-studio: .venv/.with-test
	$(BIN)/python -m bench.studio "$(PHOTO)"

bench-gpu: .venv/.with-test
	$(BIN)/python -m bench.gpu "$(PHOTO)"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "inceptionism needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.with-%: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
