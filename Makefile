# make run    set up what is missing and open GEB Chat
# make test   set up what is missing and prove it
# The other targets are described in README.md.
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.PHONY: run setup test test-slow lint rebuild bench bench-app bench-peers bench-documents \
	bench-package bench-training package reproduce torture fuzz soak \
	print-package-tools screenshots guide-pictures clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# PyTorch's own index of CPU builds, for a system where the plain package would bring CUDA.
TORCH_INDEX ?=
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

QT_PACKAGES := libegl1 libgl1 libx11-6 libglib2.0-0 libdbus-1-3 libxkbcommon0 libfontconfig1 \
	libfreetype6 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 \
	libxcb-randr0 libxcb-render-util0 libxcb-render0 libxcb-shape0 libxcb-shm0 libxcb-sync1 \
	libxcb-util1 libxcb-xfixes0 libxcb-xkb1 libx11-xcb1 libwayland-client0 libwayland-cursor0 \
	libwayland-egl1 libopengl0 \
	fontconfig

run: $(VENV)/app-ready
	@$(BIN)/geb

setup: $(VENV)/dev-ready

test: $(VENV)/dev-ready lint
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/dev-ready
	@command -v qemu-x86_64-static >/dev/null && command -v debootstrap >/dev/null || \
		sh resources/setup/system-packages.sh qemu-user-static debootstrap
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m slow

# kill -9 at random moments of a scripted session and of migrations; then every system call that
# writes, reads or opens a file of ours is refused once.
KILLS ?= 200
torture: $(VENV)/dev-ready
	@command -v cc >/dev/null || sh resources/setup/system-packages.sh gcc libc6-dev
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/torture/kills.py --kills $(KILLS)
	$(BIN)/python -m pytest -m slow tests/torture/test_faults.py

# Each reader of foreign bytes for so many minutes; what they learn is kept in build/fuzz.
MINUTES ?= 1
fuzz: $(VENV)/dev-ready
	@$(PIP) --requirement tests/fuzz/requirements.txt
	$(BIN)/python tests/fuzz/run.py --minutes $(MINUTES)

# The window in use for hours; the table is also in build/soak/soak.json, drawn in soak.svg.
HOURS ?= 2
soak: $(VENV)/dev-ready
	$(BIN)/python tests/soak/soak.py --hours $(HOURS)

lint: $(VENV)/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict engine
	$(BIN)/mypy app training export
	$(BIN)/mypy -p resources.packaging
	$(BIN)/lint-imports --no-logo

