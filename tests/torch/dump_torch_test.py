"""The dump function of examples/python/dump_torch.py on models and batches of all kinds.

dump_torch_test.py EXAMPLES_PYTHON; exit code 77 (skipped) without torch.
"""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
try:
    import numpy as np
    import torch
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)
from dump_torch import dump  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402


class OutOfMemory(Exception):
    pass


class Reused(nn.Module):
    """A ReLU that is called twice, works in place, and is not the last layer."""

    def __init__(self, fails_at=None):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3)
        self.relu = nn.ReLU(inplace=True)
        self.norm, self.drop = nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.fc = nn.Linear(6, 5)
        self.batches, self.fails_at, self.seen = 0, fails_at, []

    def forward(self, x):
        self.batches += 1
        self.seen.append((len(x), torch.is_grad_enabled()))
        if self.batches == self.fails_at:
            raise OutOfMemory()
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(self.drop(self.norm(x))))
        return self.fc(x.mean([2, 3]))


def by_hand(model, x):
    """Outputs of the layers of `Reused`, one call after the other."""
    with torch.no_grad():
        conv1 = model.conv1(x)
        relu1 = torch.relu(conv1)
        conv2 = model.conv2(nn.functional.batch_norm(relu1, model.norm.running_mean, model.norm.running_var,
                                                     model.norm.weight, model.norm.bias))
        relu2 = torch.relu(conv2)
        fc = model.fc(relu2.mean([2, 3]))
    return {"conv1": conv1, "relu.0": relu1, "conv2": conv2, "relu.1": relu2, "fc": fc, "output": fc}


class Keyword(nn.Module):
    """Called with keywords, gives a dictionary, as transformers do."""

    def __init__(self):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(20, 8), nn.LSTM(8, 6, batch_first=True)

    def forward(self, tokens, scale):
        output, (hidden, _) = self.lstm(self.embed(tokens) * scale[:, None, None])
        return {"output": output, "hidden": hidden[0]}


