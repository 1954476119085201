#!/usr/bin/env python3
"""Independent float64 reference for a step of training: losses and their gradients.

The encoder, the miner and the losses are written here from their formulas,
with plain tensor operations; PyTorch only differentiates. There is no dropout.
Every text is computed by itself, so that there is no padding.

The embeddings are of length 1, s is their inner product, d their Euclidean
distance. A pair is an anchor and another text of the batch, in this order:
positive where both have the same label, else negative.

  miner    keeps every anchor, positive and negative with
           d(negative) - d(positive) <= 0.2, and chooses their pairs;
           what it chooses has no gradient
  ms       mean over all anchors of
           log(1 + sum of exp(-(s - 0.5)) over positives)
           + log(1 + sum of exp(60 (s - 0.5)) over negatives) / 60
  circle   for anchors that have positives and negatives
           softplus(logsumexp of -80 w (s - 0.6) over positives
                    + logsumexp of 80 w (s - 0.4) over negatives)
           with w = max(0, 1.4 - s) for positives, max(0, s + 0.4) for
           negatives, which has no gradient; mean over those above 0
  infonce  mean over positives of
           -log(exp(s / 0.07) / (exp(s / 0.07)
                + sum of exp(s / 0.07) over the anchor's negatives))
  triplet  for each positive and each negative of the same anchor
           max(0, d(positive) - d(negative) + 0.05); mean over those above 0

  golden_gradients.py --model ../fixtures/tiny --out gradients.json
"""
import argparse
import itertools
import json
import math
import os
import random
import sys

import numpy as np
import torch

import golden_bert as g

MINER_MARGIN = 0.2
MS_ALPHA, MS_BETA, MS_BASE = 1.0, 60.0, 0.5
CIRCLE_M, CIRCLE_GAMMA = 0.4, 80.0
TEMPERATURE = 0.07
TRIPLET_MARGIN = 0.05

# Labels and texts. Label 0 has three names, label 6 has one. "renal disorder" is a name of two
# concepts; both names of one concept are "skin tumor". Some texts repeat a token.
BATCH = [
    (0, "heart attack"),
    (1, "fever"),
    (2, "renal disorder"),
    (3, "kidney failure of the left kidney"),
    (4, "skin tumor"),
    (5, "gastric ulcer"),
    (0, "acute cardiac attack"),
    (1, "high fever since days and high pain"),
    (2, "disease of the kidney"),
    (3, "renal disorder"),
    (4, "skin tumor"),
    (5, "ulcer of the upper gastro ##enter ##itis"),
    (6, "vertigo"),
    (0, "failure of the heart chest pain and left arm pain"),
]

# Pooling, loss, whether the miner chooses, whether the file holds the gradients whole.
CASES = [
    ("cls", "ms", True, True),
    ("mean", "infonce", True, True),
    ("cls", "circle", True, False),
    ("cls", "infonce", True, False),
    ("cls", "triplet", True, False),
    ("cls", "ms", False, False),
    ("cls", "infonce", False, False),
    ("mean", "ms", True, False),
]

# The miner's choices must keep this distance from its threshold, so that float32 chooses the same
# pairs. Where a distance is 0, float32 has a larger error.
NEAR, NEAR_EQUAL_TEXTS = 1e-4, 2e-3


def read_batch(folder):
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as f:
        number = {token: i for i, token in enumerate(f.read().splitlines())}
    ids = [[number[t] for t in ["[CLS]"] + tokens.split() + ["[SEP]"]] for _, tokens in BATCH]
    lengths = [len(r) for r in ids]
    assert len(ids) == 14 and min(lengths) == 3 and max(lengths) == 12
    return ids, [label for label, _ in BATCH]


# ---------------------------------------------------------------------- model

