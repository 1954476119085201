#!/usr/bin/env python3
"""Independent float64 reference for a BERT encoder, in NumPy only.

Reads a checkpoint folder (config.json, vocab.txt, tokenizer_config.json,
model.safetensors), tokenises with the `tokenizers` package, runs the encoder
in float64 and gives two pooled, *unnormalised* vectors per text:

  cls   last_hidden_state[0]
  mean  attention-masked mean of last_hidden_state over all tokens,
        [CLS] and [SEP] included

No truncation unless --max-tokens is given.

  golden_bert.py --model DIR --texts texts.json --out golden.json
"""
import argparse
import base64
import hashlib
import json
import math
import os
import struct
import sys
import unicodedata

import numpy as np

WEIGHTS = "model.safetensors"


# ---------------------------------------------------------------- safetensors

def read_safetensors(path):
    """All tensors of a safetensors file, floats widened to float64."""
    with open(path, "rb") as f:
        blob = f.read()
    (hlen,) = struct.unpack_from("<Q", blob, 0)
    header = json.loads(blob[8:8 + hlen])
    base = 8 + hlen
    out = {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        lo, hi = info["data_offsets"]
        raw = blob[base + lo:base + hi]
        kind = info["dtype"]
        if kind == "BF16":
            bits = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
            a = bits.view(np.float32).astype(np.float64)
        elif kind in ("F16", "F32", "F64"):
            a = np.frombuffer(raw, "<f" + str(int(kind[1:]) // 8)).astype(np.float64)
        elif kind in ("I64", "I32"):
            a = np.frombuffer(raw, "<i" + str(int(kind[1:]) // 8)).astype(np.int64)
        else:
            raise ValueError("%s: dtype %s not handled" % (name, kind))
        out[name] = a.reshape(info["shape"])
    return out


def file_sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for part in iter(lambda: f.read(1 << 20), b""):
            h.update(part)
    return h.hexdigest()


# ------------------------------------------------------------------ tokeniser

def load_tokenizer(folder, max_tokens=None):
    from tokenizers import BertWordPieceTokenizer

    cfg = {}
    p = os.path.join(folder, "tokenizer_config.json")
    if os.path.exists(p):
        with open(p, encoding="utf-8") as f:
            cfg = json.load(f)
    tok = BertWordPieceTokenizer(
        os.path.join(folder, "vocab.txt"),
        clean_text=True,
        handle_chinese_chars=cfg.get("tokenize_chinese_chars", True),
        strip_accents=cfg.get("strip_accents"),      # None: follow lowercase
        lowercase=cfg.get("do_lower_case", True),
    )
    tok.no_padding()
    tok.no_truncation()
    if max_tokens is not None:
        tok.enable_truncation(max_tokens)
    return tok


# ---------------------------------------------------------------------- model

_erf = np.frompyfunc(math.erf, 1, 1)


def gelu(x):
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)).astype(np.float64))


class Bert:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            c = json.load(f)
        if c.get("hidden_act", "gelu") != "gelu":
            raise ValueError("only the exact erf GELU is written here")
        if c.get("position_embedding_type", "absolute") != "absolute":
            raise ValueError("only absolute positions are written here")
        self.heads = c["num_attention_heads"]
        self.layers = c["num_hidden_layers"]
        self.eps = c.get("layer_norm_eps", 1e-12)
        self.max_positions = c["max_position_embeddings"]
        self.w = read_safetensors(os.path.join(folder, WEIGHTS))

    def _linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def _norm(self, x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        var = (centred * centred).mean(axis=-1, keepdims=True)   # biased
        return (centred / np.sqrt(var + self.eps) * self.w[name + ".weight"]
                + self.w[name + ".bias"])

    def forward(self, ids, mask):
        """ids, mask: int arrays [batch, length]; gives [batch, length, hidden]."""
        b, n = ids.shape
        if n > self.max_positions:
            raise ValueError("%d tokens, but only %d positions" % (n, self.max_positions))
        w = self.w
        x = (w["embeddings.word_embeddings.weight"][ids]
             + w["embeddings.position_embeddings.weight"][None, :n]
             + w["embeddings.token_type_embeddings.weight"][0])
        x = self._norm(x, "embeddings.LayerNorm")
        h = x.shape[-1]
        d = h // self.heads
        hide = np.where(mask[:, None, None, :] == 0, -np.inf, 0.0)

        def split(t):
            return t.reshape(b, n, self.heads, d).transpose(0, 2, 1, 3)

        for i in range(self.layers):
            p = "encoder.layer.%d." % i
            q = split(self._linear(x, p + "attention.self.query"))
            k = split(self._linear(x, p + "attention.self.key"))
            v = split(self._linear(x, p + "attention.self.value"))
            s = q @ k.transpose(0, 1, 3, 2) / math.sqrt(d) + hide
            s = np.exp(s - s.max(axis=-1, keepdims=True))
            s /= s.sum(axis=-1, keepdims=True)
            ctx = (s @ v).transpose(0, 2, 1, 3).reshape(b, n, h)
            x = self._norm(x + self._linear(ctx, p + "attention.output.dense"),
                           p + "attention.output.LayerNorm")
            y = gelu(self._linear(x, p + "intermediate.dense"))
            x = self._norm(x + self._linear(y, p + "output.dense"),
                           p + "output.LayerNorm")
        return x


def pool(hidden, mask):
    m = mask[:, :, None].astype(np.float64)
    return hidden[:, 0], (hidden * m).sum(axis=1) / m.sum(axis=1)


def embed_one(model, ids):
    ids = np.asarray([ids], dtype=np.int64)
    mask = np.ones_like(ids)
    cls, mean = pool(model.forward(ids, mask), mask)
    return cls[0], mean[0]


def embed_padded(model, rows, pad_id=0):
    """One padded batch; must agree with embed_one."""
    n = max(len(r) for r in rows)
    ids = np.full((len(rows), n), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), n), dtype=np.int64)
    for i, r in enumerate(rows):
        ids[i, :len(r)] = r
        mask[i, :len(r)] = 1
    return pool(model.forward(ids, mask), mask)


# --------------------------------------------------------------------- output

def b64(v):
    return base64.b64encode(np.asarray(v).astype("<f4").tobytes()).decode("ascii")


def readable_json(obj):
    """UTF-8 JSON text, with invisible and combining characters escaped."""
    text = json.dumps(obj, ensure_ascii=False)
    safe = []
    for ch in text:
        if ch != " " and unicodedata.category(ch) in ("Cf", "Cc", "Zs", "Zl", "Zp", "Mn", "Me"):
            units = ch.encode("utf-16-be")
            safe += ["\\u%04x" % u for u in struct.unpack(">%dH" % (len(units) // 2), units)]
        else:
            safe.append(ch)
    return "".join(safe)


def golden(folder, label, texts, max_tokens=None):
    tok = load_tokenizer(folder, max_tokens)
    model = Bert(folder)
    rows = []
    for t in texts:
        ids = tok.encode(t).ids
        cls, mean = embed_one(model, ids)
        rows.append({"text": t, "ids": ids, "cls": b64(cls), "mean": b64(mean)})
    head = {
        "model": label,
        "model_file": WEIGHTS,
        "model_sha256": file_sha256(os.path.join(folder, WEIGHTS)),
        "vocab_sha256": file_sha256(os.path.join(folder, "vocab.txt")),
        "hidden_size": int(cls.shape[0]),
        "format": "cls and mean: standard base64 (with = padding) of hidden_size "
                  "little-endian float32, each the float64 result rounded to the nearest float32",
        "pooling": {
            "cls": "last_hidden_state[0], the vector of [CLS]; the pooler layer is not applied",
            "mean": "attention-masked mean of last_hidden_state over all tokens, [CLS] and [SEP] included",
            "normalised": False,
        },
        "tokenisation": "BERT WordPiece, lower case with accents stripped, [CLS] first and [SEP] last, "
                        + ("no truncation" if max_tokens is None else "at most %d tokens" % max_tokens)
                        + ", no padding; token type 0",
        "computed": "float64, NumPy, exact erf GELU",
    }
    return head, rows


def write_golden(path, head, rows):
    lines = ["{"]
    for k, v in head.items():
        lines.append(" %s: %s," % (json.dumps(k), readable_json(v)))
    lines.append(' "items": [')
    lines.append(",\n".join("  " + readable_json(r) for r in rows))
    lines.append(" ]\n}\n")
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write("\n".join(lines))


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--model", required=True, help="checkpoint folder")
    ap.add_argument("--label", help="name written in the file (default: the folder's last part)")
    ap.add_argument("--texts", required=True, help="JSON list of strings")
    ap.add_argument("--out", required=True)
    ap.add_argument("--max-tokens", type=int, default=None, help="truncate to this many tokens, specials counted")
    a = ap.parse_args()
    with open(a.texts, encoding="utf-8") as f:
        texts = json.load(f)
    head, rows = golden(a.model, a.label or os.path.basename(os.path.normpath(a.model)), texts, a.max_tokens)
    write_golden(a.out, head, rows)
    counts = sorted(len(r["ids"]) for r in rows)
    print("%s: %d texts, tokens %d to %d" % (a.out, len(rows), counts[0], counts[-1]), file=sys.stderr)


if __name__ == "__main__":
    main()
