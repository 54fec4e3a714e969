"""Class selectivity of arrays in memory with NumPy and PyTorch; see peer.py."""
import peer

numpy = peer.load("numpy", "NumPy")
torch = peer.load("torch", "PyTorch") if numpy else None
if torch:
    torch.set_num_threads(peer.THREADS)


def index(means, largest):
    rest = (means.sum(0) - largest) / (len(means) - 1)
    return (largest - rest) / (largest + rest + 1e-6)


def torch_selectivity(a, y, classes):
    if a.dim() == 4:
        a = a.mean((2, 3))
    means = torch.zeros(classes, a.shape[1]).index_add_(0, y, a) / torch.bincount(y, minlength=classes)[:, None]
    return index(means, means.max(0).values)


def numpy_selectivity(a, y, classes):
    if a.ndim == 4:
        a = a.mean((2, 3))
    means = numpy.stack([a[y == c].mean(0) for c in range(classes)])
    return index(means, means.max(0))


def data(shape):
    make = lambda: numpy.maximum(numpy.random.default_rng(0).standard_normal(shape, dtype=numpy.float32), 0)
    return peer.held(shape, make)


def labels(samples, classes):
    return numpy.arange(samples) * 7919 % classes


def make_numpy(shape, classes):
    a, y = data(shape), labels(shape[0], classes)
    return lambda: numpy_selectivity(a, y, classes)


def make_torch(shape, classes):
    a, y = torch.from_numpy(data(shape)), torch.from_numpy(labels(shape[0], classes))
    return lambda: torch_selectivity(a, y, classes)


for shape in ((10000, 256, 8, 8), (50000, 2048)):
    for classes in (10, 100, 1000):
        work = f"{' x '.join(str(extent) for extent in shape)}, {classes} classes"
        if torch:
            peer.add(work, "PyTorch", lambda s=shape, c=classes: make_torch(s, c))
        if numpy:
            peer.add(work, "NumPy", lambda s=shape, c=classes: make_numpy(s, c))
peer.serve()
