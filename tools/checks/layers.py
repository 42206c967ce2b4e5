#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who includes whom, and who is named where.

The house has floors: plugin_api < core < nn, conformance < examples, tools, tests, bench, and
backends stand on plugin_api alone. A file may include only what lies below it, and public headers
only, unless the file belongs to the same room. The core never names a backend.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A room: the folder its files are in, and the rooms whose public headers they may include. The first
# row whose folder is a prefix of the file's path applies.
ROOMS = [
    ("plugin_api/include", ["plugin_api"]),
    ("plugin_api/template", ["plugin_api"]),
    ("tests/backends", ["plugin_api"]),
    ("backends/*", ["plugin_api"]),
    ("core", ["plugin_api", "core"]),
    ("nn", ["plugin_api", "core", "nn"]),
    ("conformance", ["plugin_api", "core", "conformance"]),
    ("examples", ["plugin_api", "core", "nn"]),
    ("tools", ["plugin_api", "core", "nn", "conformance"]),
    ("tests", ["plugin_api", "core", "nn", "conformance"]),
    ("bench", ["plugin_api", "core", "nn", "conformance"]),
]
PUBLIC = {room: ROOT / room / "include" for room in ("plugin_api", "core", "nn", "conformance")}

# Where a file's own headers may be, relative to its room, beside its own folder.
PRIVATE = {"core": ["src", "src/generated"], "nn": ["src"], "conformance": ["src"], "tests": ["support"],
           "bench": ["support"]}

# Words by which a backend or a vendor's library could slip into the core. ATen's schemas have
# arguments named cudnn_enable and cudnn_enabled, which here mean nothing.
BACKEND_WORDS = re.compile(
    r"onednn|dnnl|cuda|cublas|cudnn(?!_enabled?\b)|openblas|\bblas\b|\bmkl\b|opencl|vulkan|rocm|\bhip\b", re.I)
# Where the core may: DLPack's device numbers and names are fixed by that standard.
NAMES_ALLOWED = ("core/src/dlpack.c", "core/src/dlpack_abi.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


def sources():
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        paths = sorted(set(listed.stdout.split("\n")))
    else:
        paths = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file())
        paths = [p for p in paths if not p.startswith("build/")]
    return [p for p in paths if p.endswith((".c", ".h", ".cu", ".cuh")) and (ROOT / p).is_file()]


def room_of(path):
    parts = path.split("/")
    for folder, below in ROOMS:
        pattern = folder.split("/")
        if all(i < len(parts) and want in ("*", parts[i]) for i, want in enumerate(pattern)):
            return "/".join(parts[: len(pattern)]), below
    return None, []


def without_comments(text):
    """The text with comments blanked and every line kept in its place."""
    def blank(match):
        token = match.group(0)
        return token if token[0] in "\"'" else re.sub(r"[^\n]", " ", token)
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', blank, text,
                  flags=re.S)


def include_problem(path, room, below, quoted, name):
    """Why |path| may not include |name|, or None."""
    if quoted:
        places = [ROOT / Path(path).parent, ROOT / room]
        places += [ROOT / room / extra for extra in PRIVATE.get(room, [])]
        for place in places:
            target = (place / name).resolve()
            if target.is_file():
                own = ROOT / room
                if own in target.parents:
                    return None
                return f'"{name}" is outside of {room}'
    for other, folder in PUBLIC.items():
        if (folder / name).is_file():
            if other in below:
                return None
            return f"{room} may not include {other}'s <{name}>"
    if quoted:
        return f'"{name}" is neither in {room} nor a public header below it'
    if name.startswith("tenon/"):
        return f"<{name}> is no public header of this tree"
    return None


def main():
    problems = []
    files = sources()
    for path in files:
        room, below = room_of(path)
        if room is None:
            problems.append(f"{path}: this folder is no room of the house; add it to ROOMS")
            continue
        text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        code = without_comments(text).split("\n")
        for number, line in enumerate(code, 1):
            match = INCLUDE.match(line)
            if match:
                name = match.group(1) or match.group(2)
                problem = include_problem(path, room, below, match.group(1) is None, name)
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
            if room == "core" and path not in NAMES_ALLOWED:
                word = BACKEND_WORDS.search(line)
                if word:
                    problems.append(f"{path}:{number}: the core names a backend: '{word.group(0)}'")
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
