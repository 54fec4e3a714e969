"""The network `small` and a batch of images in PyTorch, for the peers of net, attack and gradient."""
import peer

torch = peer.load("torch", "PyTorch")
BATCH, CLASSES = 128, 10

if torch:
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(peer.THREADS)
    torch.manual_seed(1)

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

    def batch():
        """Images and labels."""
        return torch.rand(BATCH, 1, 28, 28), torch.randint(0, CLASSES, (BATCH,))

    def folded():
        """The network as it is evaluated: batch norm folded into the convolutions, no gradients of weights."""
        from torch.nn.utils.fusion import fuse_conv_bn_eval
        network = Small().eval()
        for i in range(4):
            network.convolutions[i] = fuse_conv_bn_eval(network.convolutions[i], network.norms[i])
            network.norms[i] = nn.Identity()
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        return network

    def input_gradient(network, point, labels):
        point = point.detach().requires_grad_(True)
        loss = functional.cross_entropy(network(point)[0], labels, reduction="sum")
        return torch.autograd.grad(loss, point)[0]