class Bert:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            c = json.load(f)
        assert c["hidden_act"] == "gelu"
        self.heads = c["num_attention_heads"]
        self.layers = c["num_hidden_layers"]
        self.eps = c["layer_norm_eps"]
        read = g.read_safetensors(os.path.join(folder, g.WEIGHTS))
        # Nothing of the loss depends on the pooler.
        self.w = {name: torch.from_numpy(a).requires_grad_() for name, a in read.items()
                  if a.dtype == np.float64 and not name.startswith("pooler.")}

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, x, name):
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred * centred).mean(-1, keepdim=True)
        return centred / torch.sqrt(variance + self.eps) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def forward(self, ids):
        """The last layer's rows of one text."""
        n = len(ids)
        e = "embeddings."
        x = (self.w[e + "word_embeddings.weight"][torch.tensor(ids)]
             + self.w[e + "position_embeddings.weight"][:n]
             + self.w[e + "token_type_embeddings.weight"][0])
        x = self.norm(x, e + "LayerNorm")
        size = x.shape[1] // self.heads
        for i in range(self.layers):
            p = "encoder.layer.%d." % i
            q, k, v = (self.linear(x, p + "attention.self." + part) for part in ("query", "key", "value"))
            rows = []
            for head in range(self.heads):
                cut = slice(head * size, (head + 1) * size)
                weight = torch.exp(q[:, cut] @ k[:, cut].T / math.sqrt(size))
                rows.append(weight / weight.sum(1, keepdim=True) @ v[:, cut])
            attended = self.linear(torch.cat(rows, 1), p + "attention.output.dense")
            x = self.norm(x + attended, p + "attention.output.LayerNorm")
            y = self.linear(x, p + "intermediate.dense")
            y = 0.5 * y * (1.0 + torch.erf(y / math.sqrt(2.0)))
            x = self.norm(x + self.linear(y, p + "output.dense"), p + "output.LayerNorm")
        return x

    def embed(self, ids, pooling):
        """Embeddings of length 1, one row a text."""
        pooled = [h[0] if pooling == "cls" else h.mean(0) for h in map(self.forward, ids)]
        return torch.stack([v / torch.sqrt((v * v).sum()) for v in pooled])


# ----------------------------------------------------------- miner and losses

def distances(e):
    """Equal texts have the distance 0, and 0 is its gradient too."""
    squared = (e[:, None] - e[None]).pow(2).sum(2)
    equal = squared < 1e-20
    return torch.where(equal, 0.0, torch.sqrt(torch.where(equal, 1.0, squared)))


def all_pairs(labels):
    same = torch.tensor([[a == b for b in labels] for a in labels])
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def mine(e, labels):
    """Positives and negatives, as two square masks with the anchors as rows; and how near the nearest choice was."""
    d = distances(e.detach()).tolist()
    positives, negatives = (torch.zeros(len(d), len(d), dtype=torch.bool) for _ in range(2))
    nearest = math.inf
    for a, p, n in itertools.product(range(len(d)), repeat=3):
        if a == p or labels[a] != labels[p] or labels[a] == labels[n]:
            continue
        over = d[a][n] - d[a][p] - MINER_MARGIN
        assert abs(over) > (NEAR if d[a][n] and d[a][p] else NEAR_EQUAL_TEXTS), (a, p, n, over)
        if over <= 0:
            positives[a, p] = negatives[a, n] = True
        nearest = min(nearest, abs(over))
    return positives, negatives, nearest


def ms(e, positives, negatives, _):
    s = e @ e.T
    up = torch.log(1 + (torch.exp(-MS_ALPHA * (s - MS_BASE)) * positives).sum(1)) / MS_ALPHA
    down = torch.log(1 + (torch.exp(MS_BETA * (s - MS_BASE)) * negatives).sum(1)) / MS_BETA
    return (up + down).mean()


def circle(e, positives, negatives, held):
    """`held` are the inner products that the weights come from."""
    s, m, gamma = e @ e.T, CIRCLE_M, CIRCLE_GAMMA
    up = -gamma * torch.relu(1 + m - held) * (s - (1 - m))
    down = gamma * torch.relu(held + m) * (s - m)
    assert ((held + m)[negatives].abs() > NEAR).all()
    terms = []
    for a in range(len(e)):
        if positives[a].any() and negatives[a].any():
            x = torch.logsumexp(up[a][positives[a]], 0) + torch.logsumexp(down[a][negatives[a]], 0)
            # log(1 + exp(x)), without overflow
            terms.append(torch.logaddexp(x, torch.zeros_like(x)))
    # In float32 a tiny one may be 0, and then would not count.
    assert all(t > NEAR for t in terms)
    return mean(terms)


def infonce(e, positives, negatives, _):
    x = torch.exp(e @ e.T / TEMPERATURE)
    others = (x * negatives).sum(1)
    return mean([-torch.log(x[a, p] / (x[a, p] + others[a])) for a, p in positives.nonzero().tolist()])


def triplet(e, positives, negatives, _):
    d = distances(e)
    terms = []
    for a in range(len(e)):
        for p, n in itertools.product(positives[a].nonzero().flatten(), negatives[a].nonzero().flatten()):
            term = d[a, p] - d[a, n] + TRIPLET_MARGIN
            assert abs(term) > (NEAR if d[a, p] > 0 and d[a, n] > 0 else NEAR_EQUAL_TEXTS)
            terms.append(torch.relu(term))
    return mean([t for t in terms if t > 0])


def mean(terms):
    return torch.stack(terms).mean() if terms else torch.zeros((), dtype=torch.float64)


LOSSES = {"ms": ms, "circle": circle, "infonce": infonce, "triplet": triplet}


