#!/usr/bin/env python3
"""Write the tiny random BERT checkpoints: four folders, the same weights.

  make_tiny.py [FIXTURES_DIR]
"""
import json
import os
import sys
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForPreTraining

SEED = 20240517
HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 2, 4, 64, 64, 2

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PUNCT = list("!\"#%&'()*+,-./:;<=>?@[]^_~") + ["°", "–", "’"]
OTHER = ["α", "β", "μ", "ß", "癌", "痛"]
WORDS = """
a an and at by for from in left no not of on or right the to with without acute chronic severe mild
type stage grade due history family pain fever cough nausea headache chest back head neck heart lung
liver kidney brain skin bone blood pressure high low heartburn attack failure disease disorder syndrome
infection injury fracture cancer tumor tumour carcinoma anemia anaemia diabetes mellitus asthma stroke
arthritis hepatitis bronchitis pneumonia hypertension edema oedema ulcer rash allergy penicillin aspirin
insulin metformin renal cardiac pulmonary hepatic gastric upper lower limb joint knee hip shoulder
abdominal swelling shortness breath loss weight vision cafe lait spots au mg ml day cell count positive
negative covid vitamin deficiency surgery bleeding vomiting cardio gastro neuro hyper hypo osteo
eye ear nose throat mouth arm leg foot hand sleep vertigo days weeks since years old man woman child tired
short myo
""".split()
PIECES = """
itis osis emia aemia oma ectomy ology algia pathy plasty scopy uria pnea cardia tension glyc thyroid
ism al ic ous ed ing s es ly er or ion ation ness ment enter vascular logical arth ropathy penia rhea
rrhoea megaly sclerosis gen trophy
""".split()


def vocabulary():
    chars = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789")
    v = SPECIAL + PUNCT + OTHER + chars + ["##" + c for c in chars]
    v += [w for w in WORDS if len(w) > 1] + ["##" + p for p in PIECES if len(p) > 1]
    assert len(v) == len(set(v)), sorted(x for x in v if v.count(x) > 1)
    return v


def weights(vocab_size):
    """BertModel's tensors, names without prefix, in the order torch writes them."""
    r = np.random.default_rng(SEED)

    def mat(*shape):
        return torch.from_numpy(r.normal(0.0, 0.3, shape).astype(np.float32))

    def bias(n):
        return torch.from_numpy(r.normal(0.0, 0.1, n).astype(np.float32))

    def norm(n):
        return torch.from_numpy((1.0 + r.normal(0.0, 0.1, n)).astype(np.float32))

    t = OrderedDict()
    t["embeddings.position_ids"] = torch.arange(POSITIONS).reshape(1, POSITIONS)
    t["embeddings.word_embeddings.weight"] = mat(vocab_size, HIDDEN)
    t["embeddings.position_embeddings.weight"] = mat(POSITIONS, HIDDEN)
    t["embeddings.token_type_embeddings.weight"] = mat(TYPES, HIDDEN)
    t["embeddings.LayerNorm.weight"] = norm(HIDDEN)
    t["embeddings.LayerNorm.bias"] = bias(HIDDEN)
    for i in range(LAYERS):
        p = "encoder.layer.%d." % i
        for n in ("query", "key", "value"):
            t[p + "attention.self.%s.weight" % n] = mat(HIDDEN, HIDDEN)
            t[p + "attention.self.%s.bias" % n] = bias(HIDDEN)
        for n, o, k in (("attention.output", HIDDEN, HIDDEN), ("intermediate", INNER, HIDDEN),
                        ("output", HIDDEN, INNER)):
            t[p + n + ".dense.weight"] = mat(o, k)
            t[p + n + ".dense.bias"] = bias(o)
            if n != "intermediate":
                t[p + n + ".LayerNorm.weight"] = norm(HIDDEN)
                t[p + n + ".LayerNorm.bias"] = bias(HIDDEN)
    t["pooler.dense.weight"] = mat(HIDDEN, HIDDEN)
    t["pooler.dense.bias"] = bias(HIDDEN)
    # the pretraining heads that only pytorch_model.bin of tiny-bin carries
    extra = OrderedDict()
    extra["cls.predictions.bias"] = bias(vocab_size)
    extra["cls.predictions.transform.dense.weight"] = mat(HIDDEN, HIDDEN)
    extra["cls.predictions.transform.dense.bias"] = bias(HIDDEN)
    extra["cls.predictions.transform.LayerNorm.weight"] = norm(HIDDEN)
    extra["cls.predictions.transform.LayerNorm.bias"] = bias(HIDDEN)
    extra["cls.seq_relationship.weight"] = mat(2, HIDDEN)
    extra["cls.seq_relationship.bias"] = bias(2)
    return t, extra


