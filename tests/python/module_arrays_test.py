"""Arrays in the Python module: module_arrays_test.py FOLDER, where FOLDER has the package `repscope`."""

import array
import ctypes
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

FOLDER = sys.argv[1]
sys.dont_write_bytecode = True
sys.path.insert(0, FOLDER)
import repscope  # noqa: E402
from module_reference import participation_ratio_of, selectivity_of, unit_values  # noqa: E402

RANDOM = np.random.default_rng(7)
DTYPES = ["f2", "f4", "f8", ">f2", ">f4", ">f8", "i1", "u1", "i2", ">u2", "i4", "u4", "i8", "u8", "?"]


def integers(shape, dtype):
    """Small whole numbers without symmetry, which each of the types holds."""
    values = RANDOM.integers(0, 2 if dtype == "?" else 90, shape)
    return values.astype(dtype)


def strided_forms(x):
    """The same values behind other strides."""
    yield "dense", np.ascontiguousarray(x)
    yield "Fortran", np.asfortranarray(x)
    wide = np.zeros(tuple(2 * extent for extent in x.shape), x.dtype)
    wide[(slice(None, None, 2),) * x.ndim] = x
    yield "every second", wide[(slice(None, None, 2),) * x.ndim]
    yield "backward", np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim]
    memory = np.zeros(x.nbytes + 1, np.uint8)[1:]
    memory[:] = np.frombuffer(np.ascontiguousarray(x).tobytes(), np.uint8)
    yield "not aligned", memory.view(x.dtype).reshape(x.shape)
    record = np.zeros(x.shape, [("before", "u1"), ("value", x.dtype), ("after", "u2")])
    record["value"] = x
    yield "field of records", record["value"]


class Borrowed:
    """An array that only DLPack reaches."""

    def __init__(self, values, device=(1, 0)):
        self.values, self.device = values, device

    def __dlpack__(self, stream=None):
        return self.values.__dlpack__()

    def __dlpack_device__(self):
        return self.device


class Elements(unittest.TestCase):
    labels = RANDOM.integers(0, 4, 150)

    def check(self, form, layout=None):
        values = unit_values(form, layout)
        result = repscope.class_selectivity(form, self.labels, layout=layout)
        np.testing.assert_allclose(result.index, selectivity_of(values, self.labels), rtol=1e-12, atol=1e-14)
        self.assertAlmostEqual(result.mean, result.index.mean(), 13)
        ratio = repscope.participation_ratio(form, layout=layout)
        self.assertAlmostEqual(ratio / participation_ratio_of(values), 1, 10)

    def test_types_and_strides(self):
        for dtype in DTYPES:
            for shape in ((150, 7), (150, 5, 3, 2)):
                for name, form in strided_forms(integers(shape, dtype)):
                    with self.subTest(dtype=dtype, shape=shape, form=name):
                        self.check(form)

    def test_layouts(self):
        for layout, shape in (("nhwc", (150, 3, 2, 5)), ("ntd", (150, 4, 6)), ("nup", (150, 6, 4)), ("nu", (150, 6)),
                              ("nchw", (150, 4, 3, 2))):
            for dtype in ("f4", "f8", "i2"):
                with self.subTest(layout=layout, dtype=dtype):
                    self.check(integers(shape, dtype), layout)

    def test_same_bits_for_any_type_and_number_of_threads(self):
        x = integers((3000, 40), "f4")
        labels = RANDOM.integers(0, 9, 3000)
        first = repscope.class_selectivity(x, labels, threads=1)
        for dtype in ("f2", "i2", ">f4", "i4"):
            for threads in (0, 1, 2, 3):
                other = repscope.class_selectivity(x.astype(dtype), labels, threads=threads)
                self.assertTrue(np.array_equal(first.index, other.index), (dtype, threads))
                self.assertEqual(repscope.participation_ratio(x, threads=1),
                                 repscope.participation_ratio(x.astype(dtype), threads=threads))

    def test_parts_of_a_large_array(self):
        x = RANDOM.random((70_000, 150), np.float32)  # more than the module reads at a time
        labels = np.arange(len(x)) % 7
        result = repscope.class_selectivity(x, labels)
        np.testing.assert_allclose(result.index, selectivity_of(x.astype(np.float64), labels), rtol=1e-9)
        whole = repscope.class_selectivity(x.astype(np.float16), labels).index
        np.testing.assert_allclose(whole, selectivity_of(x.astype(np.float16).astype(np.float64), labels), rtol=1e-9)

    def test_buffers_and_dlpack(self):
        x = RANDOM.random((150, 4))
        expected = repscope.participation_ratio(x)
        buffer = (ctypes.c_double * x.size).from_buffer_copy(x.tobytes())
        for form in (memoryview(x), x.tolist(), Borrowed(x), Borrowed(np.asfortranarray(x)),
                     np.ctypeslib.as_array(buffer).reshape(x.shape), memoryview(x.astype(">f8"))):
            self.assertAlmostEqual(repscope.participation_ratio(form) / expected, 1, 13)
        result = repscope.class_selectivity(Borrowed(x), array.array("b", self.labels.tolist()))
        np.testing.assert_allclose(result.index, selectivity_of(x, self.labels), rtol=1e-12)

    def test_no_copy(self):
        x = np.ones((1 << 16, 1024), np.float16)  # 128 MiB
        x[::3, ::5] = 2
        labels = np.arange(len(x)) % 3
        repscope.class_selectivity(x[:9000], labels[:9000])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for form in (x, x[::-1, ::-1], x.view(np.int16)):
            repscope.class_selectivity(form, labels, threads=1)
        added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(added, 64 << 10)  # KiB


