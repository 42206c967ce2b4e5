#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# must_fail.sh PATTERN PROGRAM: succeeds when PROGRAM's control test passes and its planted test fails
# with a report that contains PATTERN. Anything else means that the sanitizer run proves nothing.
pattern=$1
program=$2

if ! output=$("$program" --jobs 1 --filter 'control/*' 2>&1); then
  printf '%s\n' "$output"
  echo "the control without a defect failed: the set-up is broken, not the code"
  exit 1
fi
if output=$("$program" --jobs 1 --filter 'planted/*' 2>&1); then
  printf '%s\n' "$output"
  echo "the planted defect PASSED: this build would not notice a real one"
  exit 1
fi
if ! printf '%s\n' "$output" | grep -q -e "$pattern"; then
  printf '%s\n' "$output"
  echo "the planted defect failed, but not with '$pattern'"
  exit 1
fi
echo "caught: $(printf '%s\n' "$output" | grep -m1 -e "$pattern")"
