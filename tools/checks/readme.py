#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents against the tree: what a page says about the code is looked up in the code.

- A block marked "```c path" is that file, word for word; "```c path excerpt" stands in it.
- A block marked "```c file=NAME" is for howto.py, which follows the page and builds NAME.
- Any other C block compiles, as a file or as a function's body. A block that shows a mistake on
  purpose, or half a thing, is not marked as C.
- Links lead to files, commands of ./dev and `tenon` exist, variables TENON_* are read somewhere.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDES = ("plugin_api/include", "core/include", "core/src", "core/ops", "nn/include",
            "conformance/include", "conformance/ops", "tests/support")
FENCE = re.compile(r"^\s*```(.*)$")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
DEV = re.compile(r"(?<![\w/])\./dev ([a-z][a-z-]*)")
COMMAND = re.compile(r"(?<![\w.-])tenon (info|ops|resolve|conform|env|[a-z]+)(?= |`|$)")
VARIABLE = re.compile(r"\bTENON_[A-Z_]+\b")

# What a fragment may speak of without declaring it.
PRELUDE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <tenon/nn.h>
#include <tenon/plugin.h>
#include <tenon/op_args.h>
#include <tenon/conformance.h>
#include "op_def.h"
#include "conformance/ops/pointwise.h"
#include "core/ops/pointwise.h"
extern tn_tensor *x, *y, *w, *a, *b;
extern tn_device gpu;
extern float *at(const tn_view *view, int64_t i);
"""


def documents():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True)
    if listed.returncode != 0:
        return sorted(p for p in ROOT.rglob("*.md") if "build" not in p.relative_to(ROOT).parts)
    return sorted(ROOT / p for p in set(listed.stdout.split("\n")) if p and (ROOT / p).is_file())


def blocks(text):
    """(line, info words, body) of every fenced block."""
    found, start, info, body = [], None, [], []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if fence and start is None:
            start, info, body = number, fence[1].split(), []
        elif fence:
            found.append((start, info, "\n".join(body) + "\n"))
            start = None
        elif start is not None:
            body.append(line)
    return found


def compile_error(body):
    """Why |body| is no C in any of the ways that a block may be read, or None."""
    own = ("conformance/ops",) if "tn_spec_" in body else ()  # both rooms have a pointwise.h
    includes = [f"-I{ROOT / folder}" for folder in own + INCLUDES] + [f"-I{ROOT}"]
    command = [shutil.which("cc") or "gcc", "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-xc",
               "-Wall", "-Wno-unused", "-Werror", *includes, "-"]
    as_body = PRELUDE + "void block(void);\nvoid block(void) {\n" + body + "}\n"
    ways = [body] if "#include" in body else [PRELUDE + body, as_body]
    message = None
    for way in ways:
        ran = subprocess.run(command, input=way, capture_output=True, text=True)
        if ran.returncode == 0:
            return None
        errors = [line for line in ran.stderr.split("\n") if "error:" in line]
        message = (errors or ran.stderr.split("\n"))[0]
    return message


def check_blocks(document, text, problems, compiler):
    count = 0
    for line, info, body in blocks(text):
        where = f"{document.relative_to(ROOT)}:{line}"
        if len(info) >= 2 and info[1].startswith("file="):
            continue  # a part of a file that howto.py puts together, builds and runs
        if len(info) >= 2:
            count += 1
            file = ROOT / info[1]
            if not file.is_file():
                problems.append(f"{where}: there is no {info[1]}")
                continue
            code = file.read_text(encoding="utf-8")
            if "excerpt" in info[2:]:
                if body not in code:
                    problems.append(f"{where}: these lines are not in {info[1]}")
            elif body != code:
                problems.append(f"{where}: differs from {info[1]}")
        elif info[:1] == ["c"] and compiler:
            count += 1
            message = compile_error(body)
            if message:
                problems.append(f"{where}: {message}")
    return count


def check_words(document, text, problems, words):
    where = document.relative_to(ROOT)
    for target in LINK.findall(text):
        if "://" not in target and not (document.parent / target).exists():
            problems.append(f"{where}: the link to {target} leads nowhere")
    for name in sorted(set(DEV.findall(text)) - words["dev"]):
        problems.append(f"{where}: there is no ./dev {name}")
    shell = "".join(body for _, info, body in blocks(text) if info[:1] in (["sh"], ["console"]))
    shell += "\n".join(re.findall(r"`([^`\n]*)`", text))
    for name in sorted(set(COMMAND.findall(shell)) - words["tenon"]):
        problems.append(f"{where}: there is no command `tenon {name}`")
    for name in sorted(set(VARIABLE.findall(text)) - words["variables"]):
        problems.append(f"{where}: nothing reads {name}")


def known_words():
    """The commands and variables that the sources know."""
    usage = re.findall(r"^\./dev ([a-z-]+)", (ROOT / "dev").read_text(encoding="utf-8"), re.M)
    table = (ROOT / "tools/tenon/commands.h").read_text(encoding="utf-8")
    variables = set()
    for folder in ("CMakeLists.txt", "cmake", "core", "backends", "tools/tenon", "bench"):
        path = ROOT / folder
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        for file in files:
            variables.update(VARIABLE.findall(file.read_text(encoding="utf-8", errors="replace")))
    return {"dev": set(usage), "tenon": set(re.findall(r'X\("(\w+)"', table)) | {"help"},
            "variables": variables}


def main():
    problems, count, words = [], 0, known_words()
    compiler = shutil.which("cc") or shutil.which("gcc")
    pages = documents()
    for document in pages:
        text = document.read_text(encoding="utf-8")
        count += check_blocks(document, text, problems, compiler)
        check_words(document, text, problems, words)
    for problem in problems:
        print(problem)
    print(f"{len(pages)} documents, {count} blocks of code, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
