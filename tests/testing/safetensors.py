"""Reads safetensors files."""

import json

import numpy as np


def read_model(path):
    """The tensors of a safetensors file."""
    with open(path, "rb") as file:
        raw = file.read()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    types = {"F32": np.float32, "U64": np.uint64}
    return {
        name: np.frombuffer(raw, types[t["dtype"]], int(np.prod(t["shape"])),
                            8 + length + t["data_offsets"][0]).reshape(t["shape"])
        for name, t in header.items() if name != "__metadata__"
    }
