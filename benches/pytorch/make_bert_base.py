#!/usr/bin/env python3
"""Write a checkpoint of BERT-base's shape with random weights. It trains as slowly as the real one.

Vocabulary and tokenizer are copied from another checkpoint directory. Options set other sizes.

    python benches/pytorch/make_bert_base.py --tokenizer .checkpoints/all-MiniLM-L6-v2 --out .bench/bert-base
"""
import argparse
import json
import os
import shutil

import numpy as np
from safetensors.numpy import save_file

POSITIONS, TYPES = 512, 2


def weights(vocabulary, a):
    draw = np.random.default_rng(a.seed)
    h, inner = a.hidden, a.inner
    out = {}

    def matrix(name, *shape):
        out[name] = draw.normal(0.0, 0.02, shape).astype(np.float32)

    def linear(name, rows, columns):
        matrix(name + ".weight", rows, columns)
        out[name + ".bias"] = np.zeros(rows, np.float32)

    def norm(name):
        out[name + ".weight"] = np.ones(h, np.float32)
        out[name + ".bias"] = np.zeros(h, np.float32)

    matrix("embeddings.word_embeddings.weight", vocabulary, h)
    matrix("embeddings.position_embeddings.weight", POSITIONS, h)
    matrix("embeddings.token_type_embeddings.weight", TYPES, h)
    norm("embeddings.LayerNorm")
    for i in range(a.layers):
        p = "encoder.layer.%d." % i
        for name in ("query", "key", "value"):
            linear(p + "attention.self." + name, h, h)
        linear(p + "attention.output.dense", h, h)
        norm(p + "attention.output.LayerNorm")
        linear(p + "intermediate.dense", inner, h)
        linear(p + "output.dense", h, inner)
        norm(p + "output.LayerNorm")
    linear("pooler.dense", h, h)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tokenizer", required=True, help="folder with vocab.txt, and tokenizer files if any")
    p.add_argument("--out", required=True)
    p.add_argument("--layers", type=int, default=12)
    p.add_argument("--hidden", type=int, default=768)
    p.add_argument("--heads", type=int, default=12)
    p.add_argument("--inner", type=int, default=3072)
    p.add_argument("--seed", type=int, default=42)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        source = os.path.join(a.tokenizer, name)
        if os.path.exists(source):
            shutil.copyfile(source, os.path.join(a.out, name))
    with open(os.path.join(a.out, "vocab.txt"), encoding="utf-8") as f:
        vocabulary = sum(1 for _ in f)
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu",
        "hidden_size": a.hidden, "num_hidden_layers": a.layers, "num_attention_heads": a.heads,
        "intermediate_size": a.inner, "max_position_embeddings": POSITIONS, "type_vocab_size": TYPES,
        "vocab_size": vocabulary, "layer_norm_eps": 1e-12, "initializer_range": 0.02, "pad_token_id": 0,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    }
    with open(os.path.join(a.out, "config.json"), "w", encoding="utf-8") as f:
        f.write(json.dumps(config, indent=2) + "\n")
    tensors = weights(vocabulary, a)
    save_file(tensors, os.path.join(a.out, "model.safetensors"), metadata={"format": "pt"})
    print("%s: %d parameters, vocabulary of %d" % (a.out, sum(t.size for t in tensors.values()), vocabulary))


if __name__ == "__main__":
    main()
