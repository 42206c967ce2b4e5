#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""howto.py PAGE PREFIX: follows a page literally, as a newcomer would, from an empty home folder.

PREFIX is where Tenon is installed; the page calls it ~/tenon. Blocks in the page's order:

- "```c file=NAME" is appended to the file NAME, in the folder where the shell stands;
- "```sh" is run in one shell, which stops at the first command that fails;
- a block without a language that follows a shell block is what that one printed, where a line "..."
  stands for any number of lines and "..." within a line for anything.

With --update the outputs are written into the page in place of what stands there.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FENCE = re.compile(r"^```(.*)$")


class Block:
    def __init__(self, line, info, body):
        self.line, self.info, self.body = line, info, body


def blocks_of(text):
    """The fenced blocks; |line| is the number of the opening fence, from 0."""
    found, start, info, body = [], None, None, []
    for number, line in enumerate(text.split("\n")):
        fence = FENCE.match(line)
        if fence and start is None:
            start, info, body = number, fence[1].strip(), []
        elif fence:
            found.append(Block(start, info, body))
            start = None
        elif start is not None:
            body.append(line)
    return found


class Shell:
    """One bash, whose folder and variables last from block to block."""

    def __init__(self, home):
        keep = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "CC")
        environment = {name: os.environ[name] for name in keep if name in os.environ}
        environment["HOME"] = str(home)
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        cwd=home, env=environment)

    def run(self, body):
        """(exit status, output) of |body|, which stops at its first failing command."""
        # Each command in the shell itself, so that cd and export last; `set -e` would end it.
        script = "\n".join(body)
        quoted = script.replace("'", "'\\''")
        self.process.stdin.write(
            f"status=0; trap 'status=$?; false' ERR; eval '{quoted}' </dev/null; "
            "trap - ERR; printf '\\n<<done %d>>\\n' $status\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            done = re.match(r"<<done (\d+)>>$", line.rstrip("\n"))
            if done:
                return int(done[1]), "".join(lines)[:-1].rstrip("\n")
            lines.append(line)
        return 255, "".join(lines)

    def folder(self):
        return Path(self.run(["pwd"])[1].strip())


def matches(expected, printed):
    """Whether |printed| is what |expected| says, wildcards included."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ ]*\n"
    return re.fullmatch(pattern, printed + "\n") is not None


def neutral(printed, home):
    """The output with the scratch home written as a reader's."""
    return printed.replace(str((home / "tenon").resolve()), "/home/you/tenon").replace(str(home), "/home/you")


def follow(page, prefix, update):
    text = page.read_text(encoding="utf-8")
    lines = text.split("\n")
    blocks = blocks_of(text)
    failures = 0
    replaced = []
    with tempfile.TemporaryDirectory(prefix="tenon_howto_") as scratch:
        home = Path(scratch)
        (home / "tenon").symlink_to(Path(prefix).resolve())
        shell = Shell(home)
        written = set()
        for index, block in enumerate(blocks):
            words = block.info.split()
            if words[:1] and len(words) > 1 and words[1].startswith("file="):
                target = shell.folder() / words[1][len("file="):]
                if target not in written and target.exists():
                    print(f"{page}:{block.line + 1}: {target.name} exists already")
                    failures += 1
                written.add(target)
                with target.open("a", encoding="utf-8") as file:
                    file.write("\n".join(block.body) + "\n")
            elif words[:1] == ["sh"]:
                status, printed = shell.run(block.body)
                printed = neutral(printed, home)
                if status != 0:
                    print(f"{page}:{block.line + 1}: exit status {status}\n{printed}")
                    return 1
                following = blocks[index + 1] if index + 1 < len(blocks) else None
                if following is not None and following.info == "":
                    if update:
                        replaced.append((following, printed))
                    elif not matches(following.body, printed):
                        print(f"{page}:{following.line + 1}: the page and the program differ; printed:")
                        print(printed)
                        failures += 1
        shell.process.stdin.close()
        shell.process.wait()
    for block, printed in reversed(replaced):
        lines[block.line + 1:block.line + 1 + len(block.body)] = printed.split("\n")
    if update:
        page.write_text("\n".join(lines), encoding="utf-8")
    print(f"{page}: {len(blocks)} blocks followed, {failures} problems")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    return follow(arguments.page, arguments.prefix, arguments.update)


if __name__ == "__main__":
    sys.exit(main())
