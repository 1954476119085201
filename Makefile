# make run     serve the starter index on 127.0.0.1:8080 (ARGS="--listen 127.0.0.1:9000 .." to change that)
# make test    everything the project checks about itself
# make figures measure what the README states
# make test-docker   build the image, run it, link a mention and stop it; takes some minutes, Docker's engine and debootstrap
# make test-contract   send the service what its description allows and what it does not (schemathesis), and check its answers
# make audit   licences, advisories, sources and duplicates of dependencies (cargo-deny, which `cargo install cargo-deny --locked` gives)
# make soak    ten minutes of mixed load, an index that is replaced and clients that leave (MINUTES=..)
# make bench   the service under load, beside the bare session and a Python service, in one run
# make bench-base   the service beside the bare session with a model of SapBERT's size, whose weights are random
# make figures-import   the same for a vocabulary of 10 million rows (ROWS=..); takes minutes and 6 GB of disk
# make figures-search   search beside hnsw_rs, faiss, usearch and hnswlib on the same 200,000 vectors; takes some 20 minutes
# make figures-growth   graphs of 200,000 to 4,000,000 vectors (SIZES=..); takes an hour or two
# make figures-training   a step of training beside a forward pass (BASE=DIR: another checkpoint); takes some minutes
# make openapi write openapi/openapi.json again after a change of the service
# make model NAMES="--tsv FILE .." AGAIN="--tsv FILE .."   train the embedded model again from all-MiniLM-L6-v2, names of open terminologies and wordings

FIGURES := figures figures-import figures-search figures-growth figures-training
.PHONY: run test audit test-docker test-contract bench bench-base soak $(FIGURES) onnxruntime checkpoint build openapi model
.DELETE_ON_ERROR:

SAPLINK = cargo run --release --locked --quiet --

run: onnxruntime build index/starter/index.json
	@$(SAPLINK) serve $(ARGS)

build:
	@echo "building saplink (the first time takes some minutes) .."
	@cargo build --release --locked

# The sources are those that decide how an index lies on disk.
index/starter/index.json: index/starter.tsv index/starter.mentions.tsv models/saplink-mini/model.json src/index/manifest.rs src/text/normalize.rs | onnxruntime build
	@echo "building the starter index .."
	@$(SAPLINK) index build --tsv index/starter.tsv --ef-search 256 --out index/starter --force
	@$(SAPLINK) eval --calibrate --index index/starter --mentions index/starter.mentions.tsv

onnxruntime:
	@python3 scripts/fetch.py onnxruntime

checkpoint:
	@python3 scripts/fetch.py checkpoint

test: onnxruntime checkpoint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --features otlp -- -D warnings
	cargo test --locked --doc
	cargo test --locked --lib --test it
	cargo test --locked --features otlp --test it otlp

figures: onnxruntime build index/starter/index.json
	cargo bench --locked --bench figures

audit:
	cargo deny check

test-docker: onnxruntime
	tests/docker/run.sh

test-contract: onnxruntime build index/starter/index.json
	tests/contract/run.sh

MINUTES ?= 10
soak: onnxruntime build index/starter/index.json
	cargo bench --locked --bench soak -- $(MINUTES)

bench: onnxruntime checkpoint build index/starter/index.json
	test -d .bench/python || python3 -m venv .bench/python
	.bench/python/bin/pip install --quiet -r benches/requirements-service.txt
	test -d .bench/all-MiniLM-L6-v2-fp32 || $(SAPLINK) model import .checkpoints/all-MiniLM-L6-v2 --out .bench/all-MiniLM-L6-v2-fp32 --pooling mean --precision fp32
	cargo bench --locked --bench service

bench-base: onnxruntime checkpoint build
	test -d .bench/python || python3 -m venv .bench/python
	.bench/python/bin/pip install --quiet -r benches/requirements-service.txt
	.bench/python/bin/python benches/random_bert.py .checkpoints/all-MiniLM-L6-v2 .bench/random-bert
	$(SAPLINK) model import .bench/random-bert --out .bench/random-bert-int8 --pooling cls --precision int8 --force
	$(SAPLINK) index build --tsv index/starter.tsv --model .bench/random-bert-int8 --ef-search 256 --out .bench/random-bert-index --force
	cargo bench --locked --bench service -- .bench/random-bert-int8 .bench/random-bert-index

figures-import:
	cargo bench --locked --bench import -- $(ROWS)

# Where vectors come from: others are made from those of an index, or those of a file are taken, as in VECTORS="--vectors names.npy".
VECTORS ?= --index index/starter
SIZES ?= 200000 1000000 2000000 4000000

figures-search: onnxruntime build index/starter/index.json
	test -d .bench/python || python3 -m venv .bench/python
	.bench/python/bin/pip install --quiet -r benches/requirements-compare.txt
	$(SAPLINK) index bench $(VECTORS) --rows 200000 --baseline --out .bench/vectors
	.bench/python/bin/python benches/compare_search.py .bench/vectors

figures-growth: onnxruntime build index/starter/index.json
	for rows in $(SIZES); do \
	  $(SAPLINK) index bench $(VECTORS) --rows $$rows --dimensions 768 --queries 500 || exit 1; \
	done

figures-training: onnxruntime checkpoint
	cargo bench --locked --bench training -- $(BASE)

openapi:
	$(SAPLINK) openapi > openapi/openapi.json

# The recipe of the embedded model: two runs, the second from what the first made. On two cores without other work it takes an hour.
LEARN := $(SAPLINK) train run --pooling mean --loss info-nce --no-mining --group 4 --augment 0.05 --batch 128 --decay linear
WORDINGS := $(SAPLINK) train pairs --tsv index/starter.tsv --tsv models/wording.tsv --neighbors 4
model: onnxruntime checkpoint build
	@test -n "$(NAMES)" -a -n "$(AGAIN)" || { echo 'say what is learnt from: make model NAMES="--tsv open_concepts.tsv.gz --tsv synonyms_without_cui.tsv.gz" AGAIN="--tsv open_concepts.tsv.gz"'; exit 1; }
	mkdir -p .training
	$(SAPLINK) train pairs $(NAMES) --neighbors 4 --pairs-per-concept 4 --dev-concepts 500 --dev .training/dev.tsv --out .training/names.tsv
	$(WORDINGS) --pairs-per-concept 16 --out .training/wordings.tsv
	cat .training/names.tsv .training/wordings.tsv > .training/pairs.tsv
	$(LEARN) --base .checkpoints/all-MiniLM-L6-v2 --pairs .training/pairs.tsv --dev .training/dev.tsv --epochs 1 --warm-up 100 --learning-rate 1e-4 \
	  --save-every 200 --dev-every 400 --mix-base 0.2 --out .training/first --export-hf .training/first-hf
	$(SAPLINK) train pairs $(AGAIN) --neighbors 4 --pairs-per-concept 2 --seed 43 --out .training/names.tsv
	$(WORDINGS) --pairs-per-concept 12 --seed 43 --out .training/wordings.tsv
	cat .training/names.tsv .training/wordings.tsv > .training/pairs.tsv
	$(LEARN) --base .training/first-hf --pairs .training/pairs.tsv --steps 700 --warm-up 30 --learning-rate 6e-5 \
	  --save-every 100 --mix-base 0.5 --out .training/saplink-mini --export-hf .training/saplink-mini-hf
	$(SAPLINK) model import .training/saplink-mini-hf --out models/saplink-mini --pooling mean --precision int8 --force