class Labels(unittest.TestCase):
    x = RANDOM.random((90, 5))
    index = np.arange(90) % 3

    def test_any_integers_and_texts(self):
        expected = repscope.class_selectivity(self.x, self.index)
        for dtype in ("i1", "u1", "i2", ">i4", "u4", "i8", "u8"):
            result = repscope.class_selectivity(self.x, self.index.astype(dtype))
            self.assertTrue(np.array_equal(result.index, expected.index), dtype)
        for values in ([-7, 3, 10 ** 12], [5, 6, 900], ["cat", "dog", "snail"], [False, True, True]):
            labels = np.array(values)[self.index]
            result = repscope.class_selectivity(self.x, labels)
            np.testing.assert_array_equal(result.class_labels, np.unique(np.array(values)))
            if len(set(values)) == 3:
                self.assertTrue(np.array_equal(result.index, expected.index), values)
                self.assertTrue(np.array_equal(result.preferred_class, expected.preferred_class))

    def test_preferred_class(self):
        x = np.zeros((90, 3))
        x[self.index == 2, 0] = 1
        x[self.index == 1, 1] = 1
        result = repscope.class_selectivity(x, np.array([4, 40, 400])[self.index])
        self.assertEqual(result.preferred_class.tolist(), [2, 1, -1])
        self.assertEqual((result.silent_units, result.undefined_units), (1, 0))


class Errors(unittest.TestCase):
    def raises(self, kind, text, *arguments, call=repscope.class_selectivity, **options):
        with self.assertRaises(kind) as caught:
            call(*arguments, **options)
        self.assertIn(text, str(caught.exception))

    def test_text_and_type(self):
        x, labels = np.ones((6, 2)), np.arange(6) % 2
        self.raises(ValueError, "expected one label per sample, got 5 labels for 6 samples", x, labels[:5])
        self.raises(ValueError, "expected at least 2 classes with samples, got 1", x, labels * 0)
        self.raises(ValueError, "expected integer labels, got <f8", x, labels * 1.5)
        self.raises(ValueError, "expected labels (samples,), got shape (6, 1)", x, labels[:, None])
        self.raises(ValueError, "expected activations of rank 2, 3 or 4, got shape (12,)", x.ravel(), labels)
        self.raises(ValueError, "other ranks need a layout, got shape (6, 2, 1)", x[:, :, None], labels)
        self.raises(ValueError, "layout nhwc has 4 axes", x, labels, layout="nhwc")
        self.raises(ValueError, "expected one of nu, nchw, nhwc, ntd, nup, got 'nwhc'", x, labels, layout="nwhc")
        self.raises(ValueError, "expected one of undefined, rectify, shift, got 'abs'", x, labels, signed="abs")
        self.raises(ValueError, "expected 0 (all cores) to 4096, got -1", x, labels, threads=-1)
        self.raises(ValueError, "expected 0 (all cores) to 4096, got 5000", x, threads=5000,
                    call=repscope.participation_ratio)
        self.raises(ValueError, "expected at least one sample and unit, got shape (0, 2)", x[:0], labels[:0])
        self.raises(ValueError, "expected at least 2 samples and 1 unit, got shape (1, 2)", x[:1],
                    call=repscope.participation_ratio)
        x[4, 1] = np.nan
        self.raises(ValueError, "expected finite activations, got NaN in sample 4, unit 1", x, labels)
        for wrong in (x * 1j, np.array([["a", "b"]]), np.array([[object()]]), x.astype("datetime64[s]"),
                      x.astype(np.longdouble)):
            self.raises(TypeError, "expected an array of half, bfloat16, float, double, integers or bool, got dtype",
                        wrong, labels)
        self.raises(TypeError, "expected a tensor in CPU memory, got one on a device of DLPack type 2",
                    Borrowed(np.ones((6, 2)), (2, 0)), labels)

    def test_results_have_a_text(self):
        x, labels = RANDOM.random((40, 3)), np.arange(40) % 2
        for result in (repscope.class_selectivity(x, labels), repscope.dimensionality(x),
                       repscope.participation_ratio_interval(x)):
            self.assertRegex(repr(result), rf"^{type(result).__name__}\(\w+=.*\)$")


class Running(unittest.TestCase):
    def test_other_threads_run(self):
        x = np.broadcast_to(RANDOM.random(300), (60_000, 300))
        ticks = []
        stop = threading.Event()

        def tick():
            while not stop.wait(0.002):
                ticks.append(time.monotonic())

        thread = threading.Thread(target=tick)
        thread.start()
        begin = time.monotonic()
        repscope.participation_ratio(x, threads=1)
        end = time.monotonic()
        stop.set()
        thread.join()
        inside = [t for t in ticks if begin + 0.01 < t < end - 0.01]
        self.assertGreater(len(inside), 3, f"{end - begin:.3f} s")

    def test_interruption(self):
        code = (f"import sys; sys.path.insert(0, {FOLDER!r})\n"
                "import numpy, repscope\n"
                "x = numpy.broadcast_to(numpy.arange(64.0), (10 ** 11, 64))\n"  # hours, and no memory
                "print('begins', flush=True)\n"
                "repscope.participation_ratio(x)\n")
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            try:
                self.assertEqual(process.stdout.readline(), "begins\n")
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=60)
            finally:
                process.kill()
        self.assertIn("KeyboardInterrupt", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
