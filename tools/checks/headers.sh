#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# headers.sh: every public header compiles alone, as strict C11 and as C++17, with no warning.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."
strict=(-Wall -Wextra -Wpedantic -Werror -Wfatal-errors -fsyntax-only)
includes=(-Iplugin_api/include -Icore/include -Inn/include -Iconformance/include)
status=0
count=0
shopt -s globstar nullglob
for header in {plugin_api,core,nn,conformance}/include/tenon/**/*.h; do
  name=${header#*/include/}
  count=$((count + 1))
  printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" |
    cc -std=c11 "${strict[@]}" "${includes[@]}" -xc - || { echo "$header is not C11 alone" && status=1; }
  if command -v c++ >/dev/null; then
    printf '#include <%s>\n' "$name" |
      c++ -std=c++17 "${strict[@]}" "${includes[@]}" -xc++ - || { echo "$header is not C++17 alone" && status=1; }
  fi
done
echo "$count headers"
exit $status
