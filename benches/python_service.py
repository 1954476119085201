"""A usual Python service, to compare with: FastAPI and ONNX Runtime. It embeds names like the README
of SapBERT (float32, padded to 25 tokens) and searches exactly.

usage: python_service.py HOST:PORT MODEL_DIRECTORY NAMES.tsv
"""

import csv
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from tokenizers import Tokenizer

address, model, names = sys.argv[1:]
host, port = address.rsplit(":", 1)
tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
tokenizer.enable_truncation(25)
tokenizer.enable_padding(length=25)
session = onnxruntime.InferenceSession(f"{model}/model.onnx", providers=["CPUExecutionProvider"])


def embed(texts):
    encodings = tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([e.ids for e in encodings], dtype=np.int64),
        "attention_mask": np.array([e.attention_mask for e in encodings], dtype=np.int64),
    }
    vectors = session.run(["embedding"], inputs)[0]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


with open(names, newline="", encoding="utf-8") as file:
    rows = [(row["cui"], row["name"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
vectors = np.concatenate([embed([name for _, name in rows[i : i + 128]]) for i in range(0, len(rows), 128)])

app = FastAPI()


class Request(BaseModel):
    mentions: list[str]


@app.get("/readyz")
def ready():
    return {"status": "ready"}


@app.post("/link")
def link(request: Request):
    scores = embed(request.mentions) @ vectors.T
    best = np.argpartition(-scores, 5, axis=1)[:, :5]
    results = []
    for mention, row, positions in zip(request.mentions, scores, best):
        positions = positions[np.argsort(-row[positions])]
        candidates = [{"cui": rows[i][0], "name": rows[i][1], "score": float(row[i])} for i in positions]
        results.append({"mention": mention, "candidates": candidates})
    return {"results": results}


uvicorn.run(app, host=host, port=int(port), log_level="warning", access_log=False)
