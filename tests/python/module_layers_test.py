"""Reports of layers in the Python module, against NumPy and the program: module_layers_test.py FOLDER [REPSCOPE].

FOLDER has the package `repscope`. Without the program its comparisons are skipped, with exit code 77.
"""

import json
import os
import pickle
import sys
import tempfile
import unittest

import numpy as np

FOLDER, *PROGRAM = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)
import repscope  # noqa: E402
from repscope.recorder import _finite  # noqa: E402
from module_reference import (differences, measured_by_program, participation_ratio_of, run_program,  # noqa: E402
                              selectivity_of, unit_values)

RANDOM = np.random.default_rng(11)
# Fields of the program that describe files.
OF_FILES = ("file", "batches", "comparison.file", "name")


def as_json(report):
    """A report as its JSON reads back."""
    return json.loads(json.dumps(_finite(report), allow_nan=False))


def layer(shape, dtype="f4", classes=5):
    """Activations whose classes differ, and their labels."""
    labels = RANDOM.integers(0, classes, shape[0])
    gains = RANDOM.random((classes, shape[1])) ** 3
    x = gains[labels].reshape(shape[:2] + (1,) * (len(shape) - 2)) * RANDOM.random(shape)
    return (x * (50 if np.dtype(dtype).kind in "iu" else 1)).astype(dtype), labels


class Measure(unittest.TestCase):
    def test_numbers_of_numpy(self):
        for shape in ((300, 20), (300, 6, 4, 5), (30, 60)):
            x, labels = layer(shape)
            values = unit_values(x)
            report = repscope.measure(x, labels, name="conv1")
            np.testing.assert_allclose(report["selectivity"]["index"], selectivity_of(values, labels), rtol=1e-11,
                                       atol=1e-14)
            self.assertAlmostEqual(report["dimensionality"]["participation_ratio"] / participation_ratio_of(values), 1,
                                   10)
            np.testing.assert_allclose(report["eigenvalues"].sum(), np.var(values, axis=0, ddof=1).sum(), rtol=1e-11)
            self.assertEqual((report["name"], report["shape"], report["samples"], report["units"], report["dtype"]),
                             ("conv1", list(shape), shape[0], shape[1], "<f4"))
            self.assertEqual(report["selectivity"]["class_counts"], np.bincount(labels).tolist())
            direct = repscope.class_selectivity(x, labels)
            np.testing.assert_allclose(report["selectivity"]["index"], direct.index, rtol=1e-12, atol=1e-14)

    def test_without_labels(self):
        report = repscope.measure(RANDOM.random((50, 4)))
        self.assertIsNone(report["selectivity"])

    def test_comparison(self):
        x, labels = layer((200, 8, 2, 3))
        y = np.maximum(x + 0.2 * RANDOM.standard_normal(x.shape).astype("f4"), 0)
        y[17] = 0
        report = repscope.compare(x, y, labels)["comparison"]
        change = unit_values(y) - unit_values(x)
        self.assertAlmostEqual(report["difference"]["relative_size"],
                               np.sqrt((change ** 2).sum() / (unit_values(x) ** 2).sum()), 12)
        self.assertAlmostEqual(report["difference"]["participation_ratio"] / participation_ratio_of(change), 1, 10)
        np.testing.assert_allclose(report["selectivity"]["index"], selectivity_of(unit_values(y), labels), rtol=1e-11)
        self.assertEqual(report["zero_samples"], 1)
        with self.assertRaisesRegex(ValueError, r"expected perturbed activations of shape \(200, 8, 2, 3\), got"):
            repscope.compare(x, y[:, :, :1])

    def test_options_are_checked(self):
        x, labels = layer((50, 4))
        for options, text in (({"method": "fast"}, "expected one of exact, blocks, sketch, auto, got 'fast'"),
                              ({"null": "none"}, "expected one of saddlepoint, permutation, got 'none'"),
                              ({"precision": "half"}, "expected one of double, float, got 'half'"),
                              ({"memory": 1000}, "max_bytes"),
                              ({"measures": "selectivty"}, "selectivity")):
            with self.assertRaisesRegex(ValueError, text):
                repscope.measure(x, labels, **options)
        with self.assertRaisesRegex(TypeError, "unexpected keyword argument 'speed'"):
            repscope.measure(x, labels, speed=1)