# --------------------------------------------------------------------- checks

def check_embeddings(model, folder, ids, pooling):
    """Largest difference from the other reference, which has no PyTorch."""
    other = g.Bert(folder)
    ours = model.embed(ids, pooling).detach().numpy()
    theirs = np.array([g.embed_one(other, r)[0 if pooling == "cls" else 1] for r in ids])
    theirs /= np.sqrt((theirs * theirs).sum(1, keepdims=True))
    return np.abs(ours - theirs).max()


def check_gradients(model, loss, gradients, count=12):
    """Largest difference from finite differences, relative to gradients above 1, at parameters sampled at random among
    those that the loss depends on."""
    draw = random.Random(7)
    names = [name for name in gradients if gradients[name].abs().max() > 0]
    worst = 0.0
    for name in draw.sample(names, count):
        i = draw.choice(gradients[name].flatten().abs().gt(0).nonzero().flatten().tolist())
        values = model.w[name].detach().view(-1)
        before, h = values[i].item(), 1e-5

        def at(steps):
            values[i] = before + steps * h
            with torch.no_grad():
                result = loss().item()
            values[i] = before
            return result

        slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        exact = gradients[name].flatten()[i].item()
        worst = max(worst, abs(slope - exact) / max(1.0, abs(exact)))
    return worst


# --------------------------------------------------------------------- output

def projections(gradient):
    flat = gradient.flatten().numpy()
    i = np.arange(len(flat), dtype=np.float64)
    return [float(flat @ np.sin(i * (k + 1) + 1)) for k in range(4)]


def case(model, folder, ids, labels, pooling, name, mined, whole):
    start = model.embed(ids, pooling).detach()
    every = all_pairs(labels)
    positives, negatives, nearest = mine(start, labels) if mined else (*every, math.inf)

    def loss():
        return LOSSES[name](model.embed(ids, pooling), positives, negatives, start @ start.T)

    value = loss()
    gradients = dict(zip(model.w, torch.autograd.grad(value, list(model.w.values()))))
    value = value.item()
    norm = math.sqrt(sum(float((x * x).sum()) for x in gradients.values()))
    counts = [int(m.sum()) for m in (positives, negatives)]
    totals = [int(m.sum()) for m in every]
    assert value > 1e-3 and norm > 1e-3
    assert not mined or all(0 < c < t for c, t in zip(counts, totals)), (counts, totals)
    embedding_error = check_embeddings(model, folder, ids, pooling)
    gradient_error = check_gradients(model, loss, gradients)
    print("%-4s %-7s %-9s loss %.6f, gradient norm %.4f, positives %d of %d, negatives %d of %d, nearest choice "
          "%.1e; off from NumPy's embeddings %.0e, from finite differences %.0e" % (
              pooling, name, "mined" if mined else "all pairs", value, norm, counts[0], totals[0], counts[1], totals[1],
              nearest, embedding_error, gradient_error), file=sys.stderr)
    assert embedding_error < 1e-12 and gradient_error < 1e-6
    out = {"pooling": pooling, "loss": name, "mined": mined, "loss_value": value,
           "positives": counts[0], "negatives": counts[1]}
    if whole:
        out["gradients"] = {n: g.b64(x.numpy()) for n, x in gradients.items()}
    else:
        out["projections"] = {n: projections(x) for n, x in gradients.items()}
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--model", required=True, help="checkpoint folder")
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    torch.set_num_threads(1)
    ids, labels = read_batch(a.model)
    model = Bert(a.model)
    head = {
        "model": os.path.basename(os.path.normpath(a.model)),
        "model_sha256": g.file_sha256(os.path.join(a.model, g.WEIGHTS)),
        "format": "positives and negatives: pairs that the loss is of, each in both directions where both were chosen. "
                  "gradients: standard base64 (with = padding) of little-endian float32, row-major, each the float64 "
                  "result rounded to the nearest float32. projections: inner products of the gradient, row-major, with "
                  "sin(i * (k + 1) + 1), i from 0 on, for k = 0, 1, 2, 3",
        "computed": "float64, PyTorch's derivatives of plain tensor operations, exact erf GELU, no dropout",
        "ids": ids,
        "labels": labels,
    }
    cases = [case(model, a.model, ids, labels, *c) for c in CASES]
    lines = ["{"] + [" %s: %s," % (json.dumps(k), json.dumps(v)) for k, v in head.items()]
    lines += [' "cases": [', ",\n".join("  " + json.dumps(c) for c in cases), " ]\n}\n"]
    with open(a.out, "w", encoding="utf-8", newline="\n") as f:
        f.write("\n".join(lines))


if __name__ == "__main__":
    main()
