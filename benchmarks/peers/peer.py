"""What the peers of a module share: which packages there are, and the loop that answers compare.py.

A peer is a program, `MODULE_peers.py THREADS`. It writes one line of JSON: the implementations per work, and the
packages that are left out. Then it reads requests, a line of JSON each, and answers each with the seconds of one pass,
or its seconds of processor time.
"""
import importlib
import json
import os
import statistics
import sys
import time

if len(sys.argv) != 2 or not sys.argv[1].isdigit():
    sys.exit(f"usage: {sys.argv[0]} THREADS, with requests of compare.py in the standard input")
THREADS = int(sys.argv[1])
# The libraries read these when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)

_works = {}
_left_out = {}
_held = {}


def load(module, name):
    """The module, or None if it is not installed; `name` is then left out."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        _left_out[name] = str(error)
        return None


def add(work, implementation, make):
    """Adds an implementation: `make()` returns a function that does the work once."""
    _works.setdefault(work, {})[implementation] = make


def held(key, make):
    """The value of `make()`, which is made again when the key changes: one large array at a time."""
    if key not in _held:
        _held.clear()
        _held[key] = make()
    return _held[key]


def _seconds(run, clock):
    begin = clock()
    run()
    return clock() - begin


def median_seconds(run, duration, clock):
    """The median of the passes that fit into `duration`, after one that does not count unless it is longer."""
    begin = time.perf_counter()
    first = _seconds(run, clock)
    if time.perf_counter() - begin >= duration:
        return first
    times, end = [], time.perf_counter() + duration
    while not times or time.perf_counter() < end:
        times.append(_seconds(run, clock))
    return statistics.median(times)


def serve():
    """Answers the requests of the standard input until it ends."""
    works = {work: list(implementations) for work, implementations in _works.items()}
    print(json.dumps({"works": works, "left_out": _left_out}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        run = _works[request["work"]][request["implementation"]]()
        clock = time.process_time if request["processor"] else time.perf_counter
        print(json.dumps({"seconds": median_seconds(run, request["duration"], clock)}), flush=True)