class Dump(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        torch.set_num_threads(1)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.acts = folder.name, os.path.join(folder.name, "acts")
        self.model = Reused()
        self.x = torch.rand(23, 3, 8, 9)
        self.y = torch.arange(23) % 5
        self.model.train()(self.x)  # running statistics that are not those of the start
        self.model.seen.clear()
        self.expected = by_hand(self.model, self.x)

    def written(self, paths):
        return {os.path.basename(path)[:-4]: np.load(path) for path in paths}

    def check(self, paths, names, tolerance=1e-6):
        written = self.written(paths)
        self.assertEqual(list(written), names)
        for name in names:
            if name == "labels":
                np.testing.assert_array_equal(written[name], self.y)
            else:
                np.testing.assert_allclose(written[name], self.expected[name].numpy(), tolerance, tolerance)
        return written

    def test_every_call_is_written_in_the_order_of_the_calls(self):
        names = ["conv1", "relu.0", "conv2", "relu.1", "fc", "output"]
        paths = dump(self.model, self.x, self.acts, ["fc", "", "relu", "conv2", "conv1"], 8)
        written = self.check(paths, names)
        self.assertEqual({values.dtype for values in written.values()}, {np.dtype("float32")})
        self.assertEqual(self.model.seen, [(8, False), (8, False), (7, False)])
        # The convolution's output, not what the in-place ReLU made of it.
        self.assertLess(written["conv1"].min(), 0)
        self.assertFalse(any(module._forward_hooks for module in self.model.modules()))

    def test_batches_of_all_kinds(self):
        pairs = [(self.x[i:i + 8], self.y[i:i + 8]) for i in range(0, 23, 8)]
        kinds = {"array": (self.x.numpy(), None),
                 "tensors": (DataLoader(self.x, batch_size=10), None),
                 "loader": (DataLoader(TensorDataset(self.x, self.y), batch_size=10), "labels"),
                 "list": (pairs, "labels"),
                 "generator": ((pair for pair in pairs), "labels"),
                 "triples": ([(x, y, "index") for x, y in pairs], "labels"),
                 "dictionary": ({"x": self.x, "label": self.y}, "labels"),
                 "dictionaries": (({"x": x.numpy(), "labels": y} for x, y in pairs), "labels")}
        for kind, (inputs, labels) in kinds.items():
            with self.subTest(kind):
                paths = dump(self.model, inputs, os.path.join(self.root, kind), "fc")
                self.check(paths, ["fc"] + ([labels] if labels else []))
        self.check(dump(self.model, self.x, self.acts, "fc", 8, labels=self.y), ["fc", "labels"])
        self.check(dump(self.model, pairs, self.acts + "2", "fc", labels=False), ["fc"])
        paths = dump(self.model, ([7, x, y] for x, y in pairs), self.acts + "3", "fc",
                     call=lambda model, batch: model(batch[1]), labels=lambda batch: batch[2])
        self.check(paths, ["fc", "labels"])
        for inputs, message in ((TensorDataset(self.x, self.y), "TensorDataset.*DataLoader"),
                                ((self.x, self.y), "tuple.*labels=")):
            with self.assertRaisesRegex(TypeError, message):
                dump(self.model, inputs, self.acts + "4", "fc")
        with self.assertRaisesRegex(ValueError, "30 labels for 23 samples"):
            dump(self.model, self.x, self.acts + "4", "fc", labels=torch.zeros(30, dtype=int))
        self.assertFalse(os.path.exists(self.acts + "4"))

    def test_a_model_that_fails_leaves_no_file(self):
        model = Reused(fails_at=3)
        with self.assertRaises(OutOfMemory):
            dump(model, self.x, self.acts, ["relu", "fc"], 8)
        self.assertEqual(os.listdir(self.root), [])
        self.assertTrue(model.training)
        self.assertFalse(any(module._forward_hooks for module in model.modules()))

    def test_means_are_those_of_the_maps(self):
        maps = self.written(dump(self.model, self.x, self.acts, ["relu", "fc"], 8))
        means = self.written(dump(self.model, self.x, self.acts + "2", ["relu", "fc"], 8, reduce="mean"))
        for name in ("relu.0", "relu.1"):
            self.assertEqual(means[name].shape, maps[name].shape[:2])
            np.testing.assert_allclose(means[name], maps[name].mean((2, 3), dtype=float), 1e-6)
        np.testing.assert_array_equal(means["fc"], maps["fc"])
        largest = self.written(dump(self.model, self.x, self.acts + "3", "conv2", reduce=lambda x: x.amax((2, 3))))
        np.testing.assert_allclose(largest["conv2"], self.expected["conv2"].numpy().max((2, 3)), 1e-5)

    def test_dtypes(self):
        half = self.written(dump(self.model, self.x, self.acts, "fc", dtype="float16"))["fc"]
        self.assertEqual(half.dtype, np.float16)
        np.testing.assert_allclose(half, self.expected["fc"].numpy(), 1e-3, 1e-3)
        with self.assertRaisesRegex(ValueError, "range of float16"):
            dump(self.model, 1e7 * self.x, self.acts + "2", "conv1", dtype="float16")
        double, x = Reused().double(), self.x.double()
        written = self.written(dump(double, x, self.acts + "3", "fc", dtype="float64"))["fc"]
        np.testing.assert_allclose(written, double.eval()(x).detach().numpy(), 1e-13)
        written = self.written(dump(Reused().bfloat16(), self.x.bfloat16(), self.acts + "4", "fc"))["fc"]
        self.assertEqual(written.dtype, np.float32)

    def test_modes_and_device_are_left_alone(self):
        self.model.norm.eval()  # frozen
        modes = [module.training for module in self.model.modules()]
        first = self.written(dump(self.model, self.x, self.acts, "fc", 8))["fc"]
        self.assertEqual([module.training for module in self.model.modules()], modes)
        self.assertIn(False, modes)
        # In evaluation mode nothing is random.
        np.testing.assert_array_equal(
            self.written(dump(self.model, self.x, self.acts + "2", "fc", 8))["fc"], first)
        # Batches go to the device of the parameters. There is no other device here with numbers.
        devices = []

        def call(model, batch):
            devices.extend([batch["x"].device.type, batch["y"][0].device.type, next(model.parameters()).device.type])
            raise OutOfMemory()

        meta = Reused().to("meta")
        for options in ({}, {"device": "cpu"}):
            with self.assertRaises(OutOfMemory):
                dump(meta, [{"x": self.x.numpy(), "y": [self.y]}], self.acts + "3", "fc", call=call, **options)
        self.assertEqual(devices, ["meta", "meta", "meta", "cpu", "cpu", "meta"])
        self.assertEqual({value.device.type for value in meta.parameters()}, {"meta"})

    def test_outputs_that_are_not_tensors(self):
        model, tokens = Keyword(), torch.arange(60).reshape(12, 5) % 20
        inputs = {"tokens": tokens, "scale": torch.rand(12)}
        with self.assertRaisesRegex(TypeError, "layer 'lstm': expected an array, got a tuple.*pick="):
            dump(model, inputs, self.acts, "lstm")
        paths = dump(model, inputs, self.acts, ["lstm", ""], 5,
                     pick=lambda output: output["output"] if isinstance(output, dict) else output[0])
        written = self.written(paths)
        expected = model(**inputs)["output"].detach().numpy()
        for name in ("lstm", "output"):
            np.testing.assert_allclose(written[name], expected, 1e-5, 1e-6)
        with self.assertRaisesRegex(ValueError, "layer 'lstm'.*tokens"):
            dump(model, inputs, self.acts + "2", "lstm", pick=lambda output: output[0], reduce="mean")

    def test_layers_that_are_never_called(self):
        model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        x = torch.rand(7, 5, 8)
        layers = ["layers.0.linear1", "layers.1", "layers.1.linear1"]
        with self.assertRaisesRegex(ValueError, "does not call: 'layers.0.linear1', 'layers.1.linear1'.*gradients"):
            dump(model, x, self.acts, layers)
        self.assertFalse(os.path.exists(self.acts))
        written = self.written(dump(model, x, self.acts, layers, 4, gradients=True))
        self.assertEqual({name: values.shape for name, values in written.items()},
                         {"layers.0.linear1": (7, 5, 16), "layers.1.linear1": (7, 5, 16), "layers.1": (7, 5, 8)})
        np.testing.assert_allclose(written["layers.1"], model.eval()(x).detach().numpy(), 1e-4, 1e-5)

    def test_names(self):
        with self.assertRaisesRegex(ValueError, "unknown layer 'conv3'.*'conv2'"):
            dump(self.model, self.x, self.acts, ["fc", "conv3"])
        os.mkdir(self.acts)
        with open(os.path.join(self.acts, "notes.txt"), "w", encoding="ascii"):
            pass
        self.model.seen.clear()
        with self.assertRaisesRegex(FileExistsError, "empty folder.*overwrite"):
            dump(self.model, self.x, self.acts, "fc")
        self.assertEqual(self.model.seen, [])
        self.check(dump(self.model, self.x, self.acts, "fc", overwrite=True), ["fc"])
        self.assertEqual(sorted(os.listdir(self.acts)), ["fc.npy", "notes.txt"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
