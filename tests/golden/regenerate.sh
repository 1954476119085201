#!/bin/sh
# Generates the fixtures (../fixtures) and the golden files (here). Needs Python 3.11 and a package
# registry. Libraries are installed in work/, which git ignores.
#   sh regenerate.sh                everything
#   SKIP_TINY=1 sh regenerate.sh    leave ../fixtures as they are
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
mkdir -p work
[ -d work/venv ] || python3 -m venv work/venv
work/venv/bin/pip install -q -r requirements.txt
python3 ../../scripts/fetch.py checkpoint
minilm=../../.checkpoints/all-MiniLM-L6-v2
[ -n "$SKIP_TINY" ] || work/venv/bin/python make_tiny.py ../fixtures
[ -n "$SKIP_TINY" ] || work/venv/bin/python export_onnx.py ../fixtures/tiny ../fixtures/tiny-onnx
work/venv/bin/python golden_bert.py --model ../fixtures/tiny --texts texts/tiny.json --out tiny.json
work/venv/bin/python golden_bert.py --model ../fixtures/tiny-f16 --texts texts/tiny.json --out tiny-f16.json
work/venv/bin/python golden_bert.py --model $minilm --label all-MiniLM-L6-v2 --texts texts/minilm.json --out minilm.json
work/venv/bin/python golden_gradients.py --model ../fixtures/tiny --out gradients.json
work/venv/bin/python crosscheck.py $minilm
