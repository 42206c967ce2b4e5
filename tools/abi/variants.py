# SPDX-License-Identifier: Apache-2.0
"""The contract's headers as they may have been, or may become.

There is no released header yet, so these stand in for the archive: in the older ones every struct
that grows ends where the host promises to accept it, in the newer ones each has two more fields. A
plugin that is built with either must work with today's host.
"""

import re

from . import compare, headers

# The last field that 1.0 would have of each struct; what follows is newer. What the host insists on
# may be less, never more.
FLOORS = {
    "tn_host_api": "extension",
    "tn_kernel_ctx": "device",
    "tn_kernel_row": "run",
    "tn_wrap_api": "next",
    "tn_device_properties": "memory_bytes",
    "tn_device_table": "copy_within",
    "tn_registrar": "add_kernels",
    "tn_plugin_facts": "operators",
    "tn_plugin_desc": "init",
}
ADDED = "  uint64_t of_the_future_1;\n  void (*of_the_future_2)(void *self);\n"


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def bodies(text):
    """(name, start, end) of each struct's body: what stands between its braces."""
    for match in re.finditer(r"\bstruct (tn_\w+) \{\n", text):
        depth, at = 1, match.end()
        while depth > 0:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield match.group(1), match.end(), at - 1


def fields(body):
    """Each declaration of a body, with what stands before it."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(body):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(character, 0)
        if character == ";" and depth == 0:
            parts.append(body[start:at + 1])
            start = at + 1
    return parts


def declares(part, name):
    return re.search(rf"(\(\*{name}\)|\b{name}\b(\[\w*\])*( *,[^;]*)?;)", part) is not None


def shortened(name, body):
    """|body| up to the floor."""
    if name not in FLOORS:
        return body
    parts = fields(body)
    for count, part in enumerate(parts, 1):
        if declares(part, FLOORS[name]):
            return "".join(parts[:count]) + "\n"
    raise headers.HeaderError(f"{name} has no field {FLOORS[name]}")


def lengthened(name, body):
    if name == "tn_plugin_facts":  # it lies in a note, on four bytes
        return body + "  char of_the_future[48];\n"
    may = "struct_size" in body or compare.is_attrs(name) or name in compare.GROWS_BY_STRIDE
    return body + ADDED if may else body


def write(include, kind, folder):
    """The headers under |include| made older or newer, into |folder|."""
    change = {"older": shortened, "newer": lengthened}[kind]
    left = set(FLOORS)
    for path in sorted((include / "tenon").glob("*.h")):
        text = without_comments(path.read_text(encoding="utf-8"))
        out, done = [], 0
        for name, start, end in bodies(text):
            left.discard(name)
            out += [text[done:start], change(name, text[start:end])]
            done = end
        target = folder / "tenon" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(out) + text[done:], encoding="utf-8")
    if left:
        raise headers.HeaderError(f"there is no {', '.join(sorted(left))} to shorten")
