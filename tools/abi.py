#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the layout of what plugins see.

  abi.py                        compare the headers with plugin_api/abi/layout-<ABI>.def; exit 1 saying what moved
  abi.py --grow                 record what was added where adding is allowed (./dev regen does this)
  abi.py --accept               record every change; from ABI 1 on only growth, or the first layout of an ABI
  abi.py --abidiff              compare plugin_api/abi/types-<ABI>.abi with libabigail's reading; 77 without the tool
  abi.py --variant older DIR    write headers with shorter structs, --variant newer: with longer ones
  abi.py --self-test            plant changes in a copy of the headers and see that each is found

A plugin that was built against an older header reads fields where they were then. Moving one makes every such
plugin read garbage, silently; so a layout changes by growth at its end, or with the ABI's version.
"""

import argparse
import sys
from pathlib import Path

from abi import compare, dwarf, headers, layout, selftest, variants

ROOT = Path(__file__).resolve().parents[1]
SHOWN = 25


def advice(version):
    if version == 0:
        return ("Before ABI 1 that is allowed, and every plugin must be built again: "
                "`python3 tools/abi.py --accept`, and say why in the commit.")
    return (f"Put new fields at the end, or make it a new ABI: TN_ABI_VERSION {version + 1} in plugin.h, "
            "then `python3 tools/abi.py --accept`.")


def show(changes):
    for change in changes[:SHOWN]:
        print(f"abi: {change.text}")
    if len(changes) > SHOWN:
        print(f"abi: ... and {len(changes) - SHOWN} more")


def settle(options, now, path):
    """Compares, and records what may be recorded; the exit status."""
    rules = list(compare.broken_rules(now))
    for rule in rules:
        print(f"abi: {rule}")
    if rules:
        return 1
    first = not path.is_file()
    old = now if first else layout.parse(path.read_text(encoding="utf-8"), now.version)
    changes = compare.differences(old, now)
    moved = [change for change in changes if not change.grown]
    may = options.accept and (now.version == 0 or not moved) or options.grow and not moved and not first
    if may and layout.render(now) != (path.read_text(encoding="utf-8") if not first else ""):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(layout.render(now), encoding="utf-8")
        show(changes)
        print(f"abi: {path.name} written")
    if may and changes or options.accept:
        record_types(options, now)
    if may or not (changes or first):
        return 0
    if first:
        print(f"abi: nothing is recorded of ABI {now.version} yet: python3 tools/abi.py --accept")
        return 1
    show(moved or changes)
    print(f"abi: {advice(now.version)}" if moved else "abi: this is growth: ./dev regen records it")
    return 1


def types_path(options, now):
    return options.root / f"plugin_api/abi/types-{now.version}.abi"


def record_types(options, now):
    """abidw's description, where it differs from the recorded one."""
    include, path = options.root.resolve() / "plugin_api/include", types_path(options, now)
    if dwarf.missing():
        print(f"abi: {path.name} is not written without abidw (on Debian: abigail-tools)")
    elif not path.is_file() or dwarf.report(include, now, path):
        dwarf.describe(include, now, path)
        print(f"abi: {path.name} written")


def second_opinion(options, now):
    include, path = options.root.resolve() / "plugin_api/include", types_path(options, now)
    if dwarf.missing():
        print(f"needs {' and '.join(dwarf.missing())} (on Debian: abigail-tools)")
        return 77
    report = dwarf.report(include, now, path) if path.is_file() else f"{path.name} is missing"
    if report:
        print(report)
        print("abi: what stands in plugin_api/abi is recorded by ./dev regen (growth) or tools/abi.py --accept")
    return 1 if report else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--grow", action="store_true", help="record what was added at an end")
    parser.add_argument("--accept", action="store_true", help="record every change")
    parser.add_argument("--abidiff", action="store_true", help="ask libabigail")
    parser.add_argument("--variant", nargs=2, metavar=("older|newer", "DIR"), help="write altered headers")
    parser.add_argument("--self-test", action="store_true", help="check the checks")
    parser.add_argument("--root", type=Path, default=ROOT, help="another source tree")
    options = parser.parse_args()
    include = options.root.resolve() / "plugin_api/include"
    try:
        if options.self_test:
            return selftest.run(include)
        if options.variant:
            variants.write(include, options.variant[0], Path(options.variant[1]))
            return 0
        now = layout.measure(include)
        if options.abidiff:
            return second_opinion(options, now)
        return settle(options, now, options.root / f"plugin_api/abi/layout-{now.version}.def")
    except headers.HeaderError as error:
        print(f"abi: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
