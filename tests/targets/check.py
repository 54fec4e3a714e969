"""Checks which code two objects for different targets share after linking.

Usage: check.py NM OBJDUMP PLAIN WIDE ISOLATED

The linker keeps one copy of each function that both objects define as weak: that of the object that it reads first.
If it reads WIDE first, PLAIN executes the copies of WIDE. So each of these copies must consist of instructions that
every x86-64 processor has, and must not refer to the namespace of the wide target. Functions of the standard library
and of Eigen are excepted in WIDE, because their names do not carry a target. ISOLATED has the code of WIDE without
shared functions.
"""

import re
import subprocess
import sys

WIDE_INSTRUCTION = re.compile(
    r"\t(v[a-z]\w*|(shl|shr|sar|ror|mul)x|andn|bextr|bls\w+|pdep|pext|bzhi|lzcnt|movbe|popcnt)\b|%[yz]mm|%k[0-7]"
)
FOREIGN = re.compile(r"_ZZ?N?K?(S[a-z]|5Eigen|9__gnu_cxx)")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def weak_functions(nm, path):
    fields = [line.split() for line in output(nm, "--defined-only", path).splitlines()]
    return {field[2] for field in fields if field[1] == "W"}


def functions(objdump, path):
    """Returns the lines of each function, with its relocations, and the names of the functions of each section."""
    bodies, sections, section, name = {}, {}, "", ""
    for line in output(objdump, "-dr", "--no-show-raw-insn", path).splitlines():
        if match := re.match(r"Disassembly of section (.*):", line):
            section = match[1]
        elif match := re.match(r"[0-9a-f]+ <(.*)>:", line):
            name = match[1]
            bodies.setdefault(name, [])
            sections.setdefault(section, []).append(name)
        elif name:
            bodies[name].append(line)
    return bodies, sections


def namespaces(bodies):
    """Returns the inline namespaces of the library, but that of the exceptions."""
    names = set()
    for name in bodies:
        for match in re.finditer(r"8repscope(\d+)(v\d+_\w*)", name):
            names.add(match[2][: int(match[1])])
    return names


def wide_code(name, bodies, sections, namespace):
    """Returns the first line of wide code in a function or in the local functions that the compiler split off."""
    pending, visited = [name], set()
    while pending:
        name = pending.pop()
        if name in visited or name not in bodies:
            continue
        visited.add(name)
        for line in bodies[name]:
            if WIDE_INSTRUCTION.search(line) or ("R_X86_64" in line and namespace in line):
                return line.strip()
            if match := re.search(r"R_X86_64\S*\s+([^-+\s]+)", line):
                split_off = re.search(r"\.(part|cold|isra|constprop)", match[1])
                pending += sections.get(match[1], [match[1]] if split_off else [])
    return None


def main():
    nm, objdump, plain, wide, isolated = sys.argv[1:]
    failures = []
    plain_bodies, _ = functions(objdump, plain)
    plain_weak = weak_functions(nm, plain)
    for name, body in plain_bodies.items():
        wide_lines = [line.strip() for line in body if WIDE_INSTRUCTION.search(line)]
        failures += [f"{plain}: {name} has a wide instruction: {line}" for line in wide_lines[:1]]
    for path in (wide, isolated):
        bodies, sections = functions(objdump, path)
        names = namespaces(bodies)
        # The check shows something only if the library's code in the object is wide.
        wide_count = sum("8repscope" in n and any(map(WIDE_INSTRUCTION.search, body)) for n, body in bodies.items())
        if len(names) != 1 or names & namespaces(plain_bodies) or wide_count < 10:
            failures.append(f"{path}: expected wide code in a namespace of its own, "
                            f"got {wide_count} functions in {sorted(names)}")
        shared = plain_weak & weak_functions(nm, path)
        foreign = 0
        for name in sorted(shared):
            line = wide_code(name, bodies, sections, "".join(names))
            if line is not None and path == wide and FOREIGN.match(name):
                foreign += 1
            elif line is not None:
                failures.append(f"{path}: {name} is shared with {plain} and has wide code: {line}")
        print(
            f"{path}: {wide_count} functions of the library have wide code; {len(shared)} functions are shared, "
            f"of which {foreign} of the standard library and Eigen have wide code"
        )
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


main()
