# What people and CI run. `make help` lists it.

SWIFT ?= swift
EXAMPLE = Fixtures/adapters/mpt-causal-lm --reference Fixtures/references/mpt-causal-lm/reference.safetensors

.PHONY: help setup demo build test fuzz fuzz-replay address thread memory interop browser faults pages examples docs lint \
  words license layers links unsafe static wheel wheel-test ray-test linkage man install uninstall fixtures fields clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## Install the system libraries, where they are missing (Debian, Ubuntu).
	@if ! pkg-config --exists json-c zlib nettle 2>/dev/null && command -v apt-get >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then as=; else as=sudo; fi; \
	  $$as apt-get update -qq && $$as apt-get install -y -qq libjson-c-dev libz-dev nettle-dev pkg-config; \
	fi

demo: setup ## Build peftkit and verify a shipped adapter against what PEFT computed.
	@# Without optimization, which takes most of a release build; `make test` uses the same objects.
	$(SWIFT) run peftkit verify $(EXAMPLE)

build: setup ## Build the release binary.
	$(SWIFT) build -c release --product peftkit

test: setup ## Run the Swift tests.
	$(SWIFT) test

interop: build ## Run the suite against real PEFT, torch and safetensors (installs them once).
	PEFTKIT="$$($(SWIFT) build -c release --show-bin-path)/peftkit" sh Tests/Interop/run.sh

browser: build ## Open the pages of `report` in Chromium (installs it once, on Debian).
	PEFTKIT="$$($(SWIFT) build -c release --show-bin-path)/peftkit" sh Tests/Browser/run.sh

faults: build ## Kill the binary and make its system calls fail; no output may be harmed.
	PEFTKIT="$$($(SWIFT) build -c release --show-bin-path)/peftkit" python3 Tests/Faults/run.py

# How long `make fuzz` runs, and what: all targets in turn unless TARGETS names some.
SECONDS ?= 600
TARGETS ?=

fuzz: setup ## Fuzz the parsers for SECONDS, all in turn, or those in TARGETS.
	binary="$$(SWIFT=$(SWIFT) sh Fuzzing/build.sh)" && \
	  python3 Fuzzing/fuzz.py run "$$binary" --seconds $(SECONDS) $(TARGETS)

fuzz-replay: setup ## Run the corpus of the fuzzers with the address sanitizer, and a second of each.
	binary="$$(SWIFT=$(SWIFT) sh Fuzzing/build.sh quick)" && \
	  python3 Fuzzing/fuzz.py replay "$$binary" && python3 Fuzzing/fuzz.py run "$$binary" --seconds 26

# The C targets trap where their behavior is undefined; swiftc has no such check.
SANITIZED = $(SWIFT) test -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined

address: setup ## Run the Swift tests with the address sanitizer, and that of undefined behavior in C.
	ASAN_OPTIONS=detect_leaks=0 $(SANITIZED) --sanitize=address --scratch-path .build-address $(FILTER)

thread: setup ## Run the Swift tests with the thread sanitizer.
	$(SANITIZED) --sanitize=thread --scratch-path .build-thread $(FILTER)

memory: build ## Run the binary under valgrind, and look for leaks.
	PEFTKIT="$$($(SWIFT) build -c release --show-bin-path)/peftkit" python3 Tests/Memory/run.py

pages: build ## Run the console blocks of README.md and docs/, and compile their Swift blocks.
	PEFTKIT="$$($(SWIFT) build -c release --show-bin-path)/peftkit" sh Tests/Documentation/run.sh

examples: setup ## Build the packages in Examples/ and run them on fixtures.
	sh Examples/run.sh

docs: setup ## Make the site of the API's documentation, .build-docs/site, with the toolchain's docc.
	python3 Scripts/make_docs.py

toy-format: setup ## Add a format to a copy of the package, and use it.
	bash Tests/ToyFormat/run.sh

unsafe: ## Check that no module has more unsafe code than docs/unsafe.md lists.
	python3 Scripts/check_unsafe.py

lint: words license layers links unsafe ## Check format, language, license lines, links, imports and the amount of unsafe code.
	$(SWIFT) format lint --strict -r Sources Tests Examples Fuzzing Package.swift

words: ## Check the language: report words that CONTRIBUTING.md rules out.
	python3 Scripts/check_words.py

layers: ## Check that modules and folders import one way.
	python3 Scripts/check_layers.py

links: ## Check that links between the pages lead somewhere.
	python3 Scripts/check_links.py

license: ## Check that every source file names its license.
	python3 Scripts/check_license.py

static: setup ## Build a binary that needs nothing on the machine it runs on, and run it.
	@# Decision 70 gives the reasons for these options.
	$(SWIFT) build -c release --product peftkit --scratch-path .build-static -debug-info-format none \
	  --static-swift-stdlib -Xswiftc -static-executable -Xswiftc -cross-module-optimization \
	  -Xswiftc -Xfrontend -Xswiftc -function-sections \
	  -Xswiftc -use-ld=lld -Xlinker --icf=all -Xlinker -s
	.build-static/release/peftkit verify $(EXAMPLE)

wheel: static ## Build a Python wheel with the static binary.
	sh Python/build_wheel.sh

wheel-test: wheel ## Test the wheel in environments of its own, without Swift, and beside PEFT (installs it once).
	sh Python/tests/run.sh

ray-test: wheel ## Convert a tree on a Ray cluster of two nodes, of which one is lost (installs Ray once).
	sh Tests/Ray/run.sh

linkage: setup ## Check that the libraries do not pull in Foundation.
	sh Tests/Linkage/run.sh

# What is installed: BINARY, else the release build, which is built first.
PREFIX ?= /usr/local
INSTALLED = $(DESTDIR)$(PREFIX)
TOOL = $(or $(BINARY),$$($(SWIFT) build -c release --show-bin-path)/peftkit)
COMPLETIONS = bash-completion/completions/peftkit zsh/site-functions/_peftkit \
  fish/vendor_completions.d/peftkit.fish

man: $(if $(BINARY),,build) ## Write the man pages to .build/man.
	python3 Scripts/make_manual.py "$(TOOL)" .build/man

install: man ## Install the tool, its man pages and completions to PREFIX (/usr/local), below DESTDIR.
	install -d "$(INSTALLED)/bin" "$(INSTALLED)/share/man/man1"
	install -m 755 "$(TOOL)" "$(INSTALLED)/bin/peftkit"
	install -m 644 .build/man/*.1 "$(INSTALLED)/share/man/man1"
	@for file in $(COMPLETIONS); do \
	  install -d "$(INSTALLED)/share/$$(dirname $$file)" && \
	  "$(TOOL)" --generate-completion-script $${file%%[/-]*} > "$(INSTALLED)/share/$$file" || exit 1; \
	done

uninstall: ## Remove what `make install` installed to the same PREFIX.
	rm -f "$(INSTALLED)/bin/peftkit" "$(INSTALLED)"/share/man/man1/peftkit.1 \
	  "$(INSTALLED)"/share/man/man1/peftkit-*.1
	@for file in $(COMPLETIONS); do rm -f "$(INSTALLED)/share/$$file"; done

fixtures: ## Make the fixtures again with the pinned releases.
	cd Fixtures && python3 make_fixtures.py

fields: ## Make the table of config fields again from every release of PEFT (half an hour).
	sh Tests/Interop/setup.sh
	.interop-venv/bin/python Scripts/config_fields/make_fields.py

clean: ## Remove what builds and the interop suite left.
	rm -rf .build .build-fuzz* .build-address .build-thread .build-static .build-wheel dist .build-toy .build-docs .build-examples Tests/Linkage/.build .interop-venv
