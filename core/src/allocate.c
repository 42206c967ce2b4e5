// SPDX-License-Identifier: Apache-2.0
//
// allocate: see allocate.h. A thread that asked for a failure carries a countdown; all others pay
// one load and a branch.

#include "allocate.h"

#include <stdlib.h>
#include <string.h>
#include <tenon/testing.h>

#include "thread.h"

void tn_testing_fail_allocation(int64_t nth) {
  tn__tls.allocation_fails_in = nth > 0 ? nth : 0;
  tn__tls.allocation_failed = false;
}

bool tn_testing_allocation_failed(void) { return tn__tls.allocation_failed; }

static bool fails(void) {
  tn__thread *thread = &tn__tls;
  if (__builtin_expect(thread->allocation_fails_in == 0, 1)) return false;
  if (--thread->allocation_fails_in > 0) return false;
  thread->allocation_failed = true;
  return true;
}

void *tn__malloc(size_t size_bytes) { return fails() ? NULL : malloc(size_bytes); }

void *tn__calloc(size_t count, size_t size_bytes) {
  return fails() ? NULL : calloc(count, size_bytes);
}

void *tn__realloc(void *block, size_t size_bytes) {
  return fails() ? NULL : realloc(block, size_bytes);
}

void *tn__aligned_alloc(size_t alignment, size_t size_bytes) {
  return fails() ? NULL : aligned_alloc(alignment, size_bytes);
}

void *tn__allocate(uint64_t size_bytes) {
  uint64_t rounded = (size_bytes + 63) & ~UINT64_C(63);
  if (rounded < size_bytes || rounded > PTRDIFF_MAX) return NULL;
  return tn__aligned_alloc(64, rounded == 0 ? 64 : rounded);
}

void tn__deallocate(void *block) { free(block); }

char *tn__strdup(const char *text) {
  uint64_t size = strlen(text) + 1;
  char *copy = tn__malloc(size);
  if (copy != NULL) memcpy(copy, text, size);
  return copy;
}
