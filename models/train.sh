#!/usr/bin/env bash
# Trains the embedded model again: `make model` calls this. models/README.md explains the recipe and
# its results. On two cores without other work it takes about 70 minutes.
#
#   NAMES="--tsv open_concepts.tsv.gz --tsv synonyms_without_cui.tsv.gz" \
#   AGAIN="--tsv open_concepts.tsv.gz" models/train.sh
#
# NAMES and AGAIN are the inputs of `saplink train pairs` for the first and the second run: open
# terminologies. The starter vocabulary and models/wording.tsv are added to both.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ -z "${NAMES:-}" || -z "${AGAIN:-}" ]]; then
  echo 'name the terminologies to train on: make model NAMES="--tsv open_concepts.tsv.gz --tsv synonyms_without_cui.tsv.gz" AGAIN="--tsv open_concepts.tsv.gz"' >&2
  exit 1
fi
# NAMES and AGAIN hold several words.
read -ra first_names <<< "$NAMES"
read -ra second_names <<< "$AGAIN"

saplink=${SAPLINK:-target/release/saplink}
work=.training
mkdir -p "$work"

# Writes $work/pairs.tsv: pairs of the terminologies, then pairs of the wordings, about as many of each.
# INPUT.. are options of `train pairs` for the terminologies.
#   pairs SEED PAIRS_OF_NAMES PAIRS_OF_WORDINGS INPUT..
pairs() {
  local seed=$1 of_names=$2 of_wordings=$3
  shift 3
  # Groups of 4 neighbors by id: concepts that a model confuses stand in the same batch.
  "$saplink" train pairs "$@" --neighbors 4 --pairs-per-concept "$of_names" --seed "$seed" --out "$work/names.tsv"
  "$saplink" train pairs --tsv index/starter.tsv --tsv models/wording.tsv --neighbors 4 \
    --pairs-per-concept "$of_wordings" --seed "$seed" --out "$work/wordings.tsv"
  cat "$work/names.tsv" "$work/wordings.tsv" > "$work/pairs.tsv"
}

# Trains with the settings that both runs share.
train() {
  "$saplink" train run --pooling mean --loss info-nce --no-mining --group 4 --augment 0.05 --batch 128 \
    --decay linear --pairs "$work/pairs.tsv" "$@"
}

# First run: one epoch from all-MiniLM-L6-v2; 0.2 of its weights are mixed into the result.
pairs 42 4 16 "${first_names[@]}" --dev-concepts 500 --dev "$work/dev.tsv"
train --base .checkpoints/all-MiniLM-L6-v2 --dev "$work/dev.tsv" --epochs 1 --warm-up 100 \
  --learning-rate 1e-4 --save-every 200 --dev-every 400 --mix-base 0.2 \
  --out "$work/first" --export-hf "$work/first-hf"

# Second run: 700 steps from the first result, with other pairs; half of the first weights are mixed in.
pairs 43 2 12 "${second_names[@]}"
train --base "$work/first-hf" --steps 700 --warm-up 30 --learning-rate 6e-5 --save-every 100 \
  --mix-base 0.5 --out "$work/saplink-mini" --export-hf "$work/saplink-mini-hf"

"$saplink" model import "$work/saplink-mini-hf" --out models/saplink-mini --pooling mean --precision int8 --force
