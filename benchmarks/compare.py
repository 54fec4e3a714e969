#!/usr/bin/python3
"""Runs the benchmarks of the library and their peers in turn, and prints one table; run.sh builds them and calls this.

Each round of a work runs its benchmarks, then its peers; every second round the peers are first. Times are medians over
the rounds. Ratios are medians over the rounds of the ratio within a round, which load of the machine disturbs least.
Exit status: 0, 1 when a benchmark or a peer fails, 2 for wrong arguments.
"""
import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys

MODULES = ("selectivity", "dimensionality", "geometry", "io", "corruption", "net", "attack", "gradient")
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY, LIMIT = "repscope", "limit "
LEGEND = """\
A rate is a median of the rounds. In brackets: for the limit, the share of its speed that repscope reaches; for a peer,
how many times as long as repscope it takes. An OpenCV function in the column "a part" computes a part of the work
only."""


class failure(Exception):
    """A benchmark or a peer that fails; the message names it."""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="folder of the build; benchmark programs are in its benchmarks/")
    parser.add_argument("--out", required=True, help="folder for table.json and table.md")
    parser.add_argument("--only", default="", metavar="PATTERN")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--left-out", action="append", default=[], metavar="NAME=REASON")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.rounds < 1 or not options.seconds > 0:
        parser.error(f"expected at least 1 round and more than 0 seconds, got {options.rounds} and {options.seconds}")
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", options.threads):
        parser.error(f"expected numbers of threads as in 1,2, got {options.threads}")
    try:
        options.only = re.compile(options.only)
    except re.error as error:
        parser.error(f"expected a regular expression, got {options.only}: {error}")
    return options


def environment(threads):
    """Variables that set the threads of a benchmark program or a peer."""
    return {**os.environ, "REPSCOPE_BENCHMARK_THREADS": threads, "OMP_NUM_THREADS": threads.split(",")[0],
            "OPENBLAS_NUM_THREADS": threads.split(",")[0]}


def run_program(build, module, threads, *arguments):
    command = [os.path.join(build, "benchmarks", f"benchmark_{module}"), *arguments]
    result = subprocess.run(command, env=environment(threads), capture_output=True, text=True)
    if result.returncode != 0:
        raise failure(f"{' '.join(command)}: exit status {result.returncode}\n{result.stderr}")
    return result.stdout


def works_of(build, module, threads):
    """Each (work, threads) in the order in which the program adds the library's implementations."""
    names = [name.split("/")[:3]
             for name in run_program(build, module, threads, "--benchmark_list_tests=true").splitlines()]
    works = [(work, count) for work, implementation, count in names if implementation == LIBRARY]
    unknown = {work for work, _, _ in names} - {work for work, _ in works}
    if unknown:
        names_of_works = ", ".join(sorted(unknown))
        raise failure(f"{module}: expected a benchmark of {LIBRARY} for each work, got none for {names_of_works}")
    return works


