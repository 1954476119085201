#!/usr/bin/env python3
"""Train a BERT on pairs of names with PyTorch, and measure the steps.

The training of SapBERT's authors (arXiv 2010.11784) with current libraries: BertModel of transformers,
automatic mixed precision, AdamW with weight decay 0.01 of all parameters, multi-similarity loss of
the pairs of a triplet margin miner. Saves no model. Prints one line of JSON:

  pairs_per_second      pairs of a batch / step_seconds
  step_seconds          median of a whole step: waiting for the batch, forward, loss, backward, AdamW
  waited_seconds        the part of it that waits for the batch
  forward_seconds       median of the encoder's forward alone, with dropout, without gradients
  loss_seconds          median of miner and loss alone, forward and backward to the embeddings; these
                        two are measured after the steps
  first_loss, last_loss losses of the first and the last step
  tokens, positions     medians of a step: tokens of its texts, and computed positions with padding
  peak_memory_bytes     peak of PyTorch's allocator on CUDA, else of the process

    python benches/pytorch/torch_loop.py --base DIR --pairs FILE --device cuda --steps 60 --warmup-steps 20
"""
import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F
import transformers
from transformers import AutoTokenizer, BertModel

try:
    import pytorch_metric_learning
    from pytorch_metric_learning import losses, miners
except ImportError:
    pytorch_metric_learning = None

ALPHA, BETA, BASE, MARGIN = 1, 60, 0.5, 0.2
PRECISIONS = {"fp32": None, "fp16": torch.float16, "bf16": torch.bfloat16}


def read_pairs(path):
    """Lines `ID<TAB>NAME<TAB>NAME` or `ID||NAME||NAME`, as (number of the id, name, name)."""
    numbers, pairs = {}, []
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            line = line.rstrip("\r\n")
            if not line:
                continue
            parts = line.split("\t" if "\t" in line else "||")
            if len(parts) != 3:
                sys.exit("%s:%d: no pair" % (path, n))
            pairs.append((numbers.setdefault(parts[0], len(numbers)), parts[1], parts[2]))
    return pairs


class Collate:
    """Token ids of a batch: one dictionary a pass of the encoder, and the labels of all their rows."""

    def __init__(self, tokenizer, a):
        self.tokenizer, self.a = tokenizer, a

    def __call__(self, batch):
        labels, left, right = zip(*batch)
        sides = [list(left), list(right)] if self.a.passes == 2 else [list(left + right)]
        padding = "max_length" if self.a.padding == "max" else "longest"
        inputs = [self.tokenizer(side, max_length=self.a.max_length, padding=padding, truncation=True,
                                 add_special_tokens=True, return_tensors="pt") for side in sides]
        return [dict(x) for x in inputs], torch.tensor(labels + labels)


def embed(model, inputs, pooling):
    hidden = model(**inputs).last_hidden_state
    if pooling == "cls":
        return hidden[:, 0]
    mask = inputs["attention_mask"].unsqueeze(-1)
    return (hidden * mask).sum(1) / mask.sum(1)


class PlainLoss:
    """The library's formulas, without a list of all triplets."""

    def __call__(self, embeddings, labels):
        e = F.normalize(embeddings, dim=1)
        s = e @ e.T
        same = labels[:, None] == labels[None]
        other = ~same
        same.fill_diagonal_(False)
        with torch.no_grad():
            d = torch.cdist(e, e)
            a, p = same.nonzero(as_tuple=True)
            kept = other[a] & (d[a] - d[a, p][:, None] <= MARGIN)
            positives = torch.zeros_like(same)
            positives[a, p] = kept.any(1)
            negatives = torch.zeros_like(s).index_add_(0, a, kept.to(s.dtype)) > 0
        up = (torch.exp(-ALPHA * (s - BASE)) * positives).sum(1)
        down = torch.where(negatives, BETA * (s - BASE), float("-inf"))
        down = torch.logsumexp(F.pad(down, (1, 0)), 1)
        return (torch.log1p(up) / ALPHA + down / BETA).mean()


