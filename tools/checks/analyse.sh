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
list_sources() {
  python3 - <<'PYTHON'
import json
entries = json.load(open("build/release/compile_commands.json"))
files = sorted({entry["file"] for entry in entries})
print("\n".join(f for f in files if f.endswith(".c") and "/generated/" not in f))
PYTHON
}
if report=$(list_sources | xargs -r -P "$jobs" -n 1 clang-tidy -p build/release --quiet \
  --extra-arg=-Wno-ignored-optimization-argument 2>&1); then
  exit 0
fi
printf '%s\n' "$report" | grep -vE '^[0-9]+ warnings? generated\.$|^Suppressed |^Use -header-filter'
exit 1
