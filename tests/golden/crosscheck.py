#!/usr/bin/env python3
"""Check the golden files and fixtures against transformers, in float64 and float32.

  crosscheck.py MINILM_DIR
"""
import base64
import json
import os
import sys
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizer, BertTokenizerFast

import golden_bert as g

FX, GOLD = "../fixtures", "."


def state(folder):
    p = os.path.join(folder, "model.safetensors")
    if os.path.exists(p):
        return load_file(p)
    return torch.load(os.path.join(folder, "pytorch_model.bin"), weights_only=True)


def plain_names(sd):
    out = OrderedDict()
    for k, v in sd.items():
        if k.startswith("cls."):
            continue
        k = k.removeprefix("bert.")
        k = k.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        out[k] = v
    return out


def reference(folder, dtype, attn):
    cfg = BertConfig(**json.load(open(os.path.join(folder, "config.json"))))
    cfg._attn_implementation = attn
    m = BertModel(cfg)
    sd = plain_names(state(folder))
    sd.pop("embeddings.position_ids")
    missing, extra = m.load_state_dict(sd, strict=False)
    assert not extra and not [k for k in missing if "position_ids" not in k], (missing, extra)
    return m.to(dtype).eval()


def vec(s):
    return np.frombuffer(base64.b64decode(s, validate=True), "<f4").astype(np.float64)


def compare(a, b):
    cos = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return "min cosine 1-%.1e, max abs diff %.2e" % (max(0.0, float(1 - cos.min())), np.abs(a - b).max())


def ref_pool(model, rows, dtype, padded):
    """Pooled forms from transformers, one row at a time or as one padded batch."""
    groups = [rows] if padded else [[r] for r in rows]
    cls, mean = [], []
    with torch.no_grad():
        for grp in groups:
            n = max(map(len, grp))
            ids = torch.tensor([r + [0] * (n - len(r)) for r in grp])
            mask = torch.tensor([[1] * len(r) + [0] * (n - len(r)) for r in grp])
            h = model(input_ids=ids, attention_mask=mask).last_hidden_state
            assert h.dtype == dtype
            w = mask[:, :, None].to(dtype)
            cls.append(h[:, 0])
            mean.append((h * w).sum(1) / w.sum(1))
    return torch.cat(cls).double().numpy(), torch.cat(mean).double().numpy()


def check_model(name, folder, gold, weights_from=None):
    doc = json.load(open(os.path.join(GOLD, gold), encoding="utf-8"))
    items = doc["items"]
    rows = [r["ids"] for r in items]
    print("== %s: %d items, tokens %d..%d, |x| max %.2f" % (
        name, len(items), min(map(len, rows)), max(map(len, rows)),
        max(np.abs(vec(r["cls"])).max() for r in items)))
    # token ids by other routes
    for r in items:
        assert len(vec(r["cls"])) == len(vec(r["mean"])) == doc["hidden_size"]
    if os.path.exists(os.path.join(folder, "tokenizer.json")):
        t = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        t.no_truncation()
        t.no_padding()
        bad = [r["text"] for r in items if t.encode(r["text"]).ids != r["ids"]]
        print("   ids, shipped tokenizer.json (truncation, padding off): %d differ" % len(bad))
    t = BertTokenizer.from_pretrained(folder)
    bad = [r["text"] for r in items if t(r["text"])["input_ids"] != r["ids"]]
    print("   ids, transformers %s: %d differ %s" % (type(t).__name__, len(bad), bad))

    gc = np.array([vec(r["cls"]) for r in items])
    gm = np.array([vec(r["mean"]) for r in items])
    src = weights_from or folder
    if os.path.exists(os.path.join(src, "model.safetensors")):
        mine = g.Bert(src)
        one = [g.embed_one(mine, r) for r in rows]
        nc, nm = np.array([o[0] for o in one]), np.array([o[1] for o in one])
        pc, pm = zip(*[g.embed_padded(mine, rows[i:i + 10]) for i in range(0, len(rows), 10)])
        print("   NumPy padded vs single: cls %s; mean %s" % (
            compare(np.concatenate(pc), nc), compare(np.concatenate(pm), nm)))
    else:
        nc, nm = gc, gm
    for dtype, attn, padded in ((torch.float64, "eager", False), (torch.float64, "sdpa", True),
                                (torch.float32, "sdpa", True)):
        rc, rm = ref_pool(reference(src, dtype, attn), rows, dtype, padded)
        print("   transformers %s %s %s: cls %s; mean %s" % (
            str(dtype)[6:], attn, "padded batch" if padded else "single", compare(rc, nc), compare(rm, nm)))
    print("   file's float32 vs float64 NumPy: cls %s; mean %s" % (compare(gc, nc), compare(gm, nm)))
    return gc, gm


def check_fixtures():
    print("== fixtures")
    base = plain_names(state(FX + "/tiny"))
    for f in ("tiny-bin", "tiny-legacy", "tiny-f16"):
        sd = plain_names(state(os.path.join(FX, f)))
        assert set(sd) == set(base)
        same = all(torch.equal(sd[k].to(base[k].dtype), base[k]) for k in base)
        worst = max((sd[k].double() - base[k].double()).abs().max().item() for k in base)
        print("   %s: same as tiny: %s, max abs diff %.1e" % (f, same, worst))
    odd = {k: (tuple(v.stride()), v.storage_offset()) for k, v in state(FX + "/tiny-bin").items()
           if not v.is_contiguous() or v.storage_offset()}
    for k, v in odd.items():
        print("   tiny-bin view", k, "stride", v[0], "offset", v[1])
    for k, v in state(FX + "/tiny-legacy").items():
        if not v.is_contiguous() or v.storage_offset():
            print("   tiny-legacy view", k, "stride", tuple(v.stride()), "offset", v.storage_offset())
    mine = g.read_safetensors(FX + "/tiny/model.safetensors")
    assert all(np.array_equal(mine[k], base[k].numpy()) for k in base)
    x = {}
    for f in ("tiny", "tiny-bin", "tiny-legacy", "tiny-f16"):
        try:
            m = BertModel.from_pretrained(os.path.join(FX, f), dtype=torch.float32).eval()
            with torch.no_grad():
                x[f] = m(input_ids=torch.tensor([[2, 70, 200, 3]])).last_hidden_state
            print("   BertModel.from_pretrained(%s): loads; vs tiny max abs diff %.1e" % (
                f, (x[f] - x["tiny"]).abs().max()))
        except Exception as e:
            print("   BertModel.from_pretrained(%s): %s: %s" % (f, type(e).__name__, str(e)[:200]))


def main():
    torch.set_num_threads(1)
    check_fixtures()
    tc, tm = check_model("tiny", FX + "/tiny", "tiny.json")
    check_model("tiny-bin weights, tiny.json", FX + "/tiny", "tiny.json", FX + "/tiny-bin")
    check_model("tiny-legacy weights, tiny.json", FX + "/tiny", "tiny.json", FX + "/tiny-legacy")
    hc, hm = check_model("tiny-f16", FX + "/tiny-f16", "tiny-f16.json")
    print("   float16 weights against float32 weights: cls %s; mean %s" % (compare(hc, tc), compare(hm, tm)))
    check_model("minilm", sys.argv[1], "minilm.json")


if __name__ == "__main__":
    main()
