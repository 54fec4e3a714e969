"""examples/python/stream_torch.py against a dump of the same batches: the same numbers.

stream_torch_test.py EXAMPLES_PYTHON REPSCOPE; exit code 77 (skipped) without torch.
"""
import ast
import json
import os
import subprocess
import sys
import tempfile
import unittest

EXAMPLES, PROGRAM = sys.argv[1:]
sys.path.insert(0, EXAMPLES)
sys.dont_write_bytecode = True
try:
    import torch
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)
import stream_torch  # noqa: E402
from torch import nn  # noqa: E402


def model_and_batches():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                          nn.Linear(16, 5), nn.ReLU())
    images = torch.rand(70, 3, 7, 7)
    labels = torch.randint(0, 4, (70,))
    return model, [(images[i:i + 32], labels[i:i + 32]) for i in range(0, 70, 32)]


def numbers(path):
    with open(path) as file:
        layers = json.load(file)["layers"]
    return {layer["name"]: {key: value for key, value in layer.items() if key not in ("name", "file", "batches")}
            for layer in layers}


class Stream(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)

    def path(self, name):
        return os.path.join(self._folder.name, name)

    def test_has_the_numbers_of_a_dump(self):
        model, batches = model_and_batches()
        outputs = {"1": [], "5": []}
        with torch.no_grad():
            for images, _ in batches:
                maps = model[1](model[0](images))
                outputs["1"].append(maps)
                outputs["5"].append(model[2:](maps))
        for name, parts in outputs.items():
            with open(self.path(name + ".npy"), "wb") as file:
                file.write(stream_torch.npy(torch.cat(parts)))
        with open(self.path("labels.npy"), "wb") as file:
            file.write(stream_torch.npy(torch.cat([labels for _, labels in batches])))
        subprocess.run([PROGRAM, "measure", self.path("1.npy"), self.path("5.npy"), "--labels",
                        self.path("labels.npy"), "--json", self.path("dump.json")], check=True, capture_output=True)
        stream_torch.measure(model, batches, ["1", "5"], "--json", self.path("stream.json"), program=PROGRAM)
        self.assertEqual(numbers(self.path("stream.json")), numbers(self.path("dump.json")))
        self.assertEqual(list(numbers(self.path("stream.json"))), ["1", "5"])

    def test_a_model_that_fails_leaves_no_numbers(self):
        model, batches = model_and_batches()

        def broken():
            yield batches[0]
            raise OSError("the disk is gone")

        with self.assertRaises(OSError):
            stream_torch.measure(model, broken(), ["1"], "--json", self.path("stream.json"), program=PROGRAM)
        self.assertEqual(os.listdir(self._folder.name), [])

    def test_a_failure_of_the_program_is_an_error(self):
        model, batches = model_and_batches()
        with self.assertRaises(RuntimeError):
            stream_torch.measure(model, batches, ["1"], "--layers", "nothing", program=PROGRAM)

    def test_is_short_and_needs_pytorch_only(self):
        with open(os.path.join(EXAMPLES, "stream_torch.py")) as file:
            text = file.read()
        self.assertLessEqual(len(text.splitlines()), 40)
        imported = {alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)
                    for alias in node.names}
        self.assertLessEqual(imported, {"torch", *sys.stdlib_module_names})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
