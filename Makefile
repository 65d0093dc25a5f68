# make serve   install into .venv and start the atlas; ARGS="--port 9000" passes options on
# make test    install the test tools, lint, run every test
# make lint    ruff and mypy
# make bench   install the peers into .bench-venv, measure, write benchmarks/RESULTS.md; ARGS="slices" for one script
# make docs    write docs/registries.md anew, from the registries
# make screenshot   draw README's picture again
# make clean   remove .venv, .bench-venv, builds and tool caches
#
# PYTHON=python3.12                                    another interpreter than python3
# TORCH_INDEX=https://download.pytorch.org/whl/cpu     a small torch without CUDA (0.2 GB instead of several)

PYTHON ?= python3
VENV ?= .venv
BENCH ?= .bench-venv
TORCH_INDEX ?=
ARGS ?=

BIN := $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: serve test lint bench docs screenshot clean
.DELETE_ON_ERROR:

serve: $(VENV)/.installed
	@exec $(BIN)/lossatlas serve $(ARGS)

# Browsers draw in software: they have the machine to themselves.
test: lint
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/browser
	$(BIN)/python -m pytest tests/browser
else
	$(BIN)/python -m pytest $(ARGS)
endif

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The stamps are newer than what they were made from: nothing is asked of pip when nothing changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(create_venv)
	@echo "Installing lossatlas into $(VENV); the first time takes a few minutes, most of it for torch."
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt
	@$(create_venv)
	@echo "Installing lossatlas and its test tools into $(VENV); the first time takes a few minutes."
	@$(PIP_INSTALL) -e '.[test]'
	@touch $(VENV)/.installed $@

define create_venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "lossatlas needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
		"Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }; \
test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { \
	echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	exit 1; }
endef

bench: $(BENCH)/.installed
	$(BENCH)/bin/python -m benchmarks $(ARGS)

# An environment of its own that sees .venv's packages, so that torch is neither installed twice nor replaced.
$(BENCH)/.installed: benchmarks/peers.txt $(VENV)/.installed-test
	$(BIN)/python -m venv --clear --without-pip $(BENCH)
	@$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(BENCH)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lossatlas.pth"
	$(BIN)/python -m pip --python $(BENCH)/bin/python install --quiet --disable-pip-version-check --no-deps \
		-r benchmarks/peers.txt
	@touch $@

docs: $(VENV)/.installed
	$(BIN)/lossatlas list --markdown > docs/registries.md

screenshot: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.screenshot

clean:
	rm -rf $(VENV) $(BENCH) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
