#!/usr/bin/env python3
"""Exports ../fixtures/tiny with PyTorch, as people do elsewhere: the fixture of a graph that saplink did not write.

  export_onnx.py FROM OUT
"""
import os
import shutil
import sys

import torch
from transformers import BertModel

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class Encoder(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


source, out = sys.argv[1:]
os.makedirs(out, exist_ok=True)
ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS + ["last_hidden_state"]}
torch.onnx.export(
    Encoder(source), (ids, (ids != 0).long(), torch.zeros_like(ids)), os.path.join(out, "model.onnx"),
    input_names=INPUTS, output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=17, dynamo=False,
)
for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
    shutil.copy(os.path.join(source, name), os.path.join(out, name))
