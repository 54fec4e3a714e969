"""The dump functions for Flax and Keras with stand-ins for the frameworks: siblings_test.py EXAMPLES_PYTHON.

The stand-ins have what the functions use of `jax`, `keras` and a linen module, with the names of their documentation.
"""

import os
import sys
import tempfile
import types
import unittest

import numpy as np

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

sys.modules["jax"] = types.SimpleNamespace(jit=lambda function: function)


class FakeKerasModel:
    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs

    def predict_on_batch(self, x):
        return {name: symbol(x) for name, symbol in self.outputs.items()}


sys.modules["keras"] = types.SimpleNamespace(Model=FakeKerasModel)
import dump_flax  # noqa: E402
import dump_keras  # noqa: E402


def maps(x):
    return np.maximum(x - 0.5, 0)


def features(x):
    return x.mean((1, 2))


class LinenModule:
    """A module whose conv is called twice, in a block, and whose pair has two outputs."""

    def __init__(self, fails_at=None):
        self.options, self.batches, self.fails_at = [], 0, fails_at

    def apply(self, variables, x, *, capture_intermediates, mutable, **options):
        assert variables == "variables" and capture_intermediates and mutable == ["intermediates"]
        self.options.append(options)
        self.batches += 1
        if self.batches == self.fails_at:
            raise RuntimeError("out of memory")
        state = {"Block_1": {"Conv_0": {"__call__": (maps(x), maps(2 * x))}, "__call__": (maps(x),)},
                 "Dense_0": {"__call__": (features(x),)}, "Pair_0": {"__call__": ((features(x), 1),)},
                 "__call__": (features(x),)}
        return features(x), {"intermediates": state}


class Symbol:
    def __init__(self, function, shape):
        self.function, self.shape = function, shape

    def __call__(self, x):
        return self.function(x["image"] if isinstance(x, dict) else x)


class KerasModel:
    inputs = ["image"]

    def __init__(self):
        self.layers = [types.SimpleNamespace(name="conv1", output=Symbol(maps, (None, 4, 5, 3))),
                       types.SimpleNamespace(name="dense", output=Symbol(features, (None, 3))),
                       types.SimpleNamespace(name="pair", output=[Symbol(features, (None, 3)), 1])]

    def get_layer(self, name):
        return next(layer for layer in self.layers if layer.name == name)


class Siblings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.acts = os.path.join(folder.name, "acts")
        self.x = np.random.default_rng(3).random((11, 4, 5, 3)).astype(np.float32)
        self.y = np.arange(11) % 4
        self.pairs = [(self.x[:4], self.y[:4]), (self.x[4:], self.y[4:])]

    def written(self, paths):
        return {os.path.basename(path): np.load(path) for path in paths}

    def check(self, paths, expected):
        written = self.written(paths)
        self.assertEqual(list(written), list(expected))
        for name, values in expected.items():
            np.testing.assert_allclose(written[name], values, 1e-6)

    def test_flax(self):
        model, x = LinenModule(), self.x
        paths = dump_flax.dump(model, "variables", x, self.acts, ["Block_1/Conv_0", "Dense_0", ""], 4, train=False)
        self.check(paths, {"Block_1.Conv_0.0.npy": maps(x), "Block_1.Conv_0.1.npy": maps(2 * x),
                           "Dense_0.npy": features(x), "output.npy": features(x)})
        self.assertEqual(model.options, [{"train": False}] * 3)
        paths = dump_flax.dump(model, "variables", iter(self.pairs), self.acts + ".npz", ["Block_1", "Pair_0"],
                               pick=lambda output: output[0], reduce="mean", dtype="float64")
        archive = np.load(paths[0])
        self.assertEqual(archive.files, ["Block_1", "Pair_0", "labels"])
        np.testing.assert_allclose(archive["Block_1"], maps(x).mean((1, 2)), 1e-6)
        np.testing.assert_array_equal(archive["labels"], self.y)
        with self.assertRaisesRegex(ValueError, "unknown layer 'Dense_1'.*'Dense_0'"):
            dump_flax.dump(model, "variables", x, self.acts + "2", "Dense_1")
        with self.assertRaisesRegex(TypeError, "pick="):
            dump_flax.dump(model, "variables", x, self.acts + "2", "Pair_0")
        with self.assertRaisesRegex(RuntimeError, "out of memory"):
            dump_flax.dump(LinenModule(fails_at=2), "variables", x, self.acts + "2", "Dense_0", 4)
        self.assertFalse(os.path.exists(self.acts + "2"))

    def test_keras(self):
        model, x = KerasModel(), self.x
        paths = dump_keras.dump(model, x, self.acts, ["conv1", "dense"], 4, labels=self.y)
        self.check(paths, {"conv1.npy": maps(x), "dense.npy": features(x), "labels.npy": self.y})
        with self.assertRaises(FileExistsError):
            dump_keras.dump(model, x, self.acts, "dense")
        paths = dump_keras.dump(model, {"image": x}, self.acts + "2", ["conv1", "pair"], 4,
                                pick=lambda output: output[0], reduce="mean")
        self.check(paths, {"conv1.npy": maps(x).mean((1, 2)), "pair.npy": features(x)})
        with self.assertRaisesRegex(ValueError, "unknown layer 'dense1'.*'dense'"):
            dump_keras.dump(model, x, self.acts + "3", "dense1")
        self.assertFalse(os.path.exists(self.acts + "3"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