class peer_process:
    """Peers of a module with a number of threads, or none where the module has none; see peers/peer.py."""

    def __init__(self, module, threads):
        self.path = os.path.join(HERE, "peers", f"{module}_peers.py")
        self.works, self.left_out, self.process = {}, {}, None
        if os.path.exists(self.path):
            self.process = subprocess.Popen([sys.executable, "-B", self.path, threads], env=environment(threads),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            answer = self.answer()
            self.works, self.left_out = answer["works"], answer["left_out"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise failure(f"{self.path}: exit status {self.process.wait()}")
        return json.loads(line)

    def seconds(self, work, implementation, options):
        request = {"work": work, "implementation": implementation, "duration": options.seconds,
                   "processor": options.processor}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise failure(f"{self.path}: exit status {self.process.wait()}") from None
        return self.answer()["seconds"]

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def run_benchmarks(options, module, work, threads):
    """Seconds of each implementation in the module's program, and what the library does in a pass: amount and unit."""
    escaped = re.sub(r"([][\\.()*+?{}|^$])", r"\\\1", work)
    out = run_program(options.build, module, threads, f"--benchmark_filter=^{escaped}/.*/{threads}/",
                      f"--benchmark_min_time={options.seconds}", "--benchmark_format=json")
    seconds, amount = {}, None
    for result in json.loads(out)["benchmarks"]:
        if result.get("error_occurred"):
            raise failure(f"{result['name']}: {result['error_message']}")
        implementation = result["name"].split("/")[1]
        unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[result["time_unit"]]
        seconds[implementation] = unit * result["cpu_time" if options.processor else "real_time"]
        if implementation == LIBRARY:  # its rate is per second of real time
            if "bytes_per_second" in result:
                amount = (result["bytes_per_second"] * unit * result["real_time"], "B")
            else:
                amount = (result["items_per_second"] * unit * result["real_time"], result["label"])
    return seconds, amount


def measure(options, module, work, threads, peers):
    """The row of a work: for each implementation its seconds per round, its rate and its ratio."""
    rounds, amount = [], None
    for index in range(options.rounds):
        def ask_peers():
            return {name: peers.seconds(work, name, options) for name in peers.works.get(work, [])}
        seconds = ask_peers() if index % 2 else {}
        benchmarks, amount = run_benchmarks(options, module, work, threads)
        seconds.update(benchmarks)
        seconds.update({} if index % 2 else ask_peers())
        rounds.append(seconds)
    implementations = {}
    for name in sorted(rounds[0], key=lambda name: (name != LIBRARY, not name.startswith(LIMIT), name)):
        ratios = [seconds[name] / seconds[LIBRARY] for seconds in rounds]
        median = statistics.median(seconds[name] for seconds in rounds)
        implementations[name] = {"seconds": [seconds[name] for seconds in rounds], "median_seconds": median,
                                 "per_second": amount[0] / median, "ratio": statistics.median(ratios),
                                 "lowest_ratio": min(ratios)}
    return {"module": module, "work": work, "threads": int(threads), "unit": amount[1],
            "implementations": implementations}


def three_digits(value):
    for factor, prefix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{value / factor:#.3g}".rstrip(".") + prefix
    return f"{value:#.3g}".rstrip(".")


def rate_of(value, unit):
    """As in 9.76 images/s, 1.93 k images/s and 8.36 GB/s."""
    number = three_digits(value)
    return f"{number}{'' if unit == 'B' and ' ' in number else ' '}{unit}/s"


def two_decimals(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table_of(rows):
    """Header and cells of the table, as text."""
    peers = sorted({name for row in rows for name in row["implementations"]
                    if name != LIBRARY and not name.startswith(LIMIT)})
    header = ["work", "threads", LIBRARY, "limit", *peers]
    lines = []
    for row in rows:
        results = row["implementations"]

        def cell(name):
            if name not in results:
                return ""
            return f"{three_digits(results[name]['per_second'])} ({two_decimals(results[name]['ratio'])})"
        limits = [name for name in results if name.startswith(LIMIT)]
        lines.append([f"{row['module']}: {row['work']}", str(row["threads"]),
                      rate_of(results[LIBRARY]["per_second"], row["unit"]),
                      ", ".join(f"{name[len(LIMIT):]} {cell(name)}" for name in limits), *map(cell, peers)])
    return header, lines


def as_text(header, lines):
    widths = [max(len(line[k]) for line in [header, *lines]) for k in range(len(header))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip()
                     for line in [header, *lines])


def as_markdown(header, lines):
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines])


def output_of(*command):
    result = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else ""


def description(options):
    """Where and how the table is measured."""
    with open(os.path.join(options.build, "CMakeCache.txt")) as file:
        cache = dict(re.findall(r"^(\w+):\w+=(.*)$", file.read(), re.MULTILINE))
    with open("/proc/cpuinfo") as file:
        processor = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": output_of("git", "describe", "--always", "--dirty") or "unknown",
            "command": f"benchmarks/run.sh --only '{options.only.pattern}' --rounds {options.rounds} "
                       f"--seconds {options.seconds:g} --threads {options.threads}{' --processor' * options.processor}",
            "processor": processor.group(1) if processor else "unknown", "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "compiler": output_of(cache["CMAKE_CXX_COMPILER"], "--version").splitlines()[0],
            "flags": f"{cache.get('CMAKE_CXX_FLAGS_RELEASE', '')} -ffp-contract=off {cache.get('REPSCOPE_ARCH', '')}"}


def main():
    options = parse_arguments()
    chosen = []
    for module in MODULES:
        for work, threads in works_of(options.build, module, options.threads):
            if threads in options.threads.split(",") and options.only.search(f"{module}: {work}"):
                chosen.append((module, work, threads))
    if not chosen:
        print(f"expected a pattern that occurs in a work, got {options.only.pattern}; --list prints the works",
              file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(dict.fromkeys(f"{module}: {work}" for module, work, _ in chosen)))
        return 0

    about = description(options)
    left_out = dict(text.split("=", 1) for text in options.left_out)
    rows, peers, owner = [], None, None
    for number, (module, work, threads) in enumerate(chosen, 1):
        if owner != (module, threads):
            if peers:
                peers.close()
            peers, owner = peer_process(module, threads), (module, threads)
            left_out.update(peers.left_out)
            unknown = set(peers.works) - {name for name, _ in works_of(options.build, module, options.threads)}
            if unknown:
                raise failure(f"{peers.path}: expected works of the benchmark program, "
                              f"got {', '.join(sorted(unknown))}")
        print(f"[{number}/{len(chosen)}] {module}: {work}, {threads} thread{'s' * (threads != '1')}", file=sys.stderr)
        rows.append(measure(options, module, work, threads, peers))
    peers.close()

    header, lines = table_of(rows)
    notes = [f"Commit {about['commit']}, {about['date']}, {about['processor']}, {about['cores']} cores, "
             f"load {about['load']:.1f} before. {about['compiler']}, {about['flags']}.",
             f"Command: {about['command']}", LEGEND]
    if options.processor:
        notes.append("All times are processor time, summed over the threads.")
    notes += [f"Left out: {name}, {reason}." for name, reason in sorted(left_out.items())]
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "table.json"), "w") as file:
        json.dump({**about, "rounds": options.rounds, "seconds": options.seconds, "left_out": left_out,
                   "rows": rows}, file, indent=1)
        file.write("\n")
    with open(os.path.join(options.out, "table.md"), "w") as file:
        file.write(as_markdown(header, lines) + "\n\n" + "\n\n".join(notes) + "\n")
    print(as_text(header, lines) + "\n\n" + "\n".join(notes))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except failure as error:
        print(error, file=sys.stderr)
        sys.exit(1)
