#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets again: seeds.py (NumPy; writes tests/fuzz/corpus)."""
import gzip
import io
import json
import struct
import tarfile
import zlib
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


def text(characters):
    return struct.pack("<I", len(characters)) + characters.encode()


def state_file(shard, shards, layers, classes=(), extra=()):
    """A .rsm file: `layers` are (head, states), of which `states` are (kind, payload)."""
    sections = []

    def put(kind, layer, payload):
        head = text(kind) + struct.pack("<IQ", layer, len(payload)) + payload
        sections.append(head + struct.pack("<I", zlib.crc32(head)))

    put("run", 2**32 - 1, struct.pack("<III", shard, shards, 7) + text('{"epsilon":1e-06}') + text("{}"))
    if classes:
        put("classes", 2**32 - 1, struct.pack(f"<{len(classes)}q", *classes))
    for kind, payload in extra:
        put(kind, 2**32 - 1, payload)
    for k, (head, states) in enumerate(layers):
        put("layer", k, head)
        for kind, payload in states:
            put(kind, k, payload)
    put("end", 2**32 - 1, struct.pack("<Q", len(sections)))
    return b"\x8drsm\r\n\x1a\n" + struct.pack("<HH", 3, 0) + b"".join(sections)


def layer_head(name, shape, first, count):
    return (text(name) + text("<f4") + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + text("nu") + text("unit") +
            text(name + ".npy") + struct.pack("<QQ", first, count))


def states(rng):
    """Two units, two classes: thin and thick covariances, and sums of classes."""
    def doubles(count):
        return rng.random(count).astype("<f8").tobytes()

    thin = struct.pack("<QQB", 2, 2, 1) + doubles(4)
    thick = struct.pack("<QQB", 2, 5, 0) + doubles(2 + 2 + 2 + 1 + 3)
    sums = struct.pack("<QQB2Q", 2, 2, 0, 3, 2) + doubles(2 * 2)
    spread = struct.pack("<QQB1Q", 2, 1, 0, 5) + doubles(2 + 2 * 2)
    return thin, thick, sums, spread


def tar(members, kind, ending=2):
    """An archive without the padding of records; `members` are (name, contents, type)."""
    blocks = b""
    for name, contents, member_type in members:
        member = tarfile.TarInfo(name)
        member.size = len(contents)
        member.type = member_type
        blocks += member.tobuf(kind) + contents + bytes(-len(contents) % 512)
    return blocks + bytes(512 * ending)


def tars(rng):
    first, second = saved(np.save, rng.random((2, 3)).astype("f4")), saved(np.save, np.arange(4))
    fortran = saved(np.save, np.asfortranarray(rng.random((2, 3, 2, 2)).astype("f2")))
    regular = tarfile.REGTYPE
    batch = [("fc/0.npy", first, regular), ("labels/0.npy", second, regular)]
    write("tar", "ustar", tar(batch, tarfile.USTAR_FORMAT))
    write("tar", "fortran", tar([("a/b/0.npy", fortran, regular)], tarfile.GNU_FORMAT))
    long = ["l" * 120 + "/0.npy"]
    write("tar", "pax", tar([(name, first, regular) for name in long], tarfile.PAX_FORMAT))
    write("tar", "gnu", tar([(name, first, regular) for name in long], tarfile.GNU_FORMAT))
    write("tar", "folder", tar([("fc", b"", tarfile.DIRTYPE), *batch], tarfile.PAX_FORMAT))
    write("tar", "link", tar([("fc/0.npy", b"", tarfile.SYMTYPE)], tarfile.USTAR_FORMAT))
    write("tar", "cut", tar(batch, tarfile.USTAR_FORMAT, 0))
    write("tar", "two", tar(batch[:1], tarfile.USTAR_FORMAT) + tar(batch[1:], tarfile.USTAR_FORMAT))
    big = bytearray(tar(batch[:1], tarfile.GNU_FORMAT))
    big[124:136] = b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7
    write("tar", "huge", bytes(big))
    write("tar", "records", first + second)


def main():
    rng = np.random.default_rng(0)
    tars(np.random.default_rng(1))
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
    thin, thick, sums, spread = states(rng)
    write("rsm", "thin", state_file(1, 2, [(layer_head("fc", (4, 2), 0, 2), [("covariance", thin)])]))
    write("rsm", "thick", state_file(1, 1, [(layer_head("fc", (5, 2), 0, 5), [
        ("covariance", thick), ("class_sums", sums), ("rectified_spread", spread)])], (-1, 4)))
    write("rsm", "later", state_file(3, 3, [(layer_head("a.0", (9, 2), 7, 2), [("covariance", thin), ("new", b"x")]),
                                            (layer_head("b", (9, 2), 4, 5), [("covariance", thick)])], (0, 1),
                                     [("newer", b"abc")]))
    write("cifar", "table", b'file,label\r\n"a,""b""",4\r\nc,5\r\n')


main()
