"""Participation ratio, components and nearest neighbors with NumPy and scikit-learn; see peer.py."""
import peer

numpy = peer.load("numpy", "NumPy")
sklearn = peer.load("sklearn", "scikit-learn") if numpy else None
SHAPE = (50000, 2048)


def data():
    def make():
        x = numpy.random.default_rng(0).standard_normal(SHAPE, dtype=numpy.float32)
        x /= numpy.sqrt(numpy.arange(1, SHAPE[1] + 1, dtype=numpy.float32))
        x += numpy.float32(.3)
        return x
    return peer.held(SHAPE, make)


def gram(x, precision):
    z = x.astype(precision) - x.mean(0, dtype=precision)
    return z.T @ z


def participation_ratio(k):
    k = k.astype(numpy.float64)
    return numpy.trace(k) ** 2 / (k ** 2).sum()


def make_ratio(precision):
    x = data()
    return lambda: participation_ratio(gram(x, precision))


def make_components(precision):
    x = data()

    def run():
        shares = numpy.cumsum(numpy.linalg.eigvalsh(gram(x, precision))[::-1])
        return numpy.searchsorted(shares, .95 * shares[-1]) + 1
    return run


def make_pca():
    from sklearn.decomposition import PCA
    x = data()
    return lambda: PCA().fit(x)


def make_neighbors(precision):
    from sklearn.neighbors import NearestNeighbors
    points = numpy.random.default_rng(1).standard_normal((20000, 64)).astype(precision)
    # The nearest of three is the point itself.
    return lambda: NearestNeighbors(n_neighbors=3, algorithm="brute").fit(points).kneighbors(points)


if numpy:
    for name, precision in (("double", numpy.float64), ("float", numpy.float32)):
        peer.add(f"participation ratio, 50000 x 2048, {name}", "NumPy", lambda p=precision: make_ratio(p))
        peer.add(f"components for 95 %, 50000 x 2048, {name}", "NumPy", lambda p=precision: make_components(p))
if sklearn:
    peer.add("participation ratio, 50000 x 2048, double", "scikit-learn", make_pca)
    peer.add("components for 95 %, 50000 x 2048, double", "scikit-learn", make_pca)
    peer.add("TwoNN, 20000 x 64", "scikit-learn", lambda: make_neighbors(numpy.float32))
peer.serve()
