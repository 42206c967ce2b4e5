#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/plugin-abi.md says something of all that stands in plugin.h.

Every struct has a heading, in the header's order; its section names every field; every constant,
macro and function of the header is named somewhere. Needs a C compiler, which reads the header.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from abi import headers  # noqa: E402

HEADER = ROOT / "plugin_api/include/tenon/plugin.h"
UNSAID = re.compile(r"struct_size$|reserved$")  # said once for all


def sections(page):
    """{struct: text of its section}, in the page's order."""
    parts = re.split(r"^#+ (.*)$", page, flags=re.M)
    return {name.strip("`"): text for name, text in zip(parts[1::2], parts[2::2]) if name.startswith("`")}


def mentions(text, name):
    return re.search(rf"`{re.escape(name)}\b", text) is not None


def problems(page, header, structs):
    said = sections(page)
    order = [s.name for s in sorted(structs, key=lambda s: position(header, s.name))]
    for struct in structs:
        if struct.name not in said:
            yield f"no section `{struct.name}`"
            continue
        for field in struct.fields:
            if not UNSAID.search(field.name) and not mentions(said[struct.name], field.name):
                yield f"{struct.name}.{field.name} is not in its section"
    there = [name for name in said if name in order]
    if there != [name for name in order if name in said]:
        yield f"the sections stand in another order than in the header: {', '.join(order)}"
    names = set(re.findall(r"^#define (TN_[A-Z]\w*)", header, re.M))
    names |= set(re.findall(r"^ *(?:enum \{ )?(TN_[A-Z_]+) = ", header, re.M))
    names |= set(re.findall(r"\b(tn_plugin_query(?:_fn)?|tn_range_body)\b", header))
    for name in sorted(names):
        if not mentions(page, name):
            yield f"{name} is not mentioned"


def position(header, name):
    return re.search(rf"struct {name} \{{", header).start()


def main():
    page = (ROOT / "docs/plugin-abi.md").read_text(encoding="utf-8")
    header = HEADER.read_text(encoding="utf-8")
    structs = [s for s in headers.read(ROOT / "plugin_api/include")[0] if f"struct {s.name} {{" in header]
    found = list(problems(page, header, structs))
    # The check can fail: without one section, and with one field more.
    planted = page.replace("### `tn_args`", "### another")
    more = [structs[0]._replace(fields=[*structs[0].fields, headers.Field("planted", "int")]), *structs[1:]]
    if not any("`tn_args`" in p for p in problems(planted, header, structs)) or \
            not any("planted" in p for p in problems(page, header, more)):
        found.append("the check does not see what is planted")
    for problem in found:
        print(f"docs/plugin-abi.md: {problem}")
    print(f"{len(structs)} structs, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
