# make serve   install into .venv, compile the kernels and start the atlas; ARGS="--port 9000" passes options on
# make test    install the test tools, lint, run every test
# make lint    ruff, mypy, and for the scripts tsc and eslint
# make nightly what takes too long for every change: the tests once more, held to AVX2 where the processor has more
#              (it prints which lines were reached), and every step of every lesson in the browser
# make bench   install the peers into .bench-venv, measure, write benchmarks/RESULTS.md; ARGS="slices" for one script
# make bench-avx2   the same with every library held to AVX2, where the processor has more
# make docs    write docs/registries.md anew, from the registries
# make screenshot   draw README's picture again
# make clean   remove .venv, .bench-venv, builds and tool caches
#
# PYTHON=python3.12                                    another interpreter than python3
# REQUIRE_NODE_TOOLS=1                                fail where npm cannot be reached, instead of skipping tsc and eslint
# TORCH_INDEX=https://download.pytorch.org/whl/cpu     a small torch without CUDA (0.2 GB instead of several)

PYTHON ?= python3
VENV ?= .venv
BENCH ?= .bench-venv
TORCH_INDEX ?=
ARGS ?=

BIN := $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

KERNELS := $(wildcard compute/numerics/kernels/*.py compute/numerics/kernels/*/*.py compute/numerics/paths/*.py)

REQUIRE_NODE_TOOLS ?=
WITH_NODE := PATH="$(abspath $(VENV)/bin):$$PATH"


# The instructions of a processor of 2013, for every library that looks for newer ones: sums are rounded otherwise.
AVX2 := NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+avx2,+fma NPY_DISABLE_CPU_FEATURES=X86_V4,AVX512_ICL,AVX512_SPR \
	MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell


# By folder, not by name: through the links of lossatlas/ a file would be two.
COVERAGE := --cov=app/ --cov=compute/ --cov-report=term:skip-covered

.PHONY: serve test lint nightly nightly-avx2 nightly-lessons bench bench-avx2 docs screenshot clean
.DELETE_ON_ERROR:

serve: $(VENV)/.compiled
	@exec $(BIN)/lossatlas serve $(ARGS)

# Browsers draw in software: they have the machine to themselves.
test: lint
ifeq ($(ARGS),)
	$(WITH_NODE) node --test tests/js/*.test.mjs
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/browser
	$(BIN)/python -m pytest tests/browser
else
	$(BIN)/python -m pytest $(ARGS)
endif

nightly: nightly-avx2 nightly-lessons

nightly-lessons: $(VENV)/.installed-test
	NIGHTLY=1 $(BIN)/python -m pytest tests/browser/test_lessons.py

nightly-avx2: $(VENV)/.installed-test
	$(AVX2) $(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/browser $(COVERAGE) $(ARGS)

lint: $(VENV)/.installed-test $(VENV)/.node-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if [ -x node_modules/.bin/tsc ]; then \
		$(WITH_NODE) node_modules/.bin/tsc --noEmit && $(WITH_NODE) node_modules/.bin/eslint --max-warnings 0 .; \
	else echo "tsc and eslint are skipped: npm could not be reached."; fi

# The stamps are newer than what they were made from: nothing is asked of pip when nothing changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(create_venv)
	@echo "Installing lossatlas into $(VENV); the first time takes a few minutes, most of it for torch."
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.compiled: $(VENV)/.installed $(KERNELS)
	@echo "Compiling the kernels for this processor; about a minute, once."
	@$(BIN)/lossatlas warm kernels
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt
	@$(create_venv)
	@echo "Installing lossatlas and its test tools into $(VENV); the first time takes a few minutes."
	@$(PIP_INSTALL) -e '.[test]'
	@touch $(VENV)/.installed $@

# node itself comes with the test tools. Without a network the scripts go unchecked, unless REQUIRE_NODE_TOOLS=1.
$(VENV)/.node-tools: package.json package-lock.json $(VENV)/.installed-test
	@echo "Installing tsc and eslint into node_modules."
	@if $(WITH_NODE) npm ci --silent; then touch $@; \
	else rm -rf node_modules; \
		echo "npm could not be reached: tsc and eslint are not installed, and the next make tries again." >&2; \
		[ "$(REQUIRE_NODE_TOOLS)" != 1 ]; fi

define create_venv
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "lossatlas needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
		"Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }; \
test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { \
	echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	exit 1; }
endef

bench bench-avx2: $(BENCH)/.installed
	$(if $(filter bench-avx2,$@),$(AVX2)) $(BENCH)/bin/python -m benchmarks $(ARGS)

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
	rm -rf $(VENV) $(BENCH) node_modules build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
