# SPDX-License-Identifier: Apache-2.0
"""The table of conformance specs: every `const tn_op_spec tn_spec_<name>` in conformance/ops, with
the family it belongs to, which is the name of its file."""

import re
from pathlib import Path

from .schema import SchemaError
from .text import banner

SPEC = re.compile(r"^(static )?const tn_op_spec tn_spec_(\w+)\s*=")


def read(root, errors):
    """[(name, family)] of the specs, sorted."""
    found = {}
    for path in sorted((root / "conformance/ops").glob("*.c")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            match = SPEC.match(line)
            if match is None:
                continue
            where = (str(path.relative_to(root)), number)
            if match[1]:
                errors.append(SchemaError(*where, "a spec must not be static"))
            if match[2] in found:
                errors.append(SchemaError(*where, f"tn_spec_{match[2]} stands in "
                                          f"{found[match[2]]} already"))
            found[match[2]] = where[0]
    return sorted((name, Path(where).stem) for name, where in found.items())


def render(root, errors):
    """The two files, {} while there are no specs."""
    found = read(root, errors)
    if not found:
        return {}
    header = banner("spec_table: every operator's spec, sorted by name.")
    header += ["#ifndef TENON_CONFORMANCE_SPEC_TABLE_H_", "#define TENON_CONFORMANCE_SPEC_TABLE_H_",
               "", "#include <tenon/conformance.h>", "",
               "extern const tn_op_spec *const tn_spec_table[];",
               "extern const char *const tn_spec_families[];  // of the spec at the same place",
               "extern const int32_t tn_spec_table_count;", "",
               "#endif  // TENON_CONFORMANCE_SPEC_TABLE_H_"]
    source = banner("spec_table: every operator's spec, sorted by name.")
    source += ['#include "spec_table.h"', ""]
    source += [f"extern const tn_op_spec tn_spec_{name};" for name, _ in found]
    source += ["", "const tn_op_spec *const tn_spec_table[] = {"]
    source += [f"    &tn_spec_{name}," for name, _ in found]
    source += ["};", "", "const char *const tn_spec_families[] = {"]
    source += [f'    "{family}",' for _, family in found]
    source += ["};", "", f"const int32_t tn_spec_table_count = {len(found)};"]
    return {"conformance/src/generated/spec_table.h": header,
            "conformance/src/generated/spec_table.c": source}