class Accumulator(unittest.TestCase):
    def setUp(self):
        self.x, self.labels = layer((2500, 30))
        self.whole = repscope.LayerAccumulator(classes=5)
        self.whole.update(self.x, self.labels)

    def same(self, one, other, tolerance):
        self.assertEqual(differences(as_json(one.report()), as_json(other.report()), tolerance=tolerance), [])

    def test_batches_change_no_bit(self):
        for sizes in ([1] * 300 + [2200], [7] * 357 + [1], [1000, 1000, 500]):
            state = repscope.LayerAccumulator(classes=5, threads=1 + len(sizes) % 3)
            for first, count in zip(np.cumsum([0] + sizes), sizes):
                state.update(self.x[first:first + count], self.labels[first:first + count])
            self.assertEqual(state.samples, 2500)
            self.same(state, self.whole, 0)

    def test_is_the_measure_of_the_array(self):
        self.assertEqual(differences(as_json(self.whole.report()), as_json(repscope.measure(self.x, self.labels)),
                                     tolerance=0, ignored=("batches",)), [])

    def test_merge_pickle_and_files(self):
        parts = []
        for first in (0, 900, 1400):
            last = {0: 900, 900: 1400, 1400: 2500}[first]
            part = repscope.LayerAccumulator(classes=5, name="conv")
            part.update(self.x[first:last], self.labels[first:last])
            parts.append(pickle.loads(pickle.dumps(part)))
            self.assertEqual((parts[-1].samples, parts[-1].name), (last - first, "conv"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "part.rsm")
            parts[1].save(path)
            self.assertEqual(os.listdir(folder), ["part.rsm"])
            parts[1] = repscope.LayerAccumulator.load(path, threads=1)
        merged = pickle.loads(pickle.dumps(repscope.LayerAccumulator(classes=5)))
        self.assertEqual(merged.samples, 0)
        for part in parts:
            merged.merge(part)
        self.same(merged, self.whole, 1e-10)
        self.assertEqual(merged.report()["shape"], [2500, 30])
        merged.merge(merged)
        self.assertEqual(merged.samples, 5000)

    def test_page_of_unlabeled_samples(self):
        state = repscope.LayerAccumulator(name="a<b", measures="participation_ratio")
        state.update(self.x)
        page = state.to_html()
        self.assertIn("<h1>Representations of 1 layer</h1>", page)
        self.assertIn("measures: participation_ratio", page)
        self.assertIn("a&lt;b", page)
        self.assertNotIn("Class selectivity</h2>", page)
        with self.assertRaisesRegex(ValueError, "expected at least 2 samples, got 0"):
            repscope.LayerAccumulator().to_html()

    def test_errors_leave_the_state(self):
        before = as_json(self.whole.report())
        bad = self.x.copy()
        bad[2400, 3] = np.inf
        huge = np.zeros((300_000, 30), np.float16)  # read in several parts
        huge[299_999, 1] = np.nan
        for activations, labels, text in (
                (bad, self.labels, "got infinity in sample 4900, unit 3"),
                (huge, np.zeros(len(huge), int), "got NaN in sample 302499, unit 1"),
                (self.x[:, :9], self.labels, "expected 30 units"),
                (self.x, self.labels + 1, "expected labels in 0 .. 4, got 5 at position"),
                (self.x, self.labels[:9], "got 9 labels for 2500 samples"),
                (self.x, None, "expected labels, one per sample")):
            with self.assertRaisesRegex(ValueError, text):
                self.whole.update(activations, labels)
            self.assertEqual(as_json(self.whole.report()), before)
        with self.assertRaisesRegex(ValueError, "expected no labels"):
            repscope.LayerAccumulator().update(self.x, self.labels)
        with self.assertRaisesRegex(ValueError, "expected at least 2 samples, got 0"):
            repscope.LayerAccumulator().report()
        empty = repscope.LayerAccumulator(classes=5)
        with self.assertRaises(ValueError):
            empty.update(bad, self.labels)
        empty.update(self.x[:, :9], self.labels)  # the failed call has not fixed the units
        self.assertEqual(empty.units, 9)

    def test_merge_refuses_other_layers(self):
        for other, text in ((repscope.LayerAccumulator(classes=6), "with the classes"),
                            (repscope.LayerAccumulator(classes=5, epsilon=1e-3), "epsilon=1e-06, got 0.001"),
                            (repscope.LayerAccumulator(classes=list("abcde")), "with the classes")):
            with self.assertRaisesRegex(ValueError, text):
                self.whole.merge(other)
        other = repscope.LayerAccumulator(classes=5)
        other.update(self.x[:, :4], self.labels)
        with self.assertRaisesRegex(ValueError, "expected a state of 30 units"):
            self.whole.merge(other)

    def test_classes_by_name(self):
        for values in (["ant", "bee", "cat", "dog", "elk"], [-3, 0, 8, 900, 10 ** 11]):
            state = repscope.LayerAccumulator(classes=values)
            for first in (0, 2000):
                state.update(self.x[first:first + 2000], np.array(values)[self.labels[first:first + 2000]])
            report = pickle.loads(pickle.dumps(state)).report()["selectivity"]
            self.assertEqual(report["class_labels"], values)
            expected = self.whole.report()["selectivity"]
            self.assertTrue(np.array_equal(report["index"], expected["index"]))
            self.assertEqual(report["preferred_class"], [values[k] for k in expected["preferred_class"]])
            with self.assertRaisesRegex(ValueError, "expected labels among the classes"):
                state.update(self.x[:2], np.array([values[0], "fly" if values[0] == "ant" else 77]))
        for wrong in (1, ["a", "a"], [3]):
            with self.assertRaisesRegex(ValueError, "expected at least 2"):
                repscope.LayerAccumulator(classes=wrong)

    def test_estimates_take_two_passes(self):
        state = repscope.LayerAccumulator(classes=5, inference=True)
        state.update(self.x, self.labels)
        with self.assertRaisesRegex(ValueError, "expected another pass"):
            state.report()
        self.assertTrue(state.next_pass())
        state.update(self.x, self.labels)
        self.assertFalse(state.next_pass())
        self.assertEqual(differences(as_json(state.report()),
                                     as_json(repscope.measure(self.x, self.labels, inference=True)), tolerance=0,
                                     ignored=("batches",)), [])

    def test_damaged_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "layer.rsm")
            self.whole.save(path)
            with open(path, "rb") as file:
                content = file.read()
            for damaged in (b"", content[:100], content[:-5], content[:500] + b"\1" + content[501:]):
                with open(path, "wb") as file:
                    file.write(damaged)
                with self.assertRaisesRegex(ValueError, "layer.rsm"):
                    repscope.LayerAccumulator.load(path)
        with self.assertRaises(FileNotFoundError):
            repscope.LayerAccumulator.load("/nonexistent.rsm")


