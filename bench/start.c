// SPDX-License-Identifier: Apache-2.0
//
// start: the smallest application: one addition, one number read back. bench_core runs it and takes
// the time from before it was started to the clock that it prints, once the number is there.
//
//   bench_start        the clock in ns after the first result
//   bench_start empty  the clock in ns without a call, for what starting a process costs by itself

#include <stdio.h>
#include <string.h>
#include <tenon/tenon.h>
#include <time.h>

static double first_sum(void) {
  tn_tensor *a = tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32);
  tn_tensor *b = tn_from_data(TN_F32S(2), TN_SHAPE(1), TN_F32);
  tn_tensor *sum = tn_add(a, b);
  double value = tn_item(sum);
  tn_release(sum);
  tn_release(b);
  tn_release(a);
  return value;
}

int main(int argc, char **argv) {
  bool empty = argc > 1 && strcmp(argv[1], "empty") == 0;
  if (!empty && first_sum() != 3) {
    tn_error_print(stderr);
    return 1;
  }
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  printf("%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
  return 0;
}
