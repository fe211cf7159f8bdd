# Everything is a target here; `make help` lists them. CI calls `make test` and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO := cargo
part = @printf '\n== %s\n' "$(1)"
done = @printf -- '-- %s: ok\n' "$(1)"

.PHONY: help test tools fmt lint rust doc proto python go typescript e2e browser deploy release demo bless bench clean

help: ## List the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

test: tools fmt lint doc rust proto python go typescript e2e browser ## Everything that CI asks, cheapest to fail first
	@printf '\nAll parts are ok.\n'

tools: ## Are the toolchains here? Says what to install where one is missing
	@scripts/tools.sh
	$(call done,tools)

fmt: ## Is the Rust formatted?
	$(CARGO) fmt --all --check
	$(call done,fmt)

lint: ## clippy, warnings denied
	$(CARGO) clippy --locked --all-targets -- -D warnings
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
	scripts/python.sh
	$(call done,python)

go: ## The Go client, with the race detector, against the relay's debug build
	scripts/go.sh
	$(call done,go)

typescript: ## The TypeScript client: types and schema against golden frames, its example against the relay
	$(CARGO) build --locked
	scripts/typescript.sh
	$(call done,typescript)

e2e: ## Engines in Python against the release binary, over TLS and a Unix socket
	$(CARGO) build --locked --release
	scripts/e2e.sh
	$(call done,e2e)

browser: ## The built-in page in Chromium: demo, gates, killed relays, hostile engines, axe
	$(CARGO) build --locked
	scripts/browser.sh
	$(call done,browser)

demo: ## The relay, a scripted engine and a page to watch it
	$(CARGO) run -- demo

bless: ## Rewrite transcripts, golden frames, and what is written from the code; then read the diff
	UPDATE=1 $(CARGO) test --locked --test it -- transcripts dialects config_document metrics
	UPDATE=1 $(CARGO) test --locked --test it -- wire
	git diff --stat -- tests docs clients

bench: ## Instructions against benches/baseline.txt, then processor time against bare servers
	$(CARGO) bench --locked

clean: ## Forget what was built and installed here
	rm -rf target .cache tests/browser/node_modules
