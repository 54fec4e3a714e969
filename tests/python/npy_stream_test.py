"""The writer that the dump functions of examples/python share: npy_stream_test.py EXAMPLES_PYTHON [REPSCOPE]."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from collections import namedtuple

import numpy as np

EXAMPLES, *PROGRAM = sys.argv[1:]
sys.path.insert(0, EXAMPLES)
sys.dont_write_bytecode = True
import npy_stream  # noqa: E402
from npy_stream import LayerFiles  # noqa: E402


class Failure(Exception):
    pass


def batches(rows=(4, 4, 3), seed=1):
    random = np.random.default_rng(seed)
    return [{"blocks.10": random.random((n, 3, 2, 5), np.float32), "blocks.2": random.random((n, 7), np.float32)}
            for n in rows]


def joined(parts, name):
    return np.concatenate([part[name] for part in parts])


class InFolder(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = self._folder.name
        self.acts = os.path.join(self.root, "acts")

    def entries(self):
        return sorted(os.path.relpath(os.path.join(at, name), self.root)
                      for at, folders, files in os.walk(self.root) for name in folders + files)


class Header(unittest.TestCase):
    def test_length_does_not_depend_on_rows_and_numpy_reads_it(self):
        for dtype in ("float16", "float32", "float64", "int64"):
            for shape in ((), (5,), (np.int64(3), 2, 5), tuple(range(1, 20))):
                lengths = set()
                for rows in (0, 1, 99, 10**12):
                    header = npy_stream.npy_header(rows, shape, np.dtype(dtype))
                    lengths.add(len(header))
                    with tempfile.TemporaryFile() as file:
                        file.write(header)
                        file.seek(0)
                        self.assertEqual(np.lib.format.read_magic(file), (1, 0))
                        self.assertEqual(np.lib.format.read_array_header_1_0(file), ((rows, *shape), False, dtype))
                        self.assertEqual(file.tell(), len(header))
                self.assertEqual(len(lengths), 1)
                self.assertEqual(lengths.pop() % 64, 0)


class Folder(InFolder):
    def test_files_hold_the_batches_in_their_order(self):
        parts = batches()
        with LayerFiles(self.acts) as files:
            for part in parts:
                files.write(part, np.arange(len(part["blocks.2"]), dtype=np.int32))
        self.assertEqual(files.paths, [os.path.join(self.acts, name + ".npy")
                                       for name in ("blocks.10", "blocks.2", "labels")])
        self.assertEqual(files.rows, 11)
        self.assertEqual(self.entries(), ["acts", "acts/blocks.10.npy", "acts/blocks.2.npy", "acts/labels.npy"])
        for name in parts[0]:
            written = np.load(os.path.join(self.acts, name + ".npy"), mmap_mode="r")
            self.assertEqual(written.dtype, np.float32)
            np.testing.assert_array_equal(written, joined(parts, name))
        labels = np.load(os.path.join(self.acts, "labels.npy"))
        self.assertEqual(labels.dtype, np.int64)
        np.testing.assert_array_equal(labels, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2])

    def test_no_file_is_visible_before_the_end(self):
        with LayerFiles(self.acts) as files:
            for part in batches():
                files.write(part)
                visible = [name for name in os.listdir(self.acts) if not name.startswith(".")]
                self.assertEqual(visible, [])

    def test_no_file_is_left_after_a_failure(self):
        for failure in (Failure, KeyboardInterrupt):
            with self.assertRaises(failure):
                with LayerFiles(self.acts) as files:
                    files.write(batches()[0])
                    raise failure()
            self.assertEqual(self.entries(), [])
        os.mkdir(self.acts)
        with self.assertRaises(Failure):
            with LayerFiles(self.acts) as files:
                files.write(batches()[0])
                raise Failure()
        self.assertEqual(self.entries(), ["acts"])

    def test_all_files_or_none_if_one_cannot_be_moved(self):
        with self.assertRaises(OSError):
            with LayerFiles(self.acts) as files:
                files.write(batches()[0])
                os.mkdir(os.path.join(self.acts, "blocks.2.npy"))
        self.assertEqual(self.entries(), ["acts", "acts/blocks.2.npy"])

    def test_a_folder_with_files_is_refused_before_anything_is_written(self):
        os.mkdir(self.acts)
        for name in ("old.npy", "labels.npy"):
            np.save(os.path.join(self.acts, name), np.arange(3))
        with self.assertRaisesRegex(FileExistsError, "empty folder.*labels.npy.*overwrite=True"):
            LayerFiles(self.acts).__enter__()
        # Another model's layer would be measured along.
        with self.assertRaisesRegex(FileExistsError, "old.npy"):
            with LayerFiles(self.acts, overwrite=True) as files:
                files.write(batches()[0])
        self.assertEqual(self.entries(), ["acts", "acts/labels.npy", "acts/old.npy"])
        os.remove(os.path.join(self.acts, "old.npy"))
        for seed in (1, 2):
            with LayerFiles(self.acts, overwrite=True) as files:
                for part in batches(seed=seed):
                    files.write(part)
            np.testing.assert_array_equal(np.load(files.paths[0]), joined(batches(seed=seed), "blocks.10"))
        np.testing.assert_array_equal(np.load(os.path.join(self.acts, "labels.npy")), np.arange(3))
        with self.assertRaises(Failure):
            with LayerFiles(self.acts, overwrite=True) as files:
                files.write(batches(seed=3)[0])
                raise Failure()
        np.testing.assert_array_equal(np.load(files.paths[0]), joined(batches(seed=2), "blocks.10"))

    def test_what_a_killed_dump_left_is_not_in_the_way(self):
        os.makedirs(os.path.join(self.acts, ".part-abc"))
        with LayerFiles(self.acts) as files:
            files.write(batches()[0])
        self.assertEqual(len(np.load(files.paths[0])), 4)


class Archive(InFolder):
    def test_members_are_in_the_order_of_the_layers(self):
        target = os.path.join(self.root, "acts.npz")
        parts = batches()
        with LayerFiles(target, dtype="float16") as files:
            for part in parts:
                files.write(part, np.zeros(len(part["blocks.2"]), np.int64))
        self.assertEqual(files.paths, [target])
        self.assertEqual(self.entries(), ["acts.npz"])
        archive = np.load(target)
        self.assertEqual(archive.files, ["blocks.10", "blocks.2", "labels"])
        for name in parts[0]:
            np.testing.assert_array_equal(archive[name], joined(parts, name).astype(np.float16))
        with self.assertRaisesRegex(FileExistsError, "overwrite=True"):
            LayerFiles(target).__enter__()
        with self.assertRaises(Failure):
            with LayerFiles(target, overwrite=True) as files:
                files.write(parts[0])
                raise Failure()
        self.assertEqual(self.entries(), ["acts.npz"])
        self.assertEqual(len(np.load(target)["blocks.2"]), 11)
        with LayerFiles(target, overwrite=True) as files:
            files.write(parts[0])
        self.assertEqual(len(np.load(target)["blocks.2"]), 4)


class Refusals(InFolder):
    def refused(self, parts, message, kind=ValueError, **options):
        with self.assertRaisesRegex(kind, message):
            with LayerFiles(self.acts, **options) as files:
                for part in parts:
                    files.write(*part)
        self.assertEqual(self.entries(), [])

    def test_batches_that_do_not_fit(self):
        ones = np.ones
        self.refused([], "at least one batch")
        self.refused([({},)], "at least one layer")
        self.refused([({"a": ones((3, 2)), "b": ones((4, 2))},)], r"one row per sample.*3 \(a\), 4 \(b\)")
        self.refused([({"a": ones((3, 2))}, ones(4, int))], r"3 \(a\), 4 \(labels\)")
        self.refused([({"a": ones(())},)], r"None \(a\)")
        self.refused([({"a": ones((3, 2))},), ({"a": ones((3, 4))},)], r"rows of shape \(2,\), got \(4,\).*reduce")
        self.refused([({"a": ones((3, 2))},), ({"b": ones((3, 2))},)], "arrays of the first batch, a, got b")
        self.refused([({"a": ones((3, 2))},), ({"a": ones((3, 2))}, ones(3, int))], "first batch, a, got a, labels")
        self.refused([({"a/b": ones((3, 2)), "a.b": ones((3, 2))},)], "different file names")
        self.refused([({"labels": ones((3, 2))}, ones(3, int))], "different file names")
        self.refused([({"a": np.array([[1.0], [70000.0]])},)], "range of float16, got 70000", dtype="float16")
        self.refused([], "floating point, got int32", dtype="int32")

    def test_infinite_values_are_not_an_overflow(self):
        with LayerFiles(self.acts, dtype="float16") as files:
            files.write({"a": np.array([[np.inf, 2]], np.float32)})
        np.testing.assert_array_equal(np.load(files.paths[0]), [[np.inf, 2]])


class Batches(unittest.TestCase):
    def test_arrays_and_dictionaries_are_cut_and_iterables_pass(self):
        x, y = np.arange(14).reshape(7, 2), np.arange(7)
        parts = list(npy_stream.batches_of(x, 3))
        self.assertEqual([len(part) for part in parts], [3, 3, 1])
        np.testing.assert_array_equal(np.concatenate(parts), x)
        parts = list(npy_stream.batches_of({"x": x, "y": y}, 5))
        self.assertEqual([len(part["y"]) for part in parts], [5, 2])
        np.testing.assert_array_equal(parts[1]["x"], x[5:])
        self.assertEqual(list(npy_stream.batches_of((i for i in range(3)), 5)), [0, 1, 2])
        self.assertEqual(list(npy_stream.batches_of([1, 2], 5)), [1, 2])

    def test_inputs_that_are_not_batches_are_named(self):
        class DataSet:
            def __len__(self):
                return 3

            def __getitem__(self, place):
                return place

        for inputs, message in ((DataSet(), "got a DataSet.*DataLoader"), ((1, 2), "got a tuple.*labels=")):
            with self.assertRaisesRegex(TypeError, message):
                list(npy_stream.batches_of(inputs, 5))
        with self.assertRaisesRegex(ValueError, "one length"):
            list(npy_stream.batches_of({"x": np.ones(3), "y": np.ones(4)}, 5))

    def test_arguments(self):
        pair = namedtuple("pair", "x y")
        for batch, expected in ((7, ((7,), {})), ((7, 1), ((7,), {})), ([7], ((7,), {})), (pair(7, 1), ((7,), {})),
                                ({"x": 7, "labels": 1, "label": 2}, ((), {"x": 7})), (({"x": 7}, 1), ((), {"x": 7}))):
            self.assertEqual(npy_stream.arguments_of(batch), expected)

    def test_labels(self):
        y = np.array([3, 1, 2])
        for batch in ((0, y), [0, y], (0, [3, 1, 2]), {"x": 0, "labels": y}, {"x": 0, "label": y}):
            np.testing.assert_array_equal(npy_stream.labels_of(batch, None, 0, 3), y)
        for batch in (np.ones((3, 2)), (np.ones(3),), {"x": np.ones(3)}):
            self.assertIsNone(npy_stream.labels_of(batch, None, 0, 3))
        self.assertIsNone(npy_stream.labels_of((0, y), False, 0, 3))
        np.testing.assert_array_equal(npy_stream.labels_of((0, 0, y), lambda batch: batch[2], 0, 3), y)
        np.testing.assert_array_equal(npy_stream.labels_of(None, np.arange(9), 4, 3), [4, 5, 6])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.assertIsNone(npy_stream.labels_of((0, np.ones((3, 4))), None, 0, 3))
            self.assertRegex(str(caught[0].message), r"labels are not written.*float64 of shape \(3, 4\)")
        with self.assertRaisesRegex(ValueError, "one integer per sample"):
            npy_stream.labels_of((0, y), lambda batch: np.ones(3), 0, 3)
        with self.assertRaisesRegex(ValueError, "4 labels for 3 samples"):
            npy_stream.check_length(np.arange(4), 3)


class Outputs(unittest.TestCase):
    def test_names(self):
        known = ["", "layer1", "layer1.0", "layer4", "fc"]
        self.assertEqual(npy_stream.check_names("layer1", known), ["layer1"])
        self.assertEqual(npy_stream.check_names(("fc", ""), known), ["fc", ""])
        with self.assertRaisesRegex(ValueError, "unknown layer 'layer9'; the nearest names are .*'layer4'"):
            npy_stream.check_names(["fc", "layer9"], known)
        for names in ([], ["fc", "fc"]):
            with self.assertRaisesRegex(ValueError, "different names"):
                npy_stream.check_names(names, known)
        self.assertEqual(npy_stream.file_name(""), "output")

    def test_every_call_of_a_layer_has_a_name(self):
        self.assertEqual(list(npy_stream.numbered([("relu", 1), ("fc", 2), ("relu", 3)]).items()),
                         [("relu.0", 1), ("fc", 2), ("relu.1", 3)])
        self.assertEqual(npy_stream.numbered([("", 1), ("", 2)]), {"output.0": 1, "output.1": 2})
        with self.assertRaisesRegex(ValueError, "'a.0'"):
            npy_stream.numbered([("a", 1), ("a.0", 2), ("a", 3)])

    def test_means_of_maps(self):
        maps = np.random.default_rng(2).random((3, 4, 5, 6))
        for channels, axes, shape in (("first", (2, 3), (3, 4)), ("last", (1, 2), (3, 6))):
            means = npy_stream.reduced("a", maps, "mean", channels)
            self.assertEqual(means.shape, shape)
            np.testing.assert_array_equal(means, maps.mean(axes))
        self.assertIs(npy_stream.reduced("a", maps, None, "first"), maps)
        self.assertEqual(npy_stream.reduced("a", maps[:, 0, 0], "mean", "last").shape, (3, 6))
        np.testing.assert_array_equal(npy_stream.reduced("a", maps, lambda x: x[:, 0, 0], "last"), maps[:, 0, 0])
        with self.assertRaisesRegex(ValueError, "layer 'a'.*tokens"):
            npy_stream.reduced("a", maps[0], "mean", "first")
        with self.assertRaisesRegex(ValueError, "got 'max'"):
            npy_stream.reduced("a", maps, "max", "first")

    def test_pick(self):
        array = np.ones(3)
        self.assertIs(npy_stream.array_of("a", array, lambda output: output[0]), array)
        self.assertIs(npy_stream.array_of("a", (array, 1), lambda output: output[0]), array)
        for pick in (None, lambda output: output[1]):
            with self.assertRaisesRegex(TypeError, "layer 'a': expected an array.*pick="):
                npy_stream.array_of("a", (array, 1), pick)


@unittest.skipUnless(PROGRAM, "the program is not built")
class Measured(InFolder):
    def test_the_program_reads_files_and_archive_alike(self):
        random = np.random.default_rng(4)
        parts = [({"early": random.random((20, 6, 3, 3)), "late": random.random((20, 5))}, random.integers(0, 3, 20))
                 for _ in range(3)]
        measured = []
        for target in (self.acts, os.path.join(self.root, "acts.npz")):
            with LayerFiles(target, dtype="float64") as files:
                for part in parts:
                    files.write(*part)
            archive = target.endswith(".npz")
            inputs, labels = ([target], target + ":labels") if archive else (files.paths[:2], files.paths[2])
            run = subprocess.run([PROGRAM[0], "measure", *inputs, "--labels", labels, "--json", "-"],
                                 capture_output=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            layers = json.loads(run.stdout)["layers"]
            self.assertEqual(len(layers), 2)
            self.assertEqual([layer["samples"] for layer in layers], [60, 60])
            measured.append([layer["selectivity"]["index"] for layer in layers])
        self.assertEqual(measured[0], measured[1])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
