#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what can be derived from the operators' definitions: ./dev regen [--check].

  regen.py                    write the files that differ
  regen.py --check            write nothing; exit 1 naming the files that differ
  regen.py --docs FILE.json   write docs/ops.md from what `tenon ops --json` printed; with --check,
                              exit 1 where the page differs
  regen.py --self-test        plant mistakes in definitions and see that each is refused

The standard library is enough. Output depends on core/ops and conformance/ops alone, is sorted by
operator, and is committed. docs/ops.md also says what the built backends register.
"""

import argparse
import json
import sys
from pathlib import Path

from regen import core, headers, names, schema, selftest, specs, table

ROOT = Path(__file__).resolve().parents[1]


def render(root):
    """({path: text}, errors) of every generated file."""
    ops, errors = schema.read_ops(root / "core/ops", root)
    names.check_names(ops, root / "core/include/tenon", errors)
    files = {}
    if ops and not errors:
        errors += core.duplicate_entries(ops)
        try:
            files = {
                "plugin_api/include/tenon/op_args.h": headers.op_args(ops),
                "core/include/tenon/ops.h": headers.ops_header(ops),
                "core/src/generated/op_ids.h": core.op_ids(ops),
                "core/src/generated/op_table.c": core.op_table(ops),
                "core/src/generated/op_aliases.c": core.op_aliases(ops),
                "core/src/generated/ops.c": core.ops_source(ops),
            }
        except schema.SchemaError as error:
            errors.append(error)
    files.update(specs.render(root, errors))
    return {path: "\n".join(lines) + "\n" for path, lines in files.items()}, errors


def differing(root, files):
    """The paths whose committed text is not |files|'s."""
    return [path for path, text in sorted(files.items())
            if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def settle(options, files):
    """Writes or names the files that differ; the exit status."""
    stale = differing(options.root, files)
    for path in stale:
        print(f"{path}: {'differs' if options.check else 'written'}")
        if not options.check:
            write(options.root / path, files[path])
    return 1 if options.check and stale else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="exit 1 naming the files that differ")
    parser.add_argument("--docs", metavar="FILE.json", help="write docs/ops.md")
    parser.add_argument("--self-test", action="store_true", help="check the checks")
    parser.add_argument("--root", type=Path, default=ROOT, help="another source tree")
    options = parser.parse_args()
    if options.self_test:
        return selftest.run()
    if options.docs:
        listed = json.loads(Path(options.docs).read_text(encoding="utf-8"))
        return settle(options, {"docs/ops.md": table.coverage(listed)})
    files, errors = render(options.root)
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        print(f"regen: {len(errors)} errors, nothing written", file=sys.stderr)
        return 1
    return settle(options, files)


if __name__ == "__main__":
    sys.exit(main())
