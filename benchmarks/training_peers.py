#!/usr/bin/python3
"""The network `small` in PyTorch and in repscope, alternating in one run: images a second and their ratio.

    training_peers.py PATH_TO_TRAINING_BINARY [--rounds N] [--seconds S] [--threads 1,2]

Both do the same work on the same machine within seconds of each other: batch 128 of 1 x 28 x 28, SGD with momentum and
weight decay. Figures are medians over the rounds; the share is of the SGEMM that torch.mm reaches in the same rounds.
"""
import argparse
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional

BATCH, CLASSES = 128, 10
# Multiply-adds of one image: forward, and forward with both gradients but that of the input.
LAYERS = [(196, 9, 16), (196, 144, 32), (49, 288, 32), (49, 288, 64)]
FORWARD = sum(a * b * c for a, b, c in LAYERS)
WORK = {"forward": FORWARD, "train": 3 * FORWARD - 196 * 9 * 16, "train_penalty": 3 * FORWARD - 196 * 9 * 16,
        "input_gradient": 2 * FORWARD}


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        widths, strides = [1, 16, 32, 32, 64], [2, 1, 2, 1]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 3, strides[i], 1, bias=False) for i in range(4))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.head = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = (x - 0.2860) / 0.3530
        taps = []
        for convolution, norm in zip(self.convolutions, self.norms):
            x = functional.relu(norm(convolution(x)))
            taps.append(x)
        return self.head(x.mean((2, 3))), taps


def selectivity(taps, labels):
    hot = functional.one_hot(labels, CLASSES).float()
    counts = hot.sum(0)
    present = counts > 0
    layers = []
    for tap in taps:
        means = (hot.t() @ tap.mean((2, 3)))[present] / counts[present][:, None]
        largest = means.max(0)[0]
        rest = (means.sum(0) - largest) / (means.shape[0] - 1)
        layers.append(((largest - rest) / (largest + rest + 1e-6)).mean())
    return torch.stack(layers).mean()


def folded(network):
    from torch.nn.utils.fusion import fuse_conv_bn_eval
    network.eval()
    for i in range(4):
        network.convolutions[i] = fuse_conv_bn_eval(network.convolutions[i], network.norms[i])
        network.norms[i] = nn.Identity()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network


def median_time(seconds, work):
    work()
    work()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def peer(threads, seconds):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    x, labels = torch.rand(BATCH, 1, 28, 28), torch.randint(0, CLASSES, (BATCH,))
    network = Small()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step(alpha):
        logits, taps = network(x)
        loss = functional.cross_entropy(logits, labels)
        if alpha:
            loss = loss - alpha * selectivity(taps, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    found = {"train": BATCH / median_time(seconds, lambda: step(0)),
             "train_penalty": BATCH / median_time(seconds, lambda: step(-0.5))}
    network = folded(network)
    with torch.no_grad():
        found["forward"] = BATCH / median_time(seconds, lambda: network(x))

    def input_gradient():
        point = x.clone().requires_grad_(True)
        loss = functional.cross_entropy(network(point)[0], labels, reduction="sum")
        torch.autograd.grad(loss, point)

    found["input_gradient"] = BATCH / median_time(seconds, input_gradient)
    a, b = torch.rand(1536, 1536), torch.rand(1536, 1536)
    found["sgemm_gflops"] = 2e-9 * 1536**3 / median_time(seconds, lambda: torch.mm(a, b))
    return found


def ours(binary, threads, seconds):
    lines = subprocess.run([binary, str(threads), str(seconds)], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in lines.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args()
    for threads in (int(text) for text in options.threads.split(",")):
        rounds = [(ours(options.binary, threads, options.seconds), peer(threads, options.seconds))
                  for _ in range(options.rounds)]
        print(f"{threads} thread{'s' if threads > 1 else ''}, medians of {options.rounds} rounds")
        print(f"{'':16} {'repscope':>10} {'PyTorch':>10} {'ratio':>7} {'lowest':>7} {'share of SGEMM':>15}")
        peak = statistics.median(r[1]["sgemm_gflops"] for r in rounds)
        for name in ("train", "train_penalty", "forward", "input_gradient", "sgemm_gflops"):
            mine, theirs = (statistics.median(r[k][name] for r in rounds) for k in (0, 1))
            ratios = [a[name] / b[name] for a, b in rounds]
            share = f"{2e-9 * mine * WORK[name] / peak:.2f} / {2e-9 * theirs * WORK[name] / peak:.2f}" if name in WORK else ""
            print(f"{name:16} {mine:10.0f} {theirs:10.0f} {statistics.median(ratios):7.2f} {min(ratios):7.2f} {share:>15}")


if __name__ == "__main__":
    main()
