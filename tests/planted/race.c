// SPDX-License-Identifier: Apache-2.0
//
// A planted race: must fail in a build with ThreadSanitizer.

#include <pthread.h>
#include <stdatomic.h>

#include "tenon_test.h"

static int plain;
static atomic_int guarded;

static void *write_plain(void *unused) {
  (void)unused;
  plain++;
  return NULL;
}

static void *write_guarded(void *unused) {
  (void)unused;
  atomic_fetch_add(&guarded, 1);
  return NULL;
}

static void run_on_two_threads(void *(*work)(void *)) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

TN_TEST(control, shares_an_atomic) {
  run_on_two_threads(write_guarded);
  cr_assert_eq(guarded, 2);
}

TN_TEST(planted, shares_a_plain_int) { run_on_two_threads(write_plain); }