@unittest.skipUnless(PROGRAM, "the program is not built")
class Program(unittest.TestCase):
    """Every number of the program on the same arrays."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = self._folder.name

    def write(self, name, values):
        path = os.path.join(self.root, name)
        np.save(path, values)
        return path

    def test_measure(self):
        cases = [((400, 20), "f4", {}, ()), ((400, 12, 3, 4), "f4", {}, ("--layout", "nchw")), ((40, 90), "f8", {}, ()),
                 ((400, 20), "f2", {}, ()), ((400, 20), ">i2", {}, ()), ((400, 20), "u8", {}, ()),
                 ((400, 5, 4, 3), "f4", {"layout": "nhwc"}, ("--layout", "nhwc")),
                 ((400, 4, 9), "f4", {"layout": "ntd"}, ("--layout", "ntd")),
                 ((400, 20), "f4", {"epsilon": 0.01}, ("--epsilon", "0.01")),
                 ((400, 20), "f4", {"precision": "float"}, ("--precision", "float")),
                 ((400, 20), "f4", {"measures": "all"}, ("--measures", "all")),
                 ((400, 20), "f4", {"measures": ["selectivity", "participation_ratio"]},
                  ("--measures", "selectivity,participation_ratio")),
                 ((400, 20), "f4", {"inference": True}, ("--inference",)),
                 ((30, 60), "f4", {"inference": True}, ("--inference",)),
                 ((400, 300), "f4", {"inference": True, "method": "sketch"}, ("--inference", "--method", "sketch")),
                 ((400, 12), "f4", {"inference": True, "method": "blocks"}, ("--inference", "--method", "blocks")),
                 ((200, 6), "f4", {"inference": True, "null": "permutation", "permutations": 99},
                  ("--inference", "--null", "permutation", "--permutations", "99"))]
        cases += [((400, 12), "f4", {"signed": name}, ("--signed", name)) for name in ("rectify", "shift")]
        for shape, dtype, options, arguments in cases:
            with self.subTest(shape=shape, dtype=dtype, **options):
                x, labels = layer(shape, dtype)
                if "signed" in options:
                    x -= np.float32(0.2)
                x[3] = 0
                labels += 4
                [theirs] = measured_by_program(PROGRAM[0], self.root, "measure", self.write("x.npy", x), "--labels",
                                               self.write("labels.npy", labels), *arguments)
                ours = as_json(repscope.measure(x, labels, **options))
                self.assertEqual(differences(ours, theirs, ignored=OF_FILES), [])

    def test_compare(self):
        x, labels = layer((300, 8, 3, 2))
        y = np.maximum(x + 0.1 * RANDOM.standard_normal(x.shape).astype("f4"), 0)
        for measures, inference, signed in (("default", False, "undefined"), ("all", False, "undefined"),
                                            ("selectivity", False, "undefined"), ("similarity", True, "undefined"),
                                            ("selectivity,similarity", True, "rectify")):
            [theirs] = measured_by_program(
                PROGRAM[0], self.root, "measure", self.write("x.npy", x), "--labels",
                self.write("labels.npy", labels), "--compare", self.write("y.npy", y), "--layout", "nchw", "--measures",
                measures, "--signed", signed, *(["--inference"] if inference else []))
            ours = as_json(repscope.compare(x, y, labels, measures=measures, inference=inference, signed=signed))
            self.assertEqual(differences(ours, theirs, ignored=OF_FILES), [])
            if inference:
                low, high = ours["similarity"]["cka_ci"]
                self.assertTrue(low < ours["similarity"]["cka"] < high)

    def test_page(self):
        """The page of the program, apart from the files that were measured and the options."""
        x, labels = layer((300, 8, 3, 2))
        state = repscope.LayerAccumulator(classes=5, name="x")
        state.update(x, labels)
        path = os.path.join(self.root, "live.html")
        ours = state.to_html(path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), ours)
        run_program(PROGRAM[0], "measure", self.write("x.npy", x), "--labels", self.write("labels.npy", labels),
                    "--layout", "nchw", "--report", os.path.join(self.root, "report"))
        with open(os.path.join(self.root, "report", "report.html"), encoding="utf-8") as file:
            theirs = file.read()
        end = "<h2>What was measured</h2>"
        self.assertGreater(ours.index(end), 2000)
        self.assertTrue(ours[:ours.index(end)] == theirs[:theirs.index(end)], "the pages differ")
        options = ours[ours.index(end):]
        self.assertIn('>epsilon</td><td class="name">1e-06</td>', options)
        self.assertNotIn("layers.csv", options)

    def test_state_files(self):
        x, labels = layer((300, 8, 3, 2))
        names = ["ant", "bee", "cat", "dog", "elk"]
        for classes, values in ((5, labels), (names, np.array(names)[labels])):
            state = repscope.LayerAccumulator(classes=classes, name="conv1")
            state.update(x[:100], values[:100])
            state.update(x[100:], values[100:])
            path = os.path.join(self.root, "conv1.rsm")
            state.save(path)
            [theirs] = measured_by_program(PROGRAM[0], self.root, "merge", path)
            self.assertEqual(differences(as_json(state.report()), theirs, ignored=("file", "batches")), [])

    def test_corruptions(self):
        images = RANDOM.integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
        path = self.write("images.npy", images)
        for kind, severity in (("fog", 3), ("gaussian_noise", 5), ("jpeg_compression", 1)):
            out = os.path.join(self.root, f"{kind}.npy")
            run_program(PROGRAM[0], "corrupt", path, out, "--corruption", kind, "--severity", severity, "--seed", 4)
            expected = np.load(out)
            np.testing.assert_array_equal(repscope.corrupt(images, kind, severity, seed=4), expected)
            planes = np.ascontiguousarray(np.moveaxis(images, -1, 1))
            np.testing.assert_array_equal(repscope.corrupt(planes, kind, severity, seed=4, layout="nchw"),
                                          np.moveaxis(expected, -1, 1))
            np.testing.assert_array_equal(repscope.corrupt(images[3], kind, severity, seed=4, index=3), expected[3])


class Corruptions(unittest.TestCase):
    def test_names(self):
        self.assertEqual(len(repscope.corruptions()), 19)
        self.assertEqual(repscope.corruptions("extra"), ["speckle_noise", "gaussian_blur", "spatter", "saturate"])

    def test_floats_and_strides(self):
        images = RANDOM.random((3, 40, 36, 3)).astype(np.float32)
        result = repscope.corrupt(images, "contrast", 2, variant="cifar")
        # The mean of each channel, and the factor of CIFAR-10-C.
        expected = np.clip((images - images.mean((1, 2), keepdims=True)) * 0.5 + images.mean((1, 2), keepdims=True), 0,
                           1)
        np.testing.assert_allclose(result, expected, atol=1e-6)
        self.assertEqual(result.dtype, np.float32)
        np.testing.assert_array_equal(repscope.corrupt(np.asfortranarray(images), "contrast", 2, variant="cifar"),
                                      result)

    def test_many_images_have_the_draws_of_each(self):
        images = RANDOM.integers(0, 256, (3000, 32, 32, 3)).astype(np.uint8)  # read in several parts
        result = repscope.corrupt(images, "impulse_noise", 2, seed=3)
        for index in (0, 2729, 2731, 2999):
            np.testing.assert_array_equal(
                repscope.corrupt(images[index], "impulse_noise", 2, seed=3, index=index), result[index])

    def test_errors(self):
        images = np.zeros((2, 32, 32, 3), np.uint8)
        for kind, text, arguments, options in (
                (ValueError, "unknown corruption 'frog'; expected one of fog", ("frog",), {}),
                (ValueError, r"expected a severity in 1 \.\.\. 5, got 6", ("fog", 6), {}),
                (ValueError, "expected variant nearest, imagenet, cifar or tiny, got 'x'", ("fog",), {"variant": "x"}),
                (ValueError, r"expected indices of images below 2\^32", ("fog",), {"index": 2 ** 32 - 1}),
                (ValueError, "expected the layout nhwc or nchw", ("fog",), {"layout": "nwhc"})):
            with self.assertRaisesRegex(kind, text):
                repscope.corrupt(images, *arguments, **options)
        with self.assertRaisesRegex(TypeError, "expected uint8, or float32"):
            repscope.corrupt(images.astype("f8"), "fog")
        with self.assertRaisesRegex(ValueError, r"\(n, height, width, channels\), got shape \(32, 32\)"):
            repscope.corrupt(images[0, :, :, 0], "fog")
        with self.assertRaisesRegex(ValueError, r"expected float images in \[0, 1\], got 2"):
            repscope.corrupt(np.full((9, 9, 3), 2, "f4"), "fog")


if __name__ == "__main__":
    outcome = unittest.main(argv=sys.argv[:1], exit=False).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    sys.exit(0 if PROGRAM else 77)
