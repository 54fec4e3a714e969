#!/usr/bin/python3
"""Attacks on the network `small` in PyTorch and in repscope, alternating in one run: images a second and their ratio.

    attack_peers.py PATH_TO_ATTACK_BINARY [--rounds N] [--seconds S] [--threads 1,2]

Both do the same work on the same machine within seconds of each other: batch 128 of 1 x 28 x 28, batch norm folded into
the convolutions, PGD of 20 steps from a random start (linf 8/255, l2 1), FGSM, and the gradients of all 144 units, one
backward pass each. Figures are medians over the rounds.
"""
import argparse
import statistics

import torch
from torch.nn import functional
from training_peers import BATCH, CLASSES, Small, folded, median_time, ours

STEPS = 20


def input_gradient(network, point, labels):
    point = point.detach().requires_grad_(True)
    loss = functional.cross_entropy(network(point)[0], labels, reduction="sum")
    return torch.autograd.grad(loss, point)[0]


def pgd_linf(network, x, labels, eps=8 / 255):
    point = (x + (torch.rand_like(x) * 2 - 1) * eps).clamp(0, 1)
    for _ in range(STEPS):
        point = point + 2.5 * eps / STEPS * input_gradient(network, point, labels).sign()
        point = torch.min(torch.max(point, x - eps), x + eps).clamp(0, 1)
    return network(point)[0].argmax(1)


def pgd_l2(network, x, labels, eps=1.0):
    delta = torch.randn_like(x)
    radius = eps * torch.rand(len(x), 1, 1, 1) ** (1 / x[0].numel())
    point = (x + delta * radius / delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(0, 1)
    for _ in range(STEPS):
        gradient = input_gradient(network, point, labels)
        gradient = gradient / (gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12)
        delta = point + 2.5 * eps / STEPS * gradient - x
        delta = delta * (eps / delta.flatten(1).norm(dim=1).clamp(min=1e-12)).clamp(max=1).view(-1, 1, 1, 1)
        point = (x + delta).clamp(0, 1)
    return network(point)[0].argmax(1)


def fgsm(network, x, labels, eps=8 / 255):
    return network((x + eps * input_gradient(network, x, labels).sign()).clamp(0, 1))[0].argmax(1)


def unit_gradients(network, x):
    x = x.detach().requires_grad_(True)
    norms = []
    for tap in network(x)[1]:
        means = tap.mean((2, 3)).sum(0)
        for unit in range(len(means)):
            gradient, = torch.autograd.grad(means[unit], x, retain_graph=True)
            gradient = gradient.flatten(1)
            norms.append((gradient.norm(dim=1), gradient.norm(p=1, dim=1)))
    return norms


def peer(threads, seconds):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    x, labels = torch.rand(BATCH, 1, 28, 28), torch.randint(0, CLASSES, (BATCH,))
    network = folded(Small())
    return {"pgd_linf": BATCH / median_time(seconds, lambda: pgd_linf(network, x, labels)),
            "pgd_l2": BATCH / median_time(seconds, lambda: pgd_l2(network, x, labels)),
            "fgsm": BATCH / median_time(seconds, lambda: fgsm(network, x, labels)),
            "unit_gradients": BATCH / median_time(seconds, lambda: unit_gradients(network, x))}


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
        print(f"{'':16} {'repscope':>10} {'PyTorch':>10} {'ratio':>7} {'lowest':>7}")
        for name in rounds[0][0]:
            mine = statistics.median(r[0][name] for r in rounds)
            if name not in rounds[0][1]:
                print(f"{name:16} {mine:10.0f}")
                continue
            theirs = statistics.median(r[1][name] for r in rounds)
            ratios = [a[name] / b[name] for a, b in rounds]
            print(f"{name:16} {mine:10.0f} {theirs:10.0f} {statistics.median(ratios):7.2f} {min(ratios):7.2f}")


if __name__ == "__main__":
    main()