# Raw text → tokenizer → random tokens, if the configuration says so → pretraining → SFT → DPO, if the recipe has pairs → evaluation →
# build/RECIPE/bundle, evaluated as well → build/RECIPE/report.html.
RECIPE ?= test
MIRROR ?=
WORK := build/$(RECIPE)
# The stages before text that the configuration has, in order.
BEFORE = $(shell grep -oshE '^\[(prepretrain|lookup)\]' training/configs/$(RECIPE).toml | tr -d '[]')
STAGE = --config $(RECIPE) --data $(WORK)/data
LAST = $(WORK)/$$(test -d $(WORK)/data/dpo && echo dpo || echo sft)
# The test recipe proves that the suites run; its figures mean nothing.
EVALUATE = $(BIN)/python -m training.evaluate $(if $(filter test,$(RECIPE)),--limit 4)
EXAMS = $(if $(MIRROR),$(MIRROR)/eval)
# Of long test sets so many questions, drawn with seed 0, are enough to compare by.
FEW = $(if $(filter test,$(RECIPE)),,--limit 300)
# Scores the model $(1) into evaluation/*-$(2).json; what needs test sets, where the mirror has them.
define evaluate
	$(EVALUATE) --model $(1) --suite bpb --data $(WORK)/data/heldout.jsonl --json $(WORK)/evaluation/bpb-$(2).json
	test ! -f "$(EXAMS)/crosswoz_test.json.xz" || set -- --data "$(EXAMS)"; \
		$(EVALUATE) --model $(1) --suite chat "$$@" --json $(WORK)/evaluation/chat-$(2).json
	for exam in $(foreach suite,docqa $(if $(filter bundle,$(2)),documents),$(suite):cmrc2018_dev.json.xz \
			$(suite):xquad.en.json.xz) safety:hh_harmless_heldout.jsonl.xz; do \
		suite=$${exam%:*}; file=$${exam#*:}; test -f "$(EXAMS)/$$file" || continue; \
		$(EVALUATE) --model $(1) --suite $$suite --data "$(EXAMS)/$$file" $(FEW) \
			--json $(WORK)/evaluation/$$suite-$${file%%.*}-$(2).json || exit 1; \
	done
endef
rebuild: $(VENV)/dev-ready
	$(BIN)/python -m training.data --recipe $(RECIPE) $(if $(MIRROR),--mirror "$(MIRROR)") --out $(WORK)/data
	$(BIN)/python -m training.tokenizer $(STAGE) --out $(WORK)/data
	$(if $(filter prepretrain,$(BEFORE)),$(BIN)/python -m training.prepretrain $(STAGE) --out $(WORK)/prepretrain)
	$(if $(filter lookup,$(BEFORE)),$(BIN)/python -m training.lookup $(STAGE) \
		--checkpoint $(WORK)/prepretrain --out $(WORK)/lookup)
	$(BIN)/python -m training.pretrain $(STAGE) --out $(WORK)/pretrain \
		$(addprefix --checkpoint $(WORK)/,$(lastword $(BEFORE)))
	$(BIN)/python -m training.sft $(STAGE) --checkpoint $(WORK)/pretrain --out $(WORK)/sft
	@test ! -d $(WORK)/data/dpo || \
		$(BIN)/python -m training.dpo $(STAGE) --checkpoint $(WORK)/sft --out $(WORK)/dpo
	$(call evaluate,$(LAST),checkpoint)
	$(BIN)/python -m export --checkpoint $(LAST) --heldout $(WORK)/data/heldout.jsonl --out $(WORK)/bundle
	$(call evaluate,$(WORK)/bundle,bundle)
	$(BIN)/python -m export.card --bundle $(WORK)/bundle --evaluation $(WORK)/evaluation
	$(BIN)/python -m training.report $(WORK)

bench: $(VENV)/dev-ready
	$(BIN)/python tests/benchmarks/bench_engine.py

# The engines that ours is compared with have an environment of their own: they are none of our
# dependencies. Where they cannot be built the comparison says so and goes on without them.
PEERS := build/bench/peers
bench-peers: $(VENV)/dev-ready $(PEERS)/ready
	$(BIN)/python tests/benchmarks/bench_peers.py --peers-python $(PEERS)/venv/bin/python

$(PEERS)/ready: tests/benchmarks/peers.txt | $(VENV)/system-ready
	@echo "Building llama.cpp from source (once; it takes a while)…"
	@$(PYTHON) -m venv $(PEERS)/venv
	@$(PEERS)/venv/bin/pip install --verbose --no-binary llama-cpp-python --requirement $< \
		> $(PEERS)/build.log 2>&1 && touch $@ || echo "It failed; $(PEERS)/build.log says why."

# DATA=DIR: a corpus as training uses it. What retrieval is compared with is no dependency of ours.
DATA ?=
DOCUMENT_PEERS := build/bench/document-peers
bench-documents: $(VENV)/dev-ready $(DOCUMENT_PEERS)/ready
	PYTHONPATH=$(DOCUMENT_PEERS) $(BIN)/python tests/benchmarks/bench_documents.py $(if $(DATA),--data "$(DATA)")
	$(BIN)/python tests/benchmarks/bench_reading.py $(if $(DATA),--data "$(DATA)")
	$(BIN)/python tests/benchmarks/bench_answers.py $(if $(DATA),--data "$(DATA)")

$(DOCUMENT_PEERS)/ready: tests/benchmarks/documents.txt | $(VENV)/dev-ready
	$(PIP) --no-deps --target $(DOCUMENT_PEERS) --upgrade --requirement $<
	@touch $@

bench-app: $(VENV)/dev-ready
	$(BIN)/python tests/benchmarks/bench_app.py

# Of what `make package` has built.
bench-package: $(VENV)/dev-ready
	$(BIN)/python tests/benchmarks/bench_package.py

bench-training: $(VENV)/dev-ready
	$(BIN)/python tests/benchmarks/bench_training.py

# dist/geb-chat_VERSION_MACHINE.deb and dist/GEB_Chat-VERSION-MACHINE.AppImage, and their sizes.
PACKAGE_TOOLS := binutils gcc squashfs-tools libsquashfuse-dev libfuse3-dev zlib1g-dev liblzma-dev \
	libzstd-dev liblz4-dev fonts-noto-cjk
package: $(VENV)/dev-ready
	@sh resources/setup/system-packages.sh $(PACKAGE_TOOLS)
	$(BIN)/python -m resources.packaging

# Builds the packages of the last commit twice, in different folders, and compares every byte.
reproduce: package
	$(BIN)/python -m resources.packaging.reproduce

print-package-tools:
	@echo $(PACKAGE_TOOLS) $(QT_PACKAGES)

# Many states of the window, to be looked at, under build/screenshots.
screenshots: $(VENV)/dev-ready
	$(BIN)/python tests/app/screenshots.py

# The pictures of the guide and of README.md; look at them before they are committed.
guide-pictures: $(VENV)/dev-ready
	$(BIN)/python tests/app/guide_pictures.py

clean:
	rm -rf build dist

$(VENV)/system-ready: resources/setup/system-packages.sh
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "GEB Chat needs Python 3.11 to 3.13, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there);" \
			"install one, and name it if it is not python3: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || venv=python3-venv; \
		sh resources/setup/system-packages.sh $$venv $(QT_PACKAGES)
	@fc-list :lang=zh-cn 2>/dev/null | grep -q . || sh resources/setup/system-packages.sh fonts-noto-cjk
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/app-ready: $(VENV)/system-ready pyproject.toml
	@echo "Setting up GEB Chat (once)…"
	$(PIP) --editable .
	@touch $@

# torch first and alone: another package could otherwise pull a newer one with CUDA.
$(VENV)/dev-ready: $(VENV)/system-ready pyproject.toml
	@echo "Setting up the tools for training, export and tests (once)…"
	$(PIP) torch==2.13.0 $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/app-ready
