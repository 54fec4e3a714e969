"""The Python module with PyTorch: module_torch_test.py FOLDER EXAMPLES_PYTHON [REPSCOPE].

FOLDER has the package `repscope`. Exit code 77 (skipped) without PyTorch or the program.
"""

import json
import os
import sys
import tempfile
import unittest
import warnings

import numpy as np

try:
    import torch
except ImportError:
    print("PyTorch is not installed: skipped")
    sys.exit(77)

FOLDER, EXAMPLES, *PROGRAM = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path[:0] = [FOLDER, EXAMPLES]
import repscope  # noqa: E402
from dump_torch import dump  # noqa: E402
from module_reference import differences, measured_by_program, selectivity_of, unit_values  # noqa: E402

sys.path.remove(EXAMPLES)


class Block(torch.nn.Module):
    """A residual block with one ReLU for both places, as torchvision's."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.conv2(self.relu(self.conv1(x))) + x)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 3)
        self.layer1 = Block(6)
        self.layer2 = Block(6)
        self.unused = torch.nn.Linear(2, 2)
        self.attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
        self.fc = torch.nn.Linear(6, 4)

    def features(self, x):
        return self.layer2(self.layer1(torch.relu(self.stem(x))))

    def forward(self, x):
        tokens = self.features(x).flatten(2).transpose(1, 2)
        return self.fc(self.attention(tokens, tokens, tokens)[0].mean(1))


def network():
    torch.manual_seed(3)
    return Network().eval()


class Tensors(unittest.TestCase):
    def test_types_and_strides(self):
        labels = torch.arange(60) % 3
        values = torch.randint(0, 90, (60, 5, 4, 3))
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16,
                      torch.int32, torch.int64, torch.bool):
            for form in (values, values.permute(0, 3, 1, 2), values[::2].repeat_interleave(2, 0)[:, 1:],
                         values.contiguous(memory_format=torch.channels_last)):
                tensor = (form % 2 if dtype == torch.bool else form).to(dtype)
                expected = selectivity_of(unit_values(tensor.double().numpy()), labels.numpy())
                for given in (tensor, torch.nn.Parameter(tensor) if tensor.is_floating_point() else tensor):
                    result = repscope.class_selectivity(given, labels)
                    np.testing.assert_allclose(result.index, expected, rtol=1e-12, err_msg=str(dtype))

    def test_no_copy(self):
        tensor = torch.zeros(40, 3)
        state = repscope.LayerAccumulator()
        for _ in range(3):
            state.update(tensor)
            tensor += 1  # the memory is not held, nor is a copy read
        self.assertAlmostEqual(state.report()["eigenvalues"][0], 3 * 120 * (2 / 3) / 119, 12)

    def test_not_in_memory(self):
        with self.assertRaises((TypeError, ValueError, RuntimeError, BufferError)):
            repscope.participation_ratio(torch.zeros(3, 3, device="meta"))
        with self.assertRaises(TypeError):
            repscope.participation_ratio(torch.zeros(3, 3, dtype=torch.complex64))


@unittest.skipUnless(PROGRAM, "the program is not built")
class Recording(unittest.TestCase):
    layers = ["stem", "layer?", "layer?.relu", "fc"]

    def setUp(self):
        self.model = network()
        torch.manual_seed(5)
        self.images, self.labels = torch.rand(130, 3, 9, 9), torch.arange(130) % 4

    def record(self, *arguments, batch=32, **options):
        with repscope.Recorder(self.model, *arguments, **options) as recorder, torch.no_grad():
            for first in range(0, 130, batch):
                if options.get("classes"):
                    recorder.labels(self.labels[first:first + batch])
                self.model(self.images[first:first + batch])
        return recorder

    def test_numbers_of_the_dump(self):
        """The outputs as they were when each layer returned them: the ReLU works in place on what it gets."""
        recorder = self.record(self.layers, classes=4)
        self.assertEqual(recorder.samples, 130)
        with tempfile.TemporaryDirectory() as folder:
            paths = dump(self.model, self.images, os.path.join(folder, "acts.npz"),
                         ["stem", "layer1.relu", "layer1", "layer2.relu", "layer2", "fc"], labels=self.labels.numpy())
            theirs = measured_by_program(PROGRAM[0], folder, "measure", paths[0], "--labels", f"{paths[0]}:labels",
                                         "--layout", "nchw")
        ours = json.loads(recorder.to_json())
        self.assertEqual(ours["schema"], "repscope.measure/1")
        self.assertEqual([layer["name"] for layer in ours["layers"]],
                         ["stem", "layer1.relu.0", "layer1.relu.1", "layer1", "layer2.relu.0", "layer2.relu.1",
                          "layer2", "fc"])
        by_name = {layer["name"]: layer for layer in theirs}
        for layer in ours["layers"]:
            self.assertEqual(differences(layer, by_name[layer["name"]], ignored=("file", "batches")), [])
        for layer in ours["layers"]:
            self.assertIn(layer["name"], recorder.table())

    def test_state_file(self):
        recorder = self.record("layer1,fc", classes=4)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "live.rsm")
            recorder.save(path)
            theirs = measured_by_program(PROGRAM[0], folder, "merge", path)
            recorder.to_json(os.path.join(folder, "live.json"))
            with open(os.path.join(folder, "live.json")) as file:
                ours = json.load(file)["layers"]
        self.assertEqual(differences(ours, theirs, ignored=("[0].batches", "[1].batches")), [])

    def test_choice_of_layers(self):
        names = {"layer?": ["layer1", "layer2"], "layer*,!*.conv?": ["layer1.relu.0", "layer1.relu.1", "layer1",
                                                                      "layer2.relu.0", "layer2.relu.1", "layer2"],
                 torch.nn.Linear: None, "": ["output"]}
        for layers, expected in names.items():
            if layers is torch.nn.Linear:
                with self.assertRaisesRegex(ValueError, "does not call: 'unused'"):
                    self.record(layers)
                continue
            self.assertEqual([layer["name"] for layer in self.record(layers).report()], expected)
        self.assertEqual([layer["name"] for layer in self.record([torch.nn.Conv2d, "fc"]).report()],
                         ["stem", "layer1.conv1", "layer1.conv2", "layer2.conv1", "layer2.conv2", "fc"])
        with self.assertRaisesRegex(ValueError, "no module is named 'layr1'; the model has 'layer1'"):
            repscope.Recorder(self.model, "layr1")
        for wrong in (None, [], 3):
            with self.assertRaises(TypeError):
                repscope.Recorder(self.model, wrong)

    def test_modules_that_are_called_twice(self):
        both = {layer["name"]: layer for layer in self.record("layer1.relu", classes=4).report()}
        first, = self.record("layer1.relu", classes=4, reused="first").report()
        self.assertEqual(first["name"], "layer1.relu")
        self.assertTrue(np.array_equal(first["selectivity"]["index"], both["layer1.relu.0"]["selectivity"]["index"]))
        self.assertFalse(np.array_equal(first["selectivity"]["index"], both["layer1.relu.1"]["selectivity"]["index"]))
        with self.assertRaisesRegex(ValueError, "'layer1.relu' is called more than once in a pass"):
            self.record("layer1.relu", reused="error")
        with self.assertRaisesRegex(ValueError, "expected reused to be one of number, first, error"):
            repscope.Recorder(self.model, "fc", reused="last")

    def test_outputs_that_are_not_tensors(self):
        with self.assertRaisesRegex(TypeError, "'attention': expected a tensor, got tuple; pass pick="):
            self.record("attention")
        with self.assertRaisesRegex(ValueError, "'attention': .*other ranks need a layout"):
            self.record("attention", pick=lambda output: output[0])
        layer, = self.record("attention", pick=lambda output: output[0], layout="ntd").report()
        self.assertEqual((layer["shape"], layer["layout"], layer["units"]), ([130, 49, 6], "ntd", 6))

    def test_labels_are_given_for_each_pass(self):
        with self.assertRaisesRegex(ValueError, r"call recorder.labels\(labels\) before each pass"):
            with repscope.Recorder(self.model, "fc", classes=4) as recorder:
                recorder.labels(self.labels)
                self.model(self.images)
                self.model(self.images)
        with self.assertRaisesRegex(ValueError, "layer 'fc': .*got 9 labels for 130 samples"):
            with repscope.Recorder(self.model, "fc", classes=4) as recorder:
                recorder.labels(self.labels[:9])
                self.model(self.images)
        with self.assertRaisesRegex(ValueError, "the recorder has no classes"):
            repscope.Recorder(self.model, "fc").labels(self.labels)
        self.assertEqual(len(self.model._forward_pre_hooks) + len(self.model.fc._forward_hooks), 0)

    def test_methods_of_the_model(self):
        with repscope.Recorder(self.model, "layer2", classes=4) as recorder:
            for first in (0, 65):
                recorder.labels(self.labels[first:first + 65])
                self.model.features(self.images[first:first + 65])
        whole = self.record("layer2", classes=4)
        np.testing.assert_allclose(recorder.report()[0]["selectivity"]["index"],
                                   whole.report()[0]["selectivity"]["index"], rtol=1e-5)

    def test_merge_of_processes(self):
        whole, parts = self.record("layer1", classes=4, batch=130), []
        for first in (0, 70):
            with repscope.Recorder(self.model, "layer1", classes=4) as recorder:
                recorder.labels(self.labels[first:first + (70 if first == 0 else 60)])
                self.model(self.images[first:first + (70 if first == 0 else 60)])
            parts.append(recorder)
        parts[0].merge(parts[1])
        self.assertEqual(parts[0].samples, 130)
        np.testing.assert_allclose(parts[0].report()[0]["selectivity"]["index"],
                                   whole.report()[0]["selectivity"]["index"], rtol=1e-5)
        with self.assertRaisesRegex(ValueError, r"expected a recorder of the layers \['layer1'\], got \['fc'\]"):
            parts[0].merge(self.record("fc"))

    def test_training_mode_is_a_warning(self):
        self.model.train()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.record("fc")
        self.assertEqual(len([w for w in caught if "training mode" in str(w.message)]), 1)
        self.assertTrue(self.model.training)


class Gradients(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(9)
        self.model = torch.nn.Sequential(torch.nn.Conv2d(2, 5, 3), torch.nn.Tanh(), torch.nn.Flatten(),
                                         torch.nn.Linear(5 * 16, 7), torch.nn.ReLU()).double().eval()
        self.images = torch.rand(40, 2, 6, 6, dtype=torch.float64)

    def norms(self, layer, order):
        """Norms (samples, units), each by a backward pass of its own."""
        result = []
        for image in self.images:
            jacobian = torch.autograd.functional.jacobian(
                lambda x: self.model[:layer + 1](x[None])[0].flatten(1 if layer < 2 else 0), image)
            jacobian = jacobian.mean(1) if layer < 2 else jacobian
            result.append(torch.linalg.vector_norm(jacobian.flatten(1), order, dim=1))
        return torch.stack(result).numpy()

    def test_exact(self):
        results = repscope.input_unit_gradients(self.model, self.images, "1,4", batch=17)
        self.assertEqual(list(results), ["1", "4"])
        for layer in (1, 4):
            for order in (1, 2):
                norms = self.norms(layer, order)
                live = norms[:, (norms > 0).any(0)]
                got = results[str(layer)][f"l{order}"]
                np.testing.assert_allclose(got["mean_norm"], norms.mean(0), rtol=1e-11)
                self.assertAlmostEqual(got["mean"] / live.mean(), 1, 11)
                self.assertAlmostEqual(got["cv_samples"] / (live.std(0, ddof=1) / live.mean(0)).mean(), 1, 10)
                rows = live[(live > 0).any(1)]
                self.assertAlmostEqual(got["cv_units"] / (rows.std(1, ddof=1) / rows.mean(1)).mean(), 1, 10)
                self.assertEqual((got["images"], got["units"]), (40, norms.shape[1]))

    def test_probes(self):
        exact = repscope.input_unit_gradients(self.model, self.images, "1,4")
        probed = repscope.input_unit_gradients(self.model, self.images, "1,4", probes=64, batch=17)
        again = repscope.input_unit_gradients(self.model, self.images, "1,4", probes=64, batch=40)
        for layer in ("1", "4"):
            self.assertIsNone(probed[layer]["l1"])
            got, expected = probed[layer]["l2"], exact[layer]["l2"]
            # 40 samples x 64 probes of relative standard deviation 1 / sqrt(2).
            np.testing.assert_allclose(got["mean_norm"], expected["mean_norm"], rtol=5 / np.sqrt(2 * 40 * 64))
            self.assertAlmostEqual(got["cv_samples"], expected["cv_samples"],
                                   delta=4 * (got["cv_samples_error"] + 0.01))
            np.testing.assert_allclose(again[layer]["l2"]["mean_norm"], got["mean_norm"], rtol=1e-10)

    def test_errors(self):
        for layers, text in (("9", "no module is named '9'"), ("1", "expected at least 1 image, got 0")):
            with self.assertRaisesRegex(ValueError, text):
                repscope.input_unit_gradients(self.model, self.images[:0 if layers == "1" else 5], layers)
        reused = torch.nn.Sequential(self.model[0], self.model[1], self.model[1])
        with self.assertRaisesRegex(ValueError, "called more than once in a pass"):
            repscope.input_unit_gradients(reused, self.images, "1")


if __name__ == "__main__":
    outcome = unittest.main(argv=sys.argv[:1], exit=False).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    sys.exit(0 if PROGRAM else 77)
