// SPDX-License-Identifier: Apache-2.0
//
// allocate: the one door to the host's allocator. Everything that the core takes goes through here,
// so that tests can make each allocation fail in turn (<tenon/testing.h>). What is given back goes
// to free() or, for symmetry's sake, to tn__deallocate.

#ifndef TENON_CORE_ALLOCATE_H_
#define TENON_CORE_ALLOCATE_H_

#include <stddef.h>
#include <stdint.h>

void *tn__malloc(size_t size_bytes);
void *tn__calloc(size_t count, size_t size_bytes);
void *tn__realloc(void *block, size_t size_bytes);
void *tn__aligned_alloc(size_t alignment, size_t size_bytes);

void *tn__allocate(uint64_t size_bytes);  // 64-byte aligned
void tn__deallocate(void *block);
char *tn__strdup(const char *text);

#endif  // TENON_CORE_ALLOCATE_H_
