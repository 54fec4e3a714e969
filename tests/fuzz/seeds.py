#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets again: seeds.py (NumPy; writes tests/fuzz/corpus)."""
import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np

corpus = Path(__file__).parent / "corpus"


def write(target, name, contents):
    (corpus / target).mkdir(parents=True, exist_ok=True)
    (corpus / target / name).write_bytes(contents)


def saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def main():
    rng = np.random.default_rng(0)
    for kind in ("<f2", ">f4", "<f8", "|u1", ">i2", "<i4", "|b1"):
        for shape in ((3, 4), (2, 3, 2, 2), (2, 3, 4), (5,), (0, 3), ()):
            array = (rng.random(shape) * 3).astype(kind)
            name = f"{kind[1:]}_{'x'.join(map(str, shape)) or 'scalar'}"
            write("npy", name, saved(np.save, array))
            if array.ndim > 1:
                write("npy", name + "_fortran", saved(np.save, np.asfortranarray(array)))
    write("npy", "pairs", saved(np.save, np.zeros((2, 3), "V2")))
    for version in ((2, 0), (3, 0)):
        file = io.BytesIO()
        np.lib.format.write_array(file, np.ones((2, 3), "f4"), version)
        write("npy", f"version_{version[0]}", file.getvalue())
    some = {"conv.1": rng.random((3, 2, 2, 2)).astype("f4"), "fc": np.arange(6).reshape(2, 3)}
    write("npz", "stored", saved(np.savez, **some))
    write("npz", "deflated", saved(np.savez_compressed, **some))
    write("npz", "one", saved(np.savez_compressed, a=np.zeros((9, 9))))

    def tensors(entries, data, spaces=0):
        header = json.dumps(entries).encode() + b" " * spaces
        return struct.pack("<Q", len(header)) + header + data

    for number, kind in enumerate(("F32", "BF16", "F16", "I64", "U8", "BOOL", "F8_E4M3")):
        size = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8}.get(kind, 1)
        write("safetensors", kind, tensors(
            {"__metadata__": {"format": "pt"}, "a": {"dtype": kind, "shape": [2, 3], "data_offsets": [0, 6 * size]},
             "b.c": {"dtype": "U8", "shape": [1, 2, 2], "data_offsets": [6 * size, 6 * size + 4]}},
            rng.bytes(6 * size + 4), number))
    idx = struct.pack(">BBBBII", 0, 0, 8, 2, 2, 3) + bytes(range(6))
    write("idx", "matrix", idx)
    write("idx", "labels", struct.pack(">BBBBI", 0, 0, 8, 1, 5) + bytes(5))
    write("idx", "zipped", gzip.compress(idx, mtime=0))
    write("cifar", "image", bytes([3]) + bytes(3072))
    write("cifar", "column", b"label\n1\n-2\n3\n")
    write("cifar", "table", b'file,label\r\n"a,""b""",4\r\nc,5\r\n')


main()
