#!/usr/bin/env python3
"""Prints the figures of torch_loop.py for a run of saplink: one line of JSON from its metrics.jsonl.

    python benches/pytorch/saplink_steps.py OUT-run/metrics.jsonl --warmup-steps 20
"""
import argparse
import json
from statistics import median


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("metrics")
    p.add_argument("--warmup-steps", type=int, default=5, help="first steps that do not count (default 5)")
    a = p.parse_args()
    with open(a.metrics, encoding="utf-8") as f:
        # A run that was killed may have left half a line at the end.
        records = [json.loads(line) for line in f if line.endswith("\n")]
    steps = [r for r in records if r["kind"] == "step"]
    kept = steps[a.warmup_steps:]
    if not kept:
        p.error("%s: %d steps, none after the warm-up" % (a.metrics, len(steps)))
    seconds = median(r["seconds"] for r in kept)
    print(json.dumps({
        "pairs_per_second": round(median(r["pairs"] for r in kept) / seconds, 2),
        "step_seconds": round(seconds, 5),
        "waited_seconds": round(median(r["waited"] for r in kept), 5),
        "first_loss": steps[0]["loss"],
        "last_loss": steps[-1]["loss"],
        "tokens": median(r["tokens"] for r in kept),
        "positions": median(r["rows"] for r in kept),
        "batch": median(r["pairs"] for r in kept),
        "steps": len(steps), "warmup_steps": a.warmup_steps,
    }))


if __name__ == "__main__":
    main()
