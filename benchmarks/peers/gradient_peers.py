"""Gradients of the network `small` with respect to its input with PyTorch; see peer.py."""
import peer
import small
from small import torch


def unit_gradients(network, x):
    """The l2 and l1 norms of the gradients of all 144 units, a backward pass each."""
    x = x.detach().requires_grad_(True)
    norms = []
    for tap in network(x)[1]:
        means = tap.mean((2, 3)).sum(0)
        for unit in range(len(means)):
            gradient, = torch.autograd.grad(means[unit], x, retain_graph=True)
            gradient = gradient.flatten(1)
            norms.append((gradient.norm(dim=1), gradient.norm(p=1, dim=1)))
    return norms


def make_loss():
    network = small.folded()
    x, labels = small.batch()
    return lambda: small.input_gradient(network, x, labels)


def make_units():
    network = small.folded()
    x, _ = small.batch()
    return lambda: unit_gradients(network, x)


if torch:
    peer.add("gradient of the loss", "PyTorch", make_loss)
    peer.add("gradients of all units", "PyTorch", make_units)
peer.serve()
