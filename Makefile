# Everything is a target here; `make help` lists them. CI calls `make test` and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO := cargo
# The one program that is tested, packaged and shipped: static, so it runs anywhere and on nothing.
host = $(shell rustc --print host-tuple)
done = @printf -- '-- %s: ok\n' "$(1)"

.PHONY: help test build tools fmt lint rust doc proto python go typescript browser release e2e deploy edge autobahn torture sim fuzz mutants demo bless bench clean

help: ## List the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

test: tools fmt lint doc rust proto python go typescript browser e2e torture deploy ## Everything that CI asks, cheapest to fail first
	@printf '\nAll parts are ok.\n'

tools: ## Are the toolchains here? Says what to install where one is missing
	@scripts/tools.sh
	$(call done,tools)

fmt: ## Is the Rust formatted?
	$(CARGO) fmt --all --check
	$(call done,fmt)

lint: ## clippy, warnings denied; also of the two programs that are tests of nobody
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --test torture --test conformance -- -D warnings
	$(call done,lint)

doc: ## rustdoc, private items too, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	$(call done,doc)

rust: ## The Rust tests
	$(CARGO) test --locked --lib --bins --tests
	$(call done,rust)

proto: ## Lint, format and breaking changes of the proto; are the committed stubs up to date?
	scripts/proto.sh
	$(call done,proto)

python: ## The Python client, with the oldest and the newest libraries that it supports
go: ## The Go client, with the race detector, against the relay's debug build
typescript: build ## The TypeScript client: types and schema against golden frames, its example against the relay
browser: build ## The built-in page in Chromium: demo, gates, killed relays, hostile engines, axe
e2e: release ## Engines in Python against the program that ships, over TLS and a Unix socket
deploy: release ## The image, the compose file, the manifests and the unit, with that program in them

edge: release ## slowhttptest and sslyze against that program
autobahn: ## Autobahn|Testsuite against the viewers' door; its suite needs Python 2.7

torture: release ## The program that ships, killed all the while; KILLS=200 EVENTS=1000000 DECISIONS=10000: until then
	scripts/torture.sh $(if $(KILLS)$(EVENTS)$(DECISIONS),,--short)
	$(call done,$@)
python go typescript browser e2e deploy edge autobahn:
	scripts/$@.sh
	$(call done,$@)

build:
	$(CARGO) build --locked

release: ## The program as it ships: one static file
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --locked --release --bin footplate --target $(host)

demo: ## The relay, a scripted engine and a page to watch it
	$(CARGO) run -- demo

bless: ## Rewrite transcripts, golden frames, and what is written from the code; then read the diff
	UPDATE=1 $(CARGO) test --locked --test it -- transcripts dialects config_document metrics
	UPDATE=1 $(CARGO) test --locked --test it -- wire
	git diff --stat -- tests docs clients

sim: ## More simulations than the usual: SEEDS=1000
	SIM_SEEDS=$(or $(SEEDS),1000) $(CARGO) test --locked --test it -- sim::whatever_happens

fuzz: ## Bytes that nobody thought of: every target, or TARGET=jwt_verify; RUNS=1000000 of each; KEEP=1: what was found stays
	RUNS=$(or $(RUNS),1000000) scripts/fuzz.sh $(if $(KEEP),--keep) $(TARGET)
	$(call done,$@)

mutants: ## Is each known bug noticed? One build with all of them asleep, then each is woken: some minutes
	scripts/mutants.py

bench: ## Instructions against benches/baseline.txt, then processor time against bare servers
	$(CARGO) bench --locked

clean: ## Forget what was built and installed here
	rm -rf target fuzz/target .cache tests/browser/node_modules
