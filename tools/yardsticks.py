#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much of two published lists of operators there is: PyTorch's Core ATen IR and the Python Array
API standard.

    yardsticks.py [--check | --update]

The lists are tests/data/yardsticks/*.txt. A line is a name, or "name = KIND WHAT", which says what serves
it where that is called otherwise; lines in [brackets] begin a section. KIND is

    op        an operator of core/ops, by its schema's name
    out, inplace   that form of an operator
    function  a function or macro of a public header

What a line names is looked up in the schemas and headers, so nothing counts that is not there. Prints what
is missing, by section, and the two shares. --check fails when something is missing that
tests/data/yardsticks/missing.txt does not list, or when that file lists something that is there by now;
--update writes the file anew.
"""

import re
import sys
from pathlib import Path

from regen import schema

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "yardsticks"
LISTS = {"core_aten": "Core ATen IR (PyTorch 2.13)", "array_api": "Array API standard 2025.12"}
MISSING = DATA / "missing.txt"
HEADERS = ("core/include", "plugin_api/include", "nn/include")


class House:
    """What this tree has: operators with their forms, and public functions."""

    def __init__(self):
        ops, errors = schema.read_ops(ROOT / "core/ops", ROOT)
        if errors:
            raise SystemExit("\n".join(str(error) for error in errors))
        self.names = {"op": {op.name for op in ops},
                      "out": {op.name for op in ops if "out" in op.forms},
                      "inplace": {op.name for op in ops if "inplace" in op.forms},
                      "function": set()}
        for folder in HEADERS:
            for path in sorted((ROOT / folder).rglob("*.h")):
                text = path.read_text(encoding="utf-8")
                self.names["function"].update(re.findall(r"^TN_API\b[^;(]*?\b(tn_\w+)\(", text, re.M))
                self.names["function"].update(re.findall(r"^#define ((?:tn|TN)_\w+)", text, re.M))

    def has(self, kind, what):
        return what in self.names[kind]


def entries(path):
    """(section, name, kind, what) of each line of a list."""
    section = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        line = line.split("#", 1)[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line:
            name, _, served = (part.strip() for part in line.partition("="))
            kind, what = served.split() if served else ("op", name)
            if kind not in ("op", "out", "inplace", "function"):
                raise SystemExit(f"{path.name}:{number}: '{kind}' is none of op, out, inplace, function")
            yield section, name, kind, what


def measure(house):
    """{list: (how many entries, [(section, name, what is missing)])}"""
    result = {}
    for name in LISTS:
        rows = list(entries(DATA / f"{name}.txt"))
        result[name] = (len(rows), [(section, entry, f"{kind} {what}")
                                    for section, entry, kind, what in rows if not house.has(kind, what)])
    return result


def report(result):
    for name, title in LISTS.items():
        total, missing = result[name]
        sections = {}
        for section, entry, _ in missing:
            sections.setdefault(section, []).append(entry)
        share = 100 * (total - len(missing)) / total
        print(f"{title}: {total - len(missing)} of {total}, {share:.1f} %")
        for section, names in sections.items():
            print(f"  {section + ': ' if section else ''}{' '.join(names)}")


def missing_text(result):
    lines = ["# What ./dev yardsticks finds missing. ./dev check fails when a line is to be added: the file only",
             "# shrinks. `./dev yardsticks --update` takes out what has been built."]
    for name in LISTS:
        lines += [f"{name} {entry}" for _, entry, _ in result[name][1]]
    return "\n".join(lines) + "\n"


def main():
    arguments = sys.argv[1:]
    if arguments not in ([], ["--check"], ["--update"]):
        raise SystemExit(__doc__)
    result = measure(House())
    report(result)
    text = missing_text(result)
    if arguments == ["--update"]:
        MISSING.write_text(text, encoding="utf-8")
    if arguments != ["--check"]:
        return 0
    known, now = set(MISSING.read_text(encoding="utf-8").split("\n")), set(text.split("\n"))
    for line in sorted(now - known):
        print(f"lost: {line}")
    for line in sorted(known - now):
        print(f"built by now: {line}; ./dev yardsticks --update takes it out of {MISSING.relative_to(ROOT)}")
    return 0 if known == now else 1


if __name__ == "__main__":
    sys.exit(main())
