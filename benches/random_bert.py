"""Writes a checkpoint of SapBERT's size (12 layers of 768) with random weights, to measure time.

    python benches/random_bert.py TOKENIZER_DIR OUT_DIR

TOKENIZER_DIR has the vocab.txt of BERT, uncased. The time of a run does not depend on the weights.
"""

import json
import pathlib
import shutil
import struct
import sys

import numpy as np

HIDDEN, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS = 768, 12, 12, 3072, 30522, 512


def tensors():
    """Hugging Face's names and shapes of the tensors."""
    yield "embeddings.word_embeddings.weight", (VOCABULARY, HIDDEN)
    yield "embeddings.position_embeddings.weight", (POSITIONS, HIDDEN)
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN)
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        for part, (outputs, inputs) in {
            "attention.self.query": (HIDDEN, HIDDEN),
            "attention.self.key": (HIDDEN, HIDDEN),
            "attention.self.value": (HIDDEN, HIDDEN),
            "attention.output.dense": (HIDDEN, HIDDEN),
            "intermediate.dense": (INNER, HIDDEN),
            "output.dense": (HIDDEN, INNER),
        }.items():
            yield f"{name}{part}.weight", (outputs, inputs)
            yield f"{name}{part}.bias", (outputs,)
        norms += [f"{name}attention.output.LayerNorm", f"{name}output.LayerNorm"]
    for norm in norms:
        yield f"{norm}.weight", (HIDDEN,)
        yield f"{norm}.bias", (HIDDEN,)


def main():
    tokenizer, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(tokenizer / "vocab.txt", out)
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True}))
    config = {
        "model_type": "bert", "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "intermediate_size": INNER, "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    }  # fmt: skip
    (out / "config.json").write_text(json.dumps(config))
    random, header, parts, end = np.random.default_rng(42), {}, [], 0
    for name, shape in tensors():
        if "LayerNorm" in name:
            values = np.full(shape, 1.0 if name.endswith("weight") else 0.0, np.float32)
        else:
            values = random.standard_normal(shape, np.float32) * np.float32(0.02)
        parts.append(values.tobytes())
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    text = json.dumps(header).encode()
    with open(out / "model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.writelines(parts)


if __name__ == "__main__":
    main()
