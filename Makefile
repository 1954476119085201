# `make` prints the targets. CONTRIBUTING.md explains how a change is tested,
# docs/figures/README.md how the figures are measured.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

SAPLINK := cargo run --release --locked --quiet --
STARTER := index/starter/index.json
LISTS := index/trust/second

# `help` prints the headings (`## Run`) and the targets with an explanation (`run: prerequisites ## text`).
.PHONY: help
help:
	@echo "usage: make TARGET"
	@awk -F ':.*## ' '/^## / { print "\n" substr($$0, 4) } /^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile

## Run
.PHONY: run build
run: onnxruntime build $(STARTER) ## serve the starter index on 127.0.0.1:8080 (ARGS="--listen 127.0.0.1:9000 ..": options of `saplink serve`)
	@$(SAPLINK) serve $(ARGS)

build: ## build the release binary
	@echo "building saplink (the first time takes some minutes) .."
	@cargo build --release --locked

# The sources in this list decide how an index lies on disk: a change of one builds the index again.
$(STARTER): index/starter.tsv index/starter.mentions.tsv index/starter.calibration.tsv models/saplink-mini/model.json \
    $(wildcard src/index/manifest.rs src/index/layout.rs src/ann/layout.rs src/concepts/schema.rs src/text/*.rs) | onnxruntime build
	@echo "building the starter index .."
	@$(SAPLINK) index build --tsv index/starter.tsv --ef-search 256 --out index/starter --force
	@$(SAPLINK) eval --calibrate --index index/starter --mentions index/starter.mentions.tsv index/starter.calibration.tsv --nil-share 0.5

.PHONY: onnxruntime checkpoint
onnxruntime: ## fetch the ONNX Runtime library into .onnxruntime/ (pinned, hash-checked)
	@python3 scripts/fetch.py onnxruntime

checkpoint: ## fetch the checkpoint that tests and training start from into .checkpoints/ (pinned, hash-checked)
	@python3 scripts/fetch.py checkpoint

## Check
.PHONY: test lint fmt audit test-docker test-contract soak
test: onnxruntime checkpoint lint ## lint, then all tests; run it before you send a change
	cargo test --locked --doc
	cargo test --locked --lib --test it --examples
	cargo test --locked --features otlp --test it otlp

lint: ## check format, comment width, clippy without and with the feature otlp, and links of doc comments
	cargo fmt --check
	python3 scripts/comment_width.py
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features otlp -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

fmt: ## format the code
	cargo fmt

audit: ## licenses, advisories, sources and duplicates of dependencies (needs `cargo install cargo-deny --locked`)
	cargo deny check

test-docker: onnxruntime ## build the image, run it, link a mention, stop it (needs a Docker engine and debootstrap)
	tests/docker/run.sh

test-contract: onnxruntime build $(STARTER) ## send requests that openapi.json allows and does not allow, and check the answers
	tests/contract/run.sh

MINUTES ?= 10
soak: onnxruntime build $(STARTER) ## ten minutes of mixed load, reloads and lost clients (MINUTES=..)
	cargo bench --locked --bench soak -- $(MINUTES)

## Generate
.PHONY: docs openapi calibration model
# The pages appear only if the command succeeds.
docs: openapi ## write docs/configuration.md, openapi/openapi.json and the documentation of the crate
	$(SAPLINK) cli-reference > docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
	cargo doc --locked --no-deps

calibration: onnxruntime build $(STARTER) ## fit the general calibration of saplink-mini with the starter index
	$(SAPLINK) eval --calibrate --index index/starter --mentions index/starter.mentions.tsv index/starter.calibration.tsv \
	  --nil-share 0.5 --out models/saplink-mini/calibration.json --force

openapi: ## write openapi/openapi.json
	$(SAPLINK) openapi > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

model: onnxruntime checkpoint build ## train the included model again (NAMES="--tsv FILE .." AGAIN="--tsv FILE ..", see models/README.md)
	NAMES="$(NAMES)" AGAIN="$(AGAIN)" models/train.sh

## Measure
.PHONY: figures figures-trust bench bench-base bench-import bench-search bench-growth bench-training
figures: onnxruntime build $(STARTER) ## start time, memory, latency and throughput of the service
	cargo bench --locked --bench figures

figures-trust: onnxruntime build $(STARTER) ## how far answers of the starter index can be trusted, on lists it was not calibrated with (LISTS=index/trust/first, ARGS="--html t.html ..")
	$(SAPLINK) eval trust --index index/starter --words $(LISTS)/words.tsv --terms $(LISTS)/terms.tsv \
	  --known $(LISTS)/known.tsv --opposites $(LISTS)/opposites.tsv $(ARGS)

bench: onnxruntime checkpoint build $(STARTER) .bench/python/service ## the service under load, beside a bare session and a Python service
	test -d .bench/all-MiniLM-L6-v2-fp32 || \
	  $(SAPLINK) model import .checkpoints/all-MiniLM-L6-v2 --out .bench/all-MiniLM-L6-v2-fp32 --pooling mean --precision fp32
	cargo bench --locked --bench service

bench-base: onnxruntime checkpoint build .bench/python/service ## the service with a model of SapBERT's size and random weights, beside a bare session
	.bench/python/bin/python benches/random_bert.py .checkpoints/all-MiniLM-L6-v2 .bench/random-bert
	$(SAPLINK) model import .bench/random-bert --out .bench/random-bert-int8 --pooling cls --precision int8 --force
	$(SAPLINK) index build --tsv index/starter.tsv --model .bench/random-bert-int8 --ef-search 256 --out .bench/random-bert-index --force
	cargo bench --locked --bench service -- .bench/random-bert-int8 .bench/random-bert-index

bench-import: ## import of a synthetic UMLS release of 10 million rows (ROWS=..); takes minutes and 6 GB of disk
	cargo bench --locked --bench import -- $(ROWS)

# Vectors are generated from those of an index. VECTORS="--vectors names.npy" takes those of a file.
VECTORS ?= --index index/starter
bench-search: onnxruntime build $(STARTER) .bench/python/compare ## search beside hnsw_rs, faiss, usearch and hnswlib on 200,000 vectors; takes some 20 minutes
	$(SAPLINK) index bench $(VECTORS) --rows 200000 --baseline --out .bench/vectors
	.bench/python/bin/python benches/compare_search.py .bench/vectors

SIZES ?= 200000 1000000 2000000 4000000
bench-growth: onnxruntime build $(STARTER) ## graphs of 200,000 to 4,000,000 vectors (SIZES=..); takes an hour or two
	for rows in $(SIZES); do \
	  $(SAPLINK) index bench $(VECTORS) --rows $$rows --dimensions 768 --queries 500 || exit 1; \
	done

bench-training: onnxruntime checkpoint ## a step of training beside a forward pass (BASE=DIR: another checkpoint); takes some minutes
	cargo bench --locked --bench training -- $(BASE)

# A virtual environment with the packages of benches/requirements-*.txt; the file is a time stamp.
.bench/python/%: benches/requirements-%.txt
	test -d .bench/python/bin || python3 -m venv .bench/python
	.bench/python/bin/pip install --quiet -r $<
	touch $@
