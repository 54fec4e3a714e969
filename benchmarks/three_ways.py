#!/usr/bin/env python3
"""The same job in the ways of docs/guide/from-python.md: the 19 ReLU outputs of a ResNet-20 for random images.

Usage: benchmarks/three_ways.py WAY [--images N] [--threads N] [--program FILE] [--json FILE]

WAY is forward (the network alone), module (`Recorder`), stream (`repscope measure -`), dump (files of the maps, then
`repscope measure`) or mean (files of the means of the maps). Prints a line with the bytes on disk, the time, the CPU
time of this process and the program, and the largest resident memory of this process. Needs PyTorch; module needs the
package `repscope` (PYTHONPATH=BUILD/python), stream and dump need the program.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples" / "python"))  # behind an installed package
WAYS = ("forward", "module", "stream", "dump", "mean")


def convolution(inputs, outputs, stride=1, size=3):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.relu1 = convolution(inputs, outputs, stride), nn.ReLU()
        self.second, self.relu2 = convolution(outputs, outputs), nn.ReLU()
        self.skip = nn.Identity() if inputs == outputs else convolution(inputs, outputs, stride, 1)

    def forward(self, x):
        return self.relu2(self.second(self.relu1(self.first(x))) + self.skip(x))


def resnet20():
    """The network of He et al. 2016 for images of 32 x 32, with random weights."""
    blocks, inputs = [], 16
    for outputs in (16, 32, 64):
        for _ in range(3):
            blocks.append(Block(inputs, outputs, 1 if inputs == outputs else 2))
            inputs = outputs
    return nn.Sequential(convolution(3, 16), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(64, 10)).eval()


def run(way, model, batches, layers, arguments, folder):
    options = ["--threads", str(arguments.threads), "--json", arguments.json or str(folder / "measured.json")]
    if way == "forward":
        with torch.no_grad():
            for images, _ in batches:
                model(images)
    elif way == "module":
        import repscope

        with repscope.Recorder(model, layers, classes=10, threads=arguments.threads) as recorder, torch.no_grad():
            for images, labels in batches:
                recorder.labels(labels)
                model(images)
        recorder.to_json(options[-1])
    elif way == "stream":
        import stream_torch

        stream_torch.measure(model, batches, layers, *options, program=arguments.program)
    else:
        from dump_torch import dump

        files = dump(model, batches, folder / "acts", layers, **({"reduce": "mean"} if way == "mean" else {}))
        subprocess.run([arguments.program, "measure", *files, "--labels", folder / "acts" / "labels.npy", *options],
                       check=True)


def cpu_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--program", default="repscope")
    parser.add_argument("--json", help="keep the numbers in this file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = resnet20()
    images, labels = torch.rand(arguments.images, 3, 32, 32), torch.arange(arguments.images) % 10
    batches = list(zip(images.split(100), labels.split(100)))
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.ReLU)]
    with tempfile.TemporaryDirectory() as folder:
        begin, cpu = time.monotonic(), cpu_seconds()
        run(arguments.way, model, batches, layers, arguments, Path(folder))
        seconds, cpu = time.monotonic() - begin, cpu_seconds() - cpu
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*.npy"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{arguments.way}: disk {disk / 1e6:.1f} MB, {seconds:.1f} s, CPU {cpu:.1f} s, resident {peak:.0f} MB",
          file=sys.stderr)


if __name__ == "__main__":
    main()
