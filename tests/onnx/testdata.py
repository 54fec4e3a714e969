"""Runs the cases of libonnx-testdata through `repscope dump` and prints a table of operators.

Usage: testdata.py PROGRAM [CASE...]

A case is a model with its inputs and outputs. The first floating-point input becomes the input of the network, and the
others become constants. The network gets it as one row of numbers, which a Reshape in front makes into the shape of the
case, so that tensors of any rank can be tested. Outputs agree within 1e-3, relative, and 1e-7, absolute. Cases that are
outside of what repscope supports are skipped, with the reason; every other error is a failure.
"""

from __future__ import annotations

import collections
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = "/usr/share/libonnx-testdata/data"
FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
OPERATORS = {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "Div", "Dropout", "Erf", "Exp",
    "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish",
    "Identity", "LayerNormalization", "LeakyRelu", "LogSoftmax", "MatMul", "MaxPool", "Mul", "Neg", "PRelu", "Pad",
    "Pow", "Reciprocal", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt",
    "Squeeze", "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Where",
}  # fmt: skip
CONSTANTS = {
    "Constant", "Shape", "ConstantOfShape", "Range", "Equal", "Less", "Greater", "Tile", "CastLike", "Size", "And",
    "Or", "Not", "Floor", "Ceil", "ReduceProd", "ReduceMax", "ReduceMin", "Mod",
}  # fmt: skip


# What the messages of repscope mean that name something it does not support.
UNSUPPORTED = {
    "is not supported on activations": "an operator that only constants have",
    "one or two spatial axes": "three spatial axes",
    "expected mode constant": "Pad of another mode than constant",
    "expected inference mode": "training",
}


class Skipped(Exception):
    """A case that is outside of what repscope states to support."""


def read_tensor(path: str) -> onnx.TensorProto:
    tensor = TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    return tensor


def prepare(case: str) -> tuple[onnx.ModelProto, np.ndarray, np.ndarray]:
    """Returns the model of one row, the row and the expected output."""
    model = onnx.load(os.path.join(case, "model.onnx"))
    graph = model.graph
    unknown = {node.op_type for node in graph.node} - OPERATORS - CONSTANTS
    if unknown:
        raise Skipped("operator " + ", ".join(sorted(unknown)))
    for value in list(graph.input) + list(graph.output):
        if not value.type.HasField("tensor_type"):
            raise Skipped("sequences and optional values")
    stored = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in stored]
    data = os.path.join(case, "test_data_set_0")
    tensors = [read_tensor(f"{data}/input_{i}.pb") for i in range(len(names))]
    expected = read_tensor(f"{data}/output_0.pb")
    if expected.data_type not in FLOATS:
        raise Skipped("the output is not floating-point")
    if any(tensor.data_type in (TensorProto.BFLOAT16, TensorProto.STRING) for tensor in tensors):
        raise Skipped("bfloat16 and text as inputs")
    if not np.isfinite(numpy_helper.to_array(expected)).all():
        raise Skipped("the output is not finite")
    places = [i for i, tensor in enumerate(tensors) if tensor.data_type in FLOATS]
    if not places:
        raise Skipped("no floating-point input")
    place = places[0]
    x = numpy_helper.to_array(tensors[place])
    if x.size == 0 or numpy_helper.to_array(expected).size == 0:
        raise Skipped("an empty tensor")
    output = graph.output[0].name
    for i, tensor in enumerate(tensors):
        if i != place:
            tensor.name = names[i]
            graph.initializer.append(tensor)
    kind = TensorProto.DOUBLE if x.dtype == np.float64 else TensorProto.FLOAT
    row = helper.make_tensor_value_info("row", kind, (1, x.size))
    del graph.input[:]
    graph.input.append(row)
    graph.initializer.append(numpy_helper.from_array(np.array(x.shape, np.int64), "shape of the case"))
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1], np.int64), "one row"))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.append(helper.make_node("Reshape", ["row", "shape of the case"], [names[place]]))
    graph.node.extend(nodes)
    graph.node.append(helper.make_node("Reshape", [output, "one row"], ["output row"]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output row", TensorProto.FLOAT, None))
    return model, x.reshape(1, -1), numpy_helper.to_array(expected)


def run(program: str, case: str) -> str:
    """Returns why a case fails; empty if it passes. Raises `Skipped`."""
    model, x, expected = prepare(case)
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, f"{folder}/model.onnx")
        np.save(f"{folder}/x.npy", x)
        done = subprocess.run(
            [program, "dump", f"{folder}/model.onnx", "--inputs", f"{folder}/x.npy", "--input-range", "-1e300,1e300",
             "--layers", "output row", "--out", f"{folder}/out", "--threads", "1"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            for text, meaning in UNSUPPORTED.items():
                if text in done.stderr:
                    raise Skipped(meaning)
            return done.stderr.strip().replace(folder + "/", "")[:300]
        got = np.load(f"{folder}/out/logits.npy").reshape(-1)
    expected = expected.astype(np.float64).reshape(-1)
    if got.shape != expected.shape:
        return f"{got.size} numbers, expected {expected.size}"
    worst = np.abs(got - expected) - 1e-7 - 1e-3 * np.abs(expected)
    return "" if worst.max() <= 0 else f"differs by {np.abs(got - expected).max():.1e}"


def main() -> int:
    program, *names = sys.argv[1:]
    cases = names or sorted(os.path.dirname(path) for path in glob.glob(ROOT + "/*/*/model.onnx"))
    if not cases:
        print(f"no cases in {ROOT}: install libonnx-testdata")
        return 1
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    reasons: collections.Counter = collections.Counter()
    failures = []
    for case in cases:
        operators = [node.op_type for node in onnx.load(os.path.join(case, "model.onnx")).graph.node]
        operator = operators[0] if len(operators) == 1 else "several nodes"
        try:
            reason = run(program, case)
            counts[operator]["failed" if reason else "passed"] += 1
            if reason:
                failures.append(f"{os.path.basename(case)}: {reason}")
        except Skipped as skipped:
            reasons[str(skipped)] += 1
            if operator in OPERATORS or operator == "several nodes":
                counts[operator]["skipped"] += 1
    print(f"{'operator':22} {'passed':>6} {'skipped':>7} {'failed':>6}")
    for operator, count in sorted(counts.items()):
        print(f"{operator:22} {count['passed']:6} {count['skipped']:7} {count['failed']:6}")
    print("\nskipped, with the number of cases:")
    for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])[:40]:
        print(f"{count:5}  {reason}")
    print("\n".join(["", *failures]) if failures else "\nno failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
