"""Measures layers of a PyTorch model while it runs, without files: a tar stream into `repscope measure -`.

    stream_torch.measure(model, loader, ["layer1", "layer2.0.relu"], "--json", "measured.json")
"""
import ctypes
import io
import subprocess
import tarfile
import torch

TYPES = {torch.float16: "<f2", torch.float32: "<f4", torch.float64: "<f8", torch.int32: "<i4", torch.int64: "<i8"}


def npy(tensor):
    tensor = tensor.detach().cpu().contiguous()
    text = f"{{'descr': '{TYPES[tensor.dtype]}', 'fortran_order': False, 'shape': {tuple(tensor.shape)}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
            + ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()))


def measure(model, batches, layers, *options, program="repscope"):
    """Runs the model on batches (inputs, labels). `options` are those of `repscope measure`."""
    def put(folder, tensor):
        member = tarfile.TarInfo(f"{folder}/{number:06}.npy")
        member.size = len(data := npy(tensor))
        tar.addfile(member, io.BytesIO(data))
    modules = dict(model.eval().named_modules())
    hooks = [modules[name].register_forward_hook(lambda module, x, y, name=name: put(name, y)) for name in layers]
    try:
        with subprocess.Popen([program, "measure", "-", *options], stdin=subprocess.PIPE) as process:
            with tarfile.open(fileobj=process.stdin, mode="w|") as tar, torch.no_grad():
                for number, (inputs, labels) in enumerate(batches):
                    put("labels", labels)
                    model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if process.returncode != 0:
        raise RuntimeError("repscope measure failed")
