#!/usr/bin/env python3
"""Compare saplink's nearest-neighbor search with other libraries, on the same vectors and the same machine.

DIR is the output of `saplink index bench --out`:
  base.npy     float32, n x d, unit norm
  queries.npy  float32, q x d
  truth.npy    int32, q x 10: the exact nearest rows by inner product, best first
  ours.json    its report: its own searches, and those of hnsw_rs with --baseline

Every library builds with all cores and searches with one thread, query by query as a service does,
and all queries in one call. The faster of the two counts, each the best of --repeat runs. A row is
right if its exact score is within 1e-6 of the score that it has to reach. Prints Markdown tables and writes DIR/compare.json.

    pip install -r benches/requirements-compare.txt
    python benches/compare_search.py DIR
"""

import argparse
import json
import os
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

# OpenBLAS reads these when it is loaded. The first two may name a wrong processor.
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

M, EF_CONSTRUCTION, K = 16, 200, 10
EF = [16, 24, 32, 48, 64, 96, 128, 192, 256]
NPROBE = [1, 2, 4, 8, 16, 32, 64, 128, 256]
TIE = 1e-6
MIN_RECALL = 0.99


# Each builds an index and returns two functions: one sets the effort of a search, one searches.


def faiss_hnsw(base, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexHNSWFlat(base.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(base)
    faiss.omp_set_num_threads(1)
    return partial(setattr, index.hnsw, "efSearch"), lambda queries: index.search(queries, K)[1]


def faiss_ivf(base, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.index_factory(base.shape[1], "IVF1024,SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(base)
    index.add(base)
    faiss.omp_set_num_threads(1)
    return partial(setattr, index, "nprobe"), lambda queries: index.search(queries, K)[1]


def usearch(dtype, base, threads):
    from usearch.index import Index

    index = Index(
        ndim=base.shape[1], metric="ip", dtype=dtype, connectivity=M, expansion_add=EF_CONSTRUCTION
    )
    # Keys start at 1, because usearch fills up with 0 when it finds fewer than K.
    index.add(np.arange(1, len(base) + 1), base, threads=threads)
    return partial(setattr, index, "expansion_search"), lambda queries: index.search(queries, K, threads=1).keys - 1


def hnswlib(base, threads):
    import hnswlib

    index = hnswlib.Index(space="ip", dim=base.shape[1])
    index.init_index(max_elements=len(base), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(base, num_threads=threads)
    return index.set_ef, lambda queries: index.knn_query(queries, k=K, num_threads=1)[0]


# Name, package, function that builds, name of the effort, and its values.
LIBRARIES = [
    ("faiss HNSWFlat", "faiss-cpu", faiss_hnsw, "ef", EF),
    ("faiss IVF1024,SQ8", "faiss-cpu", faiss_ivf, "nprobe", NPROBE),
    ("usearch f32", "usearch", partial(usearch, "f32"), "ef", EF),
    ("usearch i8", "usearch", partial(usearch, "i8"), "ef", EF),
    ("hnswlib", "hnswlib", hnswlib, "ef", EF),
]


def scores(base, queries, rows):
    """Exact inner products of each query with its rows; minus infinity for an invalid row."""
    none = (rows < 0) | (rows >= len(base))
    found = [base[r].astype(np.float64) @ q for r, q in zip(np.where(none, 0, rows), queries.astype(np.float64))]
    return np.where(none, -np.inf, found)


def seconds(call, repeat):
    """Wall time of the fastest run, and its processor time as a multiple of the wall time."""
    runs = []
    for _ in range(repeat):
        wall, processor = time.perf_counter(), time.process_time()
        call()
        runs.append((time.perf_counter() - wall, time.process_time() - processor))
    wall, processor = min(runs)
    return wall, processor / wall


def measure(search, base, queries, best, repeat):
    rows = search(queries).astype(np.int64)
    found = scores(base, queries, rows)
    one_by_one = seconds(lambda: [search(queries[i : i + 1]) for i in range(len(queries))], repeat)
    one_call = seconds(lambda: search(queries), repeat)
    wall, cores = min(one_by_one, one_call)
    return {
        "queries_per_second": len(queries) / wall,
        "one_by_one_per_second": len(queries) / one_by_one[0],
        "one_call_per_second": len(queries) / one_call[0],
        "cores": cores,
        "recall_at_1": float(np.mean(found[:, 0] >= best[:, 0] - TIE)),
        "recall_at_10": float(np.mean(found >= best[:, -1:] - TIE)),
    }


def fastest(rows, recall):
    return max((r for r in rows if r[recall] >= MIN_RECALL), key=lambda r: r["queries_per_second"], default=None)


def saplink_results(report):
    """The searches of saplink's report, in the form of the other libraries."""
    names = dict.fromkeys(search["name"] for search in report["searches"])
    return [
        {
            "name": name,
            "version": "",
            "build_seconds": report["build_seconds"] if name == "saplink" else None,
            "searches": [s | {"setting": f"ef {s['ef']}"} for s in report["searches"] if s["name"] == name],
        }
        for name in names
    ]


def table(results, recall):
    mine = fastest(results[0]["searches"], recall)
    lines = [
        f"{recall.replace('_at_', '@')} >= {MIN_RECALL}",
        "",
        "| library | setting | build s | recall | queries/s | saplink / library |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for result in results:
        row = fastest(result["searches"], recall)
        start = f"| {result['name']} {result['version']} |"
        build = f"{result['build_seconds']:.1f}" if result["build_seconds"] else "-"
        if row is None:
            lines.append(f"{start} not reached | {build} | - | - | - |")
            continue
        speed = row["queries_per_second"]
        ratio = f"{mine['queries_per_second'] / speed:.2f}" if mine else "-"
        lines.append(
            f"{start} {row['setting']} | {build} | {row[recall]:.4f} | {speed:,.0f} | {ratio} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement, the best counts (default 3)")
    arguments = parser.parse_args()

    base, queries, truth = (np.load(arguments.dir / f"{name}.npy") for name in ("base", "queries", "truth"))
    if truth.shape != (len(queries), K):
        parser.error(f"truth.npy has shape {truth.shape}, not {(len(queries), K)}")
    best = scores(base, queries, truth)
    ours = json.loads((arguments.dir / "ours.json").read_text())

    threads = len(os.sched_getaffinity(0))
    report = {
        "rows": len(base),
        "dimensions": base.shape[1],
        "queries": len(queries),
        "build_threads": threads,
        "search_threads": 1,
        "libraries": saplink_results(ours),
    }
    for name, package, build, effort, values in LIBRARIES:
        print(f"{name} ..", file=sys.stderr)
        started = time.perf_counter()
        try:
            set_effort, search = build(base, threads)
        except ImportError as error:
            print(f"{name}: skipped, {error}", file=sys.stderr)
            continue
        result = {
            "name": name,
            "version": version(package),
            "build_seconds": time.perf_counter() - started,
            "searches": [],
        }
        for value in values:
            set_effort(value)
            row = {"setting": f"{effort} {value}"} | measure(search, base, queries, best, arguments.repeat)
            result["searches"].append(row)
        report["libraries"].append(result)
        (arguments.dir / "compare.json").write_text(json.dumps(report, indent=2) + "\n")

    for recall in ("recall_at_1", "recall_at_10"):
        print(table(report["libraries"], recall), end="\n\n")
    cores = [search["cores"] for library in report["libraries"] for search in library["searches"] if "cores" in search]
    print(f"cores used while searching: {min(cores):.2f} to {max(cores):.2f}; below 1, other processes used them too")


if __name__ == "__main__":
    main()
