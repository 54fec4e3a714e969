"""Attacks on the network `small` with PyTorch; see peer.py."""
import peer
import small
from small import torch

STEPS = 20


def pgd_linf(network, x, labels, eps=8 / 255):
    point = (x + (torch.rand_like(x) * 2 - 1) * eps).clamp(0, 1)
    for _ in range(STEPS):
        point = point + 2.5 * eps / STEPS * small.input_gradient(network, point, labels).sign()
        point = torch.min(torch.max(point, x - eps), x + eps).clamp(0, 1)
    return network(point)[0].argmax(1)


def norms(x):
    return x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def pgd_l2(network, x, labels, eps=1.0):
    delta = torch.randn_like(x)
    radius = eps * torch.rand(len(x), 1, 1, 1) ** (1 / x[0].numel())
    point = (x + delta * radius / norms(delta)).clamp(0, 1)
    for _ in range(STEPS):
        gradient = small.input_gradient(network, point, labels)
        delta = point + 2.5 * eps / STEPS * gradient / (norms(gradient) + 1e-12) - x
        delta = delta * (eps / norms(delta).clamp(min=1e-12)).clamp(max=1)
        point = (x + delta).clamp(0, 1)
    return network(point)[0].argmax(1)


def fgsm(network, x, labels, eps=8 / 255):
    return network((x + eps * small.input_gradient(network, x, labels).sign()).clamp(0, 1))[0].argmax(1)


def make(attack):
    network = small.folded()
    x, labels = small.batch()
    return lambda: attack(network, x, labels)


if torch:
    for work, attack in (("PGD linf, 20 steps", pgd_linf), ("PGD l2, 20 steps", pgd_l2), ("FGSM", fgsm)):
        peer.add(work, "PyTorch", lambda a=attack: make(a))
peer.serve()
