# SPDX-License-Identifier: Apache-2.0
"""The second opinion: libabigail's reading of what the compiler laid out.

The layout file comes from our own reader of the headers, so what that reader takes wrongly could
slip through. abidw reads the same types from the debugging information of a library that does
nothing but name each of them; abidiff compares that with what was recorded, and says in words what
differs. Only what people write is in it: attributes are generated, and grow with every operator.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from . import compare, headers

TOOLS = ("abidw", "abidiff")
ABIDW = ("abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-architecture",
         "--drop-undefined-syms", "--type-id-style", "hash")


def missing():
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def source(layout):
    """C that has one variable of a pointer to each type."""
    lines = [f"#include <tenon/{name}>" for name in headers.HEADERS]
    names = [*(n for n in layout.structs if not compare.is_attrs(n)), *layout.aliases]
    return "\n".join(lines + [f"const {name} *names_{name};" for name in names]) + "\n"


def describe(include, layout, path):
    """Writes abidw's description of every type to |path|."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "types.so"
        command = [*headers.compiler(), "-std=c11", "-w", "-g", "-shared", "-fPIC", f"-I{include}", "-xc",
                   "-", "-o", str(library)]
        done = subprocess.run(command, input=source(layout), capture_output=True, text=True, cwd=folder)
        if done.returncode == 0:
            done = subprocess.run([*ABIDW, "--out-file", str(path), str(library)],
                                  capture_output=True, text=True)
        if done.returncode != 0:
            raise headers.HeaderError(done.stderr.strip())


def report(include, layout, recorded):
    """abidiff's report of what differs from |recorded|; "" where nothing does."""
    with tempfile.TemporaryDirectory() as folder:
        now = Path(folder) / "now.abi"
        describe(include, layout, now)
        done = subprocess.run(["abidiff", "--harmless", "--leaf-changes-only", str(recorded), str(now)],
                              capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout + done.stderr
