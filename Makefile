# Copyright The events-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Thin recipes; the work is in hack/ and test/. `make help` lists the targets.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BINARY := bin/events-apiserver
# The race detector links with the C library; without a C compiler tests run
# without it.
RACE := $(if $(shell command -v gcc),-race)
# With the race detector a process needs more memory than the server does, and
# these take a minute instead of seconds.
MEMORY_TESTS := ^TestIngest_MemoryOfLargeEvents$$

.PHONY: help
help: ## List the targets
	@awk -F ':.* ## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.* ## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Use

.PHONY: up
up: build ## Start a real control plane on loopback with events-apiserver registered in it
	@hack/cluster/start.sh

.PHONY: down
down: ## Stop what `make up` started and remove its data
	@hack/cluster/stop.sh

.PHONY: run
run: build ## Serve without a cluster (kubeconfig in _output/standalone/); Ctrl-C ends it
	@hack/run-standalone.sh

##@ Build

.PHONY: build
build: ## Build bin/events-apiserver
	@CGO_ENABLED=0 go build -trimpath -ldflags "$$(hack/image/ldflags.sh)" -o $(BINARY) ./cmd/events-apiserver

.PHONY: image
image: ## Build the container image with docker or buildah (IMAGE, VERSION)
	@hack/image/build.sh

.PHONY: cluster-programs
cluster-programs: ## Build etcd, kube-apiserver and the other programs of the local cluster, once per machine
	@hack/cluster/build.sh

.PHONY: update
update: ## Write generated code, pictures, and the golden files of help and metric names
	@hack/update-codegen.sh
	@go run ./hack/diagram
	@go test -count=1 -run '^(TestHelp|TestMetrics_Names)$$' ./test/golden ./test/integration -update

##@ Check

.PHONY: verify
verify: ## Generated code, format, words, vet, lint, import rules, manifests
	@hack/verify.sh

.PHONY: test-unit
test-unit: ## Tests that need no program but Go; what needs one belongs to test/integration
	EVENTS_TOOLS_DIR=/nonexistent go test $(RACE) -timeout 20m -skip '$(MEMORY_TESTS)' $$(go list ./... | grep --invert-match '/test/integration$$')
	go test -timeout 20m -run '$(MEMORY_TESTS)' ./pkg/apiserver

.PHONY: test
test: ## Unit and integration tests, with the race detector where gcc is; needs no cluster
	@hack/cluster/build.sh etcd
	go test $(RACE) -timeout 20m -skip '$(MEMORY_TESTS)' ./...
	go test -timeout 20m -run '$(MEMORY_TESTS)' ./pkg/apiserver

.PHONY: test-e2e
test-e2e: build ## Tests on a real control plane, with real clients and upstream's e2e test
	@hack/cluster/build.sh
	@hack/cluster/build.sh e2e.test
	go test -tags e2e -count=1 -timeout 40m -skip '^TestAdmission$$' ./test/e2e/ ./test/bridge/ ./test/hostevents/ ./test/cluster/

.PHONY: test-parity
test-parity: build ## Every request on ours, with each store, and on the built-in, with equal answers (PARITY_STORE, PARITY_SEED, PARITY_FUZZ)
	@hack/cluster/build.sh
	@for store in $${PARITY_STORE:-embedded etcd}; do \
	  PARITY_STORE=$$store go test -tags e2e -count=1 -timeout 30m -v ./test/parity/; \
	done
	go test -tags e2e -count=1 -timeout 20m -run '^TestAdmission$$' ./test/hostevents/

.PHONY: bench
bench: build ## The embedded store beside etcd3 at ten million events, as a table (BENCH_FLAGS)
	@hack/cluster/build.sh
	@CGO_ENABLED=0 go build -trimpath -o bin/bench ./test/bench
	@bin/bench --etcd "$$(hack/cluster/build.sh --print-dir)/etcd" --server $(BINARY) $(BENCH_FLAGS)

.PHONY: test-crash
test-crash: build ## Kill the server under load, a hundred times, and miss nothing (CRASH_KILLS, CRASH_SEED)
	go test -tags e2e -count=1 -timeout 40m -v ./test/crash/ -crash.kills=$(or $(CRASH_KILLS),100) -crash.seed=$(or $(CRASH_SEED),0)

.PHONY: clean
clean: down ## Remove what was built in this directory
	rm -rf bin _output
