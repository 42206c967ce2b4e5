#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# analyse.sh JOBS: clang-tidy, with the checks of .clang-tidy, over every source of build/release.
set -euo pipefail
jobs=${1:-2}
if ! command -v clang-tidy >/dev/null; then
  echo "needs clang-tidy"
  exit 77
fi
if [ ! -e build/release/compile_commands.json ]; then
  echo "needs a configured build/release (./dev build)"
  exit 1
fi
# One look at each file is enough, although kernels are compiled once for each instruction set; and one
# process for each, because clang-tidy 14 takes one file's va_list for another's.
list_sources() {  # tests | product
  python3 - "$1" <<'PYTHON'
import json, os, sys
entries = json.load(open("build/release/compile_commands.json"))
tests = os.path.join(os.getcwd(), "tests", "")
for file in sorted({entry["file"] for entry in entries}):
    if file.endswith(".c") and "/generated/" not in file:
        if file.startswith(tests) == (sys.argv[1] == "tests"):
            print(file)
PYTHON
}
# analyse WHICH [options]. That clang does not know one of gcc's flags is no finding.
analyse() {
  local which=$1 report
  shift
  if report=$(list_sources "$which" | xargs -r -P "$jobs" -n 1 clang-tidy -p build/release --quiet \
    --extra-arg=-Wno-ignored-optimization-argument "$@" 2>&1); then
    return 0
  fi
  printf '%s\n' "$report" |
    grep -vE '^[0-9]+ (warning|error).* generated\.$|^Suppressed |^Use -header-filter|^Error while processing'
  return 1
}
status=0
analyse product || status=1
# Criterion's assertions are too many branches for the analyzer, which would spend most of its time here.
analyse tests '--checks=-clang-analyzer-*' || status=1
exit $status