def config(vocab_size, arch):
    return OrderedDict([
        ("architectures", [arch]),
        ("attention_probs_dropout_prob", 0.1),
        ("hidden_act", "gelu"),
        ("hidden_dropout_prob", 0.1),
        ("hidden_size", HIDDEN),
        ("initializer_range", 0.02),
        ("intermediate_size", INNER),
        ("layer_norm_eps", 1e-12),
        ("max_position_embeddings", POSITIONS),
        ("model_type", "bert"),
        ("num_attention_heads", HEADS),
        ("num_hidden_layers", LAYERS),
        ("pad_token_id", 0),
        ("type_vocab_size", TYPES),
        ("vocab_size", vocab_size),
    ])


def put_text(folder, vocab, arch):
    os.makedirs(folder, exist_ok=True)

    def put(name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="\n") as f:
            f.write(text)

    put("vocab.txt", "".join(x + "\n" for x in vocab))
    put("config.json", json.dumps(config(len(vocab), arch), indent=2) + "\n")
    names = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
             "cls_token": "[CLS]", "mask_token": "[MASK]"}
    put("special_tokens_map.json", json.dumps(names))
    put("tokenizer_config.json", json.dumps(dict(
        do_lower_case=True, **names, tokenize_chinese_chars=True, strip_accents=None,
        model_max_length=POSITIONS, tokenizer_class="BertTokenizer")))


def module_metadata(cfg):
    """The OrderedDict `_metadata` that module.state_dict() carries; torch.save
    pickles it with the state dict, as an attribute of it."""
    return BertForPreTraining(BertConfig(**cfg)).state_dict()._metadata


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else "fixtures"
    torch.set_num_threads(1)
    vocab = vocabulary()
    plain, extra = weights(len(vocab))

    # 1. safetensors, no prefix
    d = os.path.join(out, "tiny")
    put_text(d, vocab, "BertModel")
    save_file(plain, os.path.join(d, "model.safetensors"), metadata={"format": "pt"})

    # 2. zip .bin, "bert." prefix, pretraining heads, shared and strided storages
    d = os.path.join(out, "tiny-bin")
    put_text(d, vocab, "BertForPreTraining")
    sd = OrderedDict(("bert." + k, v.clone()) for k, v in plain.items())
    p = "bert.encoder.layer.0.attention.self."
    fused = torch.cat([sd[p + n + ".weight"] for n in ("query", "key", "value")])
    for j, n in enumerate(("query", "key", "value")):      # one storage, three offsets
        sd[p + n + ".weight"] = fused[j * HIDDEN:(j + 1) * HIDDEN]
    p = "bert.encoder.layer.1.intermediate.dense.weight"   # strides (1, INNER)
    sd[p] = sd[p].t().contiguous().t()
    assert not sd[p].is_contiguous()
    p = "bert.encoder.layer.1.output.dense.weight"         # every second column of a wider storage
    wide = torch.full((HIDDEN, 2 * INNER + 3), 7.0)
    wide[:, 3::2] = sd[p]
    sd[p] = wide[:, 3::2]
    assert sd[p].stride() == (2 * INNER + 3, 2) and sd[p].storage_offset() == 3
    for k, v in extra.items():
        sd[k] = v
    # tied, as in a real pretraining checkpoint: the same storage under two names
    sd["cls.predictions.decoder.weight"] = sd["bert.embeddings.word_embeddings.weight"]
    sd["cls.predictions.decoder.bias"] = sd["cls.predictions.bias"]
    sd._metadata = module_metadata(config(len(vocab), "BertForPreTraining"))
    torch.save(sd, os.path.join(d, "pytorch_model.bin"))

    # 3. legacy .bin, no prefix, gamma/beta
    d = os.path.join(out, "tiny-legacy")
    put_text(d, vocab, "BertModel")
    sd = OrderedDict()
    for k, v in plain.items():
        k = k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        sd[k] = v.clone()
    p = "encoder.layer.1.attention.self."                  # an offset view here too
    pair = torch.cat([sd[p + "key.weight"], sd[p + "value.weight"]])
    sd[p + "key.weight"], sd[p + "value.weight"] = pair[:HIDDEN], pair[HIDDEN:]
    torch.save(sd, os.path.join(d, "pytorch_model.bin"), _use_new_zipfile_serialization=False)

    # 4. float16 safetensors
    d = os.path.join(out, "tiny-f16")
    put_text(d, vocab, "BertModel")
    half = {k: (v.half() if v.is_floating_point() else v) for k, v in plain.items()}
    save_file(half, os.path.join(d, "model.safetensors"), metadata={"format": "pt"})
    print("vocab", len(vocab), "parameters", sum(v.numel() for v in plain.values()))


if __name__ == "__main__":
    main()
