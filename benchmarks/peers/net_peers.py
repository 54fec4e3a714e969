"""Training steps and forward passes of the network `small` with PyTorch; see peer.py."""
import peer
import small
from small import torch


def selectivity(taps, labels):
    hot = torch.nn.functional.one_hot(labels, small.CLASSES).float()
    counts = hot.sum(0)
    present = counts > 0
    layers = []
    for tap in taps:
        means = (hot.t() @ tap.mean((2, 3)))[present] / counts[present][:, None]
        largest = means.max(0)[0]
        rest = (means.sum(0) - largest) / (means.shape[0] - 1)
        layers.append(((largest - rest) / (largest + rest + 1e-6)).mean())
    return torch.stack(layers).mean()


def make_step(alpha):
    x, labels = small.batch()
    network = small.Small()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def run():
        logits, taps = network(x)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        if alpha:
            loss = loss - alpha * selectivity(taps, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return run


def make_forward():
    x, _ = small.batch()
    network = small.folded()

    def run():
        with torch.no_grad():
            network(x)
    return run


if torch:
    peer.add("training step", "PyTorch", lambda: make_step(0))
    peer.add("training step with selectivity", "PyTorch", lambda: make_step(-0.5))
    peer.add("forward", "PyTorch", make_forward)
peer.serve()
