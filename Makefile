# Needs make, git and any Python from 3.9 on. The installer goes into .uv, the project into .venv, and Python 3.11
# into .uv as well where the machine has none.
PYTHON ?= 3.11
ANY_PYTHON := $(shell command -v python3.11 || command -v python3)
UV := .uv/bin/uv
RUN := .venv/bin
# In the order of tests/conftest.py, which begins with the files that take longest.
TWO_AT_A_TIME := -n 2 --dist loadfile --no-loadscope-reorder
EXECUTED := docs/notebooks/.executed
export UV_PYTHON_INSTALL_DIR := $(CURDIR)/.uv/python

.PHONY: help install demo test slow notebooks docs web reports lint format coverage bench bench-quick weights wheel hooks clean
help:
	@echo "make demo       run everything once, end to end; then open demo/report.html"
	@echo "make test       run the tests (make slow: those that take more than half a minute each)"
	@echo "make lint       check style, format and types; make format repairs style and format"
	@echo "make bench      run the benchmarks and write their results into the pages (make bench-quick: short, writes nothing)"
	@echo "make notebooks  run the notebooks; make docs builds the pages with them into build/site"
	@echo "make web        write the page that estimates flow in the browser into build/site/web"
	@echo "make reports    test the reports and that page in the Chromium of this machine"
	@echo "make coverage   run the tests and list lines that none of them reaches"
	@echo "make weights    render and train the shipped presets again, into weights/ (hours)"
	@echo "make wheel      build the wheel and run the demo with it, in an environment of its own"
	@echo "make hooks      check style before every commit (pre-commit)"
	@echo "make install    install into .venv"

# Compiled here: where PYTHONDONTWRITEBYTECODE is set, as in many images of Docker, every start would compile
# TensorFlow again, which takes several times as long as the start.
install: .venv/.installed
.venv/.installed: pyproject.toml uv.lock | $(UV)
	@$(UV) python find --quiet $(PYTHON) >/dev/null 2>&1 \
	  || { echo "no Python $(PYTHON) here; uv downloads one into .uv/python"; $(UV) python install --quiet $(PYTHON) 2>/dev/null; } \
	  || { echo "FaceFlow needs Python 3.11, and none could be downloaded; install it, or say where it is: make PYTHON=/path/to/python3.11"; exit 2; }
	$(UV) sync --locked --quiet --python $(PYTHON) --compile-bytecode
	@touch $@
$(UV):
	@$(ANY_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null \
	  || { echo "FaceFlow is installed by uv, which needs a Python from 3.9 on: make ANY_PYTHON=/path/to/python3"; exit 2; }
	@$(ANY_PYTHON) -m venv .uv \
	  || { echo "$(ANY_PYTHON) cannot make environments; on Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1"

demo: install
	$(RUN)/faceflow demo --out demo
test: install
	$(RUN)/python -m pytest $(TWO_AT_A_TIME)
slow: install
	$(RUN)/python -m pytest $(TWO_AT_A_TIME) -m slow
notebooks:
	rm -f $(EXECUTED)
	$(MAKE) $(EXECUTED)
# Copies, which keep what they have shown for the pages; those in git stay without.
$(EXECUTED): $(wildcard notebooks/*.ipynb) | install
	rm -rf $(@D) && mkdir $(@D) && cp notebooks/*.ipynb $(@D)
	$(RUN)/python -m pytest -n 2 --nbmake --nbmake-timeout=1200 --overwrite $(@D)
	@touch $@
docs: $(EXECUTED)
	NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --strict
# onnxruntime-web, which the page runs on, is downloaded by npm the first time.
web: install
	rm -rf build/site/web
	$(RUN)/faceflow web --fetch --out build/site/web
reports: install web
	$(UV) sync --locked --quiet --python $(RUN)/python --group browser
	$(RUN)/python -m pytest tests/test_reports.py tests/web_page
coverage: install
	$(RUN)/python -m pytest $(TWO_AT_A_TIME) --cov --cov-report=term-missing:skip-covered
lint: install
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
format: install
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .
bench: install
	$(RUN)/python -m benchmarks --write
bench-quick: install
	$(RUN)/python -m benchmarks --quick
weights: install
	for recipe in keras_models/presets/*/recipe.sh; do \
	  PATH="$(CURDIR)/$(RUN):$$PATH" sh $$recipe weights || exit; done
wheel: $(UV)
	rm -rf dist
	$(UV) build --quiet --wheel --python $(PYTHON)
	$(UV) venv --quiet --python $(PYTHON) dist/.venv
	$(UV) pip install --quiet --python dist/.venv/bin/python dist/*.whl
	cd dist && .venv/bin/faceflow demo --out demo
hooks: install
	$(RUN)/pre-commit install
clean:
	rm -rf .uv .venv demo runs build docs/notebooks