class LibraryLoss:
    def __init__(self):
        self.miner = miners.TripletMarginMiner(margin=MARGIN, type_of_triplets="all")
        self.loss = losses.MultiSimilarityLoss(alpha=ALPHA, beta=BETA, base=BASE)

    def __call__(self, embeddings, labels):
        return self.loss(embeddings, labels, self.miner(embeddings, labels))


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def run(a):
    torch.manual_seed(a.seed)
    if a.threads:
        torch.set_num_threads(a.threads)
    cuda = a.device.startswith("cuda")
    device = torch.device(a.device)
    precision = a.precision or ("fp16" if cuda else "fp32")
    kind = PRECISIONS[precision]
    # No workers on a CPU: they would use the cores that train.
    workers = a.workers if a.workers is not None else 4 if cuda else 0

    # transformers would warn about the pooler's weights, which are not loaded.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(a.base)
    model = BertModel.from_pretrained(a.base, attn_implementation=a.attention, add_pooling_layer=False)
    model.float().to(device).train()
    # fp16 needs a scaled loss, or small gradients become 0.
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=a.weight_decay)
    code = a.loss_code or ("library" if pytorch_metric_learning else "plain")
    loss_of = LibraryLoss() if code == "library" else PlainLoss()

    pairs = read_pairs(a.pairs)
    if len(pairs) < a.batch:
        sys.exit("%s: %d pairs, fewer than a batch" % (a.pairs, len(pairs)))
    loader = torch.utils.data.DataLoader(
        pairs, batch_size=a.batch, shuffle=True, drop_last=True, num_workers=workers, pin_memory=cuda,
        persistent_workers=workers > 0, collate_fn=Collate(tokenizer, a))

    def batches():
        while True:
            yield from loader

    def now():
        if cuda:
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def to_device(inputs, labels):
        moved = [{k: v.to(device, non_blocking=True) for k, v in x.items()} for x in inputs]
        return moved, labels.to(device, non_blocking=True)

    def mixed():
        return torch.autocast(device.type, dtype=kind, enabled=kind is not None)

    def forward(inputs):
        with mixed():
            return torch.cat([embed(model, x, a.pooling) for x in inputs])

    source = batches()
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    records, values = [], []
    for step in range(a.steps):
        started = now()
        batch = next(source)
        waited = time.perf_counter() - started
        inputs, labels = to_device(*batch)
        optimizer.zero_grad(set_to_none=True)
        # The loss in fp32: its exponents (60 times a similarity) overflow in fp16.
        loss = loss_of(forward(inputs).float(), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        seconds = now() - started
        values.append(loss.item())
        records.append({
            "step": seconds, "waited": waited,
            "tokens": sum(int(x["attention_mask"].sum()) for x in batch[0]),
            "positions": sum(x["attention_mask"].numel() for x in batch[0]),
        })
        if a.verbose:
            print("step %d: %.3f s, loss %.4f" % (step + 1, seconds, values[-1]), file=sys.stderr)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak = torch.cuda.max_memory_allocated(device) if cuda else resident

    forwards, loss_steps = [], []
    for _ in range(a.alone_steps):
        inputs, labels = to_device(*next(source))
        started = now()
        with torch.no_grad():
            embeddings = forward(inputs).float()
        forwards.append(now() - started)
        embeddings.requires_grad_()
        started = now()
        loss_of(embeddings, labels).backward()
        loss_steps.append(now() - started)

    kept = records[a.warmup_steps:]

    def median(key):
        return statistics.median(r[key] for r in kept)

    return {
        "pairs_per_second": round(a.batch / median("step"), 2),
        "step_seconds": round(median("step"), 5),
        "waited_seconds": round(median("waited"), 5),
        "forward_seconds": round(statistics.median(forwards), 5),
        "loss_seconds": round(statistics.median(loss_steps), 5),
        "first_loss": values[0],
        "last_loss": values[-1],
        "tokens": median("tokens"),
        "positions": median("positions"),
        "peak_memory_bytes": peak,
        "batch": a.batch, "steps": a.steps, "warmup_steps": a.warmup_steps,
        "padding": a.padding, "max_length": a.max_length, "passes": a.passes, "pooling": a.pooling,
        "attention": a.attention, "precision": precision, "loss_code": code,
        "layers": model.config.num_hidden_layers, "hidden": model.config.hidden_size,
        "dropout": [model.config.hidden_dropout_prob, model.config.attention_probs_dropout_prob],
        "device": a.device, "device_name": torch.cuda.get_device_name(device) if cuda else processor(),
        "threads": torch.get_num_threads(), "workers": workers,
        "torch": torch.__version__, "transformers": transformers.__version__,
        "pytorch_metric_learning": getattr(pytorch_metric_learning, "__version__", None),
    }


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--base", required=True, help="checkpoint folder: config.json, weights, tokenizer")
    p.add_argument("--pairs", required=True, help="lines ID<TAB>NAME<TAB>NAME or ID||NAME||NAME")
    p.add_argument("--batch", type=int, default=256, help="pairs of a step (default 256)")
    p.add_argument("--steps", type=int, default=30, help="number of steps (default 30)")
    p.add_argument("--warmup-steps", type=int, default=5, help="first steps that do not count (default 5)")
    p.add_argument("--alone-steps", type=int, default=5, help="batches for forward and loss alone (default 5)")
    p.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    p.add_argument("--threads", type=int, help="threads on a CPU (default PyTorch's)")
    p.add_argument("--workers", type=int, help="processes that tokenize (default 0 on cpu, 4 on cuda)")
    p.add_argument("--precision", choices=PRECISIONS, help="default fp32 on cpu, fp16 on cuda")
    p.add_argument("--padding", choices=["max", "longest"], default="max",
                   help="to --max-length, as the authors' code does, or to the longest of a pass (default max)")
    p.add_argument("--max-length", type=int, default=25)
    p.add_argument("--passes", type=int, choices=[1, 2], default=2,
                   help="passes of the encoder a step: 2, one for each side of the pairs, as the authors' code does, "
                        "or 1 for both (default 2)")
    p.add_argument("--pooling", choices=["cls", "mean"], default="cls")
    p.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    p.add_argument("--loss-code", choices=["library", "plain"],
                   help="pytorch-metric-learning or the same formulas here (default: the library if it is installed)")
    p.add_argument("--lr", type=float, default=2e-5)
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--verbose", action="store_true", help="each step on standard error")
    a = p.parse_args()
    if not 0 <= a.warmup_steps < a.steps:
        p.error("--warmup-steps has to be less than --steps")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if a.workers == 0 else "false")
    print(json.dumps(run(a)))


if __name__ == "__main__":
    main()
