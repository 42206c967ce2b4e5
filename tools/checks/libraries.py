#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libraries.py BUILD_FOLDER: what the built libraries export, need and weigh.

libtenon.so may need only the C library's parts, exports only tn_ names and keeps its thread-local
storage small enough to be loaded late by any program. A backend exports one function and never needs
libtenon.
"""

import re
import subprocess
import sys
from pathlib import Path

LIBC = re.compile(r"^(libc|libm|libdl|libpthread|ld-linux[-a-z0-9_]*)\.so")
# A library opened with dlopen shares about 512 bytes of static thread-local storage with all others.
TLS_LIMIT_BYTES = 256
SIZE_LIMIT_BYTES = 1 << 20


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exports(library):
    lines = run("nm", "-D", "--defined-only", library).split("\n")
    return [fields[-1].split("@")[0] for fields in map(str.split, lines) if len(fields) >= 3]


def needs(library):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", "-W", library))


def tls_bytes(library):
    match = re.search(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", run("readelf", "-l", "-W", library),
                      re.M)
    return int(match.group(1), 16) if match else 0


def loaded_bytes(library):
    """What strip leaves, near enough: every section that is loaded, without debug information."""
    sections = run("size", "-A", "-d", library)
    rows = (line.split() for line in sections.split("\n") if re.match(r"^\.\w", line))
    return sum(int(row[1]) for row in rows if not row[0].startswith((".debug", ".comment", ".bss")))


def main():
    lib = Path(sys.argv[1]) / "lib"
    core = lib / "libtenon.so"
    if not core.exists():
        print(f"there is no {core}")
        return 1
    problems = []

    foreign = [name for name in needs(core) if not LIBC.match(name)]
    if foreign:
        problems.append(f"libtenon.so needs {', '.join(foreign)}")
    if tls_bytes(core) > TLS_LIMIT_BYTES:
        problems.append(f"libtenon.so has {tls_bytes(core)} bytes of thread-local storage, "
                        f"more than {TLS_LIMIT_BYTES}")
    if loaded_bytes(core) > SIZE_LIMIT_BYTES:
        problems.append(f"libtenon.so weighs {loaded_bytes(core)} bytes, more than {SIZE_LIMIT_BYTES}")
    libraries = sorted(p for p in lib.glob("libtenon*.so"))
    for library in libraries:
        strange = [name for name in exports(library) if not name.startswith("tn_")]
        if strange:
            problems.append(f"{library.name} exports {', '.join(strange[:5])}")

    backends = sorted(lib.glob("tenon/abi*/*.so"))
    for library in backends:
        if exports(library) != ["tn_plugin_query"]:
            problems.append(f"{library.name} exports {', '.join(exports(library)[:5]) or 'nothing'}, "
                            "and should export tn_plugin_query alone")
        ours = [name for name in needs(library) if name.startswith("libtenon")]
        if ours:
            problems.append(f"{library.name} links {', '.join(ours)}: a backend stands on plugin_api alone")

    for problem in problems:
        print(problem)
    print(f"note: libtenon.so {loaded_bytes(core) // 1024} KiB, thread-local {tls_bytes(core)} bytes, "
          f"{len(exports(core))} symbols; {len(libraries) - 1} more libraries, {len(backends)} backends")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
